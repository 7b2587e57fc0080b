"""Intraclass correlations of a complete table in closed form, also where a mean square is 0."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from kemfeat.arrays import Floats
from kemfeat.stats._jackknife import jackknife
from kemfeat.stats.rounding import NOISE, with_width
from kemfeat.stats.tails import log_f_sf, probability

COLUMNS = ("type", "icc", "ci_low", "ci_high", "F", "df1", "df2", "p", "log_p")

_ALPHA = 0.05


def intraclass(table: Floats) -> pd.DataFrame:
    """Six intraclass correlations of a table that varies, of shape (n >= 2, k >= 2).

    McGraw and Wong (1996), Psychological Methods 1:30-46, tables 4 and 7.
    """
    n, k = table.shape
    units, raters, error, within = _mean_squares(table)
    free, shared = n * (k - 1.0), (n - 1.0) * (k - 1.0)
    one, same = _by_f(units, within, k=k, df=(n - 1.0, free)), _by_f(units, error, k=k, df=(n - 1.0, shared))
    agree = _agreement(units, raters, error, shape=(n, k))
    singles = {"ICC(1,1)": (one, free), "ICC(A,1)": (agree, shared), "ICC(C,1)": (same, shared)}
    rows = [
        (name, *numbers, _f(units, within if df == free else error), n - 1, df)
        for name, (numbers, df) in singles.items()
    ]
    rows += [
        (name.replace("1)", "k)"), *(stepped_up(x, k) for x in row), f, df1, df2) for name, *row, f, df1, df2 in rows
    ]
    found = with_limits(pd.DataFrame(rows, columns=COLUMNS[:7]))
    degrees = zip(*(found[name].tolist() for name in ("F", "df1", "df2")), strict=True)
    log_p = np.array([log_f_sf(f, df1=df1, df2=df2) if np.isfinite(f) else np.nan for f, df1, df2 in degrees])
    return found.assign(p=probability(log_p), log_p=log_p)


def over_clusters(found: pd.DataFrame, table: Floats, codes: NDArray[np.intp]) -> pd.DataFrame:
    """The correlations ``found`` in ``table``, with intervals from leaving out one cluster of units at a time.

    The jackknife is that of z = ln((1 + (k - 1) icc) / (1 - icc)) / 2 (Fisher 1925, Statistical Methods for Research
    Workers, 38), whose error does not depend on the correlation.
    """
    k, count = table.shape[1], int(codes.max()) + 1
    left_out = [_single_z(table[codes != one]) for one in range(count)]
    low, high = jackknife(np.array(left_out), estimate=_single_z(table), alpha=_ALPHA, counts=np.full(3, float(count)))
    limits = [[_of_z(float(z), k) for z in side] for side in (low, high)]
    both = [[*side, *(stepped_up(limit, k) for limit in side)] for side in limits]
    return with_limits(found.assign(ci_low=both[0], ci_high=both[1]))


def with_limits(found: pd.DataFrame) -> pd.DataFrame:
    """The table with NaN for intervals of no width: at the lowest value, and where both limits of a mean are 0."""
    low, high = with_width(found["ci_low"], found["ci_high"])
    return found.assign(ci_low=low, ci_high=high)


def _single_z(table: Floats) -> Floats:
    """Fisher's z of the three correlations of one rater, NaN where one is 1 or not defined, shape (3,)."""
    n, k = table.shape
    if n < 2:
        return np.full(3, np.nan)
    units, raters, error, within = _mean_squares(table)
    df = (n - 1.0, 1.0)
    agree = _agreement(units, raters, error, shape=(n, k))[0]
    single = np.array([_by_f(units, within, k=k, df=df)[0], agree, _by_f(units, error, k=k, df=df)[0]])
    inside = (single < 1) & (single > -1 / (k - 1))
    single = np.where(inside, single, np.nan)
    return np.asarray(np.log((1 + (k - 1) * single) / (1 - single)) / 2)


def _of_z(z: float, k: int) -> float:
    ratio = np.exp(-2 * z)
    return float((1 - ratio) / (1 + (k - 1) * ratio))


def _mean_squares(table: Floats) -> tuple[float, float, float, float]:
    """Of units, raters, their interaction, and all within units; exactly 0 where only rounding is left."""
    n, k = table.shape
    left = table - table.mean()
    rows, columns = left.mean(axis=1, keepdims=True), left.mean(axis=0, keepdims=True)
    squares = (
        k * float(np.sum(rows**2)) / (n - 1),
        n * float(np.sum(columns**2)) / (k - 1),
        float(np.sum((left - rows - columns) ** 2)) / ((n - 1) * (k - 1)),
        float(np.sum((left - rows) ** 2)) / (n * (k - 1)),
    )
    rounding = (NOISE * float(np.abs(table).max())) ** 2
    a, b, c, d = (0.0 if square <= rounding else square for square in squares)
    return a, b, c, d


def _f(units: float, error: float) -> float:
    return units / error if error > 0 else (np.inf if units > 0 else np.nan)


def _by_f(units: float, error: float, *, k: int, df: tuple[float, float]) -> tuple[float, float, float]:
    """Estimate and interval of (F - 1) / (F + k - 1); 1 without an interval where raters never differ."""
    if error == 0:
        return (1.0 if units > 0 else np.nan), np.nan, np.nan
    f = units / error
    low, high = f / stats.f.isf(_ALPHA / 2, *df), f * stats.f.isf(_ALPHA / 2, *df[::-1])
    estimate, lower, upper = ((value - 1) / (value + k - 1) for value in (f, low, high))
    return float(estimate), float(lower), float(upper)


def _agreement(units: float, raters: float, error: float, *, shape: tuple[int, int]) -> tuple[float, float, float]:
    n, k = shape
    total = units + (k - 1) * error + k / n * (raters - error)
    if total <= 0:
        return np.nan, np.nan, np.nan
    estimate = (units - error) / total
    bias, rest = k * raters * estimate, (n * (1 + (k - 1) * estimate) - k * estimate) * error
    spread = bias**2 / (k - 1) + rest**2 / ((n - 1) * (k - 1))
    if error == 0 or spread == 0:
        return estimate, np.nan, np.nan
    df = (bias + rest) ** 2 / spread
    if not df > 0:
        return estimate, np.nan, np.nan
    lower, upper = stats.f.isf(_ALPHA / 2, n - 1, df), stats.f.isf(_ALPHA / 2, df, n - 1)
    other = k * raters + (k * n - k - n) * error
    below, above = lower * other + n * units, other + n * upper * units
    if not (0 < below < np.inf and 0 < above < np.inf):
        return estimate, np.nan, np.nan
    return estimate, float(n * (units - lower * error) / below), float(n * (upper * units - error) / above)


def stepped_up(single: float, k: float) -> float:
    """Reliability of the mean of k raters (Spearman 1910, Brown 1910); 0 where that of one is not above 0."""
    return single if np.isnan(single) else max(k * single, 0.0) / max(1 + (k - 1) * single, 1.0)
