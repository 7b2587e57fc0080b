"""Restricted maximum likelihood of any number of random intercepts, nested or crossed.

y = X b + sum of Z_k u_k + residual with independent u_k of one variance each. The likelihood is that of Bates et al.
(2015), J. Statistical Software 67(1), section 3, over the standard deviations relative to the residual one. Only cross
products of the columns enter, computed once. The levels of the largest effect (utterances, say) are eliminated first:
their block is diagonal, so no matrix is larger than the number of all other levels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.optimize import minimize

from kemfeat.arrays import Floats

_LARGEST = 1e3  # standard deviation of an effect in units of the residual one
_ROUGHLY: Any = {"xatol": 2e-3, "fatol": 1e-3, "maxiter": 2000, "adaptive": True}
_ZERO = 1e-2  # after the rough search a smaller one is tried as none
_NEWTON, _SETTLED, _FLAT = 6, 1e-5, 1e-7
_STEP = 1e-3


@dataclass(frozen=True)
class Solution:
    """The model at given relative standard deviations.

    Parameters
    ----------
    estimate : ndarray, shape (p,)
        Fixed effects.
    inverse : ndarray, shape (p, p)
        Their covariance in units of the residual variance.
    rss : float
        Weighted sum of squares: the residual variance is ``rss`` by n - p.
    logdet : float
        Of the covariance of the values and of the information on the fixed effects, in these units.
    """

    estimate: Floats
    inverse: Floats
    rss: float
    logdet: float


@dataclass(frozen=True)
class _Part:
    """The levels of the first effect with one number of values: what eliminating them takes away depends on that alone.

    Their sums of the other columns, multiplied with each other, are ``products`` at the flat ``places``.
    """

    count: float
    levels: int
    places: NDArray[np.intp]
    products: Floats


class CrossedProfile:
    """Restricted deviance over the standard deviations ``theta`` of the effects, in units of the residual one."""

    def __init__(self, y: Floats, x: Floats, levels: Sequence[NDArray[np.intp]]) -> None:
        sizes = [int(codes.max()) + 1 for codes in levels]
        self._first = int(np.argmax(sizes))
        self._others = [at for at in range(len(levels)) if at != self._first]
        self.df = len(y) - x.shape[1]
        fixed = np.column_stack([x, y])
        one = _indicators(levels[self._first])
        self._owner = np.repeat(np.arange(len(self._others)), [sizes[at] for at in self._others])
        blocks = [*(_indicators(levels[at]) for at in self._others), sparse.csr_array(fixed)]
        columns = sparse.hstack(blocks, format="csr")
        self._whole = (columns.T @ columns).toarray()
        self._parts = _by_count(one, columns)

    def at(self, theta: Floats) -> Solution:
        """Fixed effects for given relative standard deviations; their signs do not matter."""
        square, logdet, left = float(theta[self._first]) ** 2, 0.0, self._whole.copy()
        for part in self._parts:
            inside = 1 + square * part.count
            left.reshape(-1)[part.places] -= square / inside * part.products
            logdet += part.levels * math.log(inside)
        q = len(self._owner)
        cross = left[q:, q:]
        if q:
            scale = np.asarray(theta, dtype=np.float64)[self._others][self._owner]
            lower = linalg.cholesky(np.eye(q) + scale[:, None] * left[:q, :q] * scale, lower=True)
            half = linalg.solve_triangular(lower, scale[:, None] * left[:q, q:], lower=True)
            cross = cross - half.T @ half
            logdet += 2 * float(np.log(np.diag(lower)).sum())
        inverse = np.linalg.inv(cross[:-1, :-1])
        estimate = inverse @ cross[:-1, -1]
        rss = max(float(cross[-1, -1] - cross[:-1, -1] @ estimate), 0.0)
        return Solution(estimate, inverse, rss, logdet - float(np.linalg.slogdet(inverse)[1]))

    def deviance(self, theta: Floats) -> float:
        """Restricted, -2 log likelihood, at the best residual variance."""
        found = self.at(theta)
        return float(found.logdet + self.df * (1 + np.log(2 * np.pi * found.rss / self.df)))

    def best(self) -> tuple[Floats, bool]:
        """Relative standard deviations of the smallest deviance, and whether the search ended there."""
        count = len(self._others) + 1
        bounds = [(0.0, _LARGEST)] * count
        found = minimize(self.deviance, np.full(count, 0.5), bounds=bounds, method="Nelder-Mead", options=_ROUGHLY)
        edge = np.where(found.x < _ZERO, 0.0, found.x)
        theta, moved = edge if self.deviance(edge) <= found.fun + _FLAT else found.x, math.inf
        for _ in range(_NEWTON):
            theta, moved = self._newton(theta)
            if moved < _SETTLED:
                break
        return theta, bool(moved < _SETTLED and theta.max() < _LARGEST)

    def _newton(self, theta: Floats) -> tuple[Floats, float]:
        """One step of Newton's method over the effects that have a variance, and how far it went."""
        free = np.flatnonzero(theta)
        if not len(free):
            return theta, 0.0

        def deviance(point: Floats) -> float:
            whole = theta.copy()
            whole[free] = point
            return self.deviance(whole)

        here, h = theta[free], np.diag(steps(theta[free]))
        gradient = np.array([(deviance(here + row) - deviance(here - row)) / (2 * row.max()) for row in h])
        curvature = second_derivatives(deviance, here)
        step = np.linalg.pinv(curvature, hermitian=True) @ gradient
        new = np.abs(here - step)
        if np.linalg.eigvalsh(curvature)[0] <= 0 or deviance(new) > deviance(here) + _FLAT:
            return theta, math.inf
        whole = theta.copy()
        whole[free] = new
        return whole, float(np.abs(new - here).max() / max(1.0, here.max()))

    def uncertainty(self, theta: Floats) -> Floats:
        """Covariance of the estimates of ``theta`` and of the logarithm of the residual standard deviation.

        Twice the inverse of the second derivatives of the deviance; an effect of variance 0 has no part in it.
        """
        sigma = np.log(self.at(theta).rss / self.df) / 2
        return np.asarray(2 * np.linalg.pinv(second_derivatives(self._joint, np.append(theta, sigma)), hermitian=True))

    def _joint(self, point: Floats) -> float:
        found = self.at(point[:-1])
        scale = self.df * (np.log(2 * np.pi) + 2 * point[-1])
        return float(found.logdet + scale + found.rss * np.exp(-2 * point[-1]))


