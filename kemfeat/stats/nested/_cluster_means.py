"""Textbook tests on the mean of each cluster in each group."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from kemfeat.arrays import Floats
from kemfeat.stats.nested._cells import Cells
from kemfeat.stats.nested._contrasts import t_columns, with_holm
from kemfeat.stats.rounding import NOISE
from kemfeat.stats.tails import log_f_sf, probability
from kemfeat.stats.welch import welch_f


@dataclass(frozen=True)
class ClusterMeans:
    """Groups compared by cluster means: one F test and all pairs.

    Parameters
    ----------
    test : {"hotelling", "welch"}
        The F test.
    F : float, >= 0
        Statistic of "all groups have one mean"; NaN with a ``reason`` where it is undefined.
    df1, df2 : float
        Degrees of freedom of ``F``.
    p : float, 0 to 1
        P-value of ``F``.
    log_p : float, <= 0
        Natural logarithm of ``p``.
    n_clusters : int
        Clusters that the F test uses.
    reason : str
        What was left out of the F test, or why it is undefined; empty where nothing was.
    pairs : DataFrame
        ``a b test n_a n_b diff se t df p log_p ci_low ci_high p_holm significant reason``: mean a minus mean b of the
        clusters used; ``test`` is ``paired`` or ``welch``; ``n_a`` and ``n_b`` count clusters (the same ones if
        paired); ``significant`` is ``p_holm < .05``.
    """

    test: str
    F: float
    df1: float
    df2: float
    p: float
    log_p: float
    n_clusters: int
    reason: str
    pairs: pd.DataFrame


@dataclass(frozen=True)
class _Pair:
    a: Hashable
    b: Hashable
    test: str
    n_a: int
    n_b: int
    diff: float = np.nan
    se: float = np.nan
    df: float = np.nan
    reason: str = ""


def compare_means(cells: Cells) -> ClusterMeans:
    """See :func:`kemfeat.stats.nested.cluster_means`."""
    usable = cells.spread >= 2
    means = cells.cell_means[:, usable]
    between = not (np.isfinite(means).sum(axis=1) > 1).any()
    used = means[np.isfinite(means).any(axis=1) if between else np.isfinite(means).all(axis=1)]
    f, df1, df2, why = _welch(used) if between else _hotelling(used)
    log_p = log_f_sf(f, df1=df1, df2=df2)
    return ClusterMeans(
        test="welch" if between else "hotelling",
        F=f,
        df1=df1,
        df2=df2,
        p=float(probability(log_p)),
        log_p=log_p,
        n_clusters=len(used),
        reason="; ".join(filter(None, [*cells.flaws, why])),
        pairs=_pairs(cells),
    )


def _undefined(why: str) -> tuple[float, float, float, str]:
    return np.nan, np.nan, np.nan, why


def _hotelling(means: Floats) -> tuple[float, float, float, str]:
    """T^2 of the differences to the first group, as F with q and n - q degrees of freedom."""
    n, q = len(means), means.shape[1] - 1
    if q < 1:
        return _undefined("fewer than two groups occur in two clusters")
    if n <= q:
        return _undefined(f"{n} clusters occur in all {q + 1} groups; Hotelling's T^2 needs {q + 1}")
    differences = means[:, 1:] - means[:, :1]
    centred = differences - differences.mean(axis=0)
    if np.linalg.matrix_rank(centred, tol=_rounding(means) * np.sqrt(n)) < q:
        return _undefined("some difference between groups is the same in every cluster")
    # With centred = QR the covariance is R'R / (n - 1); forming it would square away half of the digits.
    _, r = np.linalg.qr(centred)
    standardised = np.linalg.solve(r.T, differences.mean(axis=0))
    t2 = n * (n - 1) * float(standardised @ standardised)
    return (n - q) / (q * (n - 1)) * t2, q, n - q, ""


def _welch(means: Floats) -> tuple[float, float, float, str]:
    """Welch's F of k independent samples in the columns, NaN where a cluster is not in the group."""
    k = means.shape[1]
    if k < 2:
        return _undefined("fewer than two groups occur in two clusters")
    n, variance = np.isfinite(means).sum(axis=0), np.nanvar(means, axis=0, ddof=1)
    if (np.sqrt(variance) <= _rounding(means)).any():
        return _undefined("in some group all clusters have the same mean")
    f, df1, df2 = welch_f(n, np.nanmean(means, axis=0), variance_of_mean=variance / n)
    return float(f), df1, float(df2), ""


def _rounding(means: Floats) -> float:
    """A spread that arithmetic alone could cause."""
    return float(NOISE * np.nanmax(np.abs(means)))


def _pairs(cells: Cells) -> pd.DataFrame:
    means = cells.cell_means
    rows = [
        _pair(cells.groups[i], cells.groups[j], means[:, i], means[:, j])
        for i, j in combinations(range(len(cells.groups)), 2)
    ]
    frame = pd.DataFrame(rows, columns=list(_Pair.__dataclass_fields__))
    diff, se, df = (frame[name].to_numpy(dtype=np.float64) for name in ("diff", "se", "df"))
    front = frame[["a", "b", "test", "n_a", "n_b"]]
    return with_holm(front.assign(diff=diff, **t_columns(diff, se=se, df=df), reason=frame["reason"]))


def _pair(a: Hashable, b: Hashable, x: Floats, y: Floats) -> _Pair:
    both = np.isfinite(x) & np.isfinite(y)
    if both.any():
        return _paired(a, b, x[both], y[both])
    return _two_samples(a, b, x[np.isfinite(x)], y[np.isfinite(y)])


def _paired(a: Hashable, b: Hashable, x: Floats, y: Floats) -> _Pair:
    n, difference = len(x), x - y
    if n < 2:
        return _Pair(a, b, "paired", n, n, diff=difference[0], reason="only one cluster occurs in both groups")
    se = difference.std(ddof=1) / np.sqrt(n)
    if se * np.sqrt(n) <= _rounding(np.concatenate([x, y])):
        return _Pair(a, b, "paired", n, n, diff=difference.mean(), reason="the difference is the same in every cluster")
    return _Pair(a, b, "paired", n, n, diff=difference.mean(), se=se, df=n - 1)


def _two_samples(a: Hashable, b: Hashable, x: Floats, y: Floats) -> _Pair:
    if min(len(x), len(y)) < 2:
        lacking = [f"{name} occurs in {len(z)} cluster(s)" for name, z in ((a, x), (b, y)) if len(z) < 2]
        diff = x.mean() - y.mean() if len(x) and len(y) else np.nan
        return _Pair(a, b, "welch", len(x), len(y), diff=diff, reason="; ".join(lacking))
    diff, vx, vy = x.mean() - y.mean(), x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)
    if max(x.std(), y.std()) <= _rounding(np.concatenate([x, y])):
        return _Pair(a, b, "welch", len(x), len(y), diff=diff, reason="the means do not vary from cluster to cluster")
    df = (vx + vy) ** 2 / (vx**2 / (len(x) - 1) + vy**2 / (len(y) - 1))
    return _Pair(a, b, "welch", len(x), len(y), diff=diff, se=np.sqrt(vx + vy), df=df)
