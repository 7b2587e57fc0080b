"""Noise cleanup by spectral gating, of the kind that the fourth published system used, with two formulas.

The audio is surrounded by 10,000 zeros on each side. Noise with a flat spectrum from 1 Hz to 30 kHz, limited by half
the sampling rate, is added to all of it, and its own spectrum becomes the measure: per frequency the mean level over
time plus two standard deviations, in dB. Cells of the audio's spectrum below that are noise; that mask is smoothed with
a triangle over 2 bins and 4 frames on each side. Three passes with the same measure; then the zeros are cut off. What a
cell loses where the mask is m:

- ``amplitude``: its amplitude is multiplied by 1 - .9 m, and its phase is kept. This is not the published formula.
- ``published``: its level goes .9 m of the way, in dB, down to the lowest level of the spectrum, at most 80 dB below
  the highest. All of that amplitude becomes the real part, with its sign, and the imaginary part is multiplied by
  1 - .9 m: where nothing is gated, cells become up to 3 dB louder and turn towards the real axis, in every pass.

What is quieter than the added noise is lost with it: the level of the noise decides what counts as speech. The
published noise has ``10 / sqrt(n)`` of full scale for n samples, which for 3 s at 44.1 kHz is -32 dB.

References
----------
M. Singh and Y. Fang, arXiv 2006.08129; the gate is that of T. Sainburg's noisereduce 1, DOI 10.5281/zenodo.3243139.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

_ZEROS = 10_000
_BAND = (1.0, 30_000.0)  # Hz
_PASSES = 3
_DEVIATIONS = 2.0
_DECREASE = 0.9
_SMOOTH_BINS, _SMOOTH_FRAMES = 2, 4
_WINDOW_SECONDS = 0.046
"""Of a frame: 2048 samples at 44.1 kHz, as published, and 1024 at 16 kHz."""

_SMALLEST_AMPLITUDE = 1e-20

Formula = Literal["amplitude", "published"]

_RANGE = 80.0
"""Of the published levels, dB below the highest one."""


def band_noise(n: int, *, sampling_rate: int, level: float, seed: int) -> NDArray[np.float64]:
    """Noise with equal amplitudes and random phases from 1 Hz to 30 kHz or half the sampling rate.

    Parameters
    ----------
    n : int, >= 1 [samples]
        Length.
    sampling_rate : int [Hz]
        Rate of the samples.
    level : float [dB of full scale]
        Root mean square.
    seed : int, >= 0
        Seed of the phases; one seed and n give the same noise everywhere.

    Returns
    -------
    ndarray, shape (n,), float64
        Full scale is 1; zeros where no frequency of n samples is in the band.
    """
    frequencies = np.fft.rfftfreq(n, 1 / sampling_rate)
    inside = (frequencies >= _BAND[0]) & (frequencies <= _BAND[1])
    turns = np.random.default_rng(seed).random(len(frequencies))
    noise = np.fft.irfft(np.where(inside, np.exp(2j * np.pi * turns), 0), n)
    size = np.sqrt(np.mean(noise**2))
    return noise * (10 ** (level / 20) / size) if size else noise


def cleaned(
    values: NDArray[np.float32], *, sampling_rate: int, level: float, seed: int, formula: Formula = "amplitude"
) -> NDArray[np.float32]:
    """Audio without its noise.

    Parameters
    ----------
    values : ndarray, shape (n,), n >= 1, float32
        Audio of full scale 1.
    sampling_rate : int [Hz]
        Its rate.
    level : float [dB of full scale]
        Level of the noise that is added and gated by.
    seed : int, >= 0
        Seed of that noise.
    formula : {"amplitude", "published"}
        How cells below the noise lose.

    Returns
    -------
    ndarray, shape (n,), float32
        The audio at the same scale.
    """
    n_fft = 2 ** round(np.log2(_WINDOW_SECONDS * sampling_rate))
    sound = np.pad(values.astype(np.float64), _ZEROS)
    noise = band_noise(len(sound), sampling_rate=sampling_rate, level=level, seed=seed)
    measure = _measure(_spectrum(noise, n_fft), formula)
    sound += noise
    for _ in range(_PASSES):
        sound = _gated(sound, measure, n_fft, formula)
    return sound[_ZEROS:-_ZEROS].astype(np.float32)


def _measure(noise: NDArray[np.complex128], formula: Formula) -> NDArray[np.float64]:
    """The level per frequency below which there is noise, dB [shape=(bins, 1)]."""
    levels = _levels(noise, formula)
    mean: NDArray[np.float64] = levels.mean(axis=1, keepdims=True) + _DEVIATIONS * levels.std(axis=1, keepdims=True)
    return mean


def _gated(
    sound: NDArray[np.float64], measure: NDArray[np.float64], n_fft: int, formula: Formula
) -> NDArray[np.float64]:
    from scipy.signal import istft

    spectrum = _spectrum(sound, n_fft)
    levels = _levels(spectrum, formula)
    loss = _DECREASE * _smoothed((levels < measure).astype(np.float64))
    spectrum = spectrum * (1 - loss) if formula == "amplitude" else _faded(spectrum, levels, loss)
    back: NDArray[np.float64] = istft(spectrum, nperseg=n_fft, noverlap=n_fft * 3 // 4)[1]
    return back[: len(sound)]


def _faded(
    spectrum: NDArray[np.complex128], levels: NDArray[np.float64], loss: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Cells faded towards the lowest level in dB, their whole amplitude in the real part."""
    amplitude = 10 ** ((levels * (1 - loss) + levels.min() * loss) / 20)
    sign = np.where(spectrum.real != 0, np.sign(spectrum.real), np.sign(spectrum.imag))
    faded: NDArray[np.complex128] = amplitude * sign + 1j * spectrum.imag * (1 - loss)
    return faded


def _spectrum(sound: NDArray[np.float64], n_fft: int) -> NDArray[np.complex128]:
    """Spectrum [shape=(bins, frames)] of Hann frames, a quarter of a frame apart."""
    from scipy.signal import stft

    spectrum: NDArray[np.complex128] = stft(sound, nperseg=n_fft, noverlap=n_fft * 3 // 4)[2]
    return spectrum


def _levels(spectrum: NDArray[np.complex128], formula: Formula) -> NDArray[np.float64]:
    levels: NDArray[np.float64] = 20 * np.log10(np.maximum(np.abs(spectrum), _SMALLEST_AMPLITUDE))
    return levels if formula == "amplitude" else np.maximum(levels, levels.max() - _RANGE)


def _smoothed(mask: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mask under a triangle in both directions; beyond its edges it is 0."""
    from scipy.ndimage import convolve1d

    for axis, reach in enumerate((_SMOOTH_BINS, _SMOOTH_FRAMES)):
        triangle = np.bartlett(2 * reach + 3)[1:-1]
        mask = convolve1d(mask, triangle / triangle.sum(), axis=axis, mode="constant")
    return mask
