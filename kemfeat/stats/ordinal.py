"""Groups compared by single ratings on an ordinal scale: the cumulative logit model, with clusters.

A mean takes the steps of a scale to be equal. The cumulative logit model does not: logit P(rating <= c) = t_c - b_group
with a threshold t_c for each step, so exp(b) multiplies the odds of a higher rating, whatever step is meant. These are
odds over all clusters together, not within one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError
from kemfeat.stats._jackknife import LEAST_CLUSTERS
from kemfeat.stats.columns import Column, factor, numbers
from kemfeat.stats.nested._contrasts import pair_contrasts, t_columns, with_holm
from kemfeat.stats.rounding import tied

MOST_CATEGORIES = 20
"""A scale of more steps is better compared by its mean."""

_STEPS, _SETTLED, _FARTHEST = 60, 1e-9, 15.0


@dataclass(frozen=True)
class OrdinalModel:
    """Cumulative logit model of ratings by groups.

    Parameters
    ----------
    pairs : DataFrame
        ``a b log_odds odds_ratio se t df p log_p ci_low ci_high p_holm significant reason``: logarithm of the odds of a
        higher rating in a relative to b; interval of ``log_odds`` of 95 %, one at a time.
    thresholds : ndarray, shape (categories - 1,)
        Between neighbouring categories, for the first group.
    categories : tuple of float
        The ratings that occur, sorted.
    log_likelihood : float
        With all ratings taken to be independent.
    n, n_clusters, n_dropped : int
        Ratings used, their clusters, and rows left out.
    reason : str
        Why the numbers are NaN; empty where they are not.
    """

    pairs: pd.DataFrame
    thresholds: Floats
    categories: tuple[float, ...]
    log_likelihood: float
    n: int
    n_clusters: int
    n_dropped: int
    reason: str


def ordinal_model(ratings: Column, groups: Column, clusters: Column) -> OrdinalModel:
    """Fit the cumulative logit model by maximum likelihood, with standard errors over clusters.

    The standard errors are those of the jackknife over clusters, with Student's t of J - 1 degrees of freedom, so
    ratings of one cluster may depend on one another in any way.

    Parameters
    ----------
    ratings : array_like, shape (n,)
        Numbers on a scale of at most :data:`MOST_CATEGORIES` steps; only their order counts.
    groups, clusters : array_like, shape (n,)
        Labels. Groups are taken in sorted order, or in the order of their categories.

    Returns
    -------
    OrdinalModel
        NaN with a reason where there are fewer than two groups, two categories or five clusters, or where a group has
        only the lowest or only the highest ratings.

    Raises
    ------
    ConfigError
        The three differ in length, a rating is not a number, no row is complete, or the scale has too many steps.

    References
    ----------
    McCullagh (1980), J. Royal Statistical Society B 42:109-142; Liddell and Kruschke (2018), J. Experimental Social
    Psychology 79:328-348; MacKinnon, Nielsen and Webb (2023), J. Applied Econometrics 38:671-694 (jackknife).

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.ordinal import ordinal_model
    >>> speaker, emotion = np.repeat(np.arange(10), 40), np.tile(["angry", "sad"], 200)
    >>> heard = np.random.default_rng(0).logistic(size=400) + 1.0 * (emotion == "angry")
    >>> found = ordinal_model(np.digitize(heard, [-1, 0, 1, 2]) + 1, emotion, speaker)
    >>> round(float(found.pairs["odds_ratio"].iloc[0]), 2), found.categories
    (3.0, (1.0, 2.0, 3.0, 4.0, 5.0))
    """
    counts, names, categories, dropped = _counted(ratings, groups, clusters)
    total = counts.sum(axis=0)
    front = pd.DataFrame(combinations(names, 2), columns=["a", "b"])
    fitted = _Fit(np.full(total.shape[1] - 1, np.nan), np.full(len(names), np.nan), np.nan)
    reason = _why_not(counts, names)
    se = np.full(len(front), np.nan)
    contrasts = pair_contrasts(len(names))
    if not reason:
        fitted = _fit(total)
        left_out = np.array([contrasts @ _fit(total - part).effects for part in counts])
        whole = contrasts @ fitted.effects
        share = (len(counts) - 1) / len(counts)
        se = np.sqrt(share * ((left_out - whole) ** 2).sum(axis=0))
        reason = "" if np.isfinite(se).all() else "without one of the clusters the model has no finite solution"
    log_odds = contrasts @ fitted.effects
    tested = t_columns(log_odds, se=se, df=np.full(len(front), len(counts) - 1.0))
    front = front.assign(log_odds=log_odds, odds_ratio=np.exp(log_odds), **tested, reason=reason)
    return OrdinalModel(
        pairs=with_holm(front),
        thresholds=fitted.thresholds,
        categories=categories,
        log_likelihood=fitted.log_likelihood,
        n=int(total.sum()),
        n_clusters=len(counts),
        n_dropped=dropped,
        reason=reason,
    )


@dataclass(frozen=True)
class _Fit:
    """Thresholds, effects of the groups (of the first 0), and the log likelihood."""

    thresholds: Floats
    effects: Floats
    log_likelihood: float


def _counted(
    ratings: Column, groups: Column, clusters: Column
) -> tuple[Floats, tuple[object, ...], tuple[float, ...], int]:
    """Ratings by cluster, group and category, with the labels of the last two, and the rows left out."""
    y, group, cluster = numbers(ratings), factor(groups), factor(clusters, name="clusters")
    if not len(y) == len(group) == len(cluster):
        raise ConfigError(
            f"ordinal model: {len(y)} ratings, {len(group)} groups and {len(cluster)} clusters; expected one group and "
            "one cluster for each rating"
        )
    complete = np.isfinite(y) & (group.codes >= 0) & (cluster.codes >= 0)
    if not complete.any():
        raise ConfigError(f"ordinal model: none of the {len(y)} rows is complete; check that every column was read")
    steps, category = np.unique(tied(y[complete]), return_inverse=True)
    if len(steps) > MOST_CATEGORIES:
        raise ConfigError(
            f"ordinal model: found {len(steps)} different ratings, expected at most {MOST_CATEGORIES}; compare means"
        )
    kept, of_group = np.unique(group.codes[complete], return_inverse=True)
    of_cluster = np.unique(cluster.codes[complete], return_inverse=True)[1]
    counts = np.zeros((int(of_cluster.max()) + 1, len(kept), len(steps)))
    np.add.at(counts, (of_cluster, of_group, category), 1)
    return counts, tuple(group.categories[kept]), tuple(steps.tolist()), int((~complete).sum())


def _why_not(counts: Floats, names: tuple[object, ...]) -> str:
    clusters, groups, categories = counts.shape
    if groups < 2 or categories < 2:
        return f"{groups} groups and {categories} different ratings: nothing to compare"
    if clusters < LEAST_CLUSTERS:
        return f"{clusters} clusters are too few to show how they vary (at least {LEAST_CLUSTERS})"
    total = counts.sum(axis=0)
    for name, row in zip(names, total, strict=True):
        if row[0] == row.sum() or row[-1] == row.sum():
            return f"all ratings of {name} are at one end of the scale: its odds have no finite estimate"
    few = [name for name, row in zip(names, (counts.sum(axis=2) > 0).sum(axis=0), strict=True) if row < LEAST_CLUSTERS]
    verb = "occurs" if len(few) == 1 else "occur"
    return f"{', '.join(map(str, few))} {verb} in fewer than {LEAST_CLUSTERS} clusters" if few else ""


def _fit(counts: Floats) -> _Fit:
    """Newton's method with halved steps; NaN where it finds no finite solution. ``counts`` is groups by categories."""
    used = counts[:, counts.sum(axis=0) > 0]
    groups, categories = used.shape
    if categories < 2 or (used.sum(axis=1) == 0).any():
        return _Fit(np.full(counts.shape[1] - 1, np.nan), np.full(groups, np.nan), np.nan)
    below = np.cumsum(used.sum(axis=0))[:-1] / used.sum()
    point = np.append(special.logit(below), np.zeros(groups - 1))
    here = _likelihood(point, used)
    for _ in range(_STEPS):
        gradient, information = _derivatives(point, used)
        step = np.linalg.lstsq(information, gradient, rcond=None)[0]
        for _ in range(30):
            there = _likelihood(point + step, used)
            if there >= here - 1e-12 * abs(here):
                break
            step = step / 2
        point, here = point + step, there
        if np.abs(step).max() < _SETTLED or np.abs(point).max() > 2 * _FARTHEST:
            break
    effects = np.append(0.0, point[categories - 1 :])
    if np.abs(effects).max() > _FARTHEST or np.abs(step).max() > 1e-6:
        effects = np.full(groups, np.nan)
    return _Fit(point[: categories - 1], effects, here)


