"""The studentized range distribution by its upper tail, in logarithms.

With Q the range of k standard normals over an independent s = sqrt(chi2_df / df),

    P(Q > q) = integral over s of f(s) T(q s),   T(w) = P(range > w)
    T(w) = k integral over z of phi(z) Phi(z)^(k-1) { 1 - [1 - Phi(z-w) / Phi(z)]^(k-1) }

where z is the largest of the k and the braces are the probability that the smallest is below z - w. Written with expm1
and log1p, nothing cancels, so no p-value is too small; 1 - cdf, the usual way, is noise below 1e-13.

Both integrands decay fast at both ends (s taken as exp(x)), where the plain trapezoidal rule converges exponentially
(Trefethen & Weideman 2014, SIAM Review 56:385-458): with the steps below, to about 1e-13 of the result for p > 1e-100.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats
from scipy.optimize import elementwise

from kemfeat.arrays import Floats

_NEGLIGIBLE = 38.0  # natural log of how far below its peak an integrand is dropped: e^-38 = 3e-17
_Z = np.linspace(-9.0, 9.0, 91)  # offsets of the largest value from w/2, in SD; a step of 0.2 serves k up to 100
_BLOCK = 2_000_000  # integrand values held in memory at once
_LOG_2PI = float(np.log(2 * np.pi))


def log_sf(q: ArrayLike, *, k: int, df: ArrayLike) -> Floats:
    """Natural logarithm of P(Q > q).

    Parameters
    ----------
    q : array_like, shape (m,), >= 0
        Studentized ranges.
    k : int, >= 2
        Number of means that the range is over.
    df : array_like, shape (m,), > 0
        Degrees of freedom of the variance, not necessarily whole.

    Returns
    -------
    ndarray, shape (m,), <= 0
        Minus infinity for an infinite q, NaN where an argument is NaN.
    """
    q, df = np.broadcast_arrays(np.asarray(q, dtype=np.float64), np.asarray(df, dtype=np.float64))
    out = np.where(np.isnan(q + df), np.nan, np.where(q > 0, -np.inf, 0.0))
    inside = np.isfinite(q) & np.isfinite(df) & (q > 0)
    if inside.any():
        out[inside] = _integrate_over_s(q[inside], k, df[inside])
    return out


def critical(alpha: float, *, k: int, df: ArrayLike) -> Floats:
    """The q with P(Q > q) = ``alpha``.

    Bracketed by its neighbours in t: a single pair (exact for k = 2) and Bonferroni over all pairs.

    Parameters
    ----------
    alpha : float, inside (0, 1)
        Probability of the upper tail.
    k : int, >= 2
        Number of means that the range is over.
    df : array_like, shape (m,), > 0
        Degrees of freedom of the variance.

    Returns
    -------
    ndarray, shape (m,)
        NaN where ``df`` is.
    """
    df = np.asarray(df, dtype=np.float64)
    out = np.full(df.shape, np.nan)
    known = ~np.isnan(df)
    low, high = (np.sqrt(2) * stats.t.isf(share, df[known]) for share in (alpha / 2, alpha / (k * (k - 1))))

    def excess(q: Floats, df: Floats) -> Floats:
        difference: Floats = log_sf(q, k=k, df=df) - np.log(alpha)
        return difference

    found = elementwise.find_root(excess, (low * (1 - 1e-6), high * (1 + 1e-6)), args=(df[known],))
    out[known] = found.x
    return out


def _integrate_over_s(q: Floats, k: int, df: Floats) -> Floats:
    out = np.empty(len(q))
    first, step, count = _nodes(q, k, df)
    per_block = max(1, _BLOCK // (count * len(_Z)))
    for start in range(0, len(q), per_block):
        rows = slice(start, start + per_block)
        x = first[rows, None] + step[rows, None] * np.arange(count)
        log_f = _log_chi_kernel(x, df[rows, None]) + _log_range_sf(q[rows, None] * np.exp(x), k)
        out[rows] = special.logsumexp(log_f, axis=1) + np.log(step[rows]) + _log_chi_constant(df[rows])
    return np.minimum(out, 0.0)


def _nodes(q: Floats, k: int, df: Floats) -> tuple[Floats, Floats, int]:
    """First node and step in x = log s for every q, and how many nodes they need."""
    peak = _peak(q, k, df)
    reach = np.geomspace(1.0, 200.0, 60) / np.sqrt(df)[:, None]
    floor = _log_bound(peak[:, None], q, k, df) - _NEGLIGIBLE
    left = _first_below(_log_bound(peak[:, None] - reach, q, k, df), floor, reach)
    reach = np.minimum(reach, 6.0)  # exp(-df e^12) ends it for any df, and exp(2x) stays finite
    right = _first_below(_log_bound(peak[:, None] + reach, q, k, df), floor, reach)
    # Near its peak the integrand is a Gaussian of variance 1/(2 df), here sampled at half its standard deviation; the
    # constant rules for small df, where the integrand is bounded only for |Im x| < pi/4.
    count = int(np.ceil(np.max((left + right) * np.sqrt(50.0 + 8.0 * df)))) + 1
    return peak - left, (left + right) / (count - 1), count


def _first_below(values: Floats, floor: Floats, reach: Floats) -> Floats:
    at = np.argmax(values < floor, axis=1)
    chosen: Floats = reach[np.arange(len(reach)), at]
    return chosen


def _peak(q: Floats, k: int, df: Floats) -> Floats:
    """The x where :func:`_log_bound` is largest, to a fraction of its width.

    It is between 0, the peak of the chi density, and the point where the density's rise could outweigh the fastest
    possible fall of the normal tail (its hazard at u is below u + sqrt(2/pi)).
    """
    slope, square = q / np.sqrt(np.pi), df + q**2 / 2
    low = np.log(2 * df / (slope + np.sqrt(slope**2 + 4 * square * df)))
    high = np.zeros_like(low)
    for _ in range(4):
        grid = np.linspace(low, high, 24, axis=1)
        best = np.argmax(_log_bound(grid, q, k, df), axis=1)
        rows = np.arange(len(q))
        low, high = grid[rows, np.maximum(best - 1, 0)], grid[rows, np.minimum(best + 1, 23)]
    peak: Floats = (low + high) / 2
    return peak


def _log_bound(x: Floats, q: Floats, k: int, df: Floats) -> Floats:
    """Log of the integrand's upper bound, shape (m, n): chi density times Bonferroni's bound on the range; concave."""
    pairs = np.log(k * (k - 1.0)) + special.log_ndtr(-q[:, None] * np.exp(x) / np.sqrt(2))
    bound: Floats = _log_chi_kernel(x, df[:, None]) + np.minimum(pairs, 0.0)
    return bound


def _log_chi_kernel(x: Floats, df: Floats) -> Floats:
    """Log density of x = log s, without :func:`_log_chi_constant`: 0 at its peak, x = 0."""
    kernel: Floats = df * (x - np.expm1(2 * x) / 2)
    return kernel


def _log_chi_constant(df: Floats) -> Floats:
    """Log of 2 a^a e^-a / Gamma(a), a = df/2; by Stirling's series where its terms would cancel."""
    a = df / 2
    large = np.maximum(a, 50.0)
    remainder = 1 / (12 * large) - 1 / (360 * large**3) + 1 / (1260 * large**5)
    stirling = (np.log(a) - _LOG_2PI) / 2 - remainder
    direct = special.xlogy(a, a) - a - special.gammaln(a)
    constant: Floats = np.log(2) + np.where(a > 50.0, stirling, direct)
    return constant


def _log_range_sf(w: Floats, k: int) -> Floats:
    """Log of P(range of k standard normals > w), shape as w."""
    z = w[..., None] / 2 + _Z
    log_below = special.log_ndtr(z)
    log_ratio = np.minimum(special.log_ndtr(z - w[..., None]) - log_below, 0.0)
    # Below e^-40 the braces equal their first term; above it expm1 and log1p do not underflow.
    with np.errstate(divide="ignore"):  # log1p(-1) is the minus infinity that is meant
        braces = np.log(-np.expm1((k - 1) * np.log1p(-np.exp(np.maximum(log_ratio, -40.0)))))
    braces = np.where(log_ratio > -40.0, braces, np.log(k - 1.0) + log_ratio)
    log_terms = (k - 1) * log_below - z**2 / 2 + braces
    step = _Z[1] - _Z[0]
    total: Floats = special.logsumexp(log_terms, axis=-1) + np.log(k * step) - _LOG_2PI / 2
    return total
