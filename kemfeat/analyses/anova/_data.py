"""What an analysis of variance compares: columns of a store, selected by name and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kemfeat.analyses._columns import column, is_numeric
from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.labels import TIE
from kemfeat.store.reader import Store

EMOTION = "emotion"
RATED = ("arousal", "valence")
MOST_GROUPS = 100
"""Largest number of groups that may be compared: pairs grow with its square."""
FEWEST_DYADS = 10
"""Fewest sessions for a test by session: below, it has hardly any power, and is not made unless asked for."""

_SPEAKER, _DYAD = "speaker", "session"


@dataclass(frozen=True, kw_only=True)
class Data:
    """Columns of one store, matched by row.

    Parameters
    ----------
    between : str
        Name of the factor.
    groups : Series of str
        Its label in each row, None where the row is left out.
    values : mapping of str to Series
        The dependent variables by name, NaN where missing.
    clusters : mapping of str to Series
        The units that utterances are nested in, by column name, the smallest unit first.
    speakers : Series of str
        Speaker of each row.
    covariates : mapping of str to Series
        Columns that the mixed model holds constant, by name.
    interactions : tuple of str
        Covariates whose effect may differ from group to group.
    crossed : mapping of str to Series
        Further random effects of the mixed model, by name.
    ratings : mapping of str to DataFrame
        Single ratings of the dependent variables that have any: ``row``, the number of the utterance, ``rater`` and
        ``value``.
    warnings : tuple of str
        What was left out on the way, and what else a reader must know about these columns.
    """

    between: str
    groups: pd.Series[Any]
    values: Mapping[str, pd.Series[Any]]
    clusters: Mapping[str, pd.Series[Any]]
    speakers: pd.Series[Any]
    covariates: Mapping[str, pd.Series[Any]]
    interactions: tuple[str, ...]
    crossed: Mapping[str, pd.Series[Any]]
    ratings: Mapping[str, pd.DataFrame]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the columns to select, as the configuration gives them."""

    dv: tuple[str, ...]
    between: str
    labels: str
    cluster: str
    covariates: tuple[str, ...]
    interactions: tuple[str, ...]
    crossed: tuple[str, ...]


def read(store: Store, names: Columns) -> Data:
    """Select the columns.

    Raises
    ------
    ConfigError
        A column does not exist or is of the wrong kind, the factor has too many groups, or the label rule is unknown.
    AnalysisError
        Fewer than two groups have an utterance.
    """
    table, between, dv = store.utterances, names.between, names.dv
    values = {name: column(store, name, kind="numeric") for name in dv}
    groups, dropped = _labelled(store, names.labels) if between == EMOTION else (_factor(store, between), ())
    found = sorted(groups.dropna().unique())
    if len(found) < 2:
        only = f"only {found[0]!r}" if found else "none"
        raise AnalysisError(
            f"{store.path}: {between} has fewer than two groups ({only}) in {len(table):,} utterances; "
            "choose another --between or --labels"
        )
    if len(found) > MOST_GROUPS:
        raise ConfigError(
            f"between: {between} has {len(found):,} groups, expected at most {MOST_GROUPS}; choose a column with "
            "fewer groups with --between"
        )
    clusters, few = _clusters(store, names.cluster)
    held = dict.fromkeys((*names.covariates, *names.interactions))
    return Data(
        between=between,
        groups=groups,
        values=values,
        clusters=clusters,
        speakers=table[_SPEAKER],
        covariates={name: _covariate(store, name, taken=(between, *dv)) for name in held},
        interactions=tuple(dict.fromkeys(names.interactions)),
        crossed={name: _factor(store, name) for name in names.crossed},
        ratings={name: rated for name in dv if len(rated := _ratings(store, name))},
        warnings=(*dropped, *few, *_same_raters(between, dv)),
    )


def _factor(store: Store, name: str) -> pd.Series[Any]:
    return _texts(column(store, name, kind="categorical"))


def _covariate(store: Store, name: str, *, taken: tuple[str, ...]) -> pd.Series[Any]:
    """A column to hold constant: numbers as they are, anything else as labels."""
    if name in taken:
        raise ConfigError(f"covariate: {name} is already compared in this analysis; choose another column")
    table = store.utterances
    return table[name] if name in table and is_numeric(table[name]) else _factor(store, name)


def _ratings(store: Store, name: str) -> pd.DataFrame:
    """Single ratings of a variable: ``row rater value``, the first of each rater for an utterance."""
    if name not in store.ratings or name not in RATED:
        return pd.DataFrame()
    own = store.ratings.drop_duplicates(["id", "rater"])
    rows = pd.Series(np.arange(len(store.utterances)), index=store.utterances["id"])
    found = pd.DataFrame({"row": own["id"].map(rows), "rater": own["rater"], "value": own[name].astype(np.float64)})
    return found.dropna().astype({"row": np.int64}).reset_index(drop=True)


def _texts(column: pd.Series[Any]) -> pd.Series[Any]:
    """Labels as text, None where there is none."""
    present = column.notna() & (column.astype(str).str.strip() != "")
    texts: pd.Series[Any] = column.astype(str).astype(object).where(present, None)
    return texts


def _labelled(store: Store, rule: str) -> tuple[pd.Series[Any], tuple[str, ...]]:
    """Emotions under a label rule, and a sentence about the utterances that it leaves out."""
    groups = _texts(store.labels(rule))
    kinds = store.utterances["emotion_annotated"][groups.isna()].map(_kind)
    if kinds.empty:
        return groups, ()
    counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.value_counts().items())
    sentence = (
        f"label rule {rule} leaves out {len(kinds):,} of {len(groups):,} utterances, by their annotation: {counts}"
    )
    return groups, (sentence,)


def _kind(label: object) -> str:
    if not isinstance(label, str) or not label:
        return "without a label"
    return "ties" if TIE in label else label


def _clusters(store: Store, name: str) -> tuple[dict[str, pd.Series[Any]], tuple[str, ...]]:
    """The cluster asked for, and the dyads where they contain whole clusters and are not too few."""
    chosen = _factor(store, name)
    dyad = _texts(store.utterances[_DYAD])
    inside = bool((dyad.groupby(chosen).nunique() <= 1).all()) and dyad.nunique() < chosen.nunique()
    if not inside:
        return {name: chosen}, ()
    if dyad.nunique() < FEWEST_DYADS:
        few = f"{dyad.nunique()} {_DYAD}s are too few for a test by {_DYAD} (at least {FEWEST_DYADS}): it is not made"
        return {name: chosen}, (few,)
    return {name: chosen, _DYAD: dyad}, ()


def _same_raters(between: str, dv: tuple[str, ...]) -> tuple[str, ...]:
    rated = [name for name in dv if name in RATED]
    if not rated or not between.startswith(EMOTION):
        return ()
    return (
        f"{between} and {' and '.join(rated)} are judgements of the same raters: a difference shows that raters are "
        "consistent, not that speech or physiology differs",
    )
