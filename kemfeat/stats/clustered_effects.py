"""Effect sizes of pairs of groups whose values come in clusters, with intervals over the clusters."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError
from kemfeat.stats._jackknife import LEAST_CLUSTERS, jackknife
from kemfeat.stats.columns import Column, factor, numbers
from kemfeat.stats.group_tests._effect_sizes import cliffs_delta
from kemfeat.stats.rounding import noise_of, settled, tied, varies
from kemfeat.stats.tails import log_level

_COLUMNS = ("a", "b", "clusters", "g", "g_low", "g_high", "cliffs_delta", "delta_low", "delta_high", "reason")


def clustered_effects(values: Column, groups: Column, clusters: Column, *, alpha: float = 0.05) -> pd.DataFrame:
    """Standardised difference and Cliff's delta of every pair of groups, with jackknife intervals over clusters.

    Parameters
    ----------
    values : array_like, shape (n,), any unit
        Rows that are not finite, or lack a group or a cluster, do not count.
    groups, clusters : array_like, shape (n,)
        Labels; groups in sorted order, or in that of their categories.
    alpha : float, inside (0, 1)
        One minus the confidence of the intervals.

    Returns
    -------
    DataFrame
        ``a b clusters g g_low g_high cliffs_delta delta_low delta_high reason``: ``clusters`` counts those with a value
        in either group, ``g`` is the difference of means divided by sqrt((s1^2 + s2^2) / 2). Intervals are NaN, with a
        ``reason``, where either group occurs in fewer than five clusters, or where leaving out a cluster changes
        nothing, as Cliff's delta of groups that do not overlap; ``g`` is NaN where neither group varies.

    Raises
    ------
    ConfigError
        The three differ in length, a value is not a number, or ``alpha`` is not inside (0, 1).

    References
    ----------
    Cliff (1993), Psychological Bulletin 114:494-509; Efron and Tibshirani (1993), An Introduction to the Bootstrap,
    11.5.

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.clustered_effects import clustered_effects
    >>> speaker, emotion = np.repeat(np.arange(8), 10), np.tile(["angry", "happy"], 40)
    >>> values = np.random.default_rng(0).normal(size=80) + (emotion == "angry")
    >>> clustered_effects(values, emotion, speaker)[["a", "b", "clusters"]]
           a      b  clusters
    0  angry  happy         8
    """
    log_level(alpha)
    y, group, cluster = numbers(values), factor(groups), factor(clusters, name="clusters")
    if not len(y) == len(group) == len(cluster):
        raise ConfigError(
            f"effect sizes: {len(y)} values, {len(group)} groups and {len(cluster)} clusters; "
            "expected one group and one cluster for each value"
        )
    known = np.isfinite(y) & (group.codes >= 0) & (cluster.codes >= 0)
    y[known] = settled(y[known], group.codes[known], noise=noise_of(values))
    order = tied(np.where(known, y, np.nan))
    parts = {
        at: (
            y[known & (group.codes == at)],
            order[known & (group.codes == at)],
            cluster.codes[known & (group.codes == at)],
        )
        for at in range(len(group.categories))
    }
    names = group.categories
    rows = [
        (names[a], names[b], *_pair(parts[a], parts[b], alpha=alpha))
        for a, b in combinations([at for at, (part, _, _) in parts.items() if len(part)], 2)
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


_Part = tuple[Floats, Floats, NDArray[np.integer]]
"""Values of a group, the same with ties that rounding broke, and their clusters."""


def _pair(first: _Part, second: _Part, *, alpha: float) -> tuple[float | str, ...]:
    clusters = np.union1d(first[2], second[2])
    whole = _effects(first, second)
    least = min(len(np.unique(first[2])), len(np.unique(second[2])))
    if least < LEAST_CLUSTERS:
        why = f"a group occurs in {least} clusters; an interval needs {LEAST_CLUSTERS}"
        return len(clusters), whole[0], np.nan, np.nan, whole[1], np.nan, np.nan, why
    left_out = np.array([_effects(_without(first, one), _without(second, one)) for one in clusters])
    # Where a cluster has only one group, the group with fewer clusters decides how much is known.
    counts = np.full(2, float(len(clusters) if least == len(clusters) else least))
    low, high = jackknife(left_out, estimate=whole, alpha=alpha, counts=counts)
    low[1], high[1] = max(low[1], -1.0), min(high[1], 1.0)
    return len(clusters), whole[0], low[0], high[0], whole[1], low[1], high[1], _reason(whole, low)


def _reason(whole: Floats, low: Floats) -> str:
    """Why a number or an interval is NaN."""
    found = []
    if np.isnan(whole[0]):
        found.append("no group varies: no standardised difference")
    elif np.isnan(low[0]):
        found.append("no interval of g: without some cluster nothing varies, or g is the same without any")
    if np.isnan(low[1]):
        found.append("no interval of Cliff's delta: it is the same without any cluster")
    return "; ".join(found)


def _without(part: _Part, cluster: np.integer) -> _Part:
    kept = part[2] != cluster
    return part[0][kept], part[1][kept], part[2][kept]


def _effects(first: _Part, second: _Part) -> Floats:
    """Standardised difference and Cliff's delta, shape (2,); the first is NaN where nothing varies."""
    (a, ranked_a, _), (b, ranked_b, _) = first, second
    delta = cliffs_delta(ranked_a, np.sort(ranked_b))
    if min(len(a), len(b)) < 2 or not (varies(a) or varies(b)):
        return np.array([np.nan, delta])
    return np.array([(a.mean() - b.mean()) / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2), delta])