def _indicators(codes: NDArray[np.intp]) -> Any:
    ones = np.ones(len(codes))
    return sparse.csr_array((ones, (np.arange(len(codes)), codes)), shape=(len(codes), int(codes.max()) + 1))


def _by_count(one: Any, columns: Any) -> list[_Part]:
    """The levels of the first effect, sorted by their number of values."""
    counts = np.asarray(one.sum(axis=0)).ravel()
    sums = (one.T @ columns).tocsr()
    found = []
    for count in np.unique(counts):
        mine = sums[np.flatnonzero(counts == count)]
        product = (mine.T @ mine).tocoo()
        places = np.ravel_multi_index((product.row, product.col), product.shape)
        found.append(_Part(float(count), mine.shape[0], places, product.data))
    return found


def steps(point: Floats) -> Floats:
    """Steps of central differences, shape (q,)."""
    return np.asarray(_STEP * np.maximum(np.abs(point), 0.1))


def second_derivatives(function: Any, point: Floats) -> Floats:
    """By central differences, shape (q, q)."""
    h, q = np.diag(steps(point)), len(point)
    middle, found = function(point), np.empty((q, q))
    for i in range(q):
        found[i, i] = (function(point + h[i]) - 2 * middle + function(point - h[i])) / h[i, i] ** 2
        for j in range(i):
            corners = [s * t * function(point + s * h[i] + t * h[j]) for s in (1, -1) for t in (1, -1)]
            found[i, j] = found[j, i] = sum(corners) / (4 * h[i, i] * h[j, j])
    return found
