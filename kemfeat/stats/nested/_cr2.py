"""Bias-reduced cluster-robust covariance (CR2) of group means, in closed form.

For the one-way model y = mean of its group + error, the hat matrix of a cluster is block diagonal by group with blocks
J/N_g, so the CR2 adjustment (I - H)^(-1/2) only stretches each cell sum by 1/sqrt(1 - n_ig/N_g). The matrix of products
p_i'p_j in the Satterthwaite and HTZ degrees of freedom is diagonal plus rank G: it is never formed, and its sums are
taken over G x G matrices. Cost: J G^2 for J clusters and G groups, whatever their sizes.

References
----------
Bell & McCaffrey 2002, Survey Methodology 28(2):169-181 (CR2 and the Satterthwaite degrees of freedom);
Pustejovsky & Tipton 2018, J. Business & Economic Statistics 36(4):672-683 (HTZ: the approximate Hotelling test).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kemfeat.arrays import Floats
from kemfeat.stats.rounding import NOISE


@dataclass(frozen=True)
class GroupMeansCR2:
    """Covariance of G group means, and its own sampling variance under independent errors of one variance.

    Parameters
    ----------
    scores : ndarray, shape (J, G)
        What each cluster adds to each mean: the CR2 covariance is ``scores.T @ scores``.
    working : ndarray, shape (G,)
        Variance of each mean under the working model, in units of the error variance.
    products : ndarray, shape (G, G)
        Sum over all pairs of clusters i, j of k_ijg k_ijl; k_ij is the diagonal of p_i'p_j by group.
    """

    scores: Floats
    working: Floats
    products: Floats

    def rounding(self, means: Floats, contrasts: Floats) -> Floats:
        """Standard error of each row of ``contrasts``, shape (q, G), that rounding of values near ``means`` may cause.

        It is that of clusters whose means vary by :data:`NOISE` of their size, or of their deviations.
        """
        of_means = NOISE * np.abs(means) / np.sqrt(max(len(self.scores), 1))
        return np.asarray((of_means + NOISE * np.linalg.norm(self.scores, axis=0)) @ np.abs(contrasts.T))

    def standard_errors(self, means: Floats, contrasts: Floats) -> Floats:
        """Standard error of each row of ``contrasts``, shape (q, G); exactly 0 where only rounding is left."""
        se = np.linalg.norm(self.scores @ contrasts.T, axis=0)
        return np.where(se > self.rounding(means, contrasts), se, 0.0)

    def satterthwaite(self, contrasts: Floats) -> Floats:
        """Degrees of freedom of the t statistic of each row of ``contrasts``, shape (q, G)."""
        squares = contrasts**2
        expected = squares @ self.working
        return np.asarray(expected**2 / quadratic(squares, self.products))

    def htz(self, means: Floats, contrasts: Floats) -> tuple[float, float]:
        """F of "all contrasts are zero" and its second degrees of freedom; the first are the number of contrasts.

        F is NaN where df2 <= 0 or the covariance is singular, up to rounding: there are too few clusters for so many
        contrasts.
        """
        q = len(contrasts)
        omega = (contrasts * self.working) @ contrasts.T
        # B = C' Omega^-1 C has every inner product of the standardised contrasts that the total variance needs.
        b = contrasts.T @ np.linalg.solve(omega, contrasts)
        diagonal = np.diag(b)
        eta = q * (q + 1) / float(diagonal @ self.products @ diagonal + np.sum(b**2 * self.products))
        df2 = eta - q + 1
        half = np.linalg.inv(np.linalg.cholesky(omega))
        _, scales, axes = np.linalg.svd(self.scores @ contrasts.T @ half.T, full_matrices=False)
        if df2 <= 0 or len(scales) < q:
            return np.nan, df2
        rows = axes @ half @ contrasts
        if (scales <= self.rounding(means, rows)).any():
            return np.nan, df2
        wald = float(np.sum((rows @ means / scales) ** 2))
        return df2 / (eta * q) * wald, df2


def quadratic(rows: Floats, matrix: Floats) -> Floats:
    """Quadratic form x' M x of every row x of ``rows``, shape (q,)."""
    return np.asarray(np.einsum("qg,gl,ql->q", rows, matrix, rows))


def group_means_cr2(counts: Floats, residuals: Floats) -> GroupMeansCR2:
    """CR2 of the means of groups that each occur in two or more clusters.

    Parameters
    ----------
    counts : ndarray, shape (J, G)
        Values per cell.
    residuals : ndarray, shape (J, G)
        Sum of the residuals of each cell.

    Returns
    -------
    GroupMeansCR2
    """
    sizes = counts.sum(axis=0)
    scores = residuals / np.sqrt(1 - counts / sizes) / sizes
    own = counts / (sizes * (sizes - counts))
    crossed = own * counts / sizes
    leverage = counts * np.sqrt(sizes / (sizes - counts))
    rank_g = (leverage.T @ leverage) ** 2 / np.outer(sizes, sizes) ** 3
    return GroupMeansCR2(
        scores=scores,
        working=1 / sizes,
        products=own.T @ own - own.T @ crossed - crossed.T @ own + rank_g,
    )
