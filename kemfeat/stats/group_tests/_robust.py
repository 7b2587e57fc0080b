"""Comparisons of groups under fewer assumptions: ranks, trimmed means, permutations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from kemfeat.arrays import Floats
from kemfeat.stats.columns import Column
from kemfeat.stats.group_tests._samples import Samples, flaws, moments, split
from kemfeat.stats.rounding import tied, varies
from kemfeat.stats.tails import holm, log_chi2_sf, log_f_sf, log_level, probability
from kemfeat.stats.welch import welch_f

TRIM = 0.2
"""Share trimmed from either end; Wilcox (2017, Introduction to Robust Estimation, ch. 4) recommends a fifth."""

_BLOCK = 2_000_000  # permuted values held in memory at once


@dataclass(frozen=True)
class Robustness:
    """Three tests of all groups and one of pairs, to set beside Welch and Games-Howell.

    Parameters
    ----------
    tests : DataFrame
        ``test statistic df1 df2 p log_p reason`` for ``kruskal``, ``trimmed_welch`` and ``permutation_welch``.
    epsilon2 : float, 0 to 1
        Rank epsilon squared of Kruskal's H, H / (N - 1); NaN where H is.
    dunn : DataFrame
        ``a b z p log_p p_holm log_p_holm significant reason`` for every pair; z > 0 where a ranks higher.
    """

    tests: pd.DataFrame
    epsilon2: float
    dunn: pd.DataFrame


def robustness(
    values: Column, groups: Column, *, alpha: float = 0.05, permutations: int = 1999, seed: int = 0
) -> Robustness:
    """Compare groups by Kruskal with Dunn-Holm, trimmed Welch and permutation Welch.

    Parameters
    ----------
    values : array_like, shape (n,), any unit
        Dependent variable; values that are not finite are dropped.
    groups : array_like, shape (n,)
        Label of each value.
    alpha : float, inside (0, 1)
        Level of ``significant``.
    permutations : int, >= 1
        Random relabellings; the smallest p is 1 / (permutations + 1).
    seed : int, >= 0
        Seed of the relabellings, which do not depend on the order of the rows.

    Returns
    -------
    Robustness

    Raises
    ------
    ConfigError
        The two are not one-dimensional and of one length, a value is not a number, or ``alpha`` is not inside (0, 1).

    References ---------- Kruskal and Wallis (1952), JASA 47:583-621; Dunn (1964), Technometrics 6:241-252; Yuen (1974),
    Biometrika 61:165-170; Janssen (1997), Statistics and Probability Letters 36:9-21.

    Examples
    --------
    >>> from kemfeat.stats.group_tests import robustness
    >>> found = robustness([1, 2, 3, 4, 6, 8, 2, 3, 7], ["a"] * 3 + ["b"] * 3 + ["c"] * 3, permutations=199)
    >>> found.tests.set_index("test")["statistic"].round(3).to_dict()
    {'kruskal': 4.429, 'trimmed_welch': 4.249, 'permutation_welch': 4.249}
    """
    level, samples = log_level(alpha), split(values, groups)
    kruskal = _kruskal(samples)
    rows = [
        ("kruskal", *kruskal),
        ("trimmed_welch", *_trimmed_welch(samples)),
        ("permutation_welch", *_permutation_welch(samples, permutations, seed)),
    ]
    tests = pd.DataFrame(rows, columns=("test", "statistic", "df1", "df2", "log_p", "reason"))
    tests.insert(4, "p", probability(tests["log_p"]))
    epsilon2 = kruskal[0] / (len(samples.pooled) - 1) if kruskal[4] == "" else math.nan
    return Robustness(tests, epsilon2, _dunn(samples, level))


_Row = tuple[float, float, float, float, str]


def _kruskal(samples: Samples) -> _Row:
    """Kruskal and Wallis (1952, JASA 47:583-621), corrected for ties."""
    pooled, df = samples.pooled, len(samples.arrays) - 1
    if df < 1 or pooled.min() == pooled.max():
        return _undefined("fewer than two groups, or all values are equal")
    ranks, variance = _ranks(pooled)
    mean_ranks = np.bincount(samples.codes, weights=ranks) / samples.n
    h = float(np.sum(samples.n * (mean_ranks - (len(pooled) + 1) / 2) ** 2) / variance)
    return h, df, math.nan, log_chi2_sf(h, df=df), ""


def _ranks(pooled: Floats) -> tuple[Floats, float]:
    """Ranks with ties shared, and their variance under exchangeability N (N + 1) / 12 less what ties take away.

    Values that only rounding sets apart are tied.
    """
    pooled = tied(pooled)
    n, ties = len(pooled), np.unique(pooled, return_counts=True)[1].astype(np.float64)
    return stats.rankdata(pooled), n * (n + 1) / 12 - float(np.sum(ties**3 - ties)) / (12 * (n - 1))


def _dunn(samples: Samples, level: float) -> pd.DataFrame:
    """Dunn (1964, Technometrics 6:241-252) on the ranks of all groups, p adjusted by Holm."""
    first, second, table = samples.pairs()
    z, reason = np.full(len(table), math.nan), "all values are equal"
    if len(table) and samples.pooled.min() < samples.pooled.max():
        ranks, variance = _ranks(samples.pooled)
        means = np.bincount(samples.codes, weights=ranks) / samples.n
        z = (means[first] - means[second]) / np.sqrt(variance * (1 / samples.n[first] + 1 / samples.n[second]))
        reason = ""
    log_p = np.minimum(math.log(2) + special.log_ndtr(-np.abs(z)), 0.0)
    adjusted = holm(log_p)
    return table.assign(
        z=z,
        p=probability(log_p),
        log_p=log_p,
        p_holm=probability(adjusted),
        log_p_holm=adjusted,
        significant=adjusted < level,
        reason=reason,
    )


def _trimmed_welch(samples: Samples) -> _Row:
    """Welch's F of means without a fifth at either end, by winsorised variances (Yuen 1974, Biometrika 61:165-170)."""
    arrays = [np.sort(array) for array in samples.centred()[1].arrays]
    cut = [int(TRIM * len(array)) for array in arrays]
    inner = [array[g : len(array) - g] for array, g in zip(arrays, cut, strict=True)]
    wide = [varies(array[g : len(array) - g]) for array, g in zip(map(np.sort, samples.arrays), cut, strict=True)]
    without = [f"{label}" for label, keep in zip(samples.labels, wide, strict=True) if not keep]
    if sum(wide) < 2:
        return _undefined("fewer than two groups vary once trimmed")
    kept = [index for index, keep in enumerate(wide) if keep]
    n = np.array([len(inner[index]) for index in kept], dtype=np.float64)
    mean = np.array([inner[index].mean() for index in kept])
    squared_se = np.array([_winsorised_se2(arrays[index], cut[index]) for index in kept])
    f, df1, df2 = welch_f(n, mean, variance_of_mean=squared_se)
    reason = f"no variance once trimmed, left out: {', '.join(without)}" if without else ""
    return float(f), df1, float(df2), log_f_sf(float(f), df1=df1, df2=float(df2)), reason


