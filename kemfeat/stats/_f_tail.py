"""The upper tail of the F distribution in logs, where a double would already be zero."""

from __future__ import annotations

import math

from scipy import special

_SMALLEST = 1e-290  # below this a tail probability loses digits, then becomes 0


def log_f_sf(f: float, *, df1: float, df2: float) -> float:
    """Natural logarithm of P(F > f) with ``df1`` and ``df2`` degrees of freedom; NaN where an argument is NaN.

    P(F > f) = I_x(df2/2, df1/2) with x = df2 / (df2 + df1 f). Where that is too small for a double, the series
    I_x(a, b) = x^a (1-x)^b / (a B(a, b)) * sum_k prod_{j<k} (a+b+j)/(a+1+j) x^k is summed instead
    (Abramowitz & Stegun 26.5.4). A squared t has ``df1=1`` and both of its sides.
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
