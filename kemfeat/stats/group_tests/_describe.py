"""Descriptive statistics of each group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pingouin as pg
from scipy import special, stats

from kemfeat.arrays import Floats
from kemfeat.stats.columns import Column
from kemfeat.stats.group_tests._samples import split
from kemfeat.stats.rounding import NOISE
from kemfeat.stats.tails import SMALLEST, log_level

SHAPIRO_LIMIT = 5000
"""Royston's approximation to the p of Shapiro-Wilk is valid up to this n; larger groups are sampled to it."""

LEAST_RESAMPLED = 20
"""Groups of fewer values have Student's interval of the mean, not that of the bootstrap."""

_SHAPIRO_LEAST = 3
_COLUMNS = (
    *("group", "n", "missing", "mean", "sd", "median", "skew", "kurtosis"),
    *("ci_low", "ci_high", "shapiro_w", "shapiro_p", "shapiro_n", "reason"),
)
_BLOCK = 1_000_000  # resampled values held in memory at once


def describe(
    values: Column, groups: Column, *, alpha: float = 0.05, resamples: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Describe every group, including labels without any value.

    Parameters
    ----------
    values : array_like, shape (n,), any unit
        Dependent variable; values that are not finite are dropped and counted.
    groups : array_like, shape (n,)
        Label of each value.
    alpha : float, inside (0, 1)
        One minus the confidence of the intervals.
    resamples : int
        Bootstrap resamples per group.
    seed : int, >= 0
        Seed of the bootstrap and of Shapiro's samples; neither depends on the order of the rows.

    Returns
    -------
    DataFrame
        One row per group: ``group n missing mean sd median skew kurtosis`` (skew and excess kurtosis corrected for
        bias, G1 and G2), ``ci_low ci_high`` (BCa bootstrap interval of the mean, Student's for fewer than 20 values),
        ``shapiro_w shapiro_p shapiro_n`` (n tested, at most :data:`SHAPIRO_LIMIT`), ``reason`` (what is NaN or sampled,
        and why; empty where nothing is).

    Raises
    ------
    ConfigError
        The two are not one-dimensional and of one length, a value is not a number, or ``alpha`` is not inside (0, 1).

    References
    ----------
    Efron (1987), JASA 82:171-185 (BCa); Hesterberg (2015), The American Statistician 69:371-386.

    Examples
    --------
    >>> from kemfeat.stats.group_tests import describe
    >>> describe([1, 2, 3, 4, 6, 8], ["a"] * 3 + ["b"] * 3)[["group", "n", "mean", "sd"]]
      group  n  mean   sd
    0     a  3   2.0  1.0
    1     b  3   6.0  2.0
    """
    log_level(alpha)
    samples = split(values, groups)
    arrays = dict(zip(samples.labels, samples.arrays, strict=True))
    rows = []
    for label, missing in samples.missing.items():
        array = np.sort(arrays.get(label, np.empty(0)))
        low, high = mean_interval(array, alpha=alpha, resamples=resamples, seed=seed)
        w, p, tested = shapiro(array, seed=seed)
        rows.append((label, len(array), missing, *_shape(array), low, high, w, p, tested, _remark(array)))
    return pd.DataFrame(rows, columns=_COLUMNS)


def shapiro(array: Floats, *, seed: int) -> tuple[float, float, int]:
    """W and p of Shapiro and Wilk, and the number of values tested: a seeded sample where there are too many.

    NaN, NaN and 0 where there are fewer than 3 values or all are equal.
    """
    if len(array) < _SHAPIRO_LEAST or array.min() == array.max():
        return np.nan, np.nan, 0
    if len(array) > SHAPIRO_LIMIT:
        array = np.random.default_rng(seed).choice(array, SHAPIRO_LIMIT, replace=False)
    row = pg.normality(pd.Series(array - np.median(array))).iloc[0]
    return float(row["W"]), max(float(row["pval"]), SMALLEST), len(array)


def mean_interval(array: Floats, *, alpha: float, resamples: int, seed: int) -> tuple[float, float]:
    """BCa bootstrap interval of the mean; NaN for fewer than two values, NaN too where all are equal.

    Fewer than :data:`LEAST_RESAMPLED` values do not show the shape that BCa corrects for: they have Student's interval.
    The bootstrap of n values is too narrow, by the divisor n of its variance and because it knows no t distribution:
    both limits are moved from the mean by t / z * sqrt(n / (n - 1)), after Hesterberg (2015, The American Statistician
    69:371-386).
    """
    if len(array) < 2:
        return np.nan, np.nan
    deviation = array - array.mean()
    if array.min() == array.max():
        return np.nan, np.nan
    n = len(array)
    if n < LEAST_RESAMPLED:
        half = stats.t.isf(alpha / 2, n - 1) * array.std(ddof=1) / np.sqrt(n)
        return float(array.mean() - half), float(array.mean() + half)
    means = _resampled_means(deviation, resamples, seed)
    rounding = NOISE * np.abs(array).max()
    below = np.mean((means < -rounding) + (np.abs(means) <= rounding) / 2)
    bias = special.ndtri(np.clip(below, 1 / (resamples + 1), resamples / (resamples + 1)))
    acceleration = np.sum(deviation**3) / (6 * np.sum(deviation**2) ** 1.5)
    shifted = bias + special.ndtri(np.array([alpha / 2, 1 - alpha / 2]))
    levels = special.ndtr(bias + shifted / (1 - acceleration * shifted))
    wider = stats.t.isf(alpha / 2, n - 1) / -special.ndtri(alpha / 2) * np.sqrt(n / (n - 1))
    low, high = array.mean() + wider * np.quantile(means, levels)
    return float(low), float(high)


def _resampled_means(array: Floats, resamples: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    per_block = max(1, _BLOCK // len(array))
    for start in range(0, resamples, per_block):
        block = means[start : start + per_block]
        block[:] = array[rng.integers(len(array), size=(len(block), len(array)))].mean(axis=1)
    return means


def _shape(array: Floats) -> tuple[float, float, float, float, float]:
    """Mean, standard deviation, median, skew and excess kurtosis; NaN where the group is too small or constant."""
    n = len(array)
    if n == 0:
        return (np.nan,) * 5
    mean, varies = float(array.mean()), array.min() < array.max()
    deviation = array - mean
    return (
        mean,
        (float(array.std(ddof=1)) if varies else 0.0) if n > 1 else np.nan,
        float(np.median(array)),
        float(stats.skew(deviation, bias=False)) if n > 2 and varies else np.nan,
        float(stats.kurtosis(deviation, bias=False)) if n > 3 and varies else np.nan,
    )


def _remark(array: Floats) -> str:
    n = len(array)
    if n < 2:
        return "one value: no spread, shape or interval" if n else "no value"
    if array.min() == array.max():
        return "zero variance: no interval, skew, kurtosis or Shapiro test"
    if n <= _SHAPIRO_LEAST:
        return "two values: no skew, kurtosis or Shapiro test" if n == 2 else "three values: no kurtosis"
    return f"Shapiro test on {SHAPIRO_LIMIT} values drawn at random" if n > SHAPIRO_LIMIT else ""
