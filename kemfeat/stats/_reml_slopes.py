"""Restricted maximum likelihood of a random intercept and a random response to each group, over two ratios.

y = mean of its group + effect of its cluster + effect of its cluster in its group + residual. Values of one cell share
both effects, so the counts and means of the cells contain all information about the means, and the spread within cells
the rest about the residual variance. Bates et al. 2015, J. Statistical Software 67(1), section 3, for the likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from kemfeat.arrays import Floats
from kemfeat.stats.nested._cells import Cells

_LARGEST = 1e3  # standard deviation of an effect in units of the residual one
_STARTS = ((0.5, 0.5), (1.5, 0.2), (0.2, 1.5))


@dataclass(frozen=True)
class SlopesFit:
    """The model at its smallest restricted deviance.

    Parameters
    ----------
    deviance : float
        Restricted, -2 log likelihood.
    shift : ndarray, shape (G,)
        Estimated group means minus the plain ones.
    covariance : ndarray, shape (G, G)
        Of the group means.
    var_cluster, var_interaction, var_residual : float
        Of clusters, of their responses to a group, and of what is left.
    """

    deviance: float
    shift: Floats
    covariance: Floats
    var_cluster: float
    var_interaction: float
    var_residual: float


class SlopesProfile:
    """Restricted deviance over the two standard deviations in units of the residual one."""

    def __init__(self, cells: Cells) -> None:
        used = cells.counts.sum(axis=0) > 0
        self._counts = cells.counts[:, used]
        self._full = self._counts > 0
        self._means = np.divide(
            cells.residuals[:, used], self._counts, out=np.zeros_like(self._counts), where=self._full
        )
        self._within = cells.within
        self._df = cells.n - int(used.sum())
        self._log_counts = float(np.log(self._counts[self._full]).sum())

    def at(self, theta: Floats) -> SlopesFit:
        """Fit means and residual variance for given relative standard deviations of cluster and interaction."""
        cluster, interaction = float(theta[0]) ** 2, float(theta[1]) ** 2
        variance = interaction + 1 / np.where(self._full, self._counts, 1.0)
        weight = np.where(self._full, 1 / variance, 0.0)
        total = weight.sum(axis=1)
        damping = cluster / (1 + cluster * total)
        information = np.diag(weight.sum(axis=0)) - (weight * damping[:, None]).T @ weight
        sums = (weight * self._means).sum(axis=1)
        right = (weight * self._means).sum(axis=0) - weight.T @ (damping * sums)
        inverse = np.linalg.inv(information)
        shift = inverse @ right
        left = np.where(self._full, self._means - shift, 0.0)
        between = float(np.sum(weight * left**2) - damping @ (weight * left).sum(axis=1) ** 2)
        residual = (self._within + max(between, 0.0)) / self._df
        logdet = float(np.log(variance[self._full]).sum() + np.log1p(cluster * total).sum()) + self._log_counts
        logdet -= float(np.linalg.slogdet(inverse)[1])
        deviance = logdet + self._df * (1 + np.log(2 * np.pi * residual))
        return SlopesFit(deviance, shift, inverse * residual, cluster * residual, interaction * residual, residual)

    def _deviance(self, theta: Floats) -> float:
        return self.at(theta).deviance

    def best(self) -> SlopesFit:
        """The smallest deviance found from several starts, variances of 0 among them."""
        bounds = [(0.0, _LARGEST)] * 2
        found = [
            minimize(self._deviance, np.array(start), bounds=bounds, method="Nelder-Mead", options=_STOP).x
            for start in _STARTS
        ]
        edges = [np.array(theta) * keep for theta in found for keep in ((1, 0), (0, 1), (0, 0))]
        return min((self.at(np.asarray(theta, float)) for theta in (*found, *edges)), key=lambda fit: fit.deviance)


_STOP: Any = {"xatol": 1e-9, "fatol": 1e-11, "maxiter": 2000}


def why_not(cells: Cells) -> str:
    """Why the three variances are not identified; empty where they are."""
    in_both = np.count_nonzero((cells.counts > 0).sum(axis=1) > 1)
    if in_both < 2:
        return f"{in_both} of {cells.n_clusters} clusters occur in two groups: their response to a group is unknown"
    if cells.n <= np.count_nonzero(cells.counts):
        return "no cluster has two values in one group: its response and the residual are confounded"
    if cells.within == 0:
        return "values within cells do not vary"
    return ""
