"""The mel scale of Slaney's Auditory Toolbox (technical report 1998-010, Interval Research, 1998), and its bands.

Below 1 kHz a mel is 200/3 Hz, above it 27 mels are a factor of 6.4. The weights are bit by bit those of
``librosa.filters.mel``, without the second that importing librosa takes in every worker.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
