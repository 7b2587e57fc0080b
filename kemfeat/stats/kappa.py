"""Agreement beyond chance for any number of raters and any pattern of missing ratings: kappas and Gwet's AC.

All are ``(p_a - p_e) / (1 - p_e)`` with the same observed agreement ``p_a``, and each with its own agreement by chance.
Of a unit with ``m`` ratings, ``m_k`` of them in category ``k``, and weights ``w_kl`` that are 1 for equal categories,

    p_a = mean over units with m >= 2 of sum_k m_k (sum_l w_kl m_l - 1) / (m (m - 1)),
    pi_k = mean over units with m >= 1 of m_k / m.

Source of the formulas: Gwet (2014), Handbook of Inter-Rater Reliability, 4th ed., chapters 2 to 5 and 15.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError
from kemfeat.stats._jackknife import jackknife
from kemfeat.stats._ratings import as_categories, as_numbers, cluster_codes
from kemfeat.stats.rounding import tied

Weights = Literal["identity", "linear", "quadratic"]

COEFFICIENTS = ("gwet_ac", "fleiss_kappa", "conger_kappa")
_COLUMNS = ("coefficient", "value", "ci_low", "ci_high", "units", "ratings", "reason")
_MOST_CATEGORIES = 200


def kappas(ratings: ArrayLike, *, weights: Weights = "identity", clusters: ArrayLike | None = None) -> pd.DataFrame:
    """Gwet's AC, Fleiss' kappa and Conger's kappa of units by raters.

    Parameters
    ----------
    ratings : array_like, shape (units, raters)
        None or NaN where a rater did not judge, so raters may rotate; text or numbers for ``identity``, else numbers.
    weights : {"identity", "linear", "quadratic"}
        Credit for unequal categories: none, or 1 minus their distance, or its square, relative to the largest.
    clusters : array_like, shape (units,), or None
        Label of the cluster of each unit, such as its speaker, over which the intervals are taken; every unit is its
        own cluster if None.

    Returns
    -------
    DataFrame
        ``coefficient value ci_low ci_high units ratings reason``, one row each: ``gwet_ac`` (AC1, or AC2 with weights),
        whose chance agreement stays small where one category prevails; ``fleiss_kappa`` (Scott's pi for two raters);
        ``conger_kappa`` (Cohen's kappa, weighted or not, for two raters), which takes every rater's own use of the
        categories into account. Intervals are of 95 % by the jackknife over clusters; NaN for fewer than five,
        and where leaving out one changes nothing. ``units`` have at least two ratings, ``ratings`` counts theirs.

    Raises
    ------
    ConfigError
        The ratings are not a table, one is infinite, they are not numbers where they must be, have more than 200
        categories, the weights are unknown, or there is not one cluster for each unit.

    References
    ----------
    Gwet (2008), British J. Mathematical and Statistical Psychology 61:29-48; Fleiss (1971), Psychological Bulletin
    76:378-382; Conger (1980), Psychological Bulletin 88:322-328; Cohen (1968), Psychological Bulletin 70:213-220.

    Examples
    --------
    >>> from kemfeat.stats.kappa import kappas
    >>> ratings = [["sad", "sad", None], ["sad", "angry", "sad"], [None, "angry", "angry"], ["sad", "sad", "sad"]]
    >>> kappas(ratings).set_index("coefficient")["value"].round(3).to_dict()
    {'gwet_ac': 0.7, 'fleiss_kappa': 0.625, 'conger_kappa': 0.625}
    """
    if weights not in get_args(Weights):
        raise ConfigError(f"kappas: weights is {weights!r}; expected one of {', '.join(get_args(Weights))}")
    codes, values = _coded(ratings, numeric=weights != "identity")
    counts = (codes[:, :, None] == np.arange(len(values))).sum(axis=1).astype(np.float64)
    size = counts.sum(axis=1)
    reason = _undefined(size, values)
    units, rated = int((size >= 2).sum()), int(size[size >= 2].sum())
    front = pd.DataFrame({"coefficient": COEFFICIENTS})
    if reason:
        missing = dict.fromkeys(("value", "ci_low", "ci_high"), np.nan)
        return front.assign(**missing, units=units, ratings=rated, reason=reason)
    matrix = _weights(values, weights)
    parts = _parts(codes, counts, matrix, _clusters(clusters, size > 0))
    whole = _coefficients(parts.sum(axis=0), matrix, raters=codes.shape[1])
    left_out = _coefficients(parts.sum(axis=0) - parts, matrix, raters=codes.shape[1])
    low, high = jackknife(left_out, estimate=whole, alpha=0.05, counts=np.full(len(whole), float(len(parts))))
    columns = (COEFFICIENTS, whole, np.maximum(low, -1.0), np.minimum(high, 1.0), units, rated, "")
    return pd.DataFrame(dict(zip(_COLUMNS, columns, strict=True)))


def _coded(ratings: ArrayLike, *, numeric: bool) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Number of the category of each rating, -1 where there is none, and the categories, sorted."""
    table = tied(as_numbers(ratings, instead="weights='identity'")) if numeric else as_categories(ratings)
    codes, values = pd.factorize(table.ravel(), sort=True)
    if len(values) > _MOST_CATEGORIES:
        raise ConfigError(
            f"kappas: found {len(values)} categories, expected at most {_MOST_CATEGORIES}; "
            "use an intraclass correlation for ratings on a continuous scale"
        )
    return codes.reshape(table.shape), np.asarray(values)


def _undefined(size: Floats, values: NDArray[Any]) -> str:
    if not (size >= 2).any():
        return "no unit has two ratings"
    return "all ratings are equal" if len(values) < 2 else ""


def _weights(values: NDArray[Any], weights: Weights) -> Floats:
    if weights == "identity":
        return np.eye(len(values))
    place = values.astype(np.float64)
    distance = np.abs(place[:, None] - place) / np.ptp(place)
    return np.asarray(1 - (distance if weights == "linear" else distance**2))


def _clusters(clusters: ArrayLike | None, rated: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Number of the cluster of each unit, -1 for units without a rating."""
    codes = np.full(len(rated), -1, dtype=np.intp)
    codes[rated] = np.arange(rated.sum()) if clusters is None else cluster_codes(clusters, rated, name="kappas")
    return codes


def _parts(codes: NDArray[np.intp], counts: Floats, matrix: Floats, cluster: NDArray[np.intp]) -> Floats:
    """Sums of each cluster: agreement, units with two ratings, shares of categories, categories of each rater."""
    kept = cluster >= 0
    codes, counts, cluster = codes[kept], counts[kept], cluster[kept]
    size, several = counts.sum(axis=1), counts.sum(axis=1) >= 2
    pairs = np.maximum(size * (size - 1), 1)
    agreement = np.where(several, (counts * (counts @ matrix - 1)).sum(axis=1) / pairs, 0.0)
    own = (codes[:, :, None] == np.arange(len(matrix))).reshape(len(codes), -1)
    columns = np.column_stack([agreement, several, counts / size[:, None], own])
    sums = np.zeros((int(cluster.max()) + 1, columns.shape[1]))
    np.add.at(sums, cluster, columns)
    return sums


def _coefficients(parts: Floats, matrix: Floats, *, raters: int) -> Floats:
    """The three coefficients of sums, shape (..., 3); NaN where they are not defined."""
    q = len(matrix)
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = parts[..., 0] / parts[..., 1]
        share = parts[..., 2 : 2 + q] / parts[..., 2 : 2 + q].sum(axis=-1, keepdims=True)
        own = parts[..., 2 + q :].reshape(*parts.shape[:-1], raters, q)
        own = own / own.sum(axis=-1, keepdims=True)
        chance = np.stack([_gwet(share, matrix), _agree(share, matrix), _conger(own, matrix)], axis=-1)
        return np.asarray((observed[..., None] - chance) / (1 - chance))


def _gwet(share: Floats, matrix: Floats) -> Floats:
    q = len(matrix)
    return np.asarray(matrix.sum() * (share * (1 - share)).sum(axis=-1) / (q * (q - 1)))


def _agree(share: Floats, matrix: Floats) -> Floats:
    return np.asarray(np.einsum("...k,kl,...l->...", share, matrix, share))


def _conger(own: Floats, matrix: Floats) -> Floats:
    """Mean agreement by chance of two different raters; raters without a rating do not count."""
    known = np.isfinite(own[..., 0])
    own, count = np.nan_to_num(own), known.sum(axis=-1)
    of_all = _agree(own.sum(axis=-2), matrix)
    of_same = _agree(own, matrix).sum(axis=-1)
    return np.asarray((of_all - of_same) / (count * (count - 1)))
