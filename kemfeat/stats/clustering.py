"""Clusters around medoids: FasterPAM, which is preferable, and the alternation of R's ``tsclust``.

The alternation (Park and Jun 2009) stops at the first local optimum that its random start leads to; a single run of it
is a lottery. FasterPAM (Schubert and Rousseeuw 2021) swaps medoids as long as a swap pays, from several starts.
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
"""Rows of a large cluster summed at a time, so that the matrix is not copied."""


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """Series grouped around medoids, all counted from 0.

    Parameters
    ----------
    labels : ndarray, shape (n,), int
        Cluster of each series: that of the nearest medoid, the first of equally near ones.
    medoids : ndarray, shape (k,), int
        The series that each cluster is grouped around.
    iterations : int
        Passes over the series, including the last, which changed nothing.
    converged : bool
        Whether the last pass changed nothing.
    cost : float
        Sum of the distances of all series to their medoids.
    restart_costs : tuple of float
        The cost that each start ended with; ``cost`` is the smallest of them.
    stability : float, <= 1
        Mean adjusted Rand index of the results of the other starts and this clustering; NaN without other starts.
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

    R gives a cluster that has lost all its members a random medoid; here it is the series farthest from all medoids.

    Parameters
    ----------
    D : ndarray, shape (n, n), finite
        Distances.
    k : int, 1 to n
        Number of clusters.
    init : sequence of int, length k
        The different series to begin with, counted from 0; R draws them at random.

    Returns
    -------
    Clustering

    Raises
    ------
    ConfigError
        ``D`` is not a square of finite numbers, ``k`` is not in 1 to n, or ``init`` is not k different series.

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.clustering import tsclust
    >>> place = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> found = tsclust(np.abs(place[:, None] - place), 2, init=[0, 5])
    >>> found.labels.tolist(), found.medoids.tolist(), found.cost
    ([0, 0, 0, 1, 1, 1], [1, 4], 4.0)
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
    D : ndarray, shape (n, n), finite
        Symmetric distances.
    k : int, 1 to n
        Number of clusters.
    restarts : int, >= 1
        Number of starts; the result is the first with the smallest cost.
    seed : int, >= 0
        Seed of the random medoids.

    Returns
    -------
    Clustering

    Raises
    ------
    ConfigError
        ``D`` is not a square of finite numbers, ``k`` is not in 1 to n, or ``restarts`` is less than 1.

    References
    ----------
    Schubert and Rousseeuw (2021), Information Systems 101:101804.

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.clustering import fasterpam
    >>> place = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> found = fasterpam(np.abs(place[:, None] - place), 2)
    >>> found.labels.tolist(), found.medoids.tolist(), found.cost
    ([0, 0, 0, 1, 1, 1], [1, 4], 4.0)
    """
    _check_distances(D, k)
    if restarts < 1:
        raise ConfigError(f"fasterpam: restarts is {restarts}; expected at least 1")
    rng = np.random.default_rng(seed)
    return best_of([_swapped(D, rng.choice(len(D), k, replace=False)) for _ in range(restarts)])


def best_of(runs: Sequence[Clustering]) -> Clustering:
    """The first run with the smallest cost, together with the costs of all runs and how well the others agree with it.

    Parameters
    ----------
    runs : sequence of Clustering
        Clusterings of one matrix from different starts, at least one.

    Returns
    -------
    Clustering

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.clustering import best_of, tsclust
    >>> place = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> D = np.abs(place[:, None] - place)
    >>> best = best_of([tsclust(D, 2, init=start) for start in ([0, 1], [0, 5])])
    >>> best.cost, best.restart_costs
    (4.0, (4.0, 4.0))
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

    A seeded sample of at most ``max_series`` series is clustered. Then as many are drawn from it with replacement and
    clustered, and every series of the sample is assigned to the nearest of the medoids found.

    Parameters
    ----------
    D : ndarray, shape (n, n), finite
        Symmetric distances.
    k : int, 1 to n
        Number of clusters.
    resamples : int, >= 1
        Number of resamples.
    restarts : int, >= 1
        Starts of each clustering.
    max_series : int, >= k
        Size of the largest sample.
    seed : int, >= 0
        Seed of the sample, the resamples and the starts.

    Returns
    -------
    ndarray, shape (resamples,), <= 1
        Adjusted Rand index of each resample.

    Raises
    ------
    ConfigError
        For the same reasons as :func:`fasterpam`.

    References
    ----------
    Fang and Wang (2012), Computational Statistics and Data Analysis 56:468-477.

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.clustering import bootstrap_stability
    >>> place = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> bootstrap_stability(np.abs(place[:, None] - place), 2, resamples=3).tolist()
    [0.0, 1.0, 1.0]
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
