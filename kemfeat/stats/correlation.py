"""Correlation of repeated measures: within each conversation, then over speakers.

A correlation within one conversation says nothing about people in general; one number per speaker does. So every
conversation gives a correlation, its Fisher's z = artanh(r) is averaged per speaker, and the speakers are tested.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pingouin as pg
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError
from kemfeat.stats._jackknife import jackknife
from kemfeat.stats.columns import Column, factor, numbers
from kemfeat.stats.rounding import NOISE, noise_of
from kemfeat.stats.tails import SMALLEST

LEAST_PAIRS = 4
"""Fisher's z of fewer pairs has no variance, which is 1 / (n - 3)."""


@dataclass(frozen=True, slots=True)
class MeanCorrelation:
    """Mean correlation over units such as speakers, tested against 0.

    Parameters
    ----------
    units : int
        Units that have a correlation.
    r : float, -1 to 1
        Hyperbolic tangent of the mean z.
    ci_low, ci_high : float, -1 to 1
        95 % interval of ``r``, from Student's t on z.
    t, df, p : float
        One-sample t test of z.
    p_wilcoxon : float, 0 to 1
        Signed-rank test of z, which one extreme unit cannot decide.
    reason : str
        Why there is no test; empty where there is one.
    """

    units: int
    r: float
    ci_low: float
    ci_high: float
    t: float
    df: float
    p: float
    p_wilcoxon: float
    reason: str


@dataclass(frozen=True, slots=True)
class RepeatedCorrelation:
    """Repeated-measures correlation: one slope for all subjects, each with its own level.

    Parameters
    ----------
    r : float, -1 to 1
        Correlation of the deviations from the subjects' means.
    ci_low, ci_high : float, -1 to 1
        95 % interval over subjects, by the jackknife of Fisher's z; NaN for fewer than five.
    df : float
        Degrees of freedom.
    p : float, 0 to 1
        Of ``r`` = 0, with all observations of a subject taken to be independent.
    """

    r: float
    ci_low: float
    ci_high: float
    df: float
    p: float


def within(x: ArrayLike, *, y: ArrayLike, groups: ArrayLike, ranks: bool = False) -> pd.DataFrame:
    """Pearson's or Spearman's correlation within each group.

    A side whose standard deviation is below :data:`~kemfeat.stats.rounding.NOISE` of its largest absolute value
    (``NOISE_SINGLE`` for values in single precision) does not vary: means of equal numbers differ in their last digits,
    which correlate with nothing. A correlation within ``NOISE`` of 1 or -1 is set to exactly 1 or -1. Its Fisher's z is
    infinite, so it has no z and no weight in :func:`pooled_z`; ``r.notna() & z.isna()`` finds such groups.

    Parameters
    ----------
    x, y : array_like, shape (n,), any unit
        Observations; pairs with a missing or infinite value do not count.
    groups : array_like, shape (n,)
        The group of each pair, such as its conversation; rows without a group do not count.
    ranks : bool
        Correlate ranks within the group, equal values sharing their mean rank: Spearman's correlation. Values that
        differ by less than ``NOISE`` of the largest are equal.

    Returns
    -------
    DataFrame
        ``group n r z``, sorted by group; r and z are NaN where fewer than :data:`LEAST_PAIRS` pairs are left or one
        side does not vary, and z is NaN where r is 1 or -1.

    Raises
    ------
    ConfigError
        The three differ in length, or ``x`` or ``y`` are not numbers.

    References
    ----------
    Fisher (1921), Metron 1:3-32 (z = artanh r, variance 1 / (n - 3)); Spearman (1904), American J. Psychology
    15:72-101; Bonett and Wright (2000), Psychometrika 65:23-28 (Spearman's z varies in proportion to 1 / (n - 3), too).

    Examples
    --------
    >>> from kemfeat.stats.correlation import within
    >>> y = [1, 3, 2, 5, 4, 1, 2, 3, 4, 5]
    >>> within([1, 2, 3, 4, 5] * 2, y=y, groups=["a"] * 5 + ["b"] * 5).round(3)
      group  n    r      z
    0     a  5  0.8  1.099
    1     b  5  1.0    NaN
    """
    frame = _pairs(x, y, groups)
    names = factor(frame["group"]).remove_unused_categories().categories
    pairs = frame.dropna()
    noise = noise_of(x), noise_of(y)
    if ranks:
        pairs, noise = _ranked(pairs, noise=noise), (NOISE, NOISE)
    by_group = pairs.groupby("group", observed=True)
    deviation = pairs[["x", "y"]] - by_group[["x", "y"]].transform("mean")
    products = pd.DataFrame(
        {"xx": deviation["x"] ** 2, "yy": deviation["y"] ** 2, "xy": deviation["x"] * deviation["y"], "n": 1}
    )
    sums = products.groupby(pairs["group"], observed=True).sum().reindex(names, fill_value=0)
    varies = _varies(sums, pairs, noise=noise).reindex(names, fill_value=False)
    usable = varies & (sums["n"] >= LEAST_PAIRS)
    # Roots first: the product of two small sums of squares underflows.
    r = sums["xy"] / (sums["xx"].where(usable) ** 0.5 * sums["yy"] ** 0.5)
    r = _exact_ends(r)
    z = np.arctanh(r.where(r.abs() < 1))
    return pd.DataFrame({"group": names.to_numpy(), "n": sums["n"].to_numpy(), "r": r.to_numpy(), "z": z.to_numpy()})