def _probabilities(point: Floats, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """P(rating <= c) by group with 0 and 1 at its ends, shape (groups, categories + 1), and its derivative."""
    groups, categories = shape
    effects = np.append(0.0, point[categories - 1 :])
    inner = special.expit(point[: categories - 1] - effects[:, None])
    cumulative = np.column_stack([np.zeros(groups), inner, np.ones(groups)])
    return cumulative, cumulative * (1 - cumulative)


def _likelihood(point: Floats, counts: Floats) -> float:
    shares = np.diff(_probabilities(point, counts.shape)[0], axis=1)
    if (shares[counts > 0] <= 0).any():
        return -np.inf
    return float(np.sum(counts[counts > 0] * np.log(shares[counts > 0])))


def _derivatives(point: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Gradient and expected information of thresholds and effects."""
    groups, categories = counts.shape
    cumulative, density = _probabilities(point, counts.shape)
    shares = np.maximum(np.diff(cumulative, axis=1), 1e-300)
    slopes = np.zeros((groups, categories, len(point)))
    for c in range(categories - 1):
        slopes[:, c, c] += density[:, c + 1]
        slopes[:, c + 1, c] -= density[:, c + 1]
    own: NDArray[np.intp] = np.arange(1, groups)
    slopes[own, :, categories - 2 + own] = -np.diff(density, axis=1)[own]
    gradient = np.einsum("gc,gcp->p", counts / shares, slopes)
    weight = counts.sum(axis=1)[:, None] / shares
    return gradient, np.einsum("gc,gcp,gcq->pq", weight, slopes, slopes)
