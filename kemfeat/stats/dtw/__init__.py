"""Dynamic time warping distances between series of any length, exact, many pairs at a time.

The smallest sum of costs over all paths through the grid of two series (Sakoe and Chiba 1978)::

    g(1, 1) = c(1, 1)
    g(i, j) = min(g(i-1, j-1) + w * c(i, j), g(i-1, j) + c(i, j), g(i, j-1) + c(i, j))

with w = 2 for the step pattern ``symmetric2`` and w = 1 for ``symmetric1``. Absolute cost and ``symmetric2`` are what
the R package dtwclust calls ``dtw_basic``; squared cost and ``symmetric1`` are what tslearn calls ``dtw``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from scipy import stats

from kemfeat import parallel
from kemfeat.arrays import AnyFloats
from kemfeat.config import FrozenConfig, validated
from kemfeat.errors import ConfigError
from kemfeat.stats.dtw import _kernels as kernels
from kemfeat.stats.dtw._ragged import Ragged, as_arrays, end_to_end

_LANES = 128
"""Series that one query meets at a time: wide enough for long vector loops, narrow enough for the cache."""


class DtwConfig(FrozenConfig):
    """Definition of a distance.

    Parameters
    ----------
    cost : {"abs", "squared"}
        Of two samples: ``abs``, the sum over their d numbers of absolute differences; ``squared``, the sum of squared
        differences, where the distance is the square root of the total.
    step : {"symmetric1", "symmetric2"}
        ``symmetric2`` counts the cost of a diagonal step twice, ``symmetric1`` once.
    window : int, >= 0, or None
        Half-width in samples of the band around the slanted diagonal (Sakoe-Chiba); None for no band.
    normalize : bool
        Divide the distance by the sum of the two lengths.
    dtype : {"float64", "float32"}
        Of the computation and the result.
    """

    cost: Literal["abs", "squared"] = "abs"
    step: Literal["symmetric1", "symmetric2"] = "symmetric2"
    window: int | None = Field(default=None, ge=0)
    normalize: bool = False
    dtype: Literal["float64", "float32"] = "float64"


def distance_matrix(
    series: Sequence[ArrayLike],
    *,
    cost: Literal["abs", "squared"] = "abs",
    step: Literal["symmetric1", "symmetric2"] = "symmetric2",
    window: int | None = None,
    normalize: bool = False,
    dtype: Literal["float64", "float32"] = "float64",
    n_threads: int | None = None,
) -> AnyFloats:
    """Distances of every series to every other.

    Parameters
    ----------
    series : sequence of array_like, each of shape (length,) or (length, d)
        Finite numbers, of one d and any lengths but 0.
    cost : {"abs", "squared"}
        As in :class:`DtwConfig`.
    step : {"symmetric1", "symmetric2"}
        As in :class:`DtwConfig`.
    window : int, >= 0, or None
        As in :class:`DtwConfig`.
    normalize : bool
        As in :class:`DtwConfig`.
    dtype : {"float64", "float32"}
        As in :class:`DtwConfig`.
    n_threads : int, >= 1, or None
        None for one per core; the number changes speed, never a byte.

    Returns
    -------
    ndarray, shape (n, n), >= 0
        Row i, column j is the distance from series i to series j, 0 on the diagonal. Symmetric to the last bit without
        a window; with one, series of different length have different bands, and a distance is infinite where no path
        stays inside.

    Raises
    ------
    ConfigError
        A setting is out of range, or a series is empty, not finite or of another shape than the first.

    References
    ----------
    Sakoe and Chiba (1978), IEEE Trans. Acoustics, Speech, and Signal Processing 26:43-49.

    Examples
    --------
    >>> from kemfeat.stats.dtw import distance_matrix
    >>> distance_matrix([[1.0, 2.0, 3.0], [1.0, 1.0, 2.0, 3.0], [2.0, 4.0]]).tolist()
    [[0.0, 0.0, 3.0], [0.0, 0.0, 4.0], [3.0, 4.0, 0.0]]
    """
    values = {"cost": cost, "step": step, "window": window, "normalize": normalize, "dtype": dtype}
    config = validated(DtwConfig, values, where="distance_matrix")
    threads = parallel.default_workers() if n_threads is None else n_threads
    if threads < 1:
        raise ConfigError(f"distance_matrix: n_threads is {threads}; expected at least 1, or None for one per core")
    arrays = as_arrays(series, dtype=config.dtype)
    order = np.argsort([len(array) for array in arrays], kind="stable")
    ragged = end_to_end([arrays[place] for place in order], dtype=config.dtype)
    distances = np.empty((len(order), len(order)), config.dtype)

    def fill(start: int) -> None:
        stop = min(start + _LANES, len(order))
        rows = order if config.window is not None else order[:stop]
        tile = _tile(ragged.part(0, len(rows)), ragged.part(start, stop), config)
        distances[np.ix_(rows, order[start:stop])] = tile
        if config.window is None:
            distances[np.ix_(order[start:stop], rows)] = tile.T

    # The last columns are the longest and, without a window, meet the most rows: begin with them.
    parallel.share_among_threads(fill, range(0, len(order), _LANES)[::-1], workers=threads)
    return distances


def block(series: Sequence[ArrayLike], *, rows: Sequence[int], columns: Sequence[int], config: DtwConfig) -> AnyFloats:
    """Distances from some series to some others, in this thread, with the same bits as in :func:`distance_matrix`.

    Parameters
    ----------
    series : sequence of array_like, each of shape (length,) or (length, d)
        All series, as for :func:`distance_matrix`.
    rows, columns : sequence of int
        Series to compute distances from and to. Neighbouring columns should be of similar length, as they share a grid
        of the longest.
    config : DtwConfig
        Definition of the distance.

    Returns
    -------
    ndarray, shape (rows, columns), >= 0

    Raises
    ------
    ConfigError
        For the same reasons as :func:`distance_matrix`.

    Examples
    --------
    >>> from kemfeat.stats.dtw import DtwConfig, block
    >>> block([[1.0, 2.0], [1.0, 3.0], [2.0, 4.0]], rows=[0], columns=[1, 2], config=DtwConfig()).tolist()
    [[2.0, 3.0]]
    """
    needed = sorted({*rows, *columns})
    arrays = dict(zip(needed, as_arrays([series[place] for place in needed], dtype=config.dtype), strict=True))
    queries = end_to_end([arrays[place] for place in rows], dtype=config.dtype)
    targets = end_to_end([arrays[place] for place in columns], dtype=config.dtype)
    distances = np.empty((len(queries), len(targets)), config.dtype)
    for start in range(0, len(targets), _LANES):
        stop = min(start + _LANES, len(targets))
        distances[:, start:stop] = _tile(queries, targets.part(start, stop), config)
    return distances


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """Series scaled to the range 0 to 1, and the range that each had.

    Parameters
    ----------
    series : tuple of ndarray, each in [0, 1]
        0 throughout where the series is constant.
    low, high : ndarray, shape (n,), unit of the series
        Range of each series before.
    """

    series: tuple[NDArray[np.float64], ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which series have only one value, shape (n,); scaled, they are all alike."""
        return np.equal(self.low, self.high)


