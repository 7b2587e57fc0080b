"""Tests of the assumptions of a classic analysis of variance; Welch's does not need equal variances."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pingouin as pg
from scipy import stats

from kemfeat.arrays import Floats
from kemfeat.stats.columns import Column
from kemfeat.stats.group_tests._describe import SHAPIRO_LIMIT, shapiro
from kemfeat.stats.group_tests._samples import Samples, flaws, moments, split
from kemfeat.stats.rounding import NOISE
from kemfeat.stats.tails import log_chi2_sf, log_f_sf, probability

_COLUMNS = ("test", "statistic", "df1", "df2", "log_p", "reason")


def assumptions(values: Column, groups: Column, *, seed: int = 0) -> pd.DataFrame:
    """Test normality of the residuals and equality of the variances.

    Parameters
    ----------
    values : array_like, shape (n,), any unit
        Dependent variable; values that are not finite are dropped.
    groups : array_like, shape (n,)
        Label of each value.
    seed : int, >= 0
        Seed of the sample that Shapiro's test takes of more than 5000 residuals.

    Returns
    -------
    DataFrame
        ``test statistic df1 df2 p log_p reason``, one row each for ``shapiro`` (of the residuals), ``levene`` (about
        the medians), ``bartlett``, ``fligner`` and ``variance_ratio`` (largest by smallest variance: an effect, not a
        test). ``log_p`` is natural; ``reason`` says what is NaN or left out, and why.

    Raises
    ------
    ConfigError
        The two are not one-dimensional and of one length, or a value is not a number.

    References
    ----------
    Brown and Forsythe (1974), JASA 69:364-367; Fligner and Killeen (1976), JASA 71:210-213.

    Examples
    --------
    >>> from kemfeat.stats.group_tests import assumptions
    >>> table = assumptions([1, 2, 3, 4, 6, 8, 2, 3, 7], ["a"] * 3 + ["b"] * 3 + ["c"] * 3)
    >>> table.set_index("test")["p"].round(3).to_dict()
    {'shapiro': 0.51, 'levene': 0.694, 'bartlett': 0.508, 'fligner': 0.646, 'variance_ratio': nan}
    """
    samples = split(values, groups)
    rows = [
        ("shapiro", *_shapiro(samples, seed)),
        ("levene", *_levene(samples)),
        ("bartlett", *_bartlett(samples)),
        ("fligner", *_fligner(samples)),
        ("variance_ratio", *_variance_ratio(samples)),
    ]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    table.insert(4, "p", probability(table["log_p"]))
    return table


_Row = tuple[float, float, float, float, str]


def _shapiro(samples: Samples, seed: int) -> _Row:
    residuals = np.concatenate([np.empty(0), *(array - array.mean() for array in samples.arrays)])
    if all(array.min() == array.max() for array in samples.arrays):
        return _undefined("no group varies")
    w, p, n = shapiro(np.sort(residuals), seed=seed)
    reason = f"{n} of {len(residuals)} residuals, drawn at random" if n > 0 and len(residuals) > SHAPIRO_LIMIT else ""
    return (w, math.nan, math.nan, math.log(p), reason) if n else _undefined("fewer than three values")


def _levene(samples: Samples) -> _Row:
    df1, df2 = len(samples.arrays) - 1, int(samples.n.sum()) - len(samples.arrays)
    if df1 < 1 or df2 < 1 or all(_equal(_distances(array), of=array) for array in samples.arrays):
        return _undefined("fewer than two groups, or the distances from the median do not vary in any")
    f = float(pg.homoscedasticity(list(samples.centred()[1].arrays), method="levene", center="median")["W"].iloc[0])
    return f, df1, df2, log_f_sf(f, df1=df1, df2=df2), ""


def _bartlett(samples: Samples) -> _Row:
    found = flaws(samples)
    kept, without = samples.only([not flaw for flaw in found]), [flaw for flaw in found if flaw]
    df = len(kept.arrays) - 1
    if df < 1:
        return _undefined(_listing("fewer than two groups with a variance", without))
    statistic = float(pg.homoscedasticity(list(kept.centred()[1].arrays), method="bartlett")["T"].iloc[0])
    return statistic, df, math.nan, log_chi2_sf(statistic, df=df), _listing("left out", without) if without else ""


def _fligner(samples: Samples) -> _Row:
    df = len(samples.arrays) - 1
    if df < 1 or _equal(np.concatenate([_distances(array) for array in samples.arrays]), of=samples.pooled):
        return _undefined("fewer than two groups, or all distances from the medians are equal")
    statistic = float(stats.fligner(*samples.arrays, center="median").statistic)
    return statistic, df, math.nan, log_chi2_sf(statistic, df=df), ""


def _variance_ratio(samples: Samples) -> _Row:
    found = flaws(samples)
    variances = moments(samples.only([not flaw for flaw in found])).variance
    without = [flaw for flaw in found if flaw]
    if len(variances) < 2:
        return _undefined(_listing("fewer than two groups with a variance", without))
    reason = _listing("left out", without) if without else ""
    return float(variances.max() / variances.min()), math.nan, math.nan, math.nan, reason


def _distances(array: Floats) -> Floats:
    distances: Floats = np.abs(array - np.median(array))
    return distances


def _equal(distances: Floats, *, of: Floats) -> bool:
    """Whether they differ only by rounding of the values that they are distances of, as the two values of a pair do."""
    return bool(np.ptp(distances) <= NOISE * np.abs(of).max())


def _undefined(reason: str) -> _Row:
    return math.nan, math.nan, math.nan, math.nan, reason


def _listing(head: str, flaws: Sequence[str]) -> str:
    return f"{head}: {', '.join(flaws)}" if flaws else head
