"""Clusters around medoids: FasterPAM, which is to be preferred, and the alternation of R's ``tsclust``.

The alternation (Park and Jun 2009) stops at the first local optimum its random start leads to; a single run of it is
a lottery. FasterPAM (Schubert and Rousseeuw 2021) swaps medoids as long as any swap pays, from several starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import kmedoids
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from kemfeat.arrays import AnyFloats, Indices
from kemfeat.errors import ConfigError

_MAX_ITERATIONS = 100

_CHUNK = 1024
"""Rows of a large cluster summed in one go, so that no second matrix is made."""


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """Series grouped around medoids, all counted from 0.

    Parameters
    ----------
    labels : cluster of each series [shape=(n,)]; the nearest medoid, the first of equally near ones.
    medoids : the series each cluster is grouped around [shape=(k,)].
    iterations : passes over the series; the last, which changed nothing, counts.
    converged : whether the last pass indeed changed nothing.
    cost : sum of the distances of all series to their medoids.
    restart_costs : the cost each start ended with; ``cost`` is the least of them.
    stability : mean adjusted Rand index of what the other starts ended with and this clustering, at most 1; NaN
        without other starts.
    """

    labels: Indices
    medoids: Indices
    iterations: int
    converged: bool
    cost: float
    restart_costs: tuple[float, ...]
    stability: float = np.nan


def tsclust(D: AnyFloats, k: int, *, init: Sequence[int] | Indices) -> Clustering:
    """Alternate between nearest medoids and best medoids, as dtwclust's ``tsclust(centroid = "pam")``.

    Parameters
    ----------
    D : distances [shape=(n, n)], finite.
    k : number of clusters.
    init : the k different series to begin with, counted from 0; R draws them at random.

    Notes
    -----
    R gives a cluster that has lost all its members a random medoid; here it is the series farthest from all medoids.

    Raises
    ------
    ConfigError
        ``D`` is not a square of finite numbers, ``k`` is not in 1 to n, or ``init`` is not k different series.
    """
    _check_distances(D, k)
    medoids = _checked_medoids(init, k, len(D))
    labels = np.full(len(D), -1)
    for iteration in range(1, _MAX_ITERATIONS + 1):
        nearest = D[:, medoids].argmin(axis=1)
        moved = nearest != labels
        if not moved.any():
            break
        touched = np.setdiff1d(np.concatenate([labels[moved], nearest[moved]]), [-1])
        labels = nearest
        for cluster in touched if iteration > 1 else range(k):
            medoids[cluster] = _best_medoid(D, np.flatnonzero(labels == cluster), medoids)
    cost = _cost(D, labels, medoids)
    return Clustering(labels, medoids, iteration, not moved.any(), cost, (cost,))


def _best_medoid(D: AnyFloats, members: Indices, medoids: Indices) -> int:
    """The member with the least sum of distances to all members; without members, the series farthest from medoids."""
    if not len(members):
        return int(D[:, medoids].min(axis=1).argmax())
    parts = [members[start : start + _CHUNK] for start in range(0, len(members), _CHUNK)]
    sums = np.concatenate([D[np.ix_(part, members)].sum(axis=1, dtype=float) for part in parts])
    return int(members[sums.argmin()])


def fasterpam(D: AnyFloats, k: int, *, restarts: int = 10, seed: int = 0) -> Clustering:
    """The best of several FasterPAM runs from random medoids; clusters are numbered in the order of their medoids.

    Parameters
    ----------
    D : distances [shape=(n, n)], finite and symmetric.
    k : number of clusters.
    restarts : number of starts, of which the first with the least cost is taken.
    seed : of the random medoids.

    Raises
    ------
    ConfigError
        ``D`` is not a square of finite numbers, ``k`` is not in 1 to n, or ``restarts`` is less than 1.
    """
    _check_distances(D, k)
    if restarts < 1:
        raise ConfigError(f"fasterpam: restarts is {restarts}; expected at least 1")
    rng = np.random.default_rng(seed)
    return best_of([_swapped(D, rng.choice(len(D), k, replace=False)) for _ in range(restarts)])


def best_of(runs: Sequence[Clustering]) -> Clustering:
    """The first run with the least cost, which then knows the costs of all and how well the others agree with it.

    Parameters
    ----------
    runs : clusterings of one matrix from different starts, at least one.
    """
    costs = tuple(run.cost for run in runs)
    place = int(np.argmin(costs))
    others = [*runs[:place], *runs[place + 1 :]]
    return replace(runs[place], restart_costs=costs, stability=_mean_agreement(runs[place], others))


def _swapped(D: AnyFloats, start: Indices) -> Clustering:
    # With more threads the library takes another path, whose result depends on their number.
    found = kmedoids.fasterpam(D, start, max_iter=_MAX_ITERATIONS, n_cpu=1)
    medoids = np.sort(found.medoids).astype(np.intp)
    labels = D[:, medoids].argmin(axis=1)
    cost = _cost(D, labels, medoids)
    return Clustering(labels, medoids, found.n_iter, found.n_iter < _MAX_ITERATIONS, cost, (cost,))


def _mean_agreement(clustering: Clustering, others: Sequence[Clustering]) -> float:
    scores = [adjusted_rand_score(clustering.labels, other.labels) for other in others]
    return float(np.mean(scores)) if scores else float("nan")


def bootstrap_stability(
    D: AnyFloats, k: int, *, resamples: int = 20, restarts: int = 3, max_series: int = 3000, seed: int = 0
) -> NDArray[np.float64]:
    """How well clusterings of resampled series agree with the clustering of the series themselves.

    A seeded sample of at most ``max_series`` series is clustered; then as many are drawn from it with replacement,
    clustered, and all of the sample is given to the medoids found (Fang and Wang 2012, Comput. Stat. Data Anal. 56).

    Returns
    -------
    ndarray
        Adjusted Rand index of each resample [shape=(resamples,)], at most 1.

    Raises
    ------
    ConfigError
        As :func:`fasterpam`.
    """
    _check_distances(D, k)
    rng = np.random.default_rng(seed)
    sample = np.sort(rng.choice(len(D), min(len(D), max_series), replace=False))
    of_sample = D[np.ix_(sample, sample)]
    labels = fasterpam(of_sample, k, restarts=restarts, seed=seed).labels
    scores = np.empty(resamples)
    for resample in range(resamples):
        drawn = rng.integers(len(sample), size=len(sample))
        found = fasterpam(of_sample[np.ix_(drawn, drawn)], k, restarts=restarts, seed=seed)
        assigned = of_sample[:, drawn[found.medoids]].argmin(axis=1)
        scores[resample] = adjusted_rand_score(labels, assigned)
    return scores


def _cost(D: AnyFloats, labels: Indices, medoids: Indices) -> float:
    return float(D[np.arange(len(D)), medoids[labels]].sum(dtype=float))


def _check_distances(D: AnyFloats, k: int) -> None:
    if D.ndim != 2 or D.shape[0] != D.shape[1] or not np.isfinite(D.sum(axis=1, dtype=float)).all():
        raise ConfigError(
            f"clustering: expected a square matrix of finite distances, found shape {D.shape} or values that are not "
            "finite; a DTW window that is too narrow makes infinite ones"
        )
    if not 1 <= k <= len(D):
        raise ConfigError(f"clustering: k is {k}; expected 1 to {len(D)}, the number of series")


def _checked_medoids(init: Sequence[int] | Indices, k: int, n: int) -> Indices:
    medoids = np.array(init, dtype=np.intp)
    if len(np.unique(medoids)) != k or medoids.shape != (k,) or medoids.min() < 0 or medoids.max() >= n:
        raise ConfigError(f"tsclust: init is {list(init)}; expected {k} different series from 0 to {n - 1}")
    return medoids
