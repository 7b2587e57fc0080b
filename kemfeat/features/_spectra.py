"""Spectra of windowed frames, of any length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kemfeat.features import _kernels


def spectra(samples: NDArray[np.float32], *, window: NDArray[np.float64], hop_length: int) -> NDArray[np.complex128]:
    """Spectra of the frames that fit whole into ``samples`` [shape=(n,)], at every ``hop_length``-th sample.

    Returns
    -------
    ndarray [shape=(t, 1 + window.size // 2)]
        Computed in float64; t is 0 where no frame fits.
    """
    from scipy.fft import rfft  # a tenth of a second that the common lengths of mel do not need

    frames = np.empty((max(0, 1 + (len(samples) - window.size) // hop_length), window.size))
    _kernels.window_frames(samples, window, hop_length, frames)
    transformed: NDArray[np.complex128] = rfft(frames, axis=1, workers=1)
    return transformed
