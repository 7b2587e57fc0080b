"""The compiled inner loops of mel and delta before and after the transform."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kemfeat.compiled import compiled

_DECIBELS_PER_OCTAVE = 10 * math.log10(2)
_DECIBELS_PER_HALF_NEPER = 20 / math.log(10)
_ROOT_HALF = np.float32(np.sqrt(0.5))
_ROOT_HALF_BITS = _ROOT_HALF.view(np.int32)


@compiled()
def window_frames(
    samples: NDArray[np.float32], window: NDArray[np.float64], hop_length: int, frames: NDArray[np.float64]
) -> None:
    """Fill ``frames`` [shape=(t, n_fft)] with the windowed frames that start at every ``hop_length``-th sample."""
    for t in range(frames.shape[0]):
        frame, row = samples[t * hop_length : t * hop_length + window.size], frames[t]
        for i in range(window.size):
            row[i] = frame[i] * window[i]


def decibels(
    powers: NDArray[np.float32], reference: float, floor: float, top_db: float, out: NDArray[np.float32]
) -> None:
    """Fill ``out`` with ``max(10 log10(max(powers, floor) / reference), -top_db)``, both [shape=(n,)].

    ``floor`` and ``reference`` are positive and normal in float32, no power is NaN or infinite.
    """
    mantissa, exponent = math.frexp(np.float32(reference))
    if mantissa < _ROOT_HALF:
        mantissa, exponent = 2 * mantissa, exponent - 1
    bits = np.maximum(powers, np.float32(floor)).view(np.int32)
    _levels(bits, exponent, mantissa, -top_db, out.view(np.int32), out)


@compiled()
def _levels(
    bits: NDArray[np.int32],
    exponent: int,
    mantissa: float,
    least: float,
    out_bits: NDArray[np.int32],
    out: NDArray[np.float32],
) -> None:
    """Fill ``out`` with the levels of the float32 numbers that ``bits`` are, above that of ``mantissa`` 2^``exponent``.

    ``out_bits`` is the memory of ``out``, where the m of a number m 2^e is put, m in [sqrt(1/2), sqrt(2)), before its
    level. NumPy's expressions would do the same, and take a second to compile.
    """
    top = _level(exponent, mantissa)
    for i in range(bits.size):
        out_bits[i] = bits[i] - (_exponent(bits[i]) << np.int32(23))
    for i in range(bits.size):
        out[i] = max(_level(_exponent(bits[i]), np.float64(out[i])) - top, least)


@compiled()
def _exponent(bits: np.int32) -> np.int32:
    """The e of a float32 number m 2^e with m in [sqrt(1/2), sqrt(2))."""
    return (bits - _ROOT_HALF_BITS) >> np.int32(23)


@compiled()
def _level(exponent: int | np.int32, mantissa: float) -> float:
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
