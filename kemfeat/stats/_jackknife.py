"""Jackknife intervals over clusters, which stay honest where clusters are few.

The variance is (J - 1) / J * sum (t_(j) - t)^2 about the estimate itself, with Student's t of J - 1 degrees of freedom
(Efron and Tibshirani 1993, An Introduction to the Bootstrap, 11.5; MacKinnon, Nielsen and Webb 2023, J. Applied
Econometrics 38:671-694). A percentile bootstrap of few clusters is too narrow.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from kemfeat.arrays import Floats
from kemfeat.stats.rounding import NOISE

LEAST_CLUSTERS = 5
"""Fewer clusters say too little about how clusters vary: no interval is given."""


def jackknife(left_out: Floats, *, estimate: Floats, alpha: float, counts: Floats) -> tuple[Floats, Floats]:
    """Two-sided 1 - ``alpha`` interval.

    Parameters
    ----------
    left_out : ndarray, shape (J, ...)
        The estimate without each of J clusters.
    estimate : ndarray, shape (...)
        The estimate from all clusters, without a unit.
    alpha : float, inside (0, 1)
        One minus the confidence.
    counts : ndarray, shape (...)
        Clusters that the estimate rests on, at most J; leaving out one of the others changes nothing.

    Returns
    -------
    low, high : ndarray, shape (...)
        NaN where fewer than :data:`LEAST_CLUSTERS` count, an estimate without one cluster is NaN, or leaving out a
        cluster changes nothing: then nothing shows how clusters vary.
    """
    enough = counts >= LEAST_CLUSTERS
    used = np.where(enough, counts, 2)
    se = np.sqrt((used - 1) / used * np.sum((left_out - estimate) ** 2, axis=0))
    known = enough & (se > NOISE * np.maximum(np.abs(estimate), 1.0))
    half = np.where(known, stats.t.isf(alpha / 2, used - 1) * se, np.nan)
    return estimate - half, estimate + half
