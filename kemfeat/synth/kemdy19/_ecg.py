"""An electrocardiogram around given heart beats: five Gaussian waves per beat, breath and noise.

The sum of Gaussians is the model of P. E. McSharry et al., A dynamical model for generating synthetic electrocardiogram
signals, IEEE Trans. Biomed. Eng. 50 (2003), without its differential equations. The numbers are plausible for a chest
lead of an adult, none is fitted to data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 250.0
"""Samples per second."""

# P, Q, R, S, T: seconds from the R peak at a beat interval of 1 s, spread [s], height [mV].
_WAVES = np.array(
    [(-0.17, 0.025, 0.12), (-0.032, 0.010, -0.12), (0.0, 0.011, 1.1), (0.032, 0.012, -0.22), (0.28, 0.045, 0.28)]
)
_BEFORE, _AFTER = 0.3, 0.6
"""Seconds of a beat's waves before and after its R peak."""
BREATH_HZ, BREATH_MV, NOISE_MV = 0.25, 0.06, 0.012


def electrocardiogram(
    rng: np.random.Generator, times: NDArray[np.float64], intervals: NDArray[np.float64], *, count: int
) -> NDArray[np.float64]:
    """ECG in millivolts at 250 Hz.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the noise.
    times : ndarray, shape (m,), float64 [s]
        R peaks, since the first sample.
    intervals : ndarray, shape (m,), float64 [s]
        Time since the previous beat; the waves move apart with its square root.
    count : int, >= 0 [samples]
        Length.

    Returns
    -------
    ndarray, shape (count,), float64 [mV]
        The signal.
    """
    span = np.arange(-round(_BEFORE * RATE), round(_AFTER * RATE))
    where = np.rint(times * RATE).astype(np.int64)[:, None] + span
    since = where / RATE - times[:, None]
    values = np.zeros(where.shape)
    for offset, spread, height in _WAVES:
        centre = offset * np.sqrt(intervals)[:, None]
        values += height * np.exp(-0.5 * ((since - centre) / spread) ** 2)
    inside = (where >= 0) & (where < count)
    beats = np.bincount(where[inside], weights=values[inside], minlength=count)
    breath = BREATH_MV * np.sin(2 * np.pi * (BREATH_HZ * np.arange(count) / RATE + rng.random()))
    return np.asarray((1 + 0.15 * rng.standard_normal()) * beats + breath + rng.normal(0.0, NOISE_MV, size=count))
