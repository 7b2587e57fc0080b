"""Spectrograms as grey images, by array operations alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def area_means(
    values: NDArray[np.float64], edges: NDArray[np.float64], pixels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Resize the first axis by area: a pixel is the mean of the cells under it, each by the share it covers.

    The first and the last cell reach as far as there are pixels.

    Parameters
    ----------
    values : one row for each cell [shape=(n, ...)].
    edges : where the cells begin, and where the last one ends, ascending [shape=(n + 1,)].
    pixels : where the pixels begin, and where the last one ends, ascending [shape=(m + 1,)].

    Returns
    -------
    ndarray [shape=(m, ...)]
    """
    widths = np.diff(edges)
    sums = np.zeros((len(values) + 1, *values.shape[1:]))
    np.cumsum(values * widths[:, None], axis=0, out=sums[1:])
    cell = np.clip(np.searchsorted(edges, pixels, side="right") - 1, 0, len(values) - 1)
    within = (pixels - edges[cell])[:, None]
    total = sums[cell] + within * values[cell]
    means: NDArray[np.float64] = np.diff(total, axis=0) / np.diff(pixels)[:, None]
    return means


def grey(levels: NDArray[np.float64], *, lowest: float, highest: float) -> NDArray[np.uint8]:
    """Levels as grey values: ``lowest`` and what lies below it is 0, ``highest`` and what lies above it 255."""
    share = (np.clip(levels, lowest, highest) - lowest) / (highest - lowest)
    return np.rint(255 * share).astype(np.uint8)
