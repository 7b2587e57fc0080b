"""Mel powers of centred frames, and their level in dB: what ``mel`` and ``mfcc`` share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from kemfeat.features import _kernels, _simd_fft
from kemfeat.features._audio import WaveformConfig
from kemfeat.features._spectra import spectra
from kemfeat.features._windows import Framing, PadMode, hann

SMALLEST_POWER = 1e-10

_BLOCK = 512
"""Frames whose samples are passed on at once."""

_SMALL_BLOCK = 32
"""Frames transformed at once by SciPy: their float64 samples and spectra stay in the second-level cache."""


class MelPowersConfig(WaveformConfig):
    """Frames, mel bands and dynamic range.

    Parameters
    ----------
    sampling_rate, channels, resample : int, str or int, bool
        See :class:`~kemfeat.features._audio.WaveformConfig`.
    n_mels : int, >= 1
        Mel bands.
    n_fft : int, even [samples]
        Length of a frame.
    hop_length : int, >= 1 [samples]
        Distance between frames.
    fmin, fmax : float [Hz]
        Lower edge of the first band and upper edge of the last.
    top_db : float [dB]
        Dynamic range that is kept.
    max_frames : int, >= 1
        Frames stored per row.
    pad_mode : {"constant", "reflect"}
        What surrounds the audio: zeros (librosa since 0.9) or its mirror image (librosa before 0.9).
    """

    n_mels: int = Field(default=128, ge=1)
    n_fft: int = Field(default=2048, ge=2, multiple_of=2)
    hop_length: int = Field(default=512, ge=1)
    fmin: float = Field(default=100.0, ge=0)
    fmax: float = Field(default=8000.0, gt=0, allow_inf_nan=False)
    top_db: float = Field(default=80.0, gt=0, allow_inf_nan=False)
    max_frames: int = Field(default=512, ge=1)
    pad_mode: PadMode = "constant"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.fmax > self.sampling_rate / 2:
            raise ValueError(
                f"fmax {self.fmax:g} Hz is above half the sampling_rate ({self.sampling_rate / 2:g} Hz); "
                f"lower fmax or raise sampling_rate"
            )
        if self.fmin >= self.fmax:
            raise ValueError(f"fmin {self.fmin:g} Hz must lie below fmax {self.fmax:g} Hz")
        if self.hop_length > self.n_fft:
            raise ValueError(f"hop_length {self.hop_length} leaves samples between frames of n_fft {self.n_fft}")
        return self


@dataclass(frozen=True, slots=True)
class Filters:
    """What depends on the configuration alone.

    Parameters
    ----------
    window : ndarray, shape (n_fft,), float64
        Periodic Hann window.
    transform : Transform or None
        Tables for frames of this length; None where SciPy transforms them.
    bands : Bands
        Weights of the mel bands.
    empty : int
        How many bands are so narrow that no bin falls into them; their power is 0.
    """

    window: NDArray[np.float64]
    transform: _simd_fft.Transform | None
    bands: _simd_fft.Bands
    empty: int


def filters_of(config: MelPowersConfig) -> Filters:
    """Window and mel bands of a configuration."""
    weights = band_weights(
        config.n_mels, sampling_rate=config.sampling_rate, n_fft=config.n_fft, fmin=config.fmin, fmax=config.fmax
    )
    bins = [_span(band) for band in weights]
    window = hann(config.n_fft)
    return Filters(
        window=window,
        transform=_simd_fft.transform(window) if _simd_fft.fits(config.n_fft) else None,
        bands=_simd_fft.bands(
            [band[inside].astype(np.float64) for band, inside in zip(weights, bins, strict=True)],
            first_bins=[inside.start for inside in bins],
        ),
        empty=int(np.count_nonzero(~weights.any(axis=1))),
    )


def _span(band: NDArray[np.float32]) -> slice:
    """The bins from the first to the last that the band weighs; the first bin, weighed 0, for a band of none."""
    inside = np.flatnonzero(band)
    return slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 1)


def mel_powers(values: NDArray[np.float32], *, config: MelPowersConfig, filters: Filters) -> NDArray[np.float32]:
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
            _simd_fft.mel_powers(samples, config.hop_length, filters.transform, filters.bands, powers[rows])
        else:
            transformed = spectra(samples, window=filters.window, hop_length=config.hop_length)
            _simd_fft.band_powers(transformed, filters.bands, powers[rows])
    return powers


def decibels(powers: NDArray[np.float32], *, top_db: float) -> NDArray[np.float32]:
    """Powers [shape=(t, n)] as dB against their maximum, in [-top_db, 0]; powers below 1e-10 count as 1e-10.

    No power may be NaN or infinite.
    """
    levels = np.empty_like(powers)
    loudest = max(float(powers.max()), SMALLEST_POWER)
    _kernels.decibels(powers.ravel(), loudest, SMALLEST_POWER, top_db, levels.reshape(-1))
    return levels


_HZ_PER_MEL = 200 / 3
_KNEE = 1000.0
_KNEE_MEL = _KNEE / _HZ_PER_MEL
_NEPERS_PER_MEL = np.log(6.4) / 27


def to_mel(frequency: float) -> float:
    """A frequency in Hz, 0 or more, as mels."""
    if frequency < _KNEE:
        return frequency / _HZ_PER_MEL
    return float(_KNEE_MEL + np.log(frequency / _KNEE) / _NEPERS_PER_MEL)


def to_hz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mels, 0 or more, as frequencies in Hz [shape=(n,)]."""
    above = _KNEE * np.exp(_NEPERS_PER_MEL * (mels - _KNEE_MEL))
    return np.where(mels < _KNEE_MEL, _HZ_PER_MEL * mels, above)


def band_centres(n_mels: int, *, fmin: float, fmax: float) -> tuple[float, ...]:
    """The frequencies at which the bands of :func:`band_weights` weigh most.

    Parameters
    ----------
    n_mels : int, >= 1
        Bands.
    fmin, fmax : float, >= 0 [Hz]
        Lower edge of the first band and upper edge of the last.

    Returns
    -------
    tuple of float [Hz]
        One per band, ascending.

    Examples
    --------
    >>> [round(centre, 6) for centre in band_centres(4, fmin=0.0, fmax=1000.0)]
    [200.0, 400.0, 600.0, 800.0]
    """
    corners = to_hz(np.linspace(to_mel(fmin), to_mel(fmax), n_mels + 2))
    return tuple(corners[1:-1].tolist())


def band_weights(n_mels: int, *, sampling_rate: float, n_fft: int, fmin: float, fmax: float) -> NDArray[np.float32]:
    """Triangles of equal area over the power spectrum, their corners evenly spaced in mels from ``fmin`` to ``fmax``.

    Returns
    -------
    ndarray [shape=(n_mels, 1 + n_fft / 2)]
        Weights, 1/Hz; a band narrower than a bin may hold none but zeros.
    """
    corners = to_hz(np.linspace(to_mel(fmin), to_mel(fmax), n_mels + 2))
    widths = np.diff(corners)[:, None]
    distances = corners[:, None] - np.fft.rfftfreq(n_fft, 1 / sampling_rate)
    rising, falling = -distances[:-2] / widths[:-1], distances[2:] / widths[1:]
    triangles = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    heights = 2 / (corners[2:] - corners[:-2])
    return (triangles * heights[:, None]).astype(np.float32)
