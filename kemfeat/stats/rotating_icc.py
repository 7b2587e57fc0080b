"""Intraclass correlation where raters rotate: each unit has its own raters, and not all units have equally many."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from kemfeat.arrays import Floats
from kemfeat.stats._icc import COLUMNS, stepped_up, with_limits
from kemfeat.stats._jackknife import jackknife
from kemfeat.stats._ratings import as_numbers, cluster_codes
from kemfeat.stats.rounding import NOISE, varies
from kemfeat.stats.tails import log_f_sf, probability


def rotating_icc(ratings: ArrayLike, *, clusters: ArrayLike | None = None) -> pd.DataFrame:
    """Intraclass correlation of one rater and of the mean, from units with any number of ratings.

    The one-way model rating = unit + error takes the raters of every unit to be drawn anew, so their bias counts as
    error and it does not matter who rated what. In a complete table these are ICC(1,1) and ICC(1,k) of
    :func:`kemfeat.stats.agreement.icc`.

    Parameters
    ----------
    ratings : array_like, shape (units, raters)
        Numbers, missing where a rater did not judge. Units with fewer than two ratings do not count.
    clusters : array_like, shape (units,), or None
        Label of the cluster of each unit, such as its speaker, over which the intervals are taken; every unit is its
        own cluster if None.

    Returns
    -------
    DataFrame
        ``type icc ci_low ci_high F df1 df2 p log_p`` (log_p natural) of ``rotating,1``, one rater, and ``rotating,k``,
        the mean of k of them; k, in ``attrs``, is the mean number of ratings per unit corrected for its spread.
        Intervals are of 95 % by the jackknife of Fisher's z over clusters, about the z less the jackknife's estimate
        of its bias, NaN for fewer than five clusters. No rows where fewer than two units have two ratings, or all
        ratings are equal. Where raters never differ the correlation is 1, without an interval and without p.

    Raises
    ------
    ConfigError
        The ratings are not a table of numbers, or there is not one cluster for each unit.

    References
    ----------
    Donner (1986), International Statistical Review 54:67-82, eq. 2.3; Searle, Casella and McCulloch (1992), Variance
    Components, 3.6; Efron and Tibshirani (1993), An Introduction to the Bootstrap, 11.5.

    Examples
    --------
    >>> from kemfeat.stats.rotating_icc import rotating_icc
    >>> found = rotating_icc([[4, 5, None], [None, 1, 2], [3, None, 3], [5, 4, 5], [1, None, None]])
    >>> found["icc"].round(3).tolist(), round(found.attrs["k"], 2)
    ([0.859, 0.931], 2.22)
    """
    table = as_numbers(ratings)
    count = np.isfinite(table).sum(axis=1)
    used = count >= 2
    table, count = table[used], count[used].astype(np.float64)
    codes = np.arange(len(table)) if clusters is None else cluster_codes(clusters, used, name="icc")
    if len(table) < 2 or not varies(table[np.isfinite(table)]):
        return pd.DataFrame(columns=list(COLUMNS))
    parts = np.zeros((int(codes.max()) + 1, 6))
    np.add.at(parts, codes, _sums(table - np.nanmean(table), count))
    total, rounding = parts.sum(axis=0), (NOISE * float(np.nanmax(np.abs(table)))) ** 2
    between, within, k = _mean_squares(total, rounding)
    single, df = float(_single(total, rounding)), (total[0] - 1, total[1] - total[0])
    left_out, whole = _fisher(_single(total - parts, rounding), k), _fisher(np.asarray(single), k)
    low, high = jackknife(left_out, estimate=whole, alpha=0.05, counts=np.asarray(float(len(parts))))
    bias = (len(parts) - 1) * (left_out.mean(axis=0) - whole)
    low, high = np.minimum(low - bias, whole), np.maximum(high - bias, whole)
    ends = [single, *(_of_fisher(end, k) for end in (low, high))]
    f = float(between / within) if within > 0 else np.inf
    log_p = log_f_sf(f, df1=df[0], df2=df[1]) if within > 0 else np.nan
    rows = [("rotating,1", *ends), ("rotating,k", *(stepped_up(float(end), float(k)) for end in ends))]
    found = with_limits(pd.DataFrame([(*row, f, *df) for row in rows], columns=COLUMNS[:7]))
    found = found.assign(p=float(probability(log_p)), log_p=log_p)
    found.attrs["k"] = float(k)
    return found


def _sums(table: Floats, count: Floats) -> Floats:
    """Of each unit 1, m, m^2, the sum of its ratings, its square by m, and squares within it; shape (units, 6)."""
    total = np.nansum(table, axis=1)
    inside = np.nansum((table - (total / count)[:, None]) ** 2, axis=1)
    columns = (np.ones_like(count), count, count**2, total, total**2 / count, inside)
    return np.column_stack(columns)


def _mean_squares(sums: Floats, rounding: float) -> tuple[Floats, Floats, Floats]:
    """Between and within units, and the corrected mean number of ratings, of sums of shape (..., 6).

    Mean squares of at most ``rounding`` are 0.
    """
    units, n, squares, total, between, inside = np.moveaxis(sums, -1, 0)
    of_units, within = (between - total**2 / n) / (units - 1), inside / (n - units)
    of_units, within = (np.where(square > rounding, square, 0.0) for square in (of_units, within))
    return of_units, within, (n - squares / n) / (units - 1)


def _single(sums: Floats, rounding: float) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        between, within, k = _mean_squares(sums, rounding)
        return np.asarray((between - within) / (between + (k - 1) * within))


def _fisher(icc: Floats, k: Floats) -> Floats:
    """Fisher's z of one rater's correlation, NaN where that is 1 or at its lowest."""
    inside = (icc < 1) & (icc > -1 / (k - 1))
    kept = np.where(inside, icc, 0.0)
    return np.asarray(np.where(inside, np.log((1 + (k - 1) * kept) / (1 - kept)) / 2, np.nan))


def _of_fisher(z: Floats, k: Floats) -> float:
    ratio = np.exp(-2 * z)
    return float((1 - ratio) / (1 + (k - 1) * ratio))
