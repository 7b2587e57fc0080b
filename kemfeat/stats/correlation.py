"""Correlation of repeated measures: within each conversation, then over speakers.

What is correlated within one conversation says nothing about people at large; one number per speaker does. So every
conversation gives a correlation, Fisher's z = artanh(r) of them is averaged per speaker, and the speakers are tested.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pingouin as pg
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from kemfeat.stats._pingouin import exact
from kemfeat.stats.tails import SMALLEST

Floats = NDArray[np.float64]

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

    Parameters
    ----------
    x, y : observations; pairs with a NaN do not count [each shape=(n,)].
    groups : the conversation, say, of each [shape=(n,)].

    Returns
    -------
    DataFrame
        ``group n r z``, sorted by group; r and z are NaN where fewer than :data:`LEAST_PAIRS` pairs are left or one
        side does not vary, and z is NaN where r is 1 or -1.
    """
    frame = pd.DataFrame({"group": np.asarray(groups), "x": np.asarray(x, float), "y": np.asarray(y, float)})
    names = frame["group"].drop_duplicates().sort_values()
    pairs = frame.dropna()
    by_group = pairs.groupby("group")
    deviation = pairs[["x", "y"]] - by_group[["x", "y"]].transform("mean")
    products = pd.DataFrame(
        {"xx": deviation["x"] ** 2, "yy": deviation["y"] ** 2, "xy": deviation["x"] * deviation["y"], "n": 1}
    )
    sums = products.groupby(frame["group"]).sum().reindex(names, fill_value=0)
    varies = (by_group[["x", "y"]].nunique().reindex(names, fill_value=0) > 1).all(axis=1)
    usable = varies & (sums["n"] >= LEAST_PAIRS)
    r = (sums["xy"] / (sums["xx"] * sums["yy"]).where(usable) ** 0.5).clip(-1, 1)
    z = np.arctanh(r.where(r.abs() < 1))
    return pd.DataFrame({"group": names.to_numpy(), "n": sums["n"].to_numpy(), "r": r.to_numpy(), "z": z.to_numpy()})


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
    if n < 2 or np.ptp(values) == 0:
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
        All NaN where fewer than three subjects are left, or x or y is constant within every subject.
    """
    frame = pd.DataFrame({"x": np.asarray(x, float), "y": np.asarray(y, float), "subject": np.asarray(subjects)})
    frame = frame.dropna()
    frame = frame[frame.groupby("subject")["x"].transform("size") > 1]
    spread = frame.groupby("subject")[["x", "y"]].agg(np.ptp)
    if len(spread) < 3 or (spread.max() == 0).any():
        return RepeatedCorrelation(*[np.nan] * 5)
    with exact():
        row = pg.rm_corr(frame, x="x", y="y", subject="subject").iloc[0]
    # rm_corr asks for its interval in two digits
    low, high = pg.compute_esci(stat=row["r"], nx=row["dof"] + 2, eftype="pearson", decimals=12)
    return RepeatedCorrelation(
        float(row["r"]), float(low), float(high), float(row["dof"]), max(float(row["pval"]), SMALLEST)
    )
