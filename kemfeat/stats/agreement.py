"""How far raters agree: Krippendorff's alpha and intraclass correlations.

Alpha is ``1 - D_o / D_e``: the disagreement within units over that of ratings paired at random. A unit with ``m``
ratings adds every ordered pair of them to the coincidences ``o_ck`` with the weight ``1 / (m - 1)``. With their margins
``n_c``, the sum ``n`` of these and a squared difference ``d_ck``,

    alpha = 1 - (n - 1) * sum(o_ck d_ck) / sum(n_c n_k d_ck).

It allows any number of raters and any pattern of missing ratings. Source: Krippendorff (2011), Computing Krippendorff's
Alpha-Reliability, University of Pennsylvania, https://repository.upenn.edu/asc_papers/43.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError
from kemfeat.stats._icc import COLUMNS, intraclass, over_clusters
from kemfeat.stats._jackknife import LEAST_CLUSTERS, jackknife
from kemfeat.stats._ratings import as_categories, as_numbers, cluster_codes
from kemfeat.stats.rounding import tied, varies, with_width

Level = Literal["nominal", "ordinal", "interval"]

MANY_CLUSTERS = 100
"""From so many clusters on alpha's interval is that of the bootstrap; below, of the jackknife with Student's t."""

_BLOCK = 4_000_000  # resampled weights held in memory at once


@dataclass(frozen=True, slots=True, eq=False)
class Alpha:
    """Krippendorff's alpha.

    Parameters
    ----------
    alpha : float, <= 1
        1 for perfect agreement, 0 for that of chance, negative for less; NaN with a ``reason``.
    ci_low, ci_high : float, <= 1
        95 % interval over clusters; NaN for fewer than five, too few to show how they vary, and where leaving out one
        changes nothing.
    units : int
        Units with at least two ratings; the others say nothing about agreement.
    ratings : int
        Ratings of these units.
    values : tuple
        The values that occur, sorted.
    coincidences : ndarray, shape (values, values)
        Coincidences of these values, symmetric; their sum is ``ratings``.
    reason : str
        Why alpha is not defined; empty where it is.
    """

    alpha: float
    ci_low: float
    ci_high: float
    units: int
    ratings: int
    values: tuple[Any, ...]
    coincidences: Floats
    reason: str


def krippendorff_alpha(
    ratings: ArrayLike,
    *,
    level: Level = "nominal",
    clusters: ArrayLike | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Alpha:
    """Krippendorff's alpha of units by raters, with an interval.

    Parameters
    ----------
    ratings : array_like, shape (units, raters)
        None or NaN where a rater did not judge; text or numbers for ``nominal``, else numbers.
    level : {"nominal", "ordinal", "interval"}
        How far two values differ: ``nominal`` by 1 unless they are equal, ``interval`` by the square of their
        difference, ``ordinal`` by the square of the number of ratings between them.
    clusters : array_like, shape (units,), or None
        Label of the cluster of each unit, such as its speaker, over which the interval is taken; every unit is its own
        cluster if None.
    resamples : int
        Bootstrap samples, used from :data:`MANY_CLUSTERS` clusters on; below, the interval is that of the jackknife.
    seed : int, >= 0
        Seed of the bootstrap.

    Returns
    -------
    Alpha

    Raises
    ------
    ConfigError
        The ratings are not a table, one is infinite, they are not numbers where they must be, the level is unknown, or
        there is not one cluster for each unit.

    References
    ----------
    Krippendorff (2011), https://repository.upenn.edu/asc_papers/43.

    Examples
    --------
    >>> from kemfeat.stats.agreement import krippendorff_alpha
    >>> found = krippendorff_alpha([["sad", "sad"], ["sad", "angry"], ["angry", "angry"], ["sad", None]])
    >>> round(found.alpha, 4), found.units, found.ratings
    (0.4444, 3, 6)
    """
    values, counts = _counts(ratings, level=level)
    paired = counts.sum(axis=1) >= 2
    pairs = _coincidences(counts[paired])
    total = pairs.sum(axis=0)
    reason = _undefined(total)
    low, high = np.nan, np.nan
    if not reason:
        low, high = _interval(_by_cluster(pairs, clusters, paired), values, level=level, resamples=resamples, seed=seed)
    return Alpha(
        alpha=np.nan if reason else float(_alpha(total, values, level=level)),
        ci_low=float(low),
        ci_high=float(high),
        units=int(paired.sum()),
        ratings=int(counts[paired].sum()),
        values=tuple(values.tolist()),
        coincidences=total,
        reason=reason,
    )


def icc(ratings: ArrayLike, *, clusters: ArrayLike | None = None) -> pd.DataFrame:
    """Intraclass correlations of units by raters.

    The intervals of McGraw and Wong take the units to be independent. Utterances of one speaker are not: with
    ``clusters`` the intervals are those of the jackknife over clusters instead.

    Parameters
    ----------
    ratings : array_like, shape (units, raters)
        Numbers, missing where a rater did not judge. Raters who judged nothing are left out, then all units with a
        missing rating.
    clusters : array_like, shape (units,), or None
        Label of the cluster of each unit, such as its speaker; None where the units are independent.

    Returns
    -------
    DataFrame
        ``type icc ci_low ci_high F df1 df2 p log_p`` (log_p natural), six rows: one rater (``,1``) and the mean of all
        (``,k``), each for new raters per unit (``1``), for the same raters by absolute agreement (``A``) and by
        consistency, which ignores a rater's bias (``C``). Intervals are of 95 %. No rows where fewer than two units or
        raters are complete, or all ratings are equal. With fewer than five clusters there are no intervals. Where
        raters never differ the correlation is 1, F infinite, and there is no interval and no p: nothing is left to
        measure them by. There is none either where units never differ, so that the correlation is at its lowest, and
        for a mean whose interval would be 0 to 0. The reliability of a mean is 0 where that of one rater is not above
        0: stepped up, a negative one may give any number below 0. ``ICC(A,1)`` is a ratio of estimated variances, which
        may be negative, so it may be below -1 where units differ less than raters of the same unit do.

    Raises
    ------
    ConfigError
        The ratings are not a table of finite numbers, or there is not one cluster for each unit.

    References
    ----------
    McGraw and Wong (1996), Psychological Methods 1:30-46.

    Examples
    --------
    >>> from kemfeat.stats.agreement import icc
    >>> found = icc([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    >>> found.set_index("type")["icc"].round(2).to_dict()
    {'ICC(1,1)': 0.17, 'ICC(A,1)': 0.29, 'ICC(C,1)': 0.71, 'ICC(1,k)': 0.44, 'ICC(A,k)': 0.62, 'ICC(C,k)': 0.91}
    """
    table = as_numbers(ratings)
    known = np.isfinite(table)
    table = table[:, known.any(axis=0)]
    complete = np.asarray(np.isfinite(table).all(axis=1))
    wide = table[complete]
    codes = None if clusters is None else cluster_codes(clusters, complete, name="icc")
    if min(wide.shape) < 2 or not varies(wide.ravel()):
        return pd.DataFrame(columns=list(COLUMNS))
    found = intraclass(wide)
    return found if codes is None else over_clusters(found, wide, codes)


def _counts(ratings: ArrayLike, *, level: Level) -> tuple[NDArray[Any], Floats]:
    """The values that occur, sorted, and how often each unit was given each of them, shape (units, values)."""
    if level not in get_args(Level):
        raise ConfigError(f"alpha: level is {level!r}; expected one of {', '.join(get_args(Level))}")
    table = as_categories(ratings) if level == "nominal" else tied(as_numbers(ratings))
    codes, values = pd.factorize(table.ravel(), sort=True)
    units = np.repeat(np.arange(len(table)), table.shape[1])[codes >= 0]
    flat = np.bincount(units * len(values) + codes[codes >= 0], minlength=len(table) * len(values))
    return np.asarray(values), flat.reshape(len(table), len(values)).astype(np.float64)


def _coincidences(counts: Floats) -> Floats:
    """Of each unit with at least two ratings, shape (units, values, values)."""
    pairs = counts[:, :, None] * counts[:, None, :]
    diagonal = np.arange(counts.shape[1])
    pairs[:, diagonal, diagonal] -= counts
    return np.asarray(pairs / (counts.sum(axis=1) - 1)[:, None, None])


def _undefined(coincidences: Floats) -> str:
    if not coincidences.any():
        return "no unit has two ratings"
    return "all ratings are equal" if np.count_nonzero(coincidences.sum(axis=0)) < 2 else ""


def _alpha(coincidences: Floats, values: NDArray[Any], *, level: Level) -> Floats:
    """Alpha of each matrix of coincidences, shape (..., values, values); NaN where all ratings are equal."""
    margins = coincidences.sum(axis=-1)
    difference = _squared_difference(margins, values, level=level)
    expected = np.einsum("...c,...k,...ck->...", margins, margins, difference)
    observed = np.einsum("...ck,...ck->...", coincidences, difference)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1 - (margins.sum(axis=-1) - 1) * observed / expected)


def _squared_difference(margins: Floats, values: NDArray[Any], *, level: Level) -> Floats:
    if level == "nominal":
        difference = 1 - np.eye(len(values))
        return np.broadcast_to(difference, (*margins.shape, len(values)))
    # The ratings between two values, with half of their own, are the distance between their middle ranks.
    place = values.astype(np.float64) if level == "interval" else np.cumsum(margins, axis=-1) - margins / 2
    place = np.broadcast_to(place, margins.shape)
    return np.asarray((place[..., :, None] - place[..., None, :]) ** 2)


def _by_cluster(pairs: Floats, clusters: ArrayLike | None, paired: NDArray[np.bool_]) -> Floats:
    """The coincidences of each cluster, shape (clusters, values, values)."""
    if clusters is None:
        return pairs
    codes = cluster_codes(clusters, paired, name="alpha")
    sums = np.zeros((codes.max() + 1, *pairs.shape[1:]))
    np.add.at(sums, codes, pairs)
    return sums


def _interval(pairs: Floats, values: NDArray[Any], *, level: Level, resamples: int, seed: int) -> tuple[float, float]:
    """Of 95 %: none for few clusters, by the jackknife for some, by the bootstrap for many."""
    if len(pairs) < LEAST_CLUSTERS:
        return np.nan, np.nan
    if len(pairs) >= MANY_CLUSTERS:
        drawn = _drawn(pairs, values, level=level, resamples=resamples, seed=seed)
        if np.isfinite(drawn).mean() < 0.5:
            return np.nan, np.nan
        below, above = with_width(*np.nanquantile(drawn, [0.025, 0.975]))
        return float(below), float(above)
    total = pairs.sum(axis=0)
    left_out, whole = _alpha(total - pairs, values, level=level), _alpha(total, values, level=level)
    bounds = jackknife(left_out, estimate=whole, alpha=0.05, counts=np.asarray(float(len(pairs))))
    low, high = float(bounds[0]), min(float(bounds[1]), 1.0)
    return (low, high) if np.isfinite(low) else (np.nan, np.nan)


def _drawn(pairs: Floats, values: NDArray[Any], *, level: Level, resamples: int, seed: int) -> Floats:
    """Alpha of bootstrap samples of the clusters, shape (resamples,)."""
    rng = np.random.default_rng(seed)
    flat = pairs.reshape(len(pairs), -1)
    alphas = np.empty(resamples)
    per_block = max(1, _BLOCK // len(pairs))
    for start in range(0, resamples, per_block):
        block = alphas[start : start + per_block]
        drawn = rng.integers(len(pairs), size=(len(block), len(pairs)))
        weights = np.stack([np.bincount(row, minlength=len(pairs)) for row in drawn]).astype(np.float64)
        block[:] = _alpha((weights @ flat).reshape(len(block), *pairs.shape[1:]), values, level=level)
    return alphas
