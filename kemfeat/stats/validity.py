"""Seven indices of how good a clustering is, as the R package dtwclust defines them for distances to medoids.

Let cd_i be the distance of series i to its medoid, S_k the mean of cd in cluster k, n_k its size, M_kl the distance of
two medoids, and g the series with the smallest sum of distances to all::

    Sil     mean of (b - a) / max(a, b), a the mean distance to the others of its cluster, b to the nearest other one
    SF      1 - 1 / exp(exp(bcd - wcd)), bcd = sum n_k d(m_k, g) / (N K), wcd = sum S_k
    CH      (N - K) / (K - 1) * sum n_k d(m_k, g) / sum cd
    DB      mean over k of the largest (S_k + S_l) / M_kl
    DBstar  mean over k of the largest S_k + S_l divided by the smallest M_kl
    D       smallest distance between two clusters / largest diameter of one
    COP     mean over i of cd_i / the smallest, over j in its cluster, of the largest distance from outside to j

DB, DBstar and COP are better when small, the others when large. SF falls to 0 where distances are large, as those of
DTW are unless divided by the lengths, and then says nothing.

Rousseeuw 1987 (Sil), Saitta et al. 2007 (SF), Arbelaitz et al. 2013 (the others, DBstar from Kim and Ramakrishna 2005).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError

_CHUNK = 256
"""Columns read at a time: the matrix is read once, and only a small part of it is copied."""


def indices(D: NDArray[np.floating[Any]], labels: ArrayLike, medoids: ArrayLike) -> dict[str, float]:
    """All seven validity indices of one clustering.

    Parameters
    ----------
    D : ndarray, shape (n, n), >= 0
        Symmetric distances.
    labels : array_like, shape (n,), int
        Cluster of each series, counted from 0.
    medoids : array_like, shape (k,), int
        Series at the centre of each cluster, counted from 0. Clusters without members are left out.

    Returns
    -------
    dict of str to float
        ``Sil SF CH DB DBstar D COP``. An index is infinite or NaN where it divides by 0, as with two equal medoids.

    Raises
    ------
    ConfigError
        The shapes do not fit, a label has no medoid, or fewer than two clusters have members.

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.validity import indices
    >>> place = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> found = indices(np.abs(place[:, None] - place), [0, 0, 0, 1, 1, 1], [1, 4])
    >>> round(found["Sil"], 3), found["D"]
    (0.866, 4.0)
    """
    present, cluster, centres = _checked(D, labels, medoids)
    sizes = np.bincount(cluster)
    spread = _Spread.of(D, cluster, sizes)
    own = D[np.arange(len(D)), centres[cluster]].astype(float)
    means = np.bincount(cluster, weights=own) / sizes
    between = D[np.ix_(centres, centres)].astype(float)
    outermost = _masked(spread.largest, cluster, -np.inf).max(axis=0)
    centre = int(np.argmin(spread.sums.sum(axis=0)))
    scatter = float(sizes @ D[centres, centre])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return {
            "Sil": float(_silhouette(spread.sums, cluster, sizes).mean()),
            # written as in R, so that the same digits are lost where it is almost 0
            "SF": float(1 - 1 / np.exp(np.exp(scatter / (len(D) * len(present)) - means.sum()))),
            "CH": float((len(D) - len(present)) / (len(present) - 1) * np.divide(scatter, own.sum())),
            **_davies_bouldin(means, between),
            "D": float(np.divide(_masked(spread.smallest, cluster, np.inf).min(), _own(spread.largest, cluster).max())),
            "COP": float(np.mean(own / _least_per_cluster(outermost, cluster))),
        }


def silhouette_widths(D: NDArray[np.floating[Any]], labels: ArrayLike, medoids: ArrayLike) -> Floats:
    """Silhouette width of each series; their mean is the index ``Sil``.

    Parameters
    ----------
    D : ndarray, shape (n, n), >= 0
        Symmetric distances.
    labels : array_like, shape (n,), int
        Cluster of each series, counted from 0.
    medoids : array_like, shape (k,), int
        Series at the centre of each cluster, counted from 0.

    Returns
    -------
    ndarray, shape (n,), -1 to 1

    Raises
    ------
    ConfigError
        For the same reasons as :func:`indices`.

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.validity import silhouette_widths
    >>> place = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> silhouette_widths(np.abs(place[:, None] - place), [0, 0, 0, 1, 1, 1], [1, 4]).round(2).tolist()
    [0.86, 0.9, 0.83, 0.83, 0.9, 0.86]
    """
    _, cluster, _ = _checked(D, labels, medoids)
    sizes = np.bincount(cluster)
    return _silhouette(_Spread.of(D, cluster, sizes).sums, cluster, sizes)


def _checked(
    D: NDArray[np.floating[Any]], labels: ArrayLike, medoids: ArrayLike
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """The clusters with members, the index of each series' cluster among them, and their medoids."""
    label, medoid = np.asarray(labels, np.intp), np.asarray(medoids, np.intp)
    if D.ndim != 2 or D.shape != (len(label), len(label)):
        raise ConfigError(f"validity: {len(label)} labels for a matrix of shape {D.shape}; expected one per row")
    present, cluster = np.unique(label, return_inverse=True)
    if len(present) < 2:
        raise ConfigError(f"validity: {len(present)} cluster has members; expected at least two to compare")
    if present[0] < 0 or present[-1] >= len(medoid):
        raise ConfigError(
            f"validity: labels run from {present[0]} to {present[-1]}, but there are {len(medoid)} medoids"
        )
    if medoid.min() < 0 or medoid.max() >= len(label):
        raise ConfigError(f"validity: medoids {medoid.tolist()} are not all among series 0 to {len(label) - 1}")
    return present, cluster, medoid[present]


