"""Whether two groups are as good as equal, and how large a difference the design at hand could have found.

A large p-value says neither. Equivalence is a claim of its own, with a test of its own: that the difference lies inside
a margin below which it would not matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special, stats

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError
from kemfeat.stats.tails import holm, log_level, probability

POWER = 0.8
"""Power for which ``detectable`` is given: the usual one (Cohen 1988, Statistical Power Analysis, 2.4)."""

_COLUMNS = ("a", "b", "diff", "se", "df", "margin", "ci_low", "ci_high", "p", "log_p", "p_holm", "equivalent")
_LEAST_DF = 1.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)
_FARTHEST = 1e6
"""Noncentrality at which the search for a detectable difference ends."""


def equivalence(pairs: pd.DataFrame, *, margin: float, alpha: float = 0.05) -> pd.DataFrame:
    """Two one-sided tests of every pair, and what each comparison could have found.

    It takes standard errors and degrees of freedom as they are, so it accounts for clusters wherever these do.

    Parameters
    ----------
    pairs : DataFrame
        With columns ``a b diff se df``, such as ``pairs`` of :func:`kemfeat.stats.nested.cluster_robust`; a pair
        without a standard error, or with less than one degree of freedom, is not tested.
    margin : float, > 0, unit of ``diff``
        Smallest difference of interest: a pair is equivalent if its difference lies between -margin and margin.
    alpha : float, inside (0, 0.5)
        Level of either one-sided test, and of the two-sided test of a difference.

    Returns
    -------
    DataFrame
        ``a b diff se df margin``; ``ci_low ci_high``, the interval of 1 - 2 alpha, which lies within the margin exactly
        where ``p`` < alpha; ``p log_p`` of the worse of the two tests; ``p_holm`` over all tested pairs;
        ``equivalent``, whether that is below alpha; ``detectable``, the true difference that a two-sided t test at
        alpha divided by the number of tested pairs finds with a probability of :data:`POWER`; ``power`` of that test
        where the true difference is ``margin``; ``reason`` why a pair is not tested. Neither ``detectable`` nor
        ``power`` depends on the difference that was found.

    Raises
    ------
    ConfigError
        ``margin`` is not above 0, or ``alpha`` is not inside (0, 0.5).

    References
    ----------
    Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15:657-680; Lakens (2017), Social Psychological and
    Personality Science 8:355-362; Hoenig and Heisey (2001), American Statistician 55:19-24.

    Examples
    --------
    >>> import pandas as pd
    >>> from kemfeat.stats.equivalence import equivalence
    >>> pair = pd.DataFrame({"a": ["angry"], "b": ["happy"], "diff": [0.02], "se": [0.05], "df": [23.0]})
    >>> found = equivalence(pair, margin=0.2).iloc[0]
    >>> bool(found["equivalent"]), round(float(found["p"]), 4), round(float(found["detectable"]), 3)
    (True, 0.0008, 0.146)
    """
    log_level(alpha)
    if not 0 < margin < np.inf or alpha >= 0.5:
        raise ConfigError(
            f"equivalence: margin is {margin:g} and alpha {alpha:g}; expected a margin above 0 and alpha below 0.5"
        )
    diff, se, df = (pairs[name].to_numpy(dtype=np.float64) for name in ("diff", "se", "df"))
    tested = (se > 0) & (df >= _LEAST_DF) & np.isfinite(diff)
    log_p, half = np.full(len(diff), np.nan), np.full(len(diff), np.nan)
    log_p[tested] = stats.t.logsf((margin - np.abs(diff[tested])) / se[tested], df[tested])
    half[tested] = stats.t.isf(alpha, df[tested]) * se[tested]
    adjusted = probability(holm(log_p))
    level = alpha / max(1, int(tested.sum()))
    noncentrality, power = np.full(len(diff), np.nan), np.full(len(diff), np.nan)
    noncentrality[tested] = [_detectable(each, level=level) for each in df[tested]]
    power[tested] = [power_of_t(margin / s, df=d, alpha=level) for s, d in zip(se[tested], df[tested], strict=True)]
    p, p_holm = (np.where(tested, each, np.nan) for each in (probability(log_p), adjusted))
    front: list[Any] = [pairs["a"], pairs["b"], diff, se, df, margin, diff - half, diff + half]
    columns = [*front, p, log_p, p_holm, tested & (adjusted < alpha)]
    table = pd.DataFrame(dict(zip(_COLUMNS, columns, strict=True)))
    return table.assign(detectable=noncentrality * se, power=power, reason=_reasons(pairs, tested, df))


def _reasons(pairs: pd.DataFrame, tested: NDArray[np.bool_], df: Floats) -> list[str]:
    given = pairs["reason"].tolist() if "reason" in pairs else [""] * len(pairs)
    few = [f"{each:.1f} degrees of freedom are too few (at least 1)" if each < _LEAST_DF else "" for each in df]
    return [
        "" if done else why or short or "there is no standard error"
        for done, why, short in zip(tested, given, few, strict=True)
    ]


def power_of_t(noncentrality: float, *, df: float, alpha: float) -> float:
    """Probability that a two-sided t test finds something.

    Parameters
    ----------
    noncentrality : float, >= 0
        True difference divided by its standard error.
    df : float, >= 1
        Degrees of freedom.
    alpha : float, inside (0, 1)
        Level of the test.

    Returns
    -------
    float, 0 to 1

    References
    ----------
    Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, 2nd ed., 12.2.

    Examples
    --------
    >>> from kemfeat.stats.equivalence import power_of_t
    >>> round(power_of_t(2.9, df=23.0, alpha=0.05), 3), round(power_of_t(0.0, df=23.0, alpha=0.05), 3)
    (0.793, 0.05)
    """
    return _power(noncentrality, float(stats.t.isf(alpha / 2, df)), _spread(df))


def _power(noncentrality: float, critical: float, spread: tuple[Floats, Floats]) -> float:
    far = critical * spread[0]
    return float(spread[1] @ (special.ndtr(noncentrality - far) + special.ndtr(-noncentrality - far)))


def _spread(df: float) -> tuple[Floats, Floats]:
    """Nodes and weights of an integral over the estimated by the true standard error, on its logarithm.

    SciPy's noncentral t is wrong for few degrees of freedom and a small level: at df 2 and .0005 it finds 8 for the
    noncentrality of 80 % power, which is 57.
    """
    low, high = np.log(stats.chi2.ppf(1e-15, df)), np.log(stats.chi2.isf(1e-15, df))
    middle, reach = (low + high) / 2, (high - low) / 2
    x = middle + reach * _NODES
    log_density = df / 2 * x - np.exp(x) / 2 - df / 2 * np.log(2) - special.gammaln(df / 2)
    return np.sqrt(np.exp(x) / df), reach * _WEIGHTS * np.exp(log_density)


def _detectable(df: float, *, level: float) -> float:
    """Noncentrality for which the test has :data:`POWER`, NaN where there is none below a million."""
    critical, spread, high = float(stats.t.isf(level / 2, df)), _spread(df), 1.0
    while _power(high, critical, spread) < POWER:
        high *= 2
        if high > _FARTHEST:
            return float("nan")
    return float(optimize.brentq(lambda nc: _power(nc, critical, spread) - POWER, 0.0, high, xtol=1e-10))