def _winsorised_se2(array: Floats, cut: int) -> float:
    """Squared standard error of the trimmed mean of sorted ``array``."""
    n, h = len(array), len(array) - 2 * cut
    winsorised = np.clip(array, array[cut], array[n - 1 - cut])
    return float(np.sum((winsorised - winsorised.mean()) ** 2) / (h * (h - 1)))


def _permutation_welch(samples: Samples, permutations: int, seed: int) -> _Row:
    """Welch's F against its distribution under random labels, valid too where variances differ (Janssen 1997)."""
    found = flaws(samples)
    kept = samples.only([not flaw for flaw in found]).centred()[1]
    without = [flaw for flaw in found if flaw]
    if len(kept.arrays) < 2:
        return _undefined("fewer than two groups with a variance")
    observed = moments(kept)
    f, df1, _ = welch_f(observed.n, observed.mean, variance_of_mean=observed.variance / observed.n)
    # A relabelling that leaves a group without variance has no F, and counts against significance.
    extreme = np.count_nonzero(~(_permuted_f(kept, permutations, seed) < f * (1 - 1e-12)))
    reason = f"left out: {', '.join(without)}" if without else ""
    return float(f), df1, math.nan, math.log((1 + extreme) / (1 + permutations)), reason


def _permuted_f(samples: Samples, permutations: int, seed: int) -> Floats:
    rng, n, pooled = np.random.default_rng(seed), samples.n, np.sort(samples.pooled)
    starts = np.concatenate([[0], np.cumsum(n)[:-1]]).astype(np.intp)
    f = np.empty(permutations)
    per_block = max(1, _BLOCK // len(pooled))
    for start in range(0, permutations, per_block):
        block = f[start : start + per_block]
        shuffled = rng.permuted(np.broadcast_to(pooled, (len(block), len(pooled))), axis=1)
        mean = np.add.reduceat(shuffled, starts, axis=1) / n
        square = np.add.reduceat(shuffled**2, starts, axis=1)
        variance = np.maximum(square - n * mean**2, 0.0) / (n - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            block[:] = welch_f(n, mean, variance_of_mean=variance / n)[0]
    return f


def _undefined(reason: str) -> _Row:
    return math.nan, math.nan, math.nan, math.nan, reason
