"""The mixed model of a dependent variable: speakers and their responses at random, raters and sentences crossed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from kemfeat.analyses.anova._data import Data
from kemfeat.stats.mixed import MixedModel, mixed_model

RATER, UTTERANCE = "rater", "utterance"


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """The model of one dependent variable.

    ``unit`` says whether it is of single ``ratings`` or of ``utterances``, ``terms`` names the terms that it tests.
    """

    unit: str
    terms: tuple[str, ...]
    model: MixedModel


def fit_mixed(data: Data, dv: str) -> Mixed:
    """Fit single ratings where the variable is rated, else the values of utterances."""
    values, rows = data.values[dv], np.arange(len(data.groups))
    random: dict[str, pd.Series[Any]] = {}
    rated = data.ratings.get(dv)
    if rated is not None:
        values, rows = rated["value"], rated["row"].to_numpy()
        random = {RATER: rated["rater"], UTTERANCE: rated["row"]}
    groups = data.groups.iloc[rows].reset_index(drop=True)
    for name, column in _by_utterance(data).items():
        random[name] = column.iloc[rows].reset_index(drop=True)
    covariates = {name: column.iloc[rows].reset_index(drop=True) for name, column in data.covariates.items()}
    values = values.reset_index(drop=True)
    kept = _identified({name: column.reset_index(drop=True) for name, column in random.items()}, values, groups)
    model = mixed_model(values, groups, kept, covariates=covariates, interactions=data.interactions)
    terms = (data.between, *covariates, *(f"{data.between} x {name}" for name in data.interactions))
    return Mixed(unit="utterances" if rated is None else "ratings", terms=terms, model=model)


def _by_utterance(data: Data) -> dict[str, pd.Series[Any]]:
    """The cluster, its response to each factor that it has several levels of, and the crossed effects asked for."""
    cluster, column = next(iter(data.clusters.items()))
    factors = {data.between: data.groups}
    factors |= {name: labels for name, labels in data.covariates.items() if not is_numeric_dtype(labels)}
    within = {name: labels for name, labels in factors.items() if (labels.groupby(column).nunique() > 1).sum() > 1}
    if data.between in within:
        within |= {
            f"{data.between} x {name}": _cells(data.groups, within[name])
            for name in data.interactions
            if name in within
        }
    found = {cluster: column}
    found |= {f"{cluster} x {name}": _cells(column, labels) for name, labels in within.items()}
    return found | dict(data.crossed)


def _cells(one: pd.Series[Any], other: pd.Series[Any]) -> pd.Series[Any]:
    """Combinations of two labels as text, None where one of them is missing."""
    return (one.astype(str) + "\t" + other.astype(str)).where(one.notna() & other.notna(), None)


def _identified(
    random: dict[str, pd.Series[Any]], values: pd.Series[Any], groups: pd.Series[Any]
) -> dict[str, pd.Series[Any]]:
    """Without effects of one level, or of as many as there are values: nothing shows their variance."""
    known = values.notna() & groups.notna() & pd.concat(list(random.values()), axis=1).notna().all(axis=1)
    sizes = {name: column[known].nunique() for name, column in random.items()}
    kept = {name: random[name] for name, size in sizes.items() if 1 < size < known.sum()}
    return kept or random
