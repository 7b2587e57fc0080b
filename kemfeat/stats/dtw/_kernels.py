"""The compiled inner loops of dynamic time warping: one query against many targets, one per vector lane.

Every step is the textbook recurrence, rounded as written: no reordering, no fused multiply-add. Hence a lane has the
same bits as a plain loop over one pair, and the distance of (x, y) the same bits as that of (y, x).

Rows are taken as views (``grid[j]``) before their lanes are walked: with ``grid[j, lane]`` the compiler has to guard
every signed index against wrapping around, and the lanes do not become vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.arrays import AnyFloats
from kemfeat.compiled import compiled

Integers = NDArray[np.int64]


@compiled()
def _advance(
    sample: np.floating[Any],
    targets: AnyFloats,
    grid: AnyFloats,
    left: AnyFloats,
    diagonal: AnyFloats,
    squared: bool,
    weight: np.floating[Any],
) -> None:
    """Move ``grid``, shape (m, lanes), on by one sample of the query; ``left`` and ``diagonal`` are scratch rows."""
    for j in range(targets.shape[0]):
        target, cells = targets[j], grid[j]
        for lane in range(target.size):
            difference = sample - target[lane]
            cost = difference * difference if squared else abs(difference)
            up = cells[lane]
            straight = min(up, left[lane]) + cost
            slanted = diagonal[lane] + weight * cost
            total = min(straight, slanted)
            diagonal[lane] = up
            left[lane] = total
            cells[lane] = total


@compiled()
def totals(
    queries: AnyFloats,
    offsets: Integers,
    targets: AnyFloats,
    lengths: Integers,
    squared: bool,
    weight: np.floating[Any],
    out: AnyFloats,
) -> None:
    """Fill ``out`` with the smallest sums of costs over all warping paths.

    Parameters
    ----------
    queries : ndarray, shape (total,)
        All samples end to end; query q is ``queries[offsets[q]:offsets[q + 1]]``.
    offsets : ndarray, shape (queries + 1,), int
        Where each query begins, and where the last ends.
    targets : ndarray, shape (m, lanes)
        One series per lane, any finite values after its end.
    lengths : ndarray, shape (lanes,), int
        Number of samples in each lane.
    squared : bool
        Costs are squared differences, otherwise absolute ones.
    weight : float, 1 or 2
        How often the cost of a cell counts that is reached diagonally.
    out : ndarray, shape (queries, lanes)
        Where the totals are written.
    """
    grid = np.empty_like(targets)
    left = np.empty_like(targets[0])
    diagonal = np.empty_like(targets[0])
    for q in range(offsets.size - 1):
        query = queries[offsets[q] : offsets[q + 1]]
        grid[:] = np.inf
        for i in range(query.size):
            # A zero left of the first cell starts the path there, with its cost counted once.
            left[:] = np.inf if i else 0.0
            diagonal[:] = np.inf
            _advance(query[i], targets, grid, left, diagonal, squared, weight)
        for lane in range(lengths.size):
            out[q, lane] = grid[lengths[lane] - 1, lane]


@compiled()
def _add_costs(sample: AnyFloats, target: AnyFloats, squared: bool, costs: AnyFloats) -> None:
    """Fill ``costs``, shape (lanes,), with the costs of ``sample``, shape (d,), and ``target``, shape (d, lanes)."""
    costs[:] = 0.0
    for k in range(sample.size):
        value, row = sample[k], target[k]
        for lane in range(costs.size):
            difference = value - row[lane]
            costs[lane] += difference * difference if squared else abs(difference)


@compiled()
def _band(sample: int, samples: int, lengths: Integers, window: int, first: Integers, last: Integers) -> None:
    """Per lane the first and last target sample, from 0, that a query sample may meet; may be outside the target."""
    for lane in range(lengths.size):
        reach = (sample + 1) * lengths[lane]
        first[lane] = (reach + samples - 1) // samples - window - 1
        last[lane] = reach // samples + window - 1


@compiled()
def _advance_in_band(
    costs: AnyFloats,
    inside: NDArray[np.bool_],
    cells: AnyFloats,
    left: AnyFloats,
    diagonal: AnyFloats,
    weight: np.floating[Any],
) -> None:
    """Move one row of the grid on by one sample of the query; cells outside of the band cannot be reached."""
    beyond = cells.dtype.type(np.inf)
    for lane in range(costs.size):
        up = cells[lane]
        straight = min(up, left[lane]) + costs[lane]
        slanted = diagonal[lane] + weight * costs[lane]
        total = min(straight, slanted) if inside[lane] else beyond
        diagonal[lane] = up
        left[lane] = total
        cells[lane] = total


@compiled()
def _walk_band(
    query: AnyFloats,
    targets: AnyFloats,
    lengths: Integers,
    window: int,
    squared: bool,
    weight: np.floating[Any],
    grid: AnyFloats,
) -> None:
    """Fill ``grid``, shape (m, lanes), with the totals at the end of ``query``, shape (n, d)."""
    left, diagonal, costs = np.empty_like(grid[0]), np.empty_like(grid[0]), np.empty_like(grid[0])
    first, last = np.empty_like(lengths), np.empty_like(lengths)
    grid[:] = np.inf
    for i in range(len(query)):
        _band(i, len(query), lengths, window, first, last)
        start, stop = max(first.min(), 0) if i else 0, min(last.max() + 1, len(grid))
        left[:] = np.inf if i else 0.0
        diagonal[:] = np.inf
        if start:
            diagonal[:] = grid[start - 1]
        for j in range(start, stop):
            _add_costs(query[i], targets[j], squared, costs)
            inside = ((first <= j) & (j <= last)) | (i + j == 0)
            _advance_in_band(costs, inside, grid[j], left, diagonal, weight)
        if start:  # the band has left this row, and the next sample may still look at it
            grid[start - 1] = np.inf


@compiled()
def totals_in_band(
    queries: AnyFloats,
    offsets: Integers,
    targets: AnyFloats,
    lengths: Integers,
    window: int,
    squared: bool,
    weight: np.floating[Any],
    out: AnyFloats,
) -> None:
    """As :func:`totals` for samples of d numbers, with paths confined to a slanted band.

    Sample i of n of the query (counted from 1) may meet samples ``ceil(i * m / n) - window`` to
    ``floor(i * m / n) + window`` of a target of m; the first cell counts as inside even where it is not, as in the R
    package dtwclust. The total is infinite where no path stays inside.

    Parameters
    ----------
    queries : ndarray, shape (total, d)
        All samples end to end.
    offsets, lengths, squared, weight, out : as in :func:`totals`
        The same.
    targets : ndarray, shape (m, d, lanes)
        One series per lane.
    window : int, >= 0
        Half-width of the band in samples.
    """
    grid = np.empty((targets.shape[0], targets.shape[2]), targets.dtype)
    for q in range(offsets.size - 1):
        _walk_band(queries[offsets[q] : offsets[q + 1]], targets, lengths, window, squared, weight, grid)
        for lane in range(lengths.size):
            out[q, lane] = grid[lengths[lane] - 1, lane]