def _pairs(x: ArrayLike, y: ArrayLike, groups: ArrayLike, *, name: str = "group") -> pd.DataFrame:
    """Columns ``x y`` and ``name``; infinite values are missing, rows without a group are left out."""
    columns = {"x": numbers(_column(x)), "y": numbers(_column(y)), name: pd.Series(_column(groups)).to_numpy()}
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        found = ", ".join(f"{len(column)} {key}" for key, column in columns.items())
        raise ConfigError(f"correlation: found {found}; expected one of each for every observation")
    frame = pd.DataFrame(columns)
    frame[["x", "y"]] = frame[["x", "y"]].where(np.isfinite(frame[["x", "y"]]))
    return frame.dropna(subset=name)


def _column(values: ArrayLike) -> Column:
    return values if isinstance(values, pd.Series | pd.Index | list | tuple) else np.asarray(values)


def _varies(sums: pd.DataFrame, pairs: pd.DataFrame, *, noise: tuple[float, float]) -> pd.Series:
    """Whether both sides of each group vary by more than rounding, relative to the size of their values."""
    largest = pairs[["x", "y"]].abs().groupby(pairs.iloc[:, 2], observed=True).max()
    deviation = (sums[["xx", "yy"]].div(sums["n"].where(sums["n"] > 0), axis=0) ** 0.5).reindex(largest.index)
    return (deviation["xx"] > noise[0] * largest["x"]) & (deviation["yy"] > noise[1] * largest["y"])


def _ranked(pairs: pd.DataFrame, *, noise: tuple[float, float]) -> pd.DataFrame:
    """Ranks within groups; values that rounding alone could set apart share one."""
    largest = pairs[["x", "y"]].abs().groupby(pairs["group"], observed=True).transform("max")
    step = largest * np.array(noise)
    rounded = (pairs[["x", "y"]] / step.where(step > 0, 1.0)).round()
    return pairs.assign(**rounded.groupby(pairs["group"], observed=True).rank())


def _exact_ends(r: pd.Series) -> pd.Series:
    """Exactly 1 or -1 where only rounding keeps r from it."""
    return r.where(r.abs() < 1 - NOISE, np.sign(r))


def pooled_z(z: pd.Series, *, n: pd.Series, units: pd.Series) -> pd.Series:
    """Mean z per unit, weighted by n - 3, the inverse of its variance.

    Parameters
    ----------
    z : Series, length m
        Fisher's z of each conversation; those without one do not count.
    n : Series, length m, int
        Pairs of each conversation.
    units : Series, length m
        Label of the unit of each conversation, such as its speaker.

    Returns
    -------
    Series
        Mean z by unit, of the units that have one.

    References
    ----------
    Fisher (1921), Metron 1:3-32.

    Examples
    --------
    >>> import pandas as pd
    >>> from kemfeat.stats.correlation import pooled_z
    >>> pooled_z(pd.Series([0.2, 0.6]), n=pd.Series([13, 33]), units=pd.Series(["f1", "f1"])).to_dict()
    {'f1': 0.5}
    """
    known = z.notna()
    weight = (n - 3).where(known)
    sums = pd.DataFrame({"z": z * weight, "weight": weight}).groupby(units).sum(min_count=1)
    return (sums["z"] / sums["weight"]).dropna().rename("z")


def mean_correlation(z: ArrayLike) -> MeanCorrelation:
    """Test whether z of several units is 0 on average.

    Parameters
    ----------
    z : array_like, shape (units,)
        Fisher's z of each unit; NaN does not count.

    Returns
    -------
    MeanCorrelation
        Without a test, and with a reason, where fewer than two units have a z or all have the same.

    Examples
    --------
    >>> from kemfeat.stats.correlation import mean_correlation
    >>> found = mean_correlation([0.1, 0.3, 0.2, 0.4, 0.25])
    >>> round(found.r, 4), round(found.p, 4), found.units
    (0.2449, 0.0075, 5)
    """
    values = np.asarray(z, dtype=np.float64)
    values = values[np.isfinite(values)]
    n = len(values)
    if n < 2 or np.ptp(values) <= NOISE * max(1.0, float(np.abs(values).max())):
        reason = "fewer than two units with a correlation" if n < 2 else "all units have the same correlation"
        r = float(np.tanh(values.mean())) if n else np.nan
        return MeanCorrelation(n, r, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, reason)
    test = stats.ttest_1samp(values, 0.0)
    low, high = test.confidence_interval(0.95)
    signed = stats.wilcoxon(values)
    return MeanCorrelation(
        units=n,
        r=float(np.tanh(values.mean())),
        ci_low=float(np.tanh(low)),
        ci_high=float(np.tanh(high)),
        t=float(test.statistic),
        df=float(test.df),
        p=max(float(test.pvalue), SMALLEST),
        p_wilcoxon=float(signed.pvalue),
        reason="",
    )