@dataclass(frozen=True, slots=True)
class _Spread:
    """Sum, minimum and maximum of the distances from a cluster (rows) to one series (columns), shape (k, n)."""

    sums: Floats
    smallest: Floats
    largest: Floats

    @classmethod
    def of(cls, D: NDArray[np.floating[Any]], cluster: NDArray[np.intp], sizes: NDArray[np.intp]) -> _Spread:
        order = np.argsort(cluster, kind="stable")
        starts = np.cumsum(sizes) - sizes
        spread = cls(*(np.empty((len(sizes), len(D))) for _ in range(3)))
        for start in range(0, len(D), _CHUNK):
            columns = slice(start, start + _CHUNK)
            part = D[order, columns]
            spread.sums[:, columns] = np.add.reduceat(part, starts, axis=0, dtype=float)
            spread.smallest[:, columns] = np.minimum.reduceat(part, starts, axis=0)
            spread.largest[:, columns] = np.maximum.reduceat(part, starts, axis=0)
        return spread


def _own(values: Floats, cluster: NDArray[np.intp]) -> Floats:
    """The entry of each series' own cluster in ``values``, shape (k, n)."""
    return values[cluster, np.arange(len(cluster))]


def _masked(values: Floats, cluster: NDArray[np.intp], replacement: float) -> Floats:
    """A copy of ``values``, shape (k, n), with the entry of each series' own cluster replaced."""
    others = values.copy()
    others[cluster, np.arange(len(cluster))] = replacement
    return others


def _silhouette(sums: Floats, cluster: NDArray[np.intp], sizes: NDArray[np.intp]) -> Floats:
    """Silhouette widths; a series alone in its cluster has 0, and so has one as near to all as to its own."""
    inside = _own(sums, cluster) / np.maximum(sizes[cluster] - 1, 1)
    outside = _masked(sums / sizes[:, None], cluster, np.inf).min(axis=0)
    larger = np.maximum(inside, outside)
    width = np.divide(outside - inside, larger, out=np.zeros_like(larger), where=larger > 0)
    return np.where(sizes[cluster] == 1, 0.0, width)


def _davies_bouldin(means: Floats, between: Floats) -> dict[str, float]:
    """DB and DBstar from mean distances to the medoids, shape (k,), and distances of medoids, shape (k, k)."""
    other = ~np.eye(len(means), dtype=bool)
    summed = np.where(other, means[:, None] + means, -np.inf)
    ratio = np.where(other, summed / between, -np.inf)
    nearest = np.where(other, between, np.inf).min(axis=1)
    return {"DB": float(ratio.max(axis=1).mean()), "DBstar": float((summed.max(axis=1) / nearest).mean())}


def _least_per_cluster(values: Floats, cluster: NDArray[np.intp]) -> Floats:
    """For each series the smallest of ``values``, shape (n,), in its cluster."""
    least = np.full(cluster.max() + 1, np.inf)
    np.minimum.at(least, cluster, values)
    return least[cluster]
