"""How much speakers differ in their response to an emotion, and what that means for a comparison of emotions.

Where a factor varies within speakers, as an emotion does, their level cancels from a difference of two emotions, and
an intraclass correlation says nothing about its error. What remains is that each speaker responds in their own way:
the variance of speaker x emotion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from kemfeat.arrays import Floats
from kemfeat.stats import _reml_slopes
from kemfeat.stats.columns import Column
from kemfeat.stats.nested._cells import Cells, read_cells
from kemfeat.stats.nested._contrasts import pair_contrasts, t_columns, treatment_contrasts, with_holm
from kemfeat.stats.nested._cr2 import quadratic


@dataclass(frozen=True)
class RandomSlopes:
    """REML fit of value = mean of its group + effect of its cluster + response of its cluster to its group + residual.

    Parameters
    ----------
    table : DataFrame
        ``term estimate se``: the mean of the first group, then the other groups minus it.
    pairs : DataFrame
        ``a b diff se t df p log_p ci_low ci_high p_holm significant reason se_independent se_ratio``: every pair of
        groups; ``df`` is the number of clusters that occur in both, minus one; ``se_independent`` takes all values to
        be independent with the variances of this model; ``se_ratio`` is ``se`` divided by it.
    var_cluster, var_interaction, var_residual : float, squared unit of the values
        Of clusters, of their responses to a group (cluster x group), and of what is left.
    se_ratio : float
        Root mean square of ``se`` divided by that of ``se_independent``, over the pairs: by this factor the error of a
        difference is underestimated if speakers are ignored. Below 1 where only their level differs.
    log_likelihood : float
        Restricted, with all constants, as R's lmer prints it.
    reason : str
        Why the numbers are NaN; empty where they are not.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    var_cluster: float
    var_interaction: float
    var_residual: float
    se_ratio: float
    log_likelihood: float
    reason: str


def random_slopes(values: Column, groups: Column, clusters: Column) -> RandomSlopes:
    """Fit ``value ~ group + (1 | cluster) + (1 | cluster:group)`` by REML.

    Parameters
    ----------
    values : array_like, shape (n,), any unit
        Rows that are not finite are dropped.
    groups, clusters : array_like, shape (n,)
        Labels. Groups are taken in sorted order, or in the order of their categories.

    Returns
    -------
    RandomSlopes
        NaN with a reason where fewer than two clusters occur in two groups, or no cell has two values.

    Raises
    ------
    ConfigError
        The three are not one-dimensional and of one length, a value is not a number or beyond 1e100, or no row is
        complete.

    References
    ----------
    Barr, Levy, Scheepers and Tily (2013), J. Memory and Language 68:255-278; Bates et al. (2015), J. Statistical
    Software 67(1).

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.slopes import random_slopes
    >>> rng = np.random.default_rng(0)
    >>> speaker, emotion = np.repeat(np.arange(20), 30), np.tile(np.arange(3), 200)
    >>> response = rng.normal(size=(20, 3))
    >>> found = random_slopes(response[speaker, emotion] + rng.normal(size=600), emotion, speaker)
    >>> round(found.se_ratio, 1)
    2.0
    """
    cells = read_cells(values, groups, clusters)
    used = np.flatnonzero(cells.spread)
    contrasts = treatment_contrasts(len(used), reference=0)
    table = pd.DataFrame({"term": ["(Intercept)", *(cells.groups[group] for group in used[1:])]})
    if reason := _reml_slopes.why_not(cells):
        nan, missing = math.nan, np.full(len(used), math.nan)
        pairs = _pairs(cells, cells.means[used], covariance=np.diag(missing), alone=missing)
        pairs["reason"] = pairs["reason"].replace("", reason)
        return RandomSlopes(
            table.assign(estimate=contrasts @ cells.means[used], se=nan), pairs, nan, nan, nan, nan, nan, reason
        )
    fit = _reml_slopes.SlopesProfile(cells).best()
    means = cells.means[used] + fit.shift
    total = fit.var_cluster + fit.var_interaction + fit.var_residual
    pairs = _pairs(cells, means, covariance=fit.covariance, alone=total / cells.counts[:, used].sum(axis=0))
    squares = (pairs[["se", "se_independent"]] ** 2).mean()
    return RandomSlopes(
        table=table.assign(estimate=contrasts @ means, se=np.sqrt(quadratic(contrasts, fit.covariance))),
        pairs=pairs,
        var_cluster=fit.var_cluster,
        var_interaction=fit.var_interaction,
        var_residual=fit.var_residual,
        se_ratio=math.sqrt(squares["se"] / squares["se_independent"]),
        log_likelihood=-fit.deviance / 2,
        reason="",
    )


def _pairs(cells: Cells, means: Floats, *, covariance: Floats, alone: Floats) -> pd.DataFrame:
    """All pairs of the groups that have values; ``alone`` is the variance of each mean were all values independent."""
    used = np.flatnonzero(cells.spread)
    contrasts = pair_contrasts(len(used))
    full = cells.counts[:, used] > 0
    shared = np.array([np.count_nonzero(full[:, row != 0].all(axis=1)) for row in contrasts], dtype=float)
    names = list(combinations([cells.groups[group] for group in used], 2))
    diff, se = contrasts @ means, np.sqrt(quadratic(contrasts, covariance))
    frame = pd.DataFrame(names, columns=["a", "b"]).assign(diff=diff, **t_columns(diff, se=se, df=shared - 1))
    frame["reason"] = np.where(shared > 1, "", "fewer than two clusters occur in both groups")
    independent = np.sqrt(contrasts**2 @ alone)
    return with_holm(frame).assign(se_independent=independent, se_ratio=se / independent)
