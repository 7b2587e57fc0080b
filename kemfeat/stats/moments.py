"""Mean and variance that can be merged: computed once per part, then combined for any selection of parts.

The merging rule is that of Chan, Golub and LeVeque (1979), Updating Formulae and a Pairwise Algorithm for Computing
Sample Variances, Stanford STAN-CS-79-773.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kemfeat.arrays import Floats
from kemfeat.compiled import compiled


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean of each bin over some frames, and the sum of squared distances from it.

    Parameters
    ----------
    count : int
        Frames.
    mean : ndarray, shape (bins,), unit of the values
        0 without frames.
    m2 : ndarray, shape (bins,), squared unit of the values
        Sum of squared distances from the mean.
    """

    count: int
    mean: Floats
    m2: Floats

    @property
    def std(self) -> Floats:
        """Population standard deviation, shape (bins,); NaN without frames."""
        with np.errstate(invalid="ignore", divide="ignore"):
            deviation: Floats = np.sqrt(self.m2 / self.count if self.count else np.full_like(self.m2, np.nan))
        return deviation


def moments(values: NDArray[np.floating], lengths: NDArray[np.integer]) -> Moments:
    """Moments of the real frames of padded rows.

    Parameters
    ----------
    values : ndarray, shape (rows, frames, bins)
        Padded rows of frames.
    lengths : ndarray, shape (rows,), int
        Real frames of each row, 0 to frames.

    Returns
    -------
    Moments

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.moments import moments
    >>> rows = np.array([[[1.0], [3.0], [0.0]], [[5.0], [0.0], [0.0]]])
    >>> found = moments(rows, np.array([2, 1]))
    >>> found.count, found.mean.tolist(), found.m2.tolist()
    (3, [3.0], [8.0])
    """
    bins = values.shape[2]
    count = int(lengths.sum())
    first, second = np.zeros(bins), np.zeros(bins)
    if not count:
        return Moments(0, first, second)
    # Distances are summed from a value near the mean, or squares of large values would drown the variance.
    row = int(np.flatnonzero(lengths)[0])
    pivot = values[row, : lengths[row]].mean(axis=0, dtype=np.float64)
    _add(np.ascontiguousarray(values, dtype=np.float32), lengths.astype(np.int64), pivot, first, second)
    return Moments(count, pivot + first / count, np.maximum(second - first * first / count, 0.0))


def merged(parts: Iterable[Moments], *, bins: int) -> Moments:
    """Moments of all frames of all parts, combined in the order given.

    Parameters
    ----------
    parts : iterable of Moments
        All of the same number of bins; there may be none.
    bins : int
        Number of bins.

    Returns
    -------
    Moments

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.moments import merged, moments
    >>> parts = [moments(np.array([[[value]]]), np.array([1])) for value in (1.0, 3.0, 5.0)]
    >>> whole = merged(parts, bins=1)
    >>> whole.count, whole.mean.tolist(), whole.m2.tolist()
    (3, [3.0], [8.0])
    """
    whole = Moments(0, np.zeros(bins), np.zeros(bins))
    for part in parts:
        whole = _merge(whole, part)
    return whole


def _merge(a: Moments, b: Moments) -> Moments:
    count = a.count + b.count
    if not a.count or not b.count:
        return a if a.count else b
    distance = b.mean - a.mean
    return Moments(
        count,
        a.mean + distance * (b.count / count),
        a.m2 + b.m2 + distance * distance * (a.count / count * b.count),
    )


@compiled()
def _add(values: NDArray[np.float32], lengths: NDArray[np.int64], pivot: Floats, first: Floats, second: Floats) -> None:
    """Add distances from ``pivot``, and their squares, over the real frames of every row."""
    for row in range(values.shape[0]):
        for frame in range(lengths[row]):
            for j in range(pivot.size):
                distance = np.float64(values[row, frame, j]) - pivot[j]
                first[j] += distance
                second[j] += distance * distance
