"""The row axis ``clip``: whole utterances, or pieces of one length; and the sound of each, cleaned if asked for.

**Rows.** ``length = "whole"``: one row from 0 to the end of the audio. ``length`` in seconds, L: an utterance of at
most L is one clip; a longer one, T, has floor(T / L) clips, clip n from n L to (n + 1) L. The published rule calls
3.01 s short, lets the last clip reach to the end of the utterance, and then cuts both to 3 s, which comes to the same:
what remains after the last whole clip is in no row. An utterance without readable audio has one row, without an end,
which a build records as missing or stops at.

**Sound.** One channel, resampled to ``sampling_rate``; then the noise cleanup, over the whole utterance; then the
band-pass; then the cut. A clip shorter than L is filled at its end with zeros, or with the noise of the cleanup.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from kemfeat.config import FeatureConfig
from kemfeat.errors import ConfigError
from kemfeat.features import AxisRows, Media, Outline
from kemfeat.features._audio import WaveformConfig, audio_of, finite
from kemfeat.features._spectral_gate import Formula, band_noise, cleaned

ROWS_FACTOR = 2

_BELOW_NYQUIST = 0.99
"""A filter's edge must be below half the sampling rate."""


class ClipLengthConfig(FeatureConfig):
    """Which clips there are.

    Parameters
    ----------
    length : "whole" or float [s]
        Whole utterances, or clips of this length.
    """

    length: Literal["whole"] | float = 3.0

    @model_validator(mode="after")
    def _possible_length(self) -> Self:
        if self.length != "whole" and not 0.05 <= self.length <= 3600:
            raise ValueError(f"length: found {self.length!r}; expected 'whole' or 0.05 to 3600 seconds")
        return self


class ClipConfig(WaveformConfig, ClipLengthConfig):
    """Which clips there are and how they sound.

    Parameters
    ----------
    sampling_rate, channels, resample : int, str or int, bool
        See :class:`~kemfeat.features._audio.WaveformConfig`.
    length : "whole" or float [s]
        Whole utterances, or clips of this length.
    denoise : bool or "published"
        Whether noise is removed by spectral gating; ``"published"`` gates by the published formula.
    noise_level : float [dB of full scale]
        Level of the noise that the cleanup adds and gates by, and that fills clips.
    seed : int, >= 0
        Seed of that noise.
    band : tuple of (float, float) or None [Hz]
        Lower and upper edge of a band-pass. An upper edge above 0.99 of half the sampling rate is lowered to that.
    remainder : {"zeros", "noise"}
        What fills the end of a clip that is too short.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "clips": {},
        "clips-denoised": {"denoise": True},
        "clips-denoised-faithful": {"denoise": "published"},
        "whole": {"length": "whole"},
        "whole-denoised": {"length": "whole", "denoise": True},
        "whole-denoised-faithful": {"length": "whole", "denoise": "published"},
    }

    preset: str = "clips"
    denoise: bool | Literal["published"] = False
    noise_level: float = Field(default=-32.0, ge=-120, le=0)
    seed: int = Field(default=0, ge=0)
    band: tuple[float, float] | None = None
    remainder: Literal["zeros", "noise"] = "zeros"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.denoise and self.remainder == "noise":
            raise ValueError("remainder: cleaned clips are filled with zeros, not with noise; set remainder to zeros")
        if self.band and not 1 <= self.band[0] < min(self.band[1], self.band_limit):
            raise ValueError(
                f"band: found {self.band[0]:g} to {self.band[1]:g} Hz; expected a lower edge of at least 1, below the "
                f"upper one and below {self.band_limit:g} Hz"
            )
        return self

    @property
    def band_limit(self) -> float:
        """The highest edge of a filter, Hz."""
        return _BELOW_NYQUIST * self.sampling_rate / 2

    @property
    def clip_samples(self) -> int | None:
        """Samples of a clip; None where clips are whole utterances."""
        return None if self.length == "whole" else round(self.length * self.sampling_rate)

    @property
    def sound(self) -> str:
        """What was done to the sound, in words."""
        words = ["noise gated as published" if self.denoise == "published" else "noise gated"] if self.denoise else []
        if self.band:
            words.append(f"{self.band[0]:g} to {min(self.band[1], self.band_limit):g} Hz")
        return ", ".join(words) or "sound as recorded"


C = TypeVar("C", bound=ClipLengthConfig)


def bounds(config: ClipLengthConfig, duration: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the clips of an utterance of ``duration`` seconds begin and end, s; one without an end where it is NaN."""
    if config.length == "whole" or not duration > config.length:
        return np.zeros(1), np.array([duration])
    # A duration that is a multiple of the length must not lose a clip to rounding.
    starts = np.arange(int(duration / config.length + 1e-9), dtype=np.float64) * config.length
    return starts, starts + config.length


