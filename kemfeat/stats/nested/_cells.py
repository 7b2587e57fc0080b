"""Values crossed by group and cluster, reduced to one count and one sum per cell.

Everything that the nested analyses need is in these sums, so 13,000 utterances cost no more than 80 speakers x 7
emotions.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError
from kemfeat.stats.columns import Column, factor, numbers
from kemfeat.stats.rounding import noise_of, settled

_LARGEST = 1e100


@dataclass(frozen=True)
class Cells:
    """Counts and sums of J clusters x G groups; groups without a value keep their column, clusters do not.

    Parameters
    ----------
    groups : tuple of hashable, length G
        Labels of the groups.
    counts : ndarray, shape (J, G)
        Values per cell.
    means : ndarray, shape (G,)
        Mean of each group over its values, NaN where it has none.
    residuals : ndarray, shape (J, G)
        Sum over each cell of value minus mean of its group, exactly 0 where only rounding is left.
    within : float
        Sum of squares of the values about the mean of their cell.
    n_dropped : int
        Rows left out: the value is not finite, or the group or cluster is missing.
    """

    groups: tuple[Hashable, ...]
    counts: Floats
    means: Floats
    residuals: Floats
    within: float
    n_dropped: int

    @property
    def n(self) -> int:
        """Number of values."""
        return int(self.counts.sum())

    @property
    def n_clusters(self) -> int:
        """Number of clusters with a value."""
        return len(self.counts)

    @property
    def spread(self) -> NDArray[np.int64]:
        """Number of clusters in which each group occurs, shape (G,)."""
        return np.asarray(np.count_nonzero(self.counts, axis=0), dtype=np.int64)

    @property
    def flaws(self) -> list[str]:
        """What keeps each group from being compared; empty text where nothing does."""
        texts = {0: "{} has no value", 1: "all values of {} are in one cluster"}
        return [texts.get(int(k), "").format(group) for group, k in zip(self.groups, self.spread, strict=True)]

    @property
    def cell_means(self) -> Floats:
        """Mean of each cell, shape (J, G), NaN where it is empty."""
        full = self.counts > 0
        shift = np.divide(self.residuals, self.counts, out=np.full(self.counts.shape, np.nan), where=full)
        return np.asarray(shift + self.means)

    def pooled(self) -> Cells:
        """The same clusters with all groups taken as one."""
        origin = self.means[self.spread > 0][0]  # equal means stay exactly equal to their mean
        offsets = np.nan_to_num(self.means - origin)
        grand = (self.counts @ offsets).sum() / self.n
        sums = self.residuals + self.counts * (offsets - grand)
        counts, totals = self.counts.sum(axis=1), sums.sum(axis=1)
        between_cells = _sum_of_squares(sums, self.counts) - _sum_of_squares(totals, counts)
        return Cells(
            groups=("all",),
            counts=counts[:, None],
            means=np.array([origin + grand]),
            residuals=totals[:, None],
            within=self.within + max(between_cells, 0.0),
            n_dropped=self.n_dropped,
        )


def _sum_of_squares(sums: Floats, counts: Floats) -> float:
    return float(np.divide(sums**2, counts, out=np.zeros_like(sums), where=counts > 0).sum())


def read_cells(values: Column, groups: Column, clusters: Column) -> Cells:
    """Sort values into cells; groups are in the order of their sorted labels or categories.

    Parameters
    ----------
    values : array_like, shape (n,), any unit
        Numbers.
    groups, clusters : array_like, shape (n,)
        Labels.

    Returns
    -------
    Cells

    Raises
    ------
    ConfigError
        The three are not one-dimensional and of one length, a value is not a number, a value is beyond 1e100, or no row
        is complete.
    """
    y = numbers(values)
    group, cluster = factor(groups, name="groups"), factor(clusters, name="clusters")
    if not len(y) == len(group) == len(cluster):
        raise ConfigError(
            f"nested analysis: {len(y)} values, {len(group)} groups and {len(cluster)} clusters; "
            "expected one group and one cluster for each value"
        )
    complete = np.isfinite(y) & (group.codes >= 0) & (cluster.codes >= 0)
    if np.any(np.abs(y[complete]) > _LARGEST):
        raise ConfigError(
            f"nested analysis: a value of {np.abs(y[complete]).max():g} cannot be squared; "
            f"expected at most {_LARGEST:g}; look for a fill value among the values"
        )
    if not complete.any():
        raise ConfigError(
            f"nested analysis: none of the {len(y)} rows has a finite value, a group and a cluster; "
            "check that the dependent variable and both labels were read"
        )
    _, row = np.unique(cluster.codes[complete], return_inverse=True)
    levels, column = tuple(group.categories), group.codes[complete]
    y = settled(y[complete], row * len(levels) + column, row, column, noise=noise_of(values))
    return _cells(y, column, row, levels=levels, n_dropped=int((~complete).sum()))


def _cells(
    y: Floats, group: NDArray[np.int8], cluster: NDArray[np.intp], *, levels: tuple[Hashable, ...], n_dropped: int
) -> Cells:
    n_groups, n_clusters = len(levels), int(cluster.max()) + 1
    cell = cluster * n_groups + group
    shape = (n_clusters, n_groups)
    counts = np.bincount(cell, minlength=n_clusters * n_groups).astype(float)
    sizes = np.bincount(group, minlength=n_groups)
    # Centred at a value of its own, a constant group has residuals of exactly zero, and 1e9 + noise keeps its digits.
    origin = np.zeros(n_groups)
    origin[group[::-1]] = y[::-1]
    shifted = y - origin[group]
    shift = np.bincount(group, weights=shifted, minlength=n_groups) / np.maximum(sizes, 1)
    residual = shifted - shift[group]
    sums = np.asarray(np.bincount(cell, weights=residual, minlength=len(counts)), dtype=np.float64)
    rounding = 8 * np.finfo(float).eps * (np.abs(shifted) + np.abs(shift)[group])
    sums[np.abs(sums) <= np.bincount(cell, weights=rounding, minlength=len(counts))] = 0.0
    inside = residual - (sums / np.maximum(counts, 1))[cell]
    inside[np.abs(inside) <= rounding] = 0.0
    return Cells(
        groups=levels,
        counts=counts.reshape(shape),
        means=np.where(sizes > 0, origin + shift, np.nan),
        residuals=sums.reshape(shape),
        within=float(inside @ inside),
        n_dropped=n_dropped,
    )
