"""Deal groups to bins so that every bin has its share of every class, as far as groups allow.

The deal minimises the chi-squared distance to proportional counts, ``sum (O - E)^2 / E`` over bins and classes, with
all rows together as one more class. Rare classes weigh as much as common ones, so no bin is left without a class that
it could have had. Descent by moves and swaps from a random deal; see ``docs/decisions/0010-splits.md``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.float64]

_SMALLEST_GAIN = 1e-9
"""A step must gain more than rounding errors can feign, or the descent may not end."""


def class_counts(groups: NDArray[np.int64], classes: NDArray[np.int64]) -> Counts:
    """Rows of each class in each group, and all of them in the last column.

    Parameters
    ----------
    groups : ndarray, shape (n,), int64
        Group of each row, from 0.
    classes : ndarray, shape (n,), int64
        Class of each row, from 0.

    Returns
    -------
    ndarray, shape (groups, classes + 1), float64
        Counts.

    Examples
    --------
    >>> import numpy as np
    >>> class_counts(np.array([0, 0, 1]), np.array([0, 1, 1])).tolist()
    [[1.0, 1.0, 2.0], [0.0, 1.0, 1.0]]
    """
    counts = np.zeros((groups.max() + 1, classes.max() + 2))
    np.add.at(counts, (groups, classes), 1.0)
    counts[:, -1] = counts.sum(axis=1)
    return counts


def deal(counts: Counts, *, shares: ArrayLike, rng: np.random.Generator) -> NDArray[np.int64]:
    """Put every group into one bin; no bin stays empty.

    Parameters
    ----------
    counts : ndarray, shape (groups, classes + 1), float64
        From :func:`class_counts`, at least as many groups as bins; every column has rows.
    shares : array-like, shape (bins,)
        Shares of the bins, positive, summing to 1.
    rng : numpy.random.Generator
        Decides where the descent begins and in which order groups are tried.

    Returns
    -------
    ndarray, shape (groups,), int64
        The bin of every group.
    """
    weights = np.asarray(shares, np.float64)
    expected = weights[:, None] * counts.sum(axis=0)
    bins = _random_deal(len(counts), weights, rng)
    while sum(_improve(group, bins, counts, expected) for group in rng.permutation(len(counts))):
        pass
    return bins


def _random_deal(groups: int, weights: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    rest = rng.choice(len(weights), size=groups - len(weights), p=weights)
    return rng.permutation(np.concatenate([np.arange(len(weights)), rest]))


def _improve(group: int, bins: NDArray[np.int64], counts: Counts, expected: Counts) -> bool:
    """Make the best swap of one group with another, or its best move into another bin, if that gains anything."""
    here = bins[group]
    held = np.zeros_like(expected)
    np.add.at(held, bins, counts)
    # A move is a swap with a group of no rows that every bin has; the last group of a bin may not move.
    partners, homes = np.vstack([counts, np.zeros_like(expected)]), np.concatenate([bins, np.arange(len(expected))])
    change = partners - counts[group]
    before = _distance(held[here], expected[here]) + _distance(held[homes], expected[homes])
    after = _distance(held[here] + change, expected[here]) + _distance(held[homes] - change, expected[homes])
    gains = np.where(homes == here, 0.0, before - after)
    if np.count_nonzero(bins == here) == 1:
        gains[len(counts) :] = 0.0
    best = int(gains.argmax())
    if gains[best] <= _SMALLEST_GAIN:
        return False
    bins[group] = homes[best]
    if best < len(counts):
        bins[best] = here
    return True


def _distance(held: Counts, expected: Counts) -> Counts:
    distance: Counts = (np.square(held - expected) / expected).sum(axis=-1)
    return distance
