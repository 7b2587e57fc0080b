"""The audio of an utterance as one channel at a given rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from kemfeat.config import FeatureConfig
from kemfeat.errors import ExtractionError, MediaError
from kemfeat.features import Media
from kemfeat.plural import many
from kemfeat.records import Signal
from kemfeat.waveform import QUIET_CHANNEL, channel_count, channel_levels, resample, to_mono

MOST_CHANNELS = 64
_NAMES = ("first", "mean", "loudest", "refuse")
_CHOICES = "mean, loudest, or the number of a channel, 1 for the first"


def _known(channel: object) -> object:
    """Check a setting here, because pydantic complains once for each kind of value."""
    number = isinstance(channel, int) and not isinstance(channel, bool) and 1 <= channel <= MOST_CHANNELS
    if number or (isinstance(channel, str) and channel in _NAMES):
        return channel
    raise ValueError(f"expected one of {', '.join(_NAMES)}, or the number of a channel, 1 for the first")


class ChannelConfig(FeatureConfig):
    """Which channel of the audio is used.

    Parameters
    ----------
    channels : {"first", "mean", "loudest", "refuse"} or int, 1 to 64
        The first channel, refused where it is more than 10 dB softer than another; the mean of all; the one
        with most power in the utterance; refuse clips with more than one; or the number of a channel, whatever its
        level. May also be written ``channel``.
    """

    channels: Annotated[Literal["first", "mean", "loudest", "refuse"] | int, BeforeValidator(_known)] = "first"

    @model_validator(mode="before")
    @classmethod
    def _one_name(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or "channel" not in values:
            return values
        if "channels" in values:
            raise ValueError("found both channel and channels, two names of one setting; leave one of them out")
        return {("channels" if name == "channel" else name): value for name, value in values.items()}


class WaveformConfig(ChannelConfig):
    """How the audio is read.

    Parameters
    ----------
    channels : str or int
        See :class:`ChannelConfig`.
    sampling_rate : int [Hz]
        Rate to which the audio is resampled.
    resample : bool
        False refuses audio of another rate.
    """

    sampling_rate: int = Field(default=16000, ge=1000)
    resample: bool = True


def audio_of(media: Media, *, feature: str) -> Signal:
    """The utterance's audio.

    Raises
    ------
    ExtractionError
        It has none.
    """
    signal = media["audio"]
    if not isinstance(signal, Signal):
        raise ExtractionError(
            f"{feature}: the utterance has no audio; expected a wav file; add it or leave the utterance out"
        )
    return signal


def brought_in(signal: Signal, config: WaveformConfig, *, feature: str) -> NDArray[np.float32]:
    """One channel as configured, full scale 1 [shape=(n,), n >= 1].

    Raises
    ------
    ExtractionError
        The configuration refuses the channels or the rate, or no sample is left at the configured rate.
    """
    mono = one_channel(signal, config, feature=feature)
    if mono.sampling_rate != config.sampling_rate and not config.resample:
        raise ExtractionError(
            f"{feature}: the audio is at {mono.sampling_rate:g} Hz, expected {config.sampling_rate} Hz; "
            f"set {feature}.resample to true or {feature}.sampling_rate to the audio's"
        )
    return _at_rate(mono, sampling_rate=config.sampling_rate, feature=feature)


def finite(signal: Signal, config: WaveformConfig, *, feature: str) -> NDArray[np.float32]:
    """What :func:`brought_in` returns, when every sample of it is a number.

    Raises
    ------
    ExtractionError
        A sample is not a number, or the configuration refuses the audio.
    """
    values = brought_in(signal, config, feature=feature)
    if not np.isfinite(values).all():
        raise ExtractionError(f"{feature}: samples are NaN or infinite; expected audio in [-1, 1]; repair the file")
    return values


def one_channel(signal: Signal, config: ChannelConfig, *, feature: str) -> Signal:
    """The channel that is configured [shape=(n,)].

    Raises
    ------
    ExtractionError
        The configuration refuses the channels, or the audio does not have the one that is asked for.
    """
    count = channel_count(signal)
    if config.channels == "refuse":
        if count > 1:
            raise ExtractionError(
                f"{feature}: the audio has {count} channels, the configuration refuses more than one; "
                f"set {feature}.channel to {_CHOICES}"
            )
        return to_mono(signal, policy="first")
    if config.channels == "first" and count > 1:
        _refuse_quiet(signal, feature=feature)
    try:
        return to_mono(signal, policy=config.channels)
    except MediaError:
        raise ExtractionError(
            f"{feature}: the audio has {many(count, 'channel')}, expected a channel {config.channels}; "
            f"set {feature}.channel to another, or leave the utterance out"
        ) from None


def _refuse_quiet(signal: Signal, *, feature: str) -> None:
    """Refuse audio whose first channel is far softer than another: the microphone of somebody else, or noise."""
    if not np.isfinite(signal.values).all():
        return
    levels = channel_levels(signal)
    loudest = int(np.argmax(levels))
    if levels[0] < levels[loudest] - QUIET_CHANNEL:
        found = "is silent" if np.isneginf(levels[0]) else f"is {levels[loudest] - levels[0]:.0f} dB softer"
        raise ExtractionError(
            f"{feature}: the sound is in channel {loudest + 1} of {len(levels)}, the first one {found}; "
            f"set {feature}.channel to {_CHOICES}"
        )


def _at_rate(mono: Signal, *, sampling_rate: int, feature: str) -> NDArray[np.float32]:
    values = resample(mono, target=sampling_rate).values
    if len(values) == 0:
        raise ExtractionError(
            f"{feature}: {len(mono.values)} samples at {mono.sampling_rate:g} Hz are less than one at "
            f"{sampling_rate} Hz; leave the utterance out"
        )
    return np.ascontiguousarray(values, dtype=np.float32)
