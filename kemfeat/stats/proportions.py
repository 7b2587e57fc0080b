"""Shares and their intervals, for observations that come in clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kemfeat.arrays import Floats


def wilson(share: ArrayLike, *, n: ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson's score interval of a share (Wilson 1927, JASA 22:209-212).

    Parameters
    ----------
    share : observed shares, 0 to 1 [any shape].
    n : observations behind each, not necessarily whole: see :func:`effective_n` [same shape].
    confidence : of the two-sided interval, in (0, 1).

    Returns
    -------
    tuple of arrays
        Lower and upper limits, 0 to 1 [same shape]; NaN where n is 0.
    """
    p, size = np.asarray(share, dtype=np.float64), np.asarray(n, dtype=np.float64)
    z = special.ndtri((1 + confidence) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (p + z**2 / (2 * size)) / (1 + z**2 / size)
        reach = z * np.sqrt(p * (1 - p) / size + z**2 / (4 * size**2)) / (1 + z**2 / size)
    return np.clip(centre - reach, 0, 1), np.clip(centre + reach, 0, 1)


def effective_n(present: ArrayLike, *, clusters: ArrayLike) -> float:
    """As how many independent observations a share of clustered ones counts (Korn and Graubard 1998).

    The variance that the clusters show, by the ratio estimator (Cochran 1977, Sampling Techniques, 2.11), over that of
    independent observations is the design effect; it is taken to be at least 1. A share of 0 or 1 shows no variance:
    there the clusters themselves are counted.

    Parameters
    ----------
    present : whether each observation has the property [shape=(n,)].
    clusters : the speaker, say, of each observation [shape=(n,)].

    Returns
    -------
    float
        Between 1 and n; 0 for no observation. NaN for a single cluster, which says nothing about how clusters vary.
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
    return float(min(has.size, max(1.0, share * (1 - share) / variance))) if variance > 0 else float(has.size)
