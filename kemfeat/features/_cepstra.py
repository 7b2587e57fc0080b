"""Mel-frequency cepstra as ``python_speech_features`` 0.6 makes them at its defaults, for audio at 16 kHz.

Pre-emphasis 0.97, frames of 25 ms every 10 ms without a window, power spectrum over 512 points, 26 triangles between
0 and 8 kHz whose corners are whole bins, natural logarithm, orthonormal cosine transform of type 2, 13 coefficients
lifted by ``1 + 11 sin(pi n / 22)``, and the logarithm of the frame's energy in place of the first one.

References
----------
S. Davis and P. Mermelstein, IEEE Trans. ASSP 28(4):357, 1980; the mel formula ``2595 log10(1 + f / 700)`` is that of
D. O'Shaughnessy, Speech Communication: Human and Machine, 1987.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from kemfeat.features import _simd_fft

COEFFICIENTS = 13

_SAMPLING_RATE = 16000
_FRAME, _STEP, _N_FFT = 400, 160, 512
_BANDS = 26
_PREEMPHASIS = 0.97
_LIFTER = 22
_NOTHING = float(np.finfo(np.float64).eps)
"""Replaces an energy of exactly zero, which has no logarithm."""


def frame_count(n_samples: int) -> int:
    """Frames of a clip of at least 400 samples; the last one may reach beyond its end."""
    return 1 + -(-(n_samples - _FRAME) // _STEP)


def cepstra(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cepstra [shape=(t, 13)] of samples at 16 kHz [shape=(n,), n >= 400], on the scale of 16-bit integers."""
    from scipy.fft import dct  # a tenth of a second that importing every feature need not cost

    energies = _energies(values)
    levels = np.log(np.where(energies == 0, _NOTHING, energies))
    made: NDArray[np.float64] = dct(levels[:, :_BANDS], type=2, axis=1, norm="ortho")[:, :COEFFICIENTS]
    made *= 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / _LIFTER)
    made[:, 0] = levels[:, _BANDS]
    return made


def _energies(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Energies of the bands and, in the last column, of all bins [shape=(t, 27)]."""
    count = frame_count(len(values))
    samples = np.zeros((count - 1) * _STEP + _N_FFT, dtype=np.float32)
    samples[0] = values[0]
    samples[1 : len(values)] = values[1:] - _PREEMPHASIS * values[:-1]
    powers = np.empty((count, _BANDS + 1), dtype=np.float32)
    _simd_fft.mel_powers(samples, _STEP, _transform(), _bands(), powers)
    return powers.astype(np.float64) / _N_FFT


@cache
def _transform() -> _simd_fft.Transform:
    """Frames of 400 samples as they are, followed by zeros."""
    return _simd_fft.transform((np.arange(_N_FFT) < _FRAME).astype(np.float64))


@cache
def _bands() -> _simd_fft.Bands:
    mels = np.linspace(0, 2595 * np.log10(1 + _SAMPLING_RATE / 2 / 700), _BANDS + 2)
    corners = np.floor((_N_FFT + 1) * 700 * (10 ** (mels / 2595) - 1) / _SAMPLING_RATE).astype(int)
    triangles = [_triangle(*corners[band : band + 3].tolist()) for band in range(_BANDS)]
    everything = np.ones(_N_FFT // 2 + 1)
    return _simd_fft.bands([*triangles, everything], first_bins=[*corners[:_BANDS].tolist(), 0])


def _triangle(low: int, middle: int, high: int) -> NDArray[np.float64]:
    """Weights of the bins from ``low`` to ``high``, without the latter."""
    bins = np.arange(low, high)
    return np.where(bins < middle, (bins - low) / (middle - low), (high - bins) / (high - middle))
