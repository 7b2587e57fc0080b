"""Group tests for values that are nested in clusters: utterances in speakers, speakers in dyads.

Utterances of one speaker resemble each other, so 13,000 utterances of 80 speakers are not 13,000 observations, and a
test that treats them so finds differences where there are none. Three views of the same question:

* :func:`cluster_robust` keeps every value and estimates how the means vary from cluster to cluster (CR2), with degrees
  of freedom that account for few clusters. Valid for factors within and between clusters.
* :func:`cluster_means` gives every cluster one vote per group and compares these with textbook tests.
* :func:`random_intercept` splits the variance into clusters and residual (REML). Its standard errors are right only
  if no cluster responds to a group in its own way. Speakers do respond to an emotion so: no test is built on them.

Cluster by the larger unit to allow for dependence within it: clusters of dyads cover both of their speakers.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kemfeat.arrays import Floats
from kemfeat.stats.columns import Column
from kemfeat.stats.nested import _reml
from kemfeat.stats.nested._cells import Cells, read_cells
from kemfeat.stats.nested._cluster_means import ClusterMeans, compare_means
from kemfeat.stats.nested._contrasts import pair_contrasts, t_columns, treatment_contrasts, with_holm
from kemfeat.stats.nested._cr2 import GroupMeansCR2, group_means_cr2, quadratic
from kemfeat.stats.tails import log_f_sf, probability

__all__ = ["ClusterMeans", "ClusterRobust", "RandomIntercept", "cluster_means", "cluster_robust", "random_intercept"]


@dataclass(frozen=True)
class RandomIntercept:
    """REML fit of value = mean of its group + effect of its cluster + residual.

    Parameters
    ----------
    table : DataFrame
        ``term estimate se``: the mean of the reference group, then the other groups minus it.
    var_cluster, var_residual : float, squared unit of the values
        Variance between clusters, and what is left within them.
    icc : float, 0 to 1
        Share of the clusters in the variance within groups (0.999999 where clusters leave nothing).
    log_likelihood : float
        Restricted, with all constants, as R's lmer prints it.
    reason : str
        Why the numbers are NaN; empty where they are not.
    """

    table: pd.DataFrame
    var_cluster: float
    var_residual: float
    icc: float
    log_likelihood: float
    reason: str


@dataclass(frozen=True)
class ClusterRobust:
    """Group means compared under CR2: coefficients, all pairs, one F test, and the cost of nesting.

    Parameters
    ----------
    F : float, >= 0
        HTZ statistic of "all group means are equal"; NaN with a ``reason`` where it is undefined.
    df1, df2 : float
        Degrees of freedom of ``F``.
    p : float, 0 to 1
        P-value of ``F``.
    log_p : float, <= 0
        Natural logarithm of ``p``; finite where ``p`` is too small for a double.
    reason : str
        What was left out of the F test, or why it is undefined; empty where nothing was.
    table : DataFrame
        ``term estimate se t df p log_p ci_low ci_high reason``: ``(Intercept)``, the mean of ``reference``, then the
        other groups minus it. Satterthwaite df; ``p`` unadjusted; 95 % intervals, one at a time.
    pairs : DataFrame
        ``a b diff se t df p log_p ci_low ci_high p_holm significant reason``: mean a minus mean b of every pair;
        ``significant`` is ``p_holm < .05``.
    reference : hashable
        The first group that occurs in two clusters.
    icc : float, 0 to 1
        Intraclass correlation given the groups (REML); NaN where clusters and groups are confounded.
    icc_null : float, 0 to 1
        Intraclass correlation with all groups taken as one.
    cluster_size : float, >= 1
        Mean size of the cluster of a value, sum n_i^2 / n: m of the design effect for unequal n_i.
    design_effect : float
        1 + (m - 1) ICC: by this factor the variance of a mean is underestimated if nesting is ignored (Kish 1965).
    effective_n : float
        How many independent values would say as much: n / design effect.
    n : int
        Values used.
    n_clusters : int
        Clusters with a value.
    n_dropped : int
        Rows left out: the value is not finite, or the group or cluster is missing.
    """

    F: float
    df1: float
    df2: float
    p: float
    log_p: float
    reason: str
    table: pd.DataFrame
    pairs: pd.DataFrame
    reference: Hashable
    icc: float
    icc_null: float
    cluster_size: float
    design_effect: float
    effective_n: float
    n: int
    n_clusters: int
    n_dropped: int


def cluster_robust(values: Column, groups: Column, clusters: Column) -> ClusterRobust:
    """Compare group means under the CR2 covariance, by least squares on every value.

    The standard errors are those of R's clubSandwich (``vcov = "CR2"``, working model: independent, one variance), the
    single coefficients use Satterthwaite degrees of freedom, the F test is HTZ. With one value per cluster CR2 is HC2,
    which for group means is Welch's unpooled variance.

    A group that occurs in fewer than two clusters has no estimable variance between clusters: its rows are NaN with a
    reason, and the F test is over the other groups.

    Parameters
    ----------
    values : array_like, shape (n,), any unit
        Numbers; rows that are not finite are dropped and counted.
    groups, clusters : array_like, shape (n,)
        Labels. Groups are taken in sorted order, or in the order of their categories.

    Returns
    -------
    ClusterRobust

    Raises
    ------
    ConfigError
        The three are not one-dimensional and of one length, a value is not a number or beyond 1e100, or no row is
        complete.

    References
    ----------
    Bell and McCaffrey (2002), Survey Methodology 28(2):169-181; Pustejovsky and Tipton (2018), J. Business and Economic
    Statistics 36(4):672-683.

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.nested import cluster_robust
    >>> speaker, emotion = np.repeat(np.arange(10), 6), np.tile(["angry", "sad"], 30)
    >>> values = np.random.default_rng(0).normal(size=60) + (emotion == "angry")
    >>> found = cluster_robust(values, emotion, speaker)
    >>> round(found.F, 2), found.df1, round(found.df2, 2), round(found.p, 5)
    (9.54, 1, 9.0, 0.01294)
    """
    cells = read_cells(values, groups, clusters)
    usable = np.flatnonzero(cells.spread >= 2)
    cr2 = group_means_cr2(cells.counts[:, usable], cells.residuals[:, usable])
    f, df1, df2, reason = _htz(cells, cr2, usable)
    log_p = log_f_sf(f, df1=df1, df2=df2)
    size = float(np.sum(cells.counts.sum(axis=1) ** 2) / cells.n)
    icc = _fit(cells).icc
    effect = 1 + (size - 1) * icc
    reference = int(np.argmax(np.minimum(cells.spread, 2)))
    return ClusterRobust(
        F=f,
        df1=df1,
        df2=df2,
        p=float(probability(log_p)),
        log_p=log_p,
        reason=reason,
        table=_coefficients(cells, cr2, reference),
        pairs=_pairs(cells, cr2),
        reference=cells.groups[reference],
        icc=icc,
        icc_null=_fit(cells.pooled()).icc,
        cluster_size=size,
        design_effect=effect,
        effective_n=cells.n / effect,
        n=cells.n,
        n_clusters=cells.n_clusters,
        n_dropped=cells.n_dropped,
    )


def cluster_means(values: Column, groups: Column, clusters: Column) -> ClusterMeans:
    """Compare groups by the mean that each cluster has in each of them: one vote per cluster, whatever its size.

    It allows every cluster its own response to every group, like a random-slope model, and in a balanced design is the
    test of that model.

    Pairs: a paired t-test on the clusters that occur in both groups; where the groups share no cluster, Welch's t-test
    on the cluster means. F: where clusters span groups, Hotelling's T^2 of the differences between the groups, the
    repeated-measures test that does not assume sphericity, on the clusters that occur in all groups; where none spans
    groups, Welch's ANOVA of the cluster means.

    Parameters
    ----------
    values : array_like, shape (n,), any unit
        Numbers; rows that are not finite are dropped and counted.
    groups, clusters : array_like, shape (n,)
        Labels. Groups are taken in sorted order, or in the order of their categories.

    Returns
    -------
    ClusterMeans
        The means compared weight clusters equally; those of :func:`cluster_robust` weight values equally.

    Raises
    ------
    ConfigError
        For the same reasons as :func:`cluster_robust`.

    References
    ----------
    Matthews et al. (1990), BMJ 300:230-235; Hotelling (1931), Ann. Math. Statistics 2:360-378; Welch (1947), Biometrika
    34:28-35; Welch (1951), Biometrika 38:330-336.

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.nested import cluster_means
    >>> speaker, emotion = np.repeat(np.arange(10), 6), np.tile(["angry", "sad"], 30)
    >>> values = np.random.default_rng(0).normal(size=60) + (emotion == "angry")
    >>> found = cluster_means(values, emotion, speaker)
    >>> found.test, round(found.F, 2), found.df1, found.df2, round(found.p, 5)
    ('hotelling', 9.54, 1, 9, 0.01294)
    """
    return compare_means(read_cells(values, groups, clusters))


def random_intercept(values: Column, groups: Column, clusters: Column) -> RandomIntercept:
    """Fit ``value ~ group + (1 | cluster)`` by REML, exactly, as a search over the one ratio of variances.

    Parameters
    ----------
    values : array_like, shape (n,), any unit
        Numbers; rows that are not finite are dropped.
    groups, clusters : array_like, shape (n,)
        Labels. Groups are taken in sorted order, or in the order of their categories.

    Returns
    -------
    RandomIntercept
        The numbers of R's lmer.

    Raises
    ------
    ConfigError
        For the same reasons as :func:`cluster_robust`.

    References
    ----------
    Harville (1977), JASA 72:320-338; Bates et al. (2015), J. Statistical Software 67(1).

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.nested import random_intercept
    >>> rng = np.random.default_rng(0)
    >>> speaker, emotion = np.repeat(np.arange(20), 10), np.tile(["angry", "sad"], 100)
    >>> found = random_intercept(rng.normal(size=20)[speaker] + rng.normal(size=200), emotion, speaker)
    >>> round(found.icc, 3), round(found.var_residual, 3)
    (0.478, 0.954)
    """
    return _fit(read_cells(values, groups, clusters))


def _fit(cells: Cells) -> RandomIntercept:
    used = np.flatnonzero(cells.spread)
    contrasts = treatment_contrasts(len(used), reference=0)
    table = pd.DataFrame({"term": ["(Intercept)", *(cells.groups[group] for group in used[1:])]})
    nan = float("nan")
    if reason := _reml.why_not(cells):
        table = table.assign(estimate=contrasts @ cells.means[used], se=nan)
        return RandomIntercept(table, nan, nan, nan, nan, reason)
    ratio, fit = _reml.Profile(cells).best()
    estimate = contrasts @ (cells.means[used] + fit.shift)
    se = np.sqrt(quadratic(contrasts, fit.covariance))
    return RandomIntercept(
        table=table.assign(estimate=estimate, se=se),
        var_cluster=ratio * fit.var_residual,
        var_residual=fit.var_residual,
        icc=ratio / (1 + ratio),
        log_likelihood=-fit.deviance / 2,
        reason="",
    )


def _htz(cells: Cells, cr2: GroupMeansCR2, usable: NDArray[np.intp]) -> tuple[float, float, float, str]:
    left_out = "; ".join(text for text in cells.flaws if text)
    df1, nan = len(usable) - 1, float("nan")
    if df1 < 1:
        return nan, nan, nan, "; ".join(filter(None, [left_out, "fewer than two groups occur in two clusters"]))
    contrasts = np.eye(len(usable))[1:] - np.eye(len(usable))[:1]
    f, df2 = cr2.htz(cells.means[usable], contrasts)
    if np.isfinite(f):
        return f, df1, df2, left_out
    why = f"the {cells.n_clusters} clusters vary in too few directions to compare {len(usable)} groups at once"
    return nan, df1, nan, "; ".join(filter(None, [left_out, why]))


def _coefficients(cells: Cells, cr2: GroupMeansCR2, reference: int) -> pd.DataFrame:
    others = [group for at, group in enumerate(cells.groups) if at != reference]
    frame = pd.DataFrame({"term": ["(Intercept)", *others]})
    contrasts = treatment_contrasts(len(cells.groups), reference=reference)
    return _t_table(frame, cells, cr2, contrasts=contrasts, estimate="estimate")


def _pairs(cells: Cells, cr2: GroupMeansCR2) -> pd.DataFrame:
    frame = pd.DataFrame(combinations(cells.groups, 2), columns=["a", "b"])
    contrasts = pair_contrasts(len(cells.groups))
    return with_holm(_t_table(frame, cells, cr2, contrasts=contrasts, estimate="diff"))


def _t_table(
    frame: pd.DataFrame, cells: Cells, cr2: GroupMeansCR2, *, contrasts: Floats, estimate: str
) -> pd.DataFrame:
    """Add the estimate of each row of ``contrasts``, its t test, and why it has none."""
    usable = cells.spread >= 2
    whole = ~contrasts[:, ~usable].any(axis=1)
    kept = contrasts[whole][:, usable]
    se, df = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    se[whole], df[whole] = cr2.standard_errors(np.nan_to_num(cells.means[usable]), kept), cr2.satterthwaite(kept)
    value = contrasts @ np.nan_to_num(cells.means)
    value[contrasts[:, cells.spread == 0].any(axis=1)] = np.nan
    frame = frame.assign(**{estimate: value}, **t_columns(value, se=se, df=df))
    return frame.assign(reason=[_row_reason(cells, row, s) for row, s in zip(contrasts, se, strict=True)])


def _row_reason(cells: Cells, contrast: Floats, se: float) -> str:
    flaws = [cells.flaws[group] for group in np.flatnonzero(contrast) if cells.flaws[group]]
    return "; ".join(flaws) or ("" if se > 0 else "the means do not vary from cluster to cluster")
