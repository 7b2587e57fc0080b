"""Do groups differ in their means, and which of them? Welch's analysis of variance and Games-Howell's pairs.

Every function takes ``values`` (a dependent variable in any unit, NaN where missing) and ``groups`` (one label for each
value), matched by position. Rows without a finite value or a label are dropped and counted. A group or pair for which a
number does not exist (one value, zero variance) gives NaN and a reason and does not affect the others. Data are centred
first, so a large common offset costs no digits.

``log_p`` is the natural logarithm of a p-value, exact at any size; ``p`` is ``exp(log_p)`` or, where that underflows,
the smallest normal double 2.2e-308, an upper bound. :func:`p_text` prints one.

All values are taken to be independent. Utterances of one speaker are not: see :mod:`kemfeat.stats.nested`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pingouin as pg
from numpy.typing import NDArray

from kemfeat.arrays import Floats
from kemfeat.stats.columns import Column
from kemfeat.stats.group_tests import _studentized_range
from kemfeat.stats.group_tests._assumptions import assumptions
from kemfeat.stats.group_tests._describe import describe
from kemfeat.stats.group_tests._effect_sizes import (
    Interval,
    cliffs_delta,
    explained,
    hedges_g,
    omega_squared,
    welch_se_df,
)
from kemfeat.stats.group_tests._robust import Robustness, robustness
from kemfeat.stats.group_tests._samples import GroupMoments, Samples, flaws, moments, split
from kemfeat.stats.rounding import tied
from kemfeat.stats.tails import holm, log_f_sf, log_level, p_text, probability

__all__ = [
    "Robustness",
    "WelchAnova",
    "assumptions",
    "describe",
    "disagreements",
    "games_howell",
    "holm",
    "p_text",
    "probability",
    "robustness",
    "verdict",
    "welch_anova",
]

CI_CONVENTION = "two-sided, noncentral F inverted, ncp / (ncp + df2) as in R's effectsize"
"""How the intervals of eta squared in :class:`WelchAnova` are made; omega squared's divides by ncp + df1 + df2 + 1.