def repeated(x: ArrayLike, *, y: ArrayLike, subjects: ArrayLike) -> RepeatedCorrelation:
    """Repeated-measures correlation, by pingouin, with an interval over subjects.

    Pingouin's own interval takes one correlation to be common to all subjects, and misses the truth in one case of six
    where they differ.

    Parameters
    ----------
    x, y : array_like, shape (n,), any unit
        Observations; pairs with a missing or infinite value do not count.
    subjects : array_like, shape (n,)
        The subject of each pair, such as its speaker; subjects with a single pair do not count.

    Returns
    -------
    RepeatedCorrelation
        All NaN where fewer than three subjects are left, or x or y does not vary (beyond rounding) within any
        subject. Where r is 1 or -1 nothing varies about the line: r is exact, interval and p are NaN.

    Raises
    ------
    ConfigError
        The three differ in length, or ``x`` or ``y`` are not numbers.

    References
    ----------
    Bakdash and Marusich (2017), Frontiers in Psychology 8:456.

    Examples
    --------
    >>> from kemfeat.stats.correlation import repeated
    >>> x, y = [1, 2, 3, 4, 5, 6, 7, 8, 9], [2, 1, 3, 5, 6, 4, 8, 7, 9]
    >>> found = repeated(x, y=y, subjects=["a"] * 3 + ["b"] * 3 + ["c"] * 3)
    >>> round(found.r, 4), found.df
    (0.1667, 5.0)
    """
    frame = _pairs(x, y, subjects, name="subject").dropna()
    frame = frame[frame.groupby("subject", observed=True)["x"].transform("size") > 1]
    by_subject = frame.groupby("subject", observed=True)[["x", "y"]]
    spread, largest = by_subject.std(ddof=0), frame[["x", "y"]].abs().groupby(frame["subject"], observed=True).max()
    if len(spread) < 3 or not (spread > largest * np.array([noise_of(x), noise_of(y)])).any().all():
        return RepeatedCorrelation(*[np.nan] * 5)
    deviation = frame[["x", "y"]] - by_subject.transform("mean")
    norms = (deviation**2).sum() ** 0.5
    if abs(r := float((deviation["x"] / norms["x"]) @ (deviation["y"] / norms["y"]))) >= 1 - NOISE:
        df = float(len(frame) - len(spread) - 1)
        return RepeatedCorrelation(float(np.sign(r)), np.nan, np.nan, df, np.nan)
    frame["subject"] = pd.factorize(frame["subject"])[0]
    with exact_pingouin():
        row = pg.rm_corr(frame, x="x", y="y", subject="subject").iloc[0]
    low, high = _over_subjects((deviation / norms).to_numpy(), frame["subject"].to_numpy())
    return RepeatedCorrelation(float(row["r"]), low, high, float(row["dof"]), max(float(row["pval"]), SMALLEST))


def _over_subjects(deviation: Floats, subject: NDArray[np.intp]) -> tuple[float, float]:
    """95 % interval of the correlation of deviations, shape (n, 2), from leaving out one subject at a time."""
    x, y = deviation.T
    parts = np.stack([np.bincount(subject, weights=product) for product in (x * x, y * y, x * y)])
    whole = parts.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        xx, yy, xy = whole[:, None] - parts
        left_out = np.arctanh(xy / np.sqrt(xx * yy))
    estimate = np.arctanh(whole[2] / np.sqrt(whole[0] * whole[1]))
    low, high = np.tanh(jackknife(left_out, estimate=estimate, alpha=0.05, counts=np.asarray(float(parts.shape[1]))))
    return float(low), float(high)


@contextmanager
def exact_pingouin() -> Iterator[None]:
    """Pingouin's tables without rounding, and without the warnings that it earns from pandas.

    Its options round intervals to two digits, and pingouin 0.7 passes keywords that pandas 3.1 announces to drop.

    Yields
    ------
    None
        While its options are set.

    Examples
    --------
    >>> import pingouin
    >>> with exact_pingouin():
    ...     print(pingouin.options["round.column.CI95"])
    None
    """
    before = dict(pg.options)
    pg.options["round.column.CI95"] = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        pg.options.update(before)
