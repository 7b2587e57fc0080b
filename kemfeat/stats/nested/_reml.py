"""Restricted maximum likelihood of a random intercept: a search along one line.

Given the ratio r of cluster to residual variance, the group means and both variances have closed forms, so the
restricted likelihood is a function of r alone (Harville 1977, JASA 72:320-338; Bates et al. 2015, J. Stat. Software
67(1), eq. 41-42). Its derivative is known as well: every root is bracketed on a grid and found to machine precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from kemfeat.arrays import Floats
from kemfeat.stats.nested._cells import Cells
from kemfeat.stats.nested._cr2 import quadratic

_LARGEST_RATIO = 1e6  # an ICC of 0.999999: beyond it the values are constant within clusters
_GRID = np.concatenate([[0.0], np.logspace(-8, np.log10(_LARGEST_RATIO), 57)])


@dataclass(frozen=True)
class RatioFit:
    """The model at one ratio of variances.

    Parameters
    ----------
    deviance : float
        Restricted, -2 log likelihood.
    slope : float
        Derivative of ``deviance`` by the ratio.
    shift : ndarray, shape (G,)
        Estimated group means minus the plain ones.
    covariance : ndarray, shape (G, G)
        Of the group means.
    var_residual : float
        Residual variance.
    """

    deviance: float
    slope: float
    shift: Floats
    covariance: Floats
    var_residual: float


class Profile:
    """Restricted deviance (-2 log likelihood) along the ratio of variances."""

    def __init__(self, cells: Cells) -> None:
        used = cells.counts.sum(axis=0) > 0
        self._counts, residuals = cells.counts[:, used], cells.residuals[:, used]
        self._sizes, self._sums = self._counts.sum(axis=1), residuals.sum(axis=1)
        self._df = cells.n - int(used.sum())
        share = self._counts / self._sizes[:, None]
        # Parts within clusters, which the ratio does not touch.
        self._xx = np.diag(self._counts.sum(axis=0)) - share.T @ self._counts
        self._xy = residuals.sum(axis=0) - share.T @ self._sums
        inside = np.divide(residuals**2, self._counts, out=np.zeros_like(residuals), where=self._counts > 0)
        self._yy = cells.within + float(inside.sum()) - float(np.sum(self._sums**2 / self._sizes))

    def at(self, ratio: float) -> RatioFit:
        """Fit the group means and the residual variance for one ratio."""
        damping = 1 / (1 + ratio * self._sizes)
        weights = damping / self._sizes
        weighted = self._counts * weights[:, None]
        inverse = np.linalg.inv(self._xx + weighted.T @ self._counts)
        shift = inverse @ (self._xy + weighted.T @ self._sums)
        left = self._sums - self._counts @ shift
        moment = self._yy - 2 * float(shift @ self._xy) + float(shift @ self._xx @ shift)
        rss = max(moment, 0.0) + float(weights @ left**2)
        variance = rss / self._df
        hat = quadratic(self._counts, inverse)
        slope = float(self._sizes @ damping - damping**2 @ hat - damping**2 @ left**2 / variance)
        logdet = -float(np.log(damping).sum()) - float(np.linalg.slogdet(inverse)[1])
        deviance = logdet + self._df * (1 + np.log(2 * np.pi * variance))
        return RatioFit(deviance, slope, shift, inverse * variance, variance)

    def best(self) -> tuple[float, RatioFit]:
        """The ratio of the smallest deviance; 0 and the largest ratio are candidates too."""
        slopes = [(ratio, self.at(ratio).slope) for ratio in _GRID]
        valleys = [(low, high) for (low, down), (high, up) in pairwise(slopes) if down < 0 <= up]
        roots = [brentq(lambda ratio: self.at(ratio).slope, *ends, xtol=1e-14, rtol=1e-14) for ends in valleys]
        fits = [(ratio, self.at(ratio)) for ratio in (0.0, *roots, _LARGEST_RATIO)]
        return min(fits, key=lambda fit: fit[1].deviance)


def why_not(cells: Cells) -> str:
    """Why the two variances are not identified; empty where they are."""
    cluster, group = np.nonzero(cells.counts)
    total = cells.n_clusters + len(cells.groups)
    links = csr_array((np.ones(len(group)), (cluster, cells.n_clusters + group)), shape=(total, total))
    empty, used = int((cells.spread == 0).sum()), int((cells.spread > 0).sum())
    islands = connected_components(links, directed=False)[0] - empty
    if cells.n_clusters == islands:
        return f"no group spans two of the {cells.n_clusters} clusters: clusters and groups are confounded"
    if cells.n <= used + cells.n_clusters - islands:
        return "no cluster has a second value: variance within clusters is unknown"
    if cells.within + np.sum(cells.residuals**2) == 0:
        return "the values do not vary"
    return ""