def clip_rows(config: ClipLengthConfig, outline: Outline) -> AxisRows:
    """The rows of an utterance on the axis ``clip``: ``start`` and ``end``, s of its audio."""
    start, end = bounds(config, outline.duration)
    return {"start": start, "end": end}


def clips_of(media: Media, *, config: ClipConfig, feature: str) -> list[NDArray[np.float32]]:
    """The sound of every clip of an utterance, full scale 1 [each shape=(n,)], not filled.

    Raises
    ------
    ExtractionError
        There is no audio, or samples are NaN or infinite.
    """
    audio = audio_of(media, feature=feature)
    values = finite(audio, config, feature=feature)
    start, end = bounds(config, len(audio.values) / audio.sampling_rate)
    if config.denoise:
        formula: Formula = "published" if config.denoise == "published" else "amplitude"
        values = cleaned(
            values, sampling_rate=config.sampling_rate, level=config.noise_level, seed=config.seed, formula=formula
        )
    if config.band:
        values = _band_passed(values, config.band, config=config)
    if config.length == "whole":
        return [values]
    places = zip(*(np.rint(edge * config.sampling_rate).astype(int) for edge in (start, end)), strict=True)
    return [values[first:last] for first, last in places]


def filled(clip: NDArray[np.float32], *, config: ClipConfig) -> NDArray[np.float32]:
    """A clip brought to its full length; as it is where clips are whole utterances."""
    whole = config.clip_samples
    if whole is None or len(clip) >= whole:
        return clip
    rest = np.zeros(whole)
    if config.remainder == "noise":
        rest = band_noise(whole, sampling_rate=config.sampling_rate, level=config.noise_level, seed=config.seed)
    return np.concatenate([clip, rest[: whole - len(clip)].astype(np.float32)])


def follow_length(config: C, before: Mapping[str, FeatureConfig]) -> C:
    """Take over the length of clips from a feature before that has clips, too.

    Raises
    ------
    ConfigError
        Another one was asked for.
    """
    for name, other in before.items():
        if isinstance(other, ClipLengthConfig) and other.length != config.length:
            if "length" in config.model_fields_set:
                raise ConfigError(
                    f"length: found {config.length}, but {name}.length is {other.length}; a store has one table of "
                    "clips: give both the same, or build them into two stores"
                )
            return config.model_copy(update={"length": other.length})
    return config


def _band_passed(values: NDArray[np.float32], band: tuple[float, float], *, config: ClipConfig) -> NDArray[np.float32]:
    """Butterworth of order 4, forwards and backwards, so that nothing is delayed; silence around the utterance."""
    from scipy.signal import butter, sosfiltfilt

    edges = (band[0], min(band[1], config.band_limit))
    sections = butter(4, edges, btype="bandpass", fs=config.sampling_rate, output="sos")
    # It begins in silence, and what rings on after the utterance must be there for the way back.
    around = (1, 2 * int(config.sampling_rate / band[0]))
    passed = sosfiltfilt(sections, np.pad(values.astype(np.float64), around), padlen=0)
    return passed[around[0] : -around[1]].astype(np.float32)