def scale(series: Sequence[ArrayLike]) -> Scaled:
    """Scale each series by its own minimum and maximum: ``(x - min) / (max - min)``.

    Parameters
    ----------
    series : sequence of array_like, each of shape (length,) or (length, d)
        As for :func:`distance_matrix`; the d numbers of a sample share one range.

    Returns
    -------
    Scaled

    Raises
    ------
    ConfigError
        For the same reasons as :func:`distance_matrix`.

    Examples
    --------
    >>> from kemfeat.stats.dtw import scale
    >>> scaled = scale([[1.0, 2.0, 3.0], [5.0, 5.0]])
    >>> [series.tolist() for series in scaled.series], scaled.constant.tolist()
    ([[0.0, 0.5, 1.0], [0.0, 0.0]], [False, True])
    """
    arrays = as_arrays(series, dtype="float64")
    low = np.array([array.min() for array in arrays])
    high = np.array([array.max() for array in arrays])
    scaled = tuple(
        ((array - start) / ((stop - start) or 1.0)).reshape(np.shape(values))
        for values, array, start, stop in zip(series, arrays, low, high, strict=True)
    )
    return Scaled(scaled, low, high)


@dataclass(frozen=True, slots=True)
class LengthConfound:
    """How far distances only reflect how long two series are.

    Parameters
    ----------
    rho : float, -1 to 1
        Spearman's rank correlation of distance and summed length; NaN where one of them is constant.
    pairs : int
        Number of pairs used.
    """

    rho: float
    pairs: int


