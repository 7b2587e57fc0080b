"""The compiled inner loops of mel and delta before and after the transform."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kemfeat.compiled import compiled

_DECIBELS_PER_OCTAVE = 10 * math.log10(2)
_DECIBELS_PER_HALF_NEPER = 20 / math.log(10)
_ROOT_HALF = np.int32(np.float32(np.sqrt(0.5)).view(np.int32))


@compiled()
def window_frames(
    samples: NDArray[np.float32], window: NDArray[np.float64], hop_length: int, frames: NDArray[np.float64]
) -> None:
    """Fill ``frames`` [shape=(t, n_fft)] with the windowed frames that start at every ``hop_length``-th sample."""
    for t in range(frames.shape[0]):
        frame, row = samples[t * hop_length : t * hop_length + window.size], frames[t]
        for i in range(window.size):
            row[i] = frame[i] * window[i]


@compiled()
def decibels(
    powers: NDArray[np.float32], reference: float, floor: float, top_db: float, out: NDArray[np.float32]
) -> None:
    """Fill ``out`` with ``max(10 log10(max(powers, floor) / reference), -top_db)``, both [shape=(n,)].

    ``floor`` and ``reference`` are positive and normal in float32, no power is NaN or infinite.
    """
    bits = np.maximum(powers, np.float32(floor)).view(np.int32)
    zero = np.array([reference], np.float32).view(np.int32)
    exponents, mantissas = _exponents(bits), _mantissas(bits)
    top = _level(_exponents(zero)[0], np.float64(_mantissas(zero)[0]))
    for i in range(out.size):
        out[i] = max(_level(exponents[i], np.float64(mantissas[i])) - top, -top_db)


@compiled()
def _exponents(bits: NDArray[np.int32]) -> NDArray[np.int32]:
    """The e of float32 numbers m 2^e with m in [sqrt(1/2), sqrt(2))."""
    return (bits - _ROOT_HALF) >> np.int32(23)


@compiled()
def _mantissas(bits: NDArray[np.int32]) -> NDArray[np.float32]:
    """The m of float32 numbers m 2^e with m in [sqrt(1/2), sqrt(2))."""
    return (bits - (_exponents(bits) << np.int32(23))).view(np.float32)


@compiled()
def _level(exponent: int, mantissa: float) -> float:
    """10 log10(m 2^e): ln m = 2 artanh s, s = (m - 1) / (m + 1), as a series up to s^15, which leaves 2e-14 of ln m."""
    s = (mantissa - 1) / (mantissa + 1)
    q = s * s
    series = 1 / 9 + q * (1 / 11 + q * (1 / 13 + q * (1 / 15)))
    series = 1 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * series)))
    return _DECIBELS_PER_OCTAVE * exponent + _DECIBELS_PER_HALF_NEPER * (s * series)


@compiled()
def window_sums(values: NDArray[np.float32], weights: NDArray[np.float64], sums: NDArray[np.float32]) -> None:
    """Fill ``sums`` [shape=(t, n)] with the weighted sum of the ``weights.size`` rows of ``values`` nearest to row t.

    The window is centred on row t where it fits and moved inside where it does not.
    """
    width = weights.size
    total = np.empty(values.shape[1])
    for t in range(values.shape[0]):
        first = min(max(t - width // 2, 0), values.shape[0] - width)
        total[:] = 0.0
        for j in range(width):
            row, weight = values[first + j], weights[j]
            for i in range(total.size):
                total[i] += weight * row[i]
        for i in range(total.size):
            sums[t, i] = total[i]
