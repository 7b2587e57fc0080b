"""The compiled inner loops of mel and delta."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kemfeat.compiled import compiled


@compiled(reorder=True)
def window_frames(
    samples: NDArray[np.float32], window: NDArray[np.float64], hop_length: int, frames: NDArray[np.float64]
) -> None:
    """Fill ``frames`` [shape=(t, n_fft)] with the windowed frames that start at every ``hop_length``-th sample."""
    for t in range(frames.shape[0]):
        frame = samples[t * hop_length : t * hop_length + window.size]
        for i in range(window.size):
            frames[t, i] = frame[i] * window[i]


@compiled(reorder=True)
def band_powers(
    spectra: NDArray[np.complex128],
    first_bins: NDArray[np.int64],
    offsets: NDArray[np.int64],
    weights: NDArray[np.float64],
    powers: NDArray[np.float32],
) -> None:
    """Fill ``powers`` [shape=(t, bands)] with weighted sums of squared magnitudes of ``spectra`` [shape=(t, bins)].

    Band m sums the bins from ``first_bins[m]`` on with ``weights[offsets[m]:offsets[m + 1]]``.
    """
    bins = np.empty(spectra.shape[1])
    for t in range(spectra.shape[0]):
        spectrum = spectra[t]
        for k in range(bins.size):
            bins[k] = spectrum[k].real * spectrum[k].real + spectrum[k].imag * spectrum[k].imag
        for m in range(first_bins.size):
            band = weights[offsets[m] : offsets[m + 1]]
            under = bins[first_bins[m] : first_bins[m] + band.size]
            power = 0.0
            for k in range(band.size):
                power += band[k] * under[k]
            powers[t, m] = power


@compiled(reorder=True)
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
            row = values[first + j]
            for i in range(total.size):
                total[i] += weights[j] * row[i]
        for i in range(total.size):
            sums[t, i] = total[i]
