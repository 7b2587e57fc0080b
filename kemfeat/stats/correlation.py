"""Correlation of repeated measures: within each conversation, then over speakers.

What is correlated within one conversation says nothing about people at large; one number per speaker does. So every
conversation gives a correlation, Fisher's z = artanh(r) of them is averaged per speaker, and the speakers are tested.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pingouin as pg
from numpy.typing import ArrayLike
from scipy import stats

from kemfeat.errors import ConfigError
from kemfeat.stats._pingouin import exact
from kemfeat.stats.columns import Column, factor, numbers
from kemfeat.stats.tails import SMALLEST

NOISE = 1e-11
"""Relative to the largest absolute value: a smaller spread is what rounding in double precision leaves of none."""

NOISE_SINGLE = 1e-5
"""As :data:`NOISE`, for values handed over in single or half precision."""

LEAST_PAIRS = 4
"""Fisher's z of fewer pairs has no variance, which is 1 / (n - 3)."""


@dataclass(frozen=True, slots=True)
class MeanCorrelation:
    """Mean correlation over units such as speakers, tested against 0.

    Parameters
    ----------
    units : how many have a correlation.
    r : hyperbolic tangent of the mean z.
    ci_low, ci_high : its 95 % interval, from Student's t on z.
    t, df, p : one-sample t test of z.
    p_wilcoxon : signed-rank test of z, which one extreme unit cannot sway.
    reason : why there is no test; else empty.
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
    """Repeated-measures correlation: one slope for all subjects, each with a level of its own.

    Parameters
    ----------
    r : -1 to 1.
    ci_low, ci_high : 95 % interval.
    df : degrees of freedom.
    p : of ``r`` = 0, with observations of one subject taken for independent.
    """

    r: float
    ci_low: float
    ci_high: float
    df: float
    p: float


def within(x: ArrayLike, *, y: ArrayLike, groups: ArrayLike) -> pd.DataFrame:
    """Pearson's correlation within each group.

    A side whose standard deviation is below :data:`NOISE` of its largest absolute value (:data:`NOISE_SINGLE` for
    values handed over in single precision) does not vary: means of equal numbers differ in their last digits, and
    that has no correlation with anything. A correlation within :data:`NOISE` of 1 or -1 is set to exactly 1 or -1.
    Its Fisher's z is infinite, so it has no z, no weight in :func:`pooled_z`, and is counted by the caller as
    ``r.notna() & z.isna()``.

    Parameters
    ----------
    x, y : array_like, shape (n,), any unit
        Observations; pairs with a missing or infinite value do not count.
    groups : array_like, shape (n,)
        The conversation, say, of each pair; rows without a group do not count.

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
    Fisher (1921), Metron 1:3-32 (z = artanh r, variance 1 / (n - 3)).

    Examples
    --------
    >>> import numpy as np
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
    by_group = pairs.groupby("group", observed=True)
    deviation = pairs[["x", "y"]] - by_group[["x", "y"]].transform("mean")
    products = pd.DataFrame(
        {"xx": deviation["x"] ** 2, "yy": deviation["y"] ** 2, "xy": deviation["x"] * deviation["y"], "n": 1}
    )
    sums = products.groupby(pairs["group"], observed=True).sum().reindex(names, fill_value=0)
    varies = _varies(sums, pairs, noise=(_noise(x), _noise(y))).reindex(names, fill_value=False)
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


def _noise(values: ArrayLike) -> float:
    return NOISE_SINGLE if getattr(values, "dtype", None) in (np.float32, np.float16) else NOISE


def _varies(sums: pd.DataFrame, pairs: pd.DataFrame, *, noise: tuple[float, float]) -> pd.Series:
    """Whether both sides of each group vary by more than rounding, relative to the size of their values."""
    largest = pairs[["x", "y"]].abs().groupby(pairs.iloc[:, 2], observed=True).max()
    deviation = (sums[["xx", "yy"]].div(sums["n"].where(sums["n"] > 0), axis=0) ** 0.5).reindex(largest.index)
    return (deviation["xx"] > noise[0] * largest["x"]) & (deviation["yy"] > noise[1] * largest["y"])


def _exact_ends(r: pd.Series) -> pd.Series:
    """Exactly 1 or -1 where only rounding keeps r from it."""
    return r.where(r.abs() < 1 - NOISE, np.sign(r))


def pooled_z(z: pd.Series, *, n: pd.Series, units: pd.Series) -> pd.Series:
    """Mean z per unit, weighted by n - 3, the inverse of its variance; conversations without z do not count."""
    known = z.notna()
    weight = (n - 3).where(known)
    sums = pd.DataFrame({"z": z * weight, "weight": weight}).groupby(units).sum(min_count=1)
    return (sums["z"] / sums["weight"]).dropna().rename("z")


def mean_correlation(z: ArrayLike) -> MeanCorrelation:
    """Test whether z of several units is 0 on average [shape=(units,)]; NaN does not count."""
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
    """Repeated-measures correlation, by pingouin (Bakdash and Marusich 2017, Frontiers in Psychology 8:456).

    Parameters
    ----------
    x, y : observations; pairs with a NaN do not count [each shape=(n,)].
    subjects : the speaker, say, of each [shape=(n,)]; those with a single pair do not count.

    Returns
    -------
    RepeatedCorrelation
        All NaN where fewer than three subjects are left, or x or y does not vary (beyond :data:`NOISE`) within any
        subject. Where r is 1 or -1 nothing varies about the line: r is exact, interval and p are NaN.
    """
    frame = _pairs(x, y, subjects, name="subject").dropna()
    frame = frame[frame.groupby("subject", observed=True)["x"].transform("size") > 1]
    by_subject = frame.groupby("subject", observed=True)[["x", "y"]]
    spread, largest = by_subject.std(ddof=0), frame[["x", "y"]].abs().groupby(frame["subject"], observed=True).max()
    if len(spread) < 3 or not (spread > largest * np.array([_noise(x), _noise(y)])).any().all():
        return RepeatedCorrelation(*[np.nan] * 5)
    deviation = frame[["x", "y"]] - by_subject.transform("mean")
    norms = (deviation**2).sum() ** 0.5
    if abs(r := float((deviation["x"] / norms["x"]) @ (deviation["y"] / norms["y"]))) >= 1 - NOISE:
        df = float(len(frame) - len(spread) - 1)
        return RepeatedCorrelation(float(np.sign(r)), np.nan, np.nan, df, np.nan)
    frame["subject"] = pd.factorize(frame["subject"])[0]
    with exact():
        row = pg.rm_corr(frame, x="x", y="y", subject="subject").iloc[0]
    # rm_corr asks for its interval in two digits
    low, high = pg.compute_esci(stat=row["r"], nx=row["dof"] + 2, eftype="pearson", decimals=12)
    return RepeatedCorrelation(
        float(row["r"]), float(low), float(high), float(row["dof"]), max(float(row["pval"]), SMALLEST)
    )
