"""Groups compared by a linear mixed model: speakers who respond in their own way, raters and sentences crossed.

Utterances are nested in speakers, but raters hear all speakers and sentences are said by many: such effects are
crossed, and no clustering by one of them accounts for the others. Any number of random intercepts may be given; a
random response of speakers to groups is one more of them (speaker x group).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types
from threadpoolctl import threadpool_limits

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError
from kemfeat.stats._reml_crossed import CrossedProfile, steps
from kemfeat.stats.columns import Column, factor, numbers
from kemfeat.stats.nested._contrasts import pair_contrasts, t_columns, with_holm
from kemfeat.stats.rounding import NOISE, noise_of, settled, varies
from kemfeat.stats.tails import log_f_sf, probability

_Judged = Callable[[Floats], tuple[Floats, Floats, Floats]]
"""Estimate, variance and degrees of freedom of each row of contrasts."""

GROUPS = "groups"
"""Name of the term of the groups."""

_MOST_LEVELS = 5000
"""Levels of all random effects but the largest: the model solves a system of that size several hundred times."""


@dataclass(frozen=True)
class MixedModel:
    """REML fit of value = mean of its group + covariates + random intercepts + residual.

    Parameters
    ----------
    tests : DataFrame
        ``term F df1 df2 p log_p``: that the means of all groups are equal (``groups``), that each covariate has no
        effect, and that it has the same effect in all groups (``groups x NAME``), given everything else in the model.
    pairs : DataFrame
        ``a b diff se t df p log_p ci_low ci_high p_holm significant reason``: mean of a minus mean of b at equal
        covariates; 95 % intervals, one at a time.
    means : DataFrame
        ``group mean se df``: at the mean of every covariate.
    variances : DataFrame
        ``effect levels variance share``: of every random intercept, and of the ``residual``.
    n : int
        Values used.
    n_dropped : int
        Rows left out: something is missing.
    log_likelihood : float
        Restricted, with all constants, as R's lmer prints it.
    reason : str
        Why the numbers are NaN, or that the search did not end; empty where all is well.
    """

    tests: pd.DataFrame
    pairs: pd.DataFrame
    means: pd.DataFrame
    variances: pd.DataFrame
    n: int
    n_dropped: int
    log_likelihood: float
    reason: str


def mixed_model(
    values: Column,
    groups: Column,
    random: Mapping[str, Column],
    *,
    covariates: Mapping[str, Column] | None = None,
    interactions: Collection[str] = (),
) -> MixedModel:
    """Fit ``value ~ group + covariates + (1 | effect) + ...`` by REML, with Satterthwaite's degrees of freedom.

    Where a covariate interacts with the groups, the means and pairs of groups are those at its mean, and its own effect
    is the mean over all values.

    Parameters
    ----------
    values : array_like, shape (n,), any unit
        Rows that are not finite are dropped.
    groups : array_like, shape (n,)
        Labels, in sorted order or in that of their categories.
    random : mapping of str to array_like, shape (n,)
        Labels of the levels of each random intercept; they may be nested in one another or crossed.
    covariates : mapping of str to array_like, shape (n,), or None
        Fixed effects that are held constant: numbers, or labels of a further factor.
    interactions : collection of str
        Covariates whose effect may differ from group to group.

    Returns
    -------
    MixedModel
        NaN with a reason where the model is not identified.

    Raises
    ------
    ConfigError
        There is no random effect, an interaction is not of a covariate, columns differ in length, a value is not a
        number, no row is complete, or random effects other than the largest have more than 5,000 levels.

    References
    ----------
    Bates et al. (2015), J. Statistical Software 67(1); Baayen, Davidson and Bates (2008), J. Memory and Language
    59:390-412; Kuznetsova, Brockhoff and Christensen (2017), J. Statistical Software 82(13) (degrees of freedom).

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.mixed import mixed_model
    >>> rng, at = np.random.default_rng(0), np.arange(600)
    >>> speaker, rater, emotion = at % 20, at // 20 % 5, at // 100 % 2
    >>> values = emotion + rng.normal(size=20)[speaker] + rng.normal(size=5)[rater] + rng.normal(size=600)
    >>> found = mixed_model(values, emotion, {"speaker": speaker, "rater": rater})
    >>> round(float(found.pairs["diff"].iloc[0]), 2), found.variances["effect"].tolist()
    (-0.97, ['speaker', 'rater', 'residual'])
    """
    design = _design(values, groups, random, covariates or {}, interactions)
    if design.reason:
        return _undefined(design)
    with threadpool_limits(1, user_api="blas"):  # small matrices, a thousand times: threads would wait for each other
        return _fitted(design)


def _fitted(design: _Design) -> MixedModel:
    profile = CrossedProfile(design.y, design.x, design.levels)
    theta, ended = profile.best()
    found = profile.at(theta)
    if found.rss <= 1e-20 * float(design.y @ design.y):
        return _undefined(design, "nothing is left to the residual")
    sigma2, uncertain = found.rss / profile.df, profile.uncertainty(theta)

    def judged(contrasts: Floats) -> tuple[Floats, Floats, Floats]:
        """Estimate, variance and degrees of freedom of each row."""
        variance = np.einsum("qi,ij,qj->q", contrasts, found.inverse, contrasts) * sigma2
        slopes = _slopes(profile, theta, contrasts, sigma2)
        spread = np.einsum("qi,ij,qj->q", slopes, uncertain, slopes)
        with np.errstate(divide="ignore"):
            return contrasts @ found.estimate, variance, 2 * variance**2 / spread

    return MixedModel(
        tests=_tests(design, judged, found.inverse * sigma2),
        pairs=_pairs(design, judged),
        means=_means(design, judged),
        variances=_variances(design, theta, sigma2),
        n=len(design.y),
        n_dropped=design.n_dropped,
        log_likelihood=-profile.deviance(theta) / 2,
        reason="" if ended else "the search for the variances did not end: do not rely on this model",
    )


@dataclass(frozen=True)
class _Design:
    """Complete rows; ``x`` has one column per group, covariates about their means, and interactions."""

    y: Floats
    x: Floats
    groups: tuple[object, ...]
    terms: dict[str, slice]
    effects: tuple[str, ...]
    levels: tuple[NDArray[np.intp], ...]
    n_dropped: int
    reason: str


def _design(
    values: Column,
    groups: Column,
    random: Mapping[str, Column],
    covariates: Mapping[str, Column],
    interactions: Collection[str],
) -> _Design:
    y, group = numbers(values), factor(groups)
    effects = {name: factor(labels, name=name).codes for name, labels in random.items()}
    fixed = {name: _fixed(name, column) for name, column in covariates.items()}
    lengths = {len(y), len(group), *map(len, effects.values()), *map(len, fixed.values())}
    if len(lengths) > 1 or not effects:
        raise ConfigError(
            f"mixed model: found {len(effects)} random effects and columns of {sorted(lengths)} values; expected at "
            "least one random effect, and columns of one length"
        )
    for name in interactions:
        if name not in fixed:
            raise ConfigError(f"mixed model: interaction with {name!r}, which is not a covariate; add it to them")
    complete = np.isfinite(y) & (group.codes >= 0) & np.all([codes >= 0 for codes in effects.values()], axis=0)
    complete &= np.all([np.isfinite(column).all(axis=1) for column in fixed.values()], axis=0) if fixed else True
    if not complete.any():
        raise ConfigError(f"mixed model: none of the {len(y)} rows is complete; check that every column was read")
    kept, codes = np.unique(group.codes[complete], return_inverse=True)
    levels = tuple(np.unique(each[complete], return_inverse=True)[1] for each in effects.values())
    indicators = np.eye(len(kept))[codes]
    effects_of = {name: _centred(column[complete]) for name, column in fixed.items()}
    contrasts = _centred(indicators)[:, 1:]
    for name in interactions:
        products = contrasts[:, :, None] * effects_of[name][:, None, :]
        effects_of[f"{GROUPS} x {name}"] = products.reshape(len(codes), -1)
    terms, at = {}, len(kept)
    for name, block in effects_of.items():
        terms[name] = slice(at, at := at + block.shape[1])
    x = np.column_stack([indicators, *effects_of.values()])
    y = settled(y[complete], *levels, codes, noise=noise_of(values))
    return _Design(
        y=y,
        x=x,
        groups=tuple(group.categories[kept]),
        terms=terms,
        effects=tuple(effects),
        levels=levels,
        n_dropped=int((~complete).sum()),
        reason=_why_not(y, x, dict(zip(effects, levels, strict=True)), groups=len(kept)),
    )


def _centred(columns: Floats) -> Floats:
    """Columns about their means, without those that do not vary."""
    about: Floats = columns - columns.mean(axis=0)
    return about[:, np.abs(about).max(axis=0) > 0]


def _fixed(name: str, column: Column) -> Floats:
    """Columns of one covariate, shape (n, columns), NaN where it is missing: a factor has one for all but its first."""
    if types.is_numeric_dtype(pd.Series(column)) and not types.is_bool_dtype(pd.Series(column)):
        return numbers(column)[:, None]
    labels = factor(column, name=name)
    found = (labels.codes[:, None] == np.arange(1, len(labels.categories))).astype(np.float64)
    found[labels.codes < 0] = np.nan
    return found if found.shape[1] else np.zeros((len(found), 1))


def _why_not(y: Floats, x: Floats, levels: Mapping[str, NDArray[np.intp]], *, groups: int) -> str:
    if groups < 2:
        return "fewer than two groups have a value"
    sizes = {name: int(codes.max()) + 1 for name, codes in levels.items()}
    if sum(sorted(sizes.values())[:-1]) > _MOST_LEVELS:
        told = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
        raise ConfigError(
            f"mixed model: {told} levels; expected at most {_MOST_LEVELS:,} besides the largest; leave out an effect"
        )
    for name, size in sizes.items():
        if size < 2 or size >= len(y):
            return f"{name} has {size} levels for {len(y)} values: its variance is unknown"
    for name, codes in levels.items():
        if np.unique(codes * groups + x[:, :groups].argmax(axis=1)).size == groups:
            return f"all values of a group are of one {name}: the two cannot be separated"
    for one, other in combinations(levels, 2):
        if sizes[one] == sizes[other] == len(np.unique(levels[one] * sizes[other] + levels[other])):
            return f"{one} and {other} are the same: their variances cannot be separated"
    spread = np.linalg.svd(x / np.maximum(np.linalg.norm(x, axis=0), 1e-300), compute_uv=False)
    if len(y) <= x.shape[1] or spread[-1] < 1e-7:
        return (
            "the covariates are determined by the groups or by one another, or a combination of them has no values: "
            "their effects cannot be separated"
        )
    return _still(y, x, levels)


def _still(y: Floats, x: Floats, levels: Mapping[str, NDArray[np.intp]]) -> str:
    """What the values do not vary within, beyond rounding."""
    if not varies(y):
        return "the values do not vary"
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    if np.ptp(left) <= NOISE * np.abs(y).max():
        return "the values do not vary within groups"
    for name, codes in levels.items():
        first = np.zeros(int(codes.max()) + 1)
        first[codes] = y
        if np.array_equal(first[codes], y):
            return f"the values do not vary within any {name}"
    return ""


def _slopes(profile: CrossedProfile, theta: Floats, contrasts: Floats, sigma2: float) -> Floats:
    """Derivatives of the variance of each contrast by ``theta`` and by the logarithm of the residual sd."""

    def variance(at: Floats) -> Floats:
        return np.asarray(np.einsum("qi,ij,qj->q", contrasts, profile.at(at).inverse, contrasts) * sigma2)

    h = np.diag(steps(theta))
    found = [(variance(theta + row) - variance(theta - row)) / (2 * row.max()) for row in h]
    return np.column_stack([*found, 2 * variance(theta)])


def _pairs(design: _Design, judged: _Judged) -> pd.DataFrame:
    contrasts = np.zeros((math.comb(len(design.groups), 2), design.x.shape[1]))
    contrasts[:, : len(design.groups)] = pair_contrasts(len(design.groups))
    diff, variance, df = judged(contrasts)
    frame = pd.DataFrame(combinations(design.groups, 2), columns=["a", "b"])
    frame = frame.assign(diff=diff, **t_columns(diff, se=np.sqrt(variance), df=df), reason="")
    return with_holm(frame)


def _means(design: _Design, judged: _Judged) -> pd.DataFrame:
    estimate, variance, df = judged(np.eye(design.x.shape[1])[: len(design.groups)])
    return pd.DataFrame({"group": design.groups, "mean": estimate, "se": np.sqrt(variance), "df": df})


def _tests(design: _Design, judged: _Judged, covariance: Floats) -> pd.DataFrame:
    identity = np.eye(design.x.shape[1])
    terms = [(GROUPS, identity[1 : len(design.groups)] - identity[0])]
    terms += [(name, identity[columns]) for name, columns in design.terms.items()]
    rows = [(name, *_joint_test(contrasts, judged, covariance)) for name, contrasts in terms]
    return pd.DataFrame(rows, columns=["term", "F", "df1", "df2", "p", "log_p"])


def _joint_test(contrasts: Floats, judged: _Judged, covariance: Floats) -> tuple[float, int, float, float, float]:
    """F test of several contrasts: the degrees of freedom of independent ones are combined (Fai and Cornelius 1996)."""
    q = len(contrasts)
    if q == 0:
        return math.nan, 0, math.nan, math.nan, math.nan
    _, axes = np.linalg.eigh(contrasts @ covariance @ contrasts.T)
    estimate, variance, df = judged(axes.T @ contrasts)
    f = float(np.mean(estimate**2 / variance))
    moments = float(np.sum(df[df > 2] / (df[df > 2] - 2)))
    df2 = float(df[0]) if q == 1 else (2 * moments / (moments - q) if moments > q else math.nan)
    log_p = log_f_sf(f, df1=q, df2=df2)
    return f, q, df2, float(probability(log_p)), log_p


def _variances(design: _Design, theta: Floats, sigma2: float) -> pd.DataFrame:
    variance = np.append(theta**2, 1.0) * sigma2
    sizes = [*(int(codes.max()) + 1 for codes in design.levels), len(design.y)]
    names = [*design.effects, "residual"]
    return pd.DataFrame({"effect": names, "levels": sizes, "variance": variance, "share": variance / variance.sum()})


def _undefined(design: _Design, reason: str = "") -> MixedModel:
    why, nan = reason or design.reason, math.nan
    pairs = pd.DataFrame(combinations(design.groups, 2), columns=["a", "b"])
    missing = np.full(len(pairs), nan)
    pairs = with_holm(pairs.assign(diff=missing, **t_columns(missing, se=missing, df=missing), reason=why))
    terms = [GROUPS, *design.terms]
    tests = pd.DataFrame({"term": terms, **dict.fromkeys(("F", "df1", "df2", "p", "log_p"), nan)})
    sizes = [*(int(codes.max()) + 1 for codes in design.levels), len(design.y)]
    variances = pd.DataFrame({"effect": [*design.effects, "residual"], "levels": sizes, "variance": nan, "share": nan})
    means = pd.DataFrame({"group": design.groups, "mean": nan, "se": nan, "df": nan})
    return MixedModel(tests, pairs, means, variances, len(design.y), design.n_dropped, nan, why)