def length_confound(D: AnyFloats, *, lengths: ArrayLike, max_pairs: int = 1_000_000, seed: int = 0) -> LengthConfound:
    """Correlate the distances of pairs with the sums of their lengths, over a seeded sample where there are many pairs.

    Parameters
    ----------
    D : ndarray, shape (n, n)
        Distances; infinite ones are left out.
    lengths : array_like, shape (n,), int
        Lengths of the series in samples.
    max_pairs : int, >= 1
        Number of pairs to draw, with replacement, where there are more.
    seed : int, >= 0
        Seed of the sample.

    Returns
    -------
    LengthConfound

    Raises
    ------
    ConfigError
        There is not one length per series.

    Examples
    --------
    >>> from kemfeat.stats.dtw import distance_matrix, length_confound
    >>> series = [[1.0] * 3, [2.0] * 4, [4.0] * 6]
    >>> found = length_confound(distance_matrix(series), lengths=[3, 4, 6])
    >>> found.rho, found.pairs
    (0.5, 3)
    """
    sizes = np.asarray(lengths, np.int64)
    if D.shape != (len(sizes), len(sizes)):
        raise ConfigError(
            f"length_confound: {len(sizes)} lengths for a matrix of shape {D.shape}; expected one per row"
        )
    first, second = _pairs(len(sizes), max_pairs, seed)
    distances, summed = D[first, second].astype(float), sizes[first] + sizes[second]
    reached = np.isfinite(distances)
    distances, summed = distances[reached], summed[reached]
    if not len(distances) or np.ptp(distances) == 0 or np.ptp(summed) == 0:
        return LengthConfound(np.nan, len(distances))
    return LengthConfound(float(stats.spearmanr(distances, summed).statistic), len(distances))


def _pairs(n: int, limit: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each pair of two of ``n`` once, or ``limit`` of them drawn at random where there are more."""
    if n * (n - 1) // 2 <= limit:
        first, second = np.triu_indices(n, k=1)
        return first.astype(np.int64), second.astype(np.int64)
    rng = np.random.default_rng(seed)
    first = rng.integers(n, size=limit)
    return first, (first + rng.integers(1, n, size=limit)) % n


def _tile(queries: Ragged, targets: Ragged, config: DtwConfig) -> AnyFloats:
    """Distances from all queries to at most a few hundred targets, one per lane."""
    lanes, lengths = targets.in_lanes(), targets.lengths
    distances = np.empty((len(queries), len(targets)), lanes.dtype)
    squared, weight = config.cost == "squared", lanes.dtype.type(2 if config.step == "symmetric2" else 1)
    if config.window is None and lanes.shape[1] == 1:
        # Three times as fast as the general loop, and the case that counts.
        kernels.totals(queries.values[:, 0], queries.offsets, lanes[:, 0], lengths, squared, weight, distances)
    else:
        window = max(int(queries.lengths.max(initial=0)), len(lanes)) if config.window is None else config.window
        kernels.totals_in_band(queries.values, queries.offsets, lanes, lengths, window, squared, weight, distances)
    if squared:
        np.sqrt(distances, out=distances)
    if config.normalize:
        distances /= (queries.lengths[:, None] + lengths).astype(distances.dtype)
    return distances
