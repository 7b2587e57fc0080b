"""Dynamic time warping distances between series of any length, exact, many pairs at a time.

The least sum of costs over all paths through the grid of two series (Sakoe and Chiba 1978)::

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
    """What a distance is.

    Parameters
    ----------
    cost : of two samples: ``abs``, the sum over their d numbers of absolute differences; ``squared``, the sum of
        squared differences, and the distance is the square root of the total.
    step : ``symmetric2`` counts the cost of a diagonal step twice, ``symmetric1`` once.
    window : half-width in samples of the band around the slanted diagonal (Sakoe-Chiba), or None for no band.
    normalize : divide the distance by the sum of the two lengths.
    dtype : of the computation and the result.
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
    """Distances of every series to every other [shape=(n, n)].

    Parameters
    ----------
    series : arrays [shape=(length,) or (length, d)], finite, of one d and any lengths but 0.
    cost, step, window, normalize, dtype : as in :class:`DtwConfig`.
    n_threads : None for one per core; the number changes speed, never a byte.

    Returns
    -------
    ndarray
        Row i, column j is the distance from series i to series j, 0 on the diagonal. Symmetric to the last bit without
        a window; with one, series of different length see different bands, and a distance is infinite where no path
        stays inside.

    Raises
    ------
    ConfigError
        A setting is out of range, or a series is empty, not finite or of another shape than the first.
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
    for _ in parallel.run_threads(fill, range(0, len(order), _LANES)[::-1], workers=threads):
        pass
    return distances


def block(series: Sequence[ArrayLike], *, rows: Sequence[int], columns: Sequence[int], config: DtwConfig) -> AnyFloats:
    """Distances from some series to some others [shape=(rows, columns)], in this thread: a task of its own.

    The same bits as in :func:`distance_matrix`. Neighbouring columns should be of similar length, as they share a grid
    of the longest.

    Raises
    ------
    ConfigError
        As :func:`distance_matrix`.
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
    """Series brought to the range 0 to 1, and what that took from them.

    Parameters
    ----------
    series : each in [0, 1]; 0 throughout where it is constant.
    low, high : the range that each had before, in the unit of the series [shape=(n,)].
    """

    series: tuple[NDArray[np.float64], ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which series have only one value [shape=(n,)]; scaled, they are all alike."""
        return np.equal(self.low, self.high)


def scale(series: Sequence[ArrayLike]) -> Scaled:
    """Scale each series by its own minimum and maximum: ``(x - min) / (max - min)``.

    Parameters
    ----------
    series : as :func:`distance_matrix` takes them; the d numbers of a sample share one range.

    Raises
    ------
    ConfigError
        As :func:`distance_matrix`.
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
    """How far distances only say how long two series are.

    Parameters
    ----------
    rho : Spearman's rank correlation of distance and summed length, in [-1, 1]; NaN where one of them is constant.
    pairs : how many pairs it rests on.
    """

    rho: float
    pairs: int


def length_confound(D: AnyFloats, *, lengths: ArrayLike, max_pairs: int = 1_000_000, seed: int = 0) -> LengthConfound:
    """Correlate the distances of pairs with the sums of their lengths, over a seeded sample where pairs are many.

    Parameters
    ----------
    D : distances [shape=(n, n)]; infinite ones are left out.
    lengths : of the series, samples [shape=(n,)].
    max_pairs : how many pairs to draw, with replacement, where there are more.

    Raises
    ------
    ConfigError
        There is not one length per series.
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
    """Distances from all queries to at most a few hundred targets, which lie in lanes."""
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
