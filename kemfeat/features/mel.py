"""Log-mel spectrogram in dB against the loudest bin of the utterance.

Hann window, centred frames, power spectrum in float64 (a float32 transform is off by more than 1e-4 dB in the quiet
bins of most real clips), Slaney mel scale and normalisation (Slaney, Auditory Toolbox, 1998) with the float32 weights
of ``librosa.filters.mel``, then ``10 log10(max(p, 1e-10) / max(p_max, 1e-10))``, cut off ``top_db`` below the maximum.
The values are those of ``librosa.power_to_db(librosa.feature.melspectrogram(y), ref=np.max)``.

- **Range**: [-top_db, 0] dB; the loudest bin is exactly 0.
- **Faint clips**: powers below 1e-10 count as 1e-10, as in librosa, so a clip whose loudest bin is below 1e-2 has less
  than 80 dB of range.
- **Silence** is 0 dB in every bin, since no bin is louder than another; validation names silent clips.
- **Padding**: behind the last frame stands ``pad_value``, by default the floor -top_db, and ``mel_lengths`` says how
  many frames are real. Never tell padding by its value: real frames reach the floor too.
- **Too long clips**: frames beyond ``max_frames`` are computed, counted in ``mel_frames_total`` and not stored.

The preset ``kor-2022`` pads with 0 dB as the published system did. 0 dB is the *loudest* value a frame can hold, so a
model without lengths takes padding for a scream; use it to reproduce published numbers, for nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from kemfeat.config import FeatureConfig
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features import Extract, Extractor, Media, _kernels, _lanes
from kemfeat.features._mel_scale import band_weights
from kemfeat.features._windows import Framing, PadMode, hann, lengths_spec, rounding_error
from kemfeat.media import resample, to_mono
from kemfeat.records import FeatureArray, FeatureSpec, Signal

_SMALLEST_POWER = 1e-10
_BLOCK = 512
"""Frames whose samples are handed over at once."""

_SMALL_BLOCK = 32
"""Frames transformed at once by SciPy: their float64 samples and spectra stay in the second-level cache."""


class MelConfig(FeatureConfig):
    """Settings of ``mel``.

    Parameters
    ----------
    sampling_rate : rate the audio is brought to, Hz.
    channels : ``first`` or ``mean`` of all channels, or ``refuse`` clips with more than one.
    resample : False refuses audio of another rate.
    n_mels, n_fft, hop_length : bands; samples of a frame, even; samples between frames.
    fmin, fmax : lower edge of the first band and upper edge of the last, Hz.
    top_db : dynamic range kept, dB.
    max_frames : frames stored per row.
    pad_mode : what stands around the audio: zeros (``constant``, librosa since 0.9) or its mirror image (``reflect``,
        librosa before 0.9).
    pad_value : what stands behind the last frame of a row: ``floor`` is -top_db, a number is dB.
    dtype : ``float16`` halves the store; column ``mel_rounding_error`` holds each row's largest error, dB.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {"default": {}, "kor-2022": {"pad_value": 0.0}}

    sampling_rate: int = Field(default=16000, ge=1000)
    channels: Literal["first", "mean", "refuse"] = "first"
    resample: bool = True
    n_mels: int = Field(default=128, ge=1)
    n_fft: int = Field(default=2048, ge=2, multiple_of=2)
    hop_length: int = Field(default=512, ge=1)
    fmin: float = Field(default=100.0, ge=0)
    fmax: float = Field(default=8000.0, gt=0, allow_inf_nan=False)
    top_db: float = Field(default=80.0, gt=0, allow_inf_nan=False)
    max_frames: int = Field(default=512, ge=1)
    pad_mode: PadMode = "constant"
    pad_value: Literal["floor"] | float = "floor"
    dtype: Literal["float32", "float16"] = "float32"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.fmax > self.sampling_rate / 2:
            raise ValueError(
                f"fmax {self.fmax:g} Hz lies above half the sampling_rate ({self.sampling_rate / 2:g} Hz); "
                f"lower fmax or raise sampling_rate"
            )
        if self.fmin >= self.fmax:
            raise ValueError(f"fmin {self.fmin:g} Hz must lie below fmax {self.fmax:g} Hz")
        if self.hop_length > self.n_fft:
            raise ValueError(f"hop_length {self.hop_length} leaves samples between frames of n_fft {self.n_fft}")
        if not np.isfinite(self.pad):
            raise ValueError(f"pad_value must be 'floor' or a finite number of dB, found {self.pad_value!r}")
        return self

    @property
    def pad(self) -> float:
        """The value behind the last frame of a row, dB."""
        return -self.top_db if self.pad_value == "floor" else float(self.pad_value)


@dataclass(frozen=True, slots=True)
class Filters:
    """What depends on the configuration alone.

    Parameters
    ----------
    window : periodic Hann window [shape=(n_fft,)].
    transform : tables for frames of this length, None where SciPy transforms them.
    bands : weights of the mel bands.
    """

    window: NDArray[np.float64]
    transform: _lanes.Transform | None
    bands: _lanes.Bands


def mel_filters(config: MelConfig) -> Filters:
    """Window and mel bands of a configuration.

    Raises
    ------
    ConfigError
        A band is so narrow that no bin falls into it.
    """
    bands = band_weights(
        config.n_mels, sampling_rate=config.sampling_rate, n_fft=config.n_fft, fmin=config.fmin, fmax=config.fmax
    )
    empty = int(np.count_nonzero(~bands.any(axis=1)))
    if empty:
        raise ConfigError(
            f"mel: {empty} of n_mels={config.n_mels} bands are narrower than a bin of n_fft={config.n_fft} and would "
            f"stay empty; lower n_mels or raise n_fft"
        )
    bins = [np.arange(inside[0], inside[-1] + 1) for inside in map(np.flatnonzero, bands)]
    window = hann(config.n_fft)
    return Filters(
        window=window,
        transform=_lanes.transform(window) if _lanes.fits(config.n_fft) else None,
        bands=_lanes.bands(
            [band[inside].astype(np.float64) for band, inside in zip(bands, bins, strict=True)],
            first_bins=[int(inside[0]) for inside in bins],
        ),
    )