Both limits are NaN where F is so small that they would be 0.
"""

_UNDEFINED = (math.nan, math.nan)
_TESTED = ("se", "t", "df", "log_p", "ci_low", "ci_high", "hedges_g", "g_low", "g_high")
_COLUMNS = (
    *("a", "b", "mean_a", "mean_b", "diff", "se", "t", "df", "p", "log_p", "ci_low", "ci_high"),
    *("hedges_g", "g_low", "g_high", "cliffs_delta", "significant", "reason"),
)


@dataclass(frozen=True, kw_only=True)
class WelchAnova:
    """Welch's test that all group means are equal, and three effect sizes that are often confused.

    Parameters
    ----------
    F : float, >= 0
        NaN where fewer than two groups can be compared; ``reason`` says why.
    df1, df2 : float
        Degrees of freedom of ``F``.
    p : float, 0 to 1
        P-value of ``F``.
    log_p : float, <= 0
        Natural logarithm of ``p``, also where ``p`` underflows.
    eta2_classic : float, 0 to 1
        SS between / SS total: pingouin's ``np2``, which has nothing to do with Welch's F.
    eta2_welch : float, 0 to 1
        F df1 / (F df1 + df2).
    omega2_welch : float, 0 to 1
        (F - 1) df1 / (F df1 + df2 + 1), not below 0. With Welch's weights, n by variance, it describes no population:
        with unequal variances it may be .95 where eta2 is .25. It belongs in tables, not in a summary.
    eta2_classic_ci : tuple of float
        From the classic F with its df2 = N - k.
    eta2_welch_ci, omega2_welch_ci : tuple of float
        From Welch's F, as :data:`CI_CONVENTION` says.
    confidence : float, inside (0, 1)
        Of the intervals.
    n : int
        Values compared.
    n_dropped : int
        Rows left out: the value is not finite or the label is missing.
    groups : tuple of hashable
        Labels compared, to which all numbers above refer.
    excluded : dict of hashable to str
        Labels that cannot be compared, and why.
    reason : str
        Why the numbers are NaN; empty where they are not.
    """

    F: float
    df1: float
    df2: float
    p: float
    log_p: float
    eta2_classic: float
    eta2_welch: float
    omega2_welch: float
    eta2_classic_ci: Interval = _UNDEFINED
    eta2_welch_ci: Interval = _UNDEFINED
    omega2_welch_ci: Interval = _UNDEFINED
    confidence: float
    n: int
    n_dropped: int
    groups: tuple[Hashable, ...]
    excluded: dict[Hashable, str]
    reason: str

    @property
    def log10_p(self) -> float:
        """Decimal logarithm of ``p``."""
        return self.log_p / math.log(10)


def welch_anova(values: Column, groups: Column, *, alpha: float = 0.05) -> WelchAnova:
    """Compare all group means without assuming equal variances.

    Parameters
    ----------
    values : array_like, shape (n,), any unit
        Dependent variable; values that are not finite are dropped and counted.
    groups : array_like, shape (n,)
        Label of each value.
    alpha : float, inside (0, 1)
        One minus the confidence of the intervals.

    Returns
    -------
    WelchAnova
        Over the groups with two values or more and a variance; the others are in ``excluded``.

    Raises
    ------
    ConfigError
        The two are not one-dimensional and of one length, a value is not a number, or ``alpha`` is not inside (0, 1).

    References
    ----------
    Welch (1951), Biometrika 38:330-336.

    Examples
    --------
    >>> from kemfeat.stats.group_tests import welch_anova
    >>> found = welch_anova([1, 2, 3, 4, 6, 8, 2, 3, 7], ["a"] * 3 + ["b"] * 3 + ["c"] * 3)
    >>> round(found.F, 3), found.df1, round(found.df2, 2), round(found.p, 4)
    (4.249, 2.0, 3.42, 0.1182)
    """
    log_level(alpha)
    samples = split(values, groups)
    found = flaws(samples)
    kept = samples.only([not flaw for flaw in found]).centred()[1]
    excluded = {label: f"no value in {label}" for label in samples.missing if label not in samples.labels}
    excluded |= {label: flaw for label, flaw in zip(samples.labels, found, strict=True) if flaw}
    f, df1, df2 = _welch(kept) if len(kept.arrays) > 1 else (math.nan,) * 3
    classic, within = _classic_f(kept) if len(kept.arrays) > 1 else (math.nan,) * 2
    log_p = log_f_sf(f, df1=df1, df2=df2)
    eta2_classic, eta2_classic_ci = explained(classic, df1=df1, df2=within, alpha=alpha)
    eta2_welch, eta2_welch_ci = explained(f, df1=df1, df2=df2, alpha=alpha)
    omega2_welch, omega2_welch_ci = omega_squared(f, df1=df1, df2=df2, alpha=alpha)
    return WelchAnova(
        F=f,
        df1=df1,
        df2=df2,
        p=float(probability(log_p)),
        log_p=log_p,
        eta2_classic=eta2_classic,
        eta2_welch=eta2_welch,
        omega2_welch=omega2_welch,
        eta2_classic_ci=eta2_classic_ci,
        eta2_welch_ci=eta2_welch_ci,
        omega2_welch_ci=omega2_welch_ci,
        confidence=1 - alpha,
        n=int(kept.n.sum()),
        n_dropped=samples.dropped,
        groups=kept.labels,
        excluded=excluded,
        reason="" if len(kept.arrays) > 1 else _too_few(excluded),
    )


def _welch(samples: Samples) -> tuple[float, float, float]:
    """F, df1 and df2."""
    frame = pd.DataFrame({"value": samples.pooled, "group": samples.codes})
    row = pg.welch_anova(data=frame, dv="value", between="group").iloc[0]
    return float(row["F"]), float(row["ddof1"]), float(row["ddof2"])


def _classic_f(samples: Samples) -> tuple[float, float]:
    """F with one variance for all groups, and its df2; not by way of eta squared, which may round to 1."""
    summary, k = moments(samples), len(samples.arrays)
    grand = summary.n @ summary.mean / summary.n.sum()
    df2 = float(summary.n.sum()) - k
    between = float(summary.n @ (summary.mean - grand) ** 2) / (k - 1)
    return between * df2 / float((summary.n - 1) @ summary.variance), df2


def _too_few(excluded: dict[Hashable, str]) -> str:
    return "; ".join(["fewer than two groups with a variance", *excluded.values()])


def games_howell(values: Column, groups: Column, *, alpha: float = 0.05) -> pd.DataFrame:
    """Compare every pair of group means.

    Parameters
    ----------
    values : array_like, shape (n,), any unit
        Dependent variable; values that are not finite are dropped and counted.
    groups : array_like, shape (n,)
        Label of each value.
    alpha : float, inside (0, 1)
        Level of ``significant``, and one minus the confidence of the intervals.

    Returns
    -------
    DataFrame
        One row per pair a < b (label order), for the k groups with any value: ``mean_a mean_b``, ``diff`` (a - b) with
        its standard error ``se``, ``t``, Welch's ``df``, ``p`` of the studentized range over k means and its natural
        logarithm ``log_p``, the simultaneous interval ``ci_low ci_high``, unpooled ``hedges_g`` with interval ``g_low
        g_high`` (NaN where df is 1), ``cliffs_delta``, ``significant`` (p < ``alpha``; False where p is NaN),
        ``reason`` (why the pair cannot be tested; empty where it can). ``attrs`` has ``alpha``, ``k`` and ``dropped``
        (rows left out).

    Raises
    ------
    ConfigError
        The two are not one-dimensional and of one length, a value is not a number, or ``alpha`` is not inside (0, 1).

    References
    ----------
    Games and Howell (1976), J. Educational Statistics 1:113-125.

    Examples
    --------
    >>> from kemfeat.stats.group_tests import games_howell
    >>> pairs = games_howell([1, 2, 3, 4, 6, 8, 2, 3, 7], ["a"] * 3 + ["b"] * 3 + ["c"] * 3)
    >>> pairs[["a", "b", "diff", "p"]].round(3)
       a  b  diff      p
    0  a  b  -4.0  0.107
    1  a  c  -2.0  0.529
    2  b  c   2.0  0.595
    """
    level, samples = log_level(alpha), split(values, groups)
    deltas = _cliffs_deltas(samples)
    centre, samples = samples.centred()
    summary = moments(samples)
    first, second, table = samples.pairs()
    table["mean_a"], table["mean_b"] = summary.mean[first] + centre, summary.mean[second] + centre
    table["diff"] = summary.mean[first] - summary.mean[second]
    table["reason"] = _pair_flaws(samples, summary)
    table[list(_TESTED)] = math.nan
    sound = (table["reason"] == "").to_numpy()
    table.loc[sound, list(_TESTED)] = _test_pairs(summary, first[sound], second[sound], alpha)
    table["p"] = probability(table["log_p"])
    table["cliffs_delta"] = deltas
    table["significant"] = table["log_p"] < level
    table = table[list(_COLUMNS)]
    table.attrs = {"alpha": alpha, "k": len(samples.labels), "dropped": samples.dropped}
    return table


def _pair_flaws(samples: Samples, summary: GroupMoments) -> list[str]:
    """Why a pair has no standard error; a single group without variance does not spoil it."""
    found = flaws(samples)
    first, second, _ = samples.pairs()
    spoilt = ~(summary.variance[first] + summary.variance[second] > 0)
    return [
        " and ".join(flaw for flaw in (found[i], found[j]) if flaw) if bad else ""
        for i, j, bad in zip(first, second, spoilt, strict=True)
    ]


def _test_pairs(summary: GroupMoments, first: NDArray[np.intp], second: NDArray[np.intp], alpha: float) -> Floats:
    """The columns ``_TESTED`` of the pairs that can be tested, shape (m, 9)."""
    if not len(first):
        return np.empty((0, len(_TESTED)))
    k = len(summary.n)
    n, variance = (summary.n[first], summary.n[second]), (summary.variance[first], summary.variance[second])
    diff = summary.mean[first] - summary.mean[second]
    se, df = welch_se_df(n, variance)
    log_p = _studentized_range.log_sf(np.abs(diff) / se * math.sqrt(2), k=k, df=df)
    half = _studentized_range.critical(alpha, k=k, df=df) * se / math.sqrt(2)
    g = hedges_g(diff, n=n, variance=variance, alpha=alpha)
    return np.column_stack([se, diff / se, df, log_p, diff - half, diff + half, *g])


def _cliffs_deltas(samples: Samples) -> list[float]:
    pooled = tied(samples.pooled)
    ordered = [np.sort(pooled[samples.codes == code]) for code in range(len(samples.arrays))]
    first, second, _ = samples.pairs()
    return [cliffs_delta(ordered[i], ordered[j]) for i, j in zip(first, second, strict=True)]


def verdict(pairs: pd.DataFrame, *, alpha: float = 0.05) -> str:
    """One sentence about a table of pairs.

    Parameters
    ----------
    pairs : DataFrame
        With the columns ``a b significant reason``; a pair with a reason was not tested.
    alpha : float, inside (0, 1)
        The level of ``significant``.

    Returns
    -------
    str

    Examples
    --------
    >>> from kemfeat.stats.group_tests import games_howell, verdict
    >>> verdict(games_howell([1, 2, 3, 7, 8, 9, 2, 3, 4], ["a"] * 3 + ["b"] * 3 + ["c"] * 3))
    '2 of 3 pairs differ at .05; not: a-c'
    """
    if pairs.empty:
        return "no pair of groups to compare"
    names = [f"{a}-{b}" for a, b in _rows(pairs, "a", "b")]
    state = [reason or bool(yes) for reason, yes in _rows(pairs, "reason", "significant")]
    clauses = [f"{state.count(True)} of {len(state)} pairs differ at {_level(alpha)}"]
    if equal := [name for name, is_ in zip(names, state, strict=True) if is_ is False]:
        clauses.append(f"not: {', '.join(equal)}")
    if untested := [f"{name} ({is_})" for name, is_ in zip(names, state, strict=True) if isinstance(is_, str)]:
        clauses.append(f"untested: {', '.join(untested)}")
    return "; ".join(clauses)


def disagreements(
    anova: WelchAnova, pairs: pd.DataFrame, robust: Robustness, *, alpha: float = 0.05
) -> tuple[str, ...]:
    """Where the robust tests come to another conclusion than Welch and Games-Howell, one clause each.

    Parameters
    ----------
    anova : WelchAnova
        From :func:`welch_anova`.
    pairs : DataFrame
        From :func:`games_howell` of the same data.
    robust : Robustness
        From :func:`robustness` of the same data.
    alpha : float, inside (0, 1)
        The level at which their p-values (Dunn's after Holm) are read.

    Returns
    -------
    tuple of str

    Raises
    ------
    ConfigError
        ``alpha`` is not inside (0, 1).

    Examples
    --------
    >>> from kemfeat.stats.group_tests import disagreements, games_howell, robustness, welch_anova
    >>> values, groups = [1.0, 2.0, 3.0, 4.0, 5.0, 50.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0], ["a"] * 6 + ["b"] * 6
    >>> disagreements(welch_anova(values, groups), games_howell(values, groups), robustness(values, groups))
    ('all groups: Welch finds none (p .779), trimmed_welch finds a difference (p .007)',)
    """
    both = pairs.merge(robust.dunn, on=["a", "b"], suffixes=("", "_dunn"))
    questions = [("all groups", "Welch", anova.log_p, *test) for test in _rows(robust.tests, "test", "log_p")]
    questions += [
        (f"{a}-{b}", "Games-Howell", p, "Dunn-Holm", q) for a, b, p, q in _rows(both, "a", "b", "log_p", "log_p_holm")
    ]
    level = log_level(alpha)
    return tuple(
        f"{where}: {first} {_finding(p, level)}, {second} {_finding(q, level)}"
        for where, first, p, second, q in questions
        if (p < level) != (q < level) and not math.isnan(p + q)
    )


def _rows(table: pd.DataFrame, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(table[name].tolist() for name in names), strict=True)


def _finding(log_p: float, level: float) -> str:
    return f"{'finds a difference' if log_p < level else 'finds none'} (p {p_text(log_p)})"


def _level(alpha: float) -> str:
    return f"{alpha:g}".removeprefix("0")
