"""Shares and their intervals, for observations that come in clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from kemfeat.arrays import Floats

LEAST_SPREAD = 5.0
"""Clusters over which the rarer outcome must be spread for their variance to be trusted."""


def wilson(share: ArrayLike, *, n: ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson's score interval of a share.

    Parameters
    ----------
    share : array_like, any shape, 0 to 1
        Observed shares.
    n : array_like, same shape, >= 0
        Observations that each share rests on, not necessarily whole: see :func:`effective_n`.
    confidence : float, inside (0, 1)
        Of the two-sided interval.

    Returns
    -------
    low, high : ndarray, same shape, 0 to 1
        NaN where n is 0.

    References
    ----------
    Wilson (1927), J. American Statistical Association 22:209-212.

    Examples
    --------
    >>> from kemfeat.stats.proportions import wilson
    >>> low, high = wilson(0.3, n=40)
    >>> round(float(low), 4), round(float(high), 4)
    (0.1807, 0.4543)
    """
    p, size = np.asarray(share, dtype=np.float64), np.asarray(n, dtype=np.float64)
    z = special.ndtri((1 + confidence) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (p + z**2 / (2 * size)) / (1 + z**2 / size)
        reach = z * np.sqrt(p * (1 - p) / size + z**2 / (4 * size**2)) / (1 + z**2 / size)
    return np.clip(centre - reach, 0, 1), np.clip(centre + reach, 0, 1)


def effective_n(present: ArrayLike, *, clusters: ArrayLike) -> float:
    """How many independent observations would tell as much about a share as these clustered ones do.

    The design effect is the variance of the share between clusters, by the ratio estimator, divided by the variance for
    independent observations, and at least 1. It rests on the J clusters alone, so n / design effect is multiplied by
    (z / t)^2 of the 97.5 % quantiles of the normal and of Student's t with J - 1 degrees of freedom. A share of 0 or 1
    has no variance; there the clusters are counted instead.

    Where hardly any cluster has the rarer outcome, the next one may change everything, and their variance does not show
    it: the intervals would contain the truth in .80 to .92 of the cases. If the rarer outcome is spread over fewer than
    :data:`LEAST_SPREAD` clusters, by the inverse Simpson index, the result is at most the number of clusters.

    Parameters
    ----------
    present : array_like, shape (n,), bool
        Whether each observation has the property.
    clusters : array_like, shape (n,)
        Label of the cluster of each observation, such as its speaker.

    Returns
    -------
    float
        Between 1 and n; 0 without observations. NaN for a single cluster, which says nothing about how clusters vary.

    References
    ----------
    Korn and Graubard (1998), Survey Methodology 24:193-201; Cochran (1977), Sampling Techniques, 2.11; Simpson (1949),
    Nature 163:688. Coverage by simulation: docs/benchmarks.md.

    Examples
    --------
    >>> from kemfeat.stats.proportions import effective_n
    >>> speakers = [speaker for speaker in "abcdef" for _ in range(20)]
    >>> present = [at % 20 < 8 + 2 * (at // 20) for at in range(120)]
    >>> round(effective_n(present, clusters=speakers), 1)
    6.0
    """
    has = np.asarray(present, dtype=np.float64)
    names, codes = np.unique(np.asarray(clusters).astype(str), return_inverse=True)
    if len(names) < 2:
        return 0.0 if not has.size else float("nan")
    share = has.mean()
    if share in {0.0, 1.0}:
        return float(len(names))
    excess = np.bincount(codes, weights=has - share)
    variance = len(names) / (len(names) - 1) * np.sum(excess**2) / has.size**2
    independent = min(has.size, share * (1 - share) / variance) if variance > 0 else has.size
    few = (special.ndtri(0.975) / stats.t.isf(0.025, len(names) - 1)) ** 2
    rarer = np.bincount(codes, weights=has if share < 0.5 else 1 - has)
    spread = rarer.sum() ** 2 / np.sum(rarer**2)
    most = len(names) if spread < LEAST_SPREAD else np.inf
    return float(np.clip(independent * few, 1.0, most))
