"""Effect sizes of group comparisons with exact noncentral intervals.

SciPy's noncentral ``cdf`` agrees with direct integration to 1e-13 and is inverted here; its ``nctdtrinc`` and
``ncfdtrinc`` do not (1e-4 off for a mere F = 10), and R's ``pt`` turns approximate beyond a noncentrality of 37.6.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import optimize, special
from scipy.optimize import elementwise

from kemfeat.arrays import Floats
from kemfeat.stats.rounding import with_width

Interval = tuple[float, float]

_FAR_T = 1e4  # beyond it SciPy's series fail, and the normal part is lost beside the chi part
_UNLIKELY = 1e-5
_NORMAL_REACH = 5.0  # beyond it a standard normal is less likely than _UNLIKELY


def hedges_g(
    diff: Floats, *, n: tuple[Floats, Floats], variance: tuple[Floats, Floats], alpha: float
) -> tuple[Floats, Floats, Floats]:
    """Hedges g with unpooled standard deviation, and its 1 - ``alpha`` interval.

    g = J(df) diff / sqrt((s1^2 + s2^2) / 2) with Welch's df and the exact J(m) = Gamma(m/2) / (sqrt(m/2)
    Gamma((m-1)/2)). The interval is that of the noncentrality of Welch's t, times sqrt(2 (n2 s1^2 + n1 s2^2) / (n1 n2
    (s1^2 + s2^2))), times J.

    Parameters
    ----------
    diff : ndarray, shape (m,)
        Difference of two means.
    n : tuple of two ndarrays, shape (m,)
        Sizes of the first and the second group of each pair.
    variance : tuple of two ndarrays, shape (m,)
        Their variances.
    alpha : float, inside (0, 1)
        One minus the confidence.

    Returns
    -------
    g, low, high : ndarray, shape (m,)
        NaN where df <= 1, for which the correction does not exist.

    References
    ----------
    Hedges (1981), J. Educational Statistics 6:107-128; Delacre et al. (2021), PsyArXiv tu6mp.
    """
    se, df = welch_se_df(n, variance)
    spread = np.sqrt((variance[0] + variance[1]) / 2)
    correction = np.full(len(diff), np.nan)
    correction[df > 1] = np.exp(special.gammaln(df[df > 1] / 2) - special.gammaln((df[df > 1] - 1) / 2))
    correction /= np.sqrt(df / 2)
    low, high = noncentrality_of_t(diff / se, df=df, alpha=alpha)
    unit = correction * se / spread
    return correction * diff / spread, low * unit, high * unit


def welch_se_df(n: tuple[Floats, Floats], variance: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Standard error of a difference of two means, and its degrees of freedom (Welch 1947, Satterthwaite 1946)."""
    first, second = variance[0] / n[0], variance[1] / n[1]
    total = first + second
    share = first / total  # not squared variances, which could underflow
    return np.sqrt(total), 1 / (share**2 / (n[0] - 1) + (1 - share) ** 2 / (n[1] - 1))


def noncentrality_of_t(t: Floats, *, df: Floats, alpha: float) -> tuple[Floats, Floats]:
    """The noncentralities that place ``t`` at either ``alpha``/2 tail, each of shape (m,).

    Beyond |t| = 1e4 the limits are t times the quantiles of sqrt(chi2_df / df).
    """
    low, high = (_noncentrality_of_size(np.abs(t), df, p) for p in (1 - alpha / 2, alpha / 2))
    return np.where(t < 0, -high, low), np.where(t < 0, -low, high)


def _noncentrality_of_size(t: Floats, df: Floats, p: float) -> Floats:
    """The noncentrality under which P(T < t) is ``p``, for t >= 0, shape (m,)."""

    def chi(p: float) -> Floats:
        quantile: Floats = np.sqrt(special.chdtri(df, p) / df)
        return quantile

    def excess(nc: Floats, t: Floats, df: Floats) -> Floats:
        return np.asarray(special.nctdtr(df, nc, t), dtype=np.float64) - p

    near = t < _FAR_T
    bound = t * chi(p)
    bracket = ((t * chi(1 - _UNLIKELY) - _NORMAL_REACH)[near], (t * chi(_UNLIKELY) + _NORMAL_REACH)[near])
    bound[near] = elementwise.find_root(excess, bracket, args=(t[near], df[near])).x
    return bound


def explained(f: float, *, df1: float, df2: float, alpha: float) -> tuple[float, Interval]:
    """Eta squared of an F, f df1 / (f df1 + df2), and its interval ncp / (ncp + df2).

    The interval's convention is that of R's effectsize; ncp is the noncentrality of F, 0 where none is small enough.
    """
    return f * df1 / (f * df1 + df2), _share_interval(f, df1, df2, alpha=alpha, size=df2)


def omega_squared(f: float, *, df1: float, df2: float, alpha: float) -> tuple[float, Interval]:
    """Omega squared of an F, (f - 1) df1 / (f df1 + df2 + 1) but not below 0, and its interval.

    The interval is ncp / (ncp + df1 + df2 + 1) of the noncentrality of the F itself (Steiger 2004, Psychological
    Methods 9:164-182), which contains the estimate. The interval of R's effectsize, from another F whose eta squared is
    this omega squared, subtracts the bias twice and may end below the estimate.
    """
    if math.isnan(f):
        return math.nan, (math.nan, math.nan)
    omega = max((f - 1) * df1 / (f * df1 + df2 + 1), 0.0)
    return omega, _share_interval(f, df1, df2, alpha=alpha, size=df1 + df2 + 1)


def _share_interval(f: float, df1: float, df2: float, *, alpha: float, size: float) -> Interval:
    """Interval of ncp / (ncp + ``size``); NaN where no ncp but 0 is small enough, for such an F is too rare."""
    low, high = (_noncentrality_of_f(f, df1, df2, p) for p in (1 - alpha / 2, alpha / 2))
    below, above = with_width(low / (low + size), high / (high + size))
    return float(below), float(above)


def _noncentrality_of_f(f: float, df1: float, df2: float, p: float) -> float:
    """The noncentrality under which P(F < f) is ``p``; 0 where P is smaller even without any, NaN where f is."""
    if math.isnan(f):
        return math.nan
    if special.fdtr(df1, df2, f) <= p:
        return 0.0
    if f > _FAR_T**2:
        return float(f * df1 * special.chdtri(df2, p) / df2)
    largest = (math.sqrt(df1 * f * special.chdtri(df2, _UNLIKELY) / df2) + _NORMAL_REACH) ** 2
    return float(optimize.brentq(lambda nc: special.ncfdtr(df1, df2, nc, f) - p, 0.0, largest, xtol=1e-12, rtol=1e-13))


def cliffs_delta(first: Floats, second: Floats) -> float:
    """P(first > second) - P(first < second), in O(n log n).

    Parameters
    ----------
    first : ndarray, shape (n1,)
        Values of the first group.
    second : ndarray, shape (n2,)
        Values of the second group, sorted.

    Returns
    -------
    float, -1 to 1

    References
    ----------
    Cliff (1993), Psychological Bulletin 114:494-509.
    """
    below = np.searchsorted(second, first, side="left").sum()
    above = (len(second) - np.searchsorted(second, first, side="right")).sum()
    return float(below - above) / (len(first) * len(second))
