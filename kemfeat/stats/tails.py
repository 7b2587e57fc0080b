"""P-values as natural logarithms, which stay exact below the smallest float, and how they are printed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from kemfeat.errors import ConfigError

SMALLEST = float(np.finfo(np.float64).tiny)
"""2.2e-308, printed in place of a p-value too small for a double."""

_FAR = 1e-290  # below this a tail probability loses digits, then becomes 0
_LOG_PRINTABLE = math.log(1e-300)


def log_chi2_sf(x: float, *, df: float) -> float:
    """Natural logarithm of P(X > x) for a chi-square variable.

    Parameters
    ----------
    x : float, >= 0
        Chi-square statistic.
    df : float, > 0
        Degrees of freedom.

    Returns
    -------
    float, <= 0
        NaN where an argument is NaN. Where the probability is too small for a double, the asymptotic series of the
        incomplete gamma function is summed (DLMF 8.11.2): so far out, its terms fall below double precision long before
        they could grow.

    Examples
    --------
    >>> from kemfeat.stats.tails import log_chi2_sf
    >>> round(log_chi2_sf(3.841, df=1), 4), round(log_chi2_sf(5000.0, df=4), 2)
    (-2.9955, -2492.18)
    """
    if math.isnan(x + df):
        return math.nan
    p = float(special.chdtrc(df, x))
    if p > _FAR:
        return math.log(p)
    a, y = df / 2, x / 2
    total, term, j = 1.0, 1.0, 1
    while abs(term) > 1e-17 * abs(total):
        term *= (a - j) / y
        total += term
        j += 1
    return (a - 1) * math.log(y) - y - math.lgamma(a) + math.log(total)


def log_level(alpha: float) -> float:
    """Natural logarithm of a level of significance.

    Parameters
    ----------
    alpha : float, inside (0, 1)
        Level of significance.

    Returns
    -------
    float, < 0

    Raises
    ------
    ConfigError
        ``alpha`` is not inside (0, 1).

    Examples
    --------
    >>> from kemfeat.stats.tails import log_level
    >>> round(log_level(0.05), 4)
    -2.9957
    """
    if not 0 < alpha < 1:
        raise ConfigError(f"alpha is {alpha}; expected a level of significance inside (0, 1), such as 0.05")
    return math.log(alpha)


def probability(log_p: ArrayLike) -> NDArray[np.float64]:
    """``exp(log_p)``, or the smallest normal double (2.2e-308) where that underflows: an upper bound, never 0.

    Parameters
    ----------
    log_p : array_like, any shape, <= 0
        Natural logarithms of probabilities.

    Returns
    -------
    ndarray, same shape, above 0 to 1

    Examples
    --------
    >>> from kemfeat.stats.tails import probability
    >>> float(probability(0.0)), float(probability(-2000.0))
    (1.0, 2.2250738585072014e-308)
    """
    return np.maximum(np.exp(np.asarray(log_p, dtype=np.float64)), SMALLEST)


def p_text(log_p: float) -> str:
    """A p-value as it is printed, such as ``.978`` or ``8.3e-109``, never ``0``.

    Parameters
    ----------
    log_p : float, <= 0 or NaN
        Natural logarithm of the p-value.

    Returns
    -------
    str

    Examples
    --------
    >>> from kemfeat.stats.tails import p_text
    >>> p_text(-0.7), p_text(-250.0), p_text(-2000.0)
    ('.497', '2.7e-109', '< 1e-300 (log10 p = -868.6)')
    """
    if math.isnan(log_p):
        return "undefined"
    if log_p < _LOG_PRINTABLE:
        return f"< 1e-300 (log10 p = {log_p / math.log(10):.1f})"
    p = math.exp(log_p)
    return f"{p:.3f}".removeprefix("0") if p >= 0.001 else f"{p:.1e}"


def holm(log_p: ArrayLike) -> NDArray[np.float64]:
    """Natural logarithms of Holm-adjusted p-values.

    Parameters
    ----------
    log_p : array_like, shape (m,), <= 0
        Natural logarithms of p-values; NaN stays NaN and does not count as a test.

    Returns
    -------
    ndarray, shape (m,), <= 0

    References
    ----------
    Holm (1979), Scandinavian J. Statistics 6:65-70.

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.tails import holm
    >>> np.exp(holm(np.log([0.01, 0.04, 0.03]))).round(4).tolist()
    [0.03, 0.06, 0.06]
    """
    log_p = np.asarray(log_p, dtype=np.float64)
    adjusted = np.full(log_p.shape, np.nan)
    order = np.argsort(log_p)[: np.count_nonzero(~np.isnan(log_p))]
    steps = log_p[order] + np.log(np.arange(len(order), 0, -1))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 0.0)
    return adjusted


_SMALLEST = 1e-290  # below this a tail probability loses digits, then becomes 0


def log_f_sf(f: float, *, df1: float, df2: float) -> float:
    """Natural logarithm of P(F > f).

    P(F > f) = I_x(df2/2, df1/2) with x = df2 / (df2 + df1 f). Where that is too small for a double, the series
    I_x(a, b) = x^a (1-x)^b / (a B(a, b)) * sum_k prod_{j<k} (a+b+j)/(a+1+j) x^k is summed instead
    (Abramowitz and Stegun 26.5.4).

    Parameters
    ----------
    f : float, >= 0
        F statistic; the square of a t gives its two-sided p with ``df1=1``.
    df1, df2 : float, > 0
        Degrees of freedom of the numerator and the denominator.

    Returns
    -------
    float, <= 0
        NaN where an argument is NaN.

    Examples
    --------
    >>> from kemfeat.stats.tails import log_f_sf
    >>> round(log_f_sf(3.0, df1=2, df2=27), 4), round(log_f_sf(1e6, df1=2, df2=400), 1)
    (-2.7091, -1703.5)
    """
    if math.isnan(f + df1 + df2):
        return math.nan
    a, b = df2 / 2, df1 / 2
    below = float(special.betainc(b, a, df1 * f / (df2 + df1 * f))) if math.isfinite(f) else 1.0
    if below < 0.5:  # the tail is nearly 1 and has rounded away what a small f says; its complement has not
        return math.log1p(-below)
    p = _sf(f, df1=df1, df2=df2)
    if p > _SMALLEST:
        return math.log(p)
    log_x = -math.log1p(df1 * f / df2)
    x = math.exp(log_x)
    return a * log_x + b * math.log1p(-x) - math.log(a) - float(special.betaln(a, b)) + math.log(_series(x, a=a, b=b))


def _sf(f: float, *, df1: float, df2: float) -> float:
    x = df2 / (df2 + df1 * f)
    if x < 0.5:
        return float(special.betainc(df2 / 2, df1 / 2, x))
    return float(special.betaincc(df1 / 2, df2 / 2, df1 * f / (df2 + df1 * f)))


def _series(x: float, *, a: float, b: float) -> float:
    total = term = 1.0
    k = 0
    while term > 1e-17 * total:
        term *= (a + b + k) / (a + 1 + k) * x
        total += term
        k += 1
    return total
