"""Contrasts of group means and the t tables made of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from kemfeat.arrays import Floats
from kemfeat.stats.tails import holm, log_f_sf, probability

ALPHA = 0.05
_NUMBERS = ("se", "t", "df", "p", "log_p", "ci_low", "ci_high")


def pair_contrasts(n_groups: int) -> Floats:
    """Mean a minus mean b for every pair a < b, shape (n_groups * (n_groups - 1) / 2, n_groups)."""
    identity = np.eye(n_groups)
    first, second = np.triu_indices(n_groups, 1)
    return identity[first] - identity[second]


def treatment_contrasts(n_groups: int, *, reference: int) -> Floats:
    """The mean of the reference group, then each other mean minus it, shape (n_groups, n_groups)."""
    others = [group for group in range(n_groups) if group != reference]
    identity = np.eye(n_groups)
    return np.vstack([identity[reference], identity[others] - identity[reference]])


def t_columns(estimate: Floats, *, se: Floats, df: Floats) -> dict[str, Floats]:
    """Columns ``se t df p log_p ci_low ci_high``, each of shape (q,): two-sided, 95 %, ``log_p`` natural.

    A row whose standard error is missing, 0, or lost in rounding of the estimate, is NaN throughout.
    """
    defined = np.isfinite(estimate) & (se > 0) & (df > 0) & (estimate - se < estimate + se)
    columns = {name: np.full(len(estimate), np.nan) for name in _NUMBERS}
    e, s, d = estimate[defined], se[defined], df[defined]
    t, half = e / s, stats.t.isf(ALPHA / 2, d) * s
    log_p = np.array([log_f_sf(x * x, df1=1, df2=n) for x, n in zip(t, d, strict=True)])
    parts = (s, t, d, probability(log_p), log_p, e - half, e + half)
    for name, part in zip(_NUMBERS, parts, strict=True):
        columns[name][defined] = part
    return columns


def with_holm(pairs: pd.DataFrame) -> pd.DataFrame:
    """Put ``p_holm`` and ``significant`` (at .05) before the last column; undefined pairs do not count as tests."""
    adjusted = probability(holm(pairs["log_p"]))
    *front, last = pairs.columns
    return pairs.assign(p_holm=adjusted, significant=adjusted < ALPHA)[[*front, "p_holm", "significant", last]]