def mel_powers(values: NDArray[np.float32], *, config: MelConfig, filters: Filters) -> NDArray[np.float32]:
    """Mel power spectrogram of ``values`` [shape=(n,), n >= 1] at the configured rate.

    Returns
    -------
    ndarray [shape=(1 + n // hop_length, n_mels)]
        Power, in squared units of ``values``.
    """
    framing = Framing(config.n_fft, config.hop_length, config.pad_mode)
    powers = np.empty((framing.count(len(values)), config.n_mels), dtype=np.float32)
    for rows, samples in framing.blocks(values, frames=_BLOCK if filters.transform else _SMALL_BLOCK):
        if filters.transform:
            _lanes.mel_powers(samples, config.hop_length, filters.transform, filters.bands, powers[rows])
        else:
            _lanes.band_powers(_spectra(samples, config, filters), filters.bands, powers[rows])
    return powers


def _spectra(samples: NDArray[np.float32], config: MelConfig, filters: Filters) -> NDArray[np.complex128]:
    """Spectra [shape=(t, 1 + n_fft / 2)] of the frames in ``samples``, of any length."""
    from scipy.fft import rfft  # a tenth of a second that the common lengths do not need

    frames = np.empty((1 + (len(samples) - config.n_fft) // config.hop_length, config.n_fft))
    _kernels.window_frames(samples, filters.window, config.hop_length, frames)
    spectra: NDArray[np.complex128] = rfft(frames, axis=1, workers=1)
    return spectra


def decibels(powers: NDArray[np.float32], *, top_db: float) -> NDArray[np.float32]:
    """Powers [shape=(t, n)] as dB against their maximum, in [-top_db, 0]; powers below 1e-10 count as 1e-10.

    No power may be NaN or infinite.
    """
    levels = np.empty_like(powers)
    loudest = max(float(powers.max()), _SMALLEST_POWER)
    _kernels.decibels(powers.ravel(), loudest, _SMALLEST_POWER, top_db, levels.reshape(-1))
    return levels


def _extract(media: Media, *, config: MelConfig, filters: Filters) -> FeatureArray:
    signal = media["audio"]
    if not isinstance(signal, Signal):
        raise ExtractionError("mel: the utterance has no audio; expected a wav file; add it or leave the utterance out")
    powers = mel_powers(_brought_in(signal, config), config=config, filters=filters)
    if not np.isfinite(powers.max()):
        raise ExtractionError("mel: samples are NaN, infinite or huge; expected audio in [-1, 1]; repair the file")
    mel = decibels(powers, top_db=config.top_db)
    stored = min(len(mel), config.max_frames)
    return FeatureArray(
        arrays={"mel": mel, "mel_lengths": np.array(stored, dtype=np.int32)},
        columns={
            "mel_frames": stored,
            "mel_frames_total": len(mel),
            "source_sampling_rate": int(signal.sampling_rate),
            "source_channels": _channels(signal),
            "mel_rounding_error": rounding_error(mel[:stored], dtype=config.dtype),
        },
    )


def _channels(signal: Signal) -> int:
    return 1 if signal.values.ndim == 1 else int(signal.values.shape[1])


def _brought_in(signal: Signal, config: MelConfig) -> NDArray[np.float32]:
    """One channel at the configured rate [shape=(n,), n >= 1], or a refusal."""
    if config.channels == "refuse":
        if _channels(signal) > 1:
            raise ExtractionError(
                f"mel: the audio has {_channels(signal)} channels, the configuration refuses more than one; "
                f"set mel.channels to first or mean"
            )
        mono = to_mono(signal, policy="first")
    else:
        mono = to_mono(signal, policy=config.channels)
    if mono.sampling_rate != config.sampling_rate and not config.resample:
        raise ExtractionError(
            f"mel: the audio is at {mono.sampling_rate:g} Hz, expected {config.sampling_rate} Hz; "
            f"set mel.resample to true or mel.sampling_rate to the audio's"
        )
    values = resample(mono, target=config.sampling_rate).values
    if len(values) == 0:
        raise ExtractionError(
            f"mel: {len(mono.values)} samples at {mono.sampling_rate:g} Hz are less than one at "
            f"{config.sampling_rate} Hz; leave the utterance out"
        )
    return np.ascontiguousarray(values, dtype=np.float32)


def _specs(config: MelConfig) -> tuple[FeatureSpec, ...]:
    return (
        FeatureSpec(
            name="mel",
            dims=("frame", "mel_bin"),
            shape=(config.max_frames, config.n_mels),
            dtype=config.dtype,
            pad=config.pad,
            fill=float("nan"),
            unit="dB",
            frame_rate=config.sampling_rate / config.hop_length,
            description="log-mel spectrogram, dB against the loudest bin of the utterance",
        ),
        lengths_spec("mel"),
    )


def _open(config: MelConfig, resources: Path) -> Extract:  # noqa: ARG001 - mel needs no resource
    return partial(_extract, config=config, filters=mel_filters(config))


EXTRACTOR = Extractor(
    name="mel",
    version=2,
    config=MelConfig,
    media=("audio",),
    specs=_specs,
    columns={
        "mel_frames": "int32",
        "mel_frames_total": "int32",
        "source_sampling_rate": "int32",
        "source_channels": "int32",
        "mel_rounding_error": "float64",
    },
    open=_open,
)
