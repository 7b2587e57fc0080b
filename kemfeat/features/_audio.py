"""The audio of an utterance as one channel at a given rate."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from kemfeat.config import FeatureConfig
from kemfeat.errors import ExtractionError
from kemfeat.features import Media
from kemfeat.media import resample, to_mono
from kemfeat.records import Signal


class WaveformConfig(FeatureConfig):
    """How the audio is read.

    Parameters
    ----------
    sampling_rate : int [Hz]
        Rate to which the audio is resampled.
    channels : {"first", "mean", "refuse"}
        The first channel, the mean of all, or refuse clips with more than one.
    resample : bool
        False refuses audio of another rate.
    """

    sampling_rate: int = Field(default=16000, ge=1000)
    channels: Literal["first", "mean", "refuse"] = "first"
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


def channel_count(signal: Signal) -> int:
    """How many channels the audio has."""
    return 1 if signal.values.ndim == 1 else int(signal.values.shape[1])


def brought_in(signal: Signal, config: WaveformConfig, *, feature: str) -> NDArray[np.float32]:
    """One channel as configured, full scale 1 [shape=(n,), n >= 1].

    Raises
    ------
    ExtractionError
        The configuration refuses the channels or the rate, or no sample is left at the configured rate.
    """
    if config.channels == "refuse":
        if channel_count(signal) > 1:
            raise ExtractionError(
                f"{feature}: the audio has {channel_count(signal)} channels, the configuration refuses more than one; "
                f"set {feature}.channels to first or mean"
            )
        mono = to_mono(signal, policy="first")
    else:
        mono = to_mono(signal, policy=config.channels)
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


def _at_rate(mono: Signal, *, sampling_rate: int, feature: str) -> NDArray[np.float32]:
    values = resample(mono, target=sampling_rate).values
    if len(values) == 0:
        raise ExtractionError(
            f"{feature}: {len(mono.values)} samples at {mono.sampling_rate:g} Hz are less than one at "
            f"{sampling_rate} Hz; leave the utterance out"
        )
    return np.ascontiguousarray(values, dtype=np.float32)
