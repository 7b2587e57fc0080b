"""Columns of the utterances that a user names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import pandas as pd
from pandas.api import types
from pydantic import BaseModel

from kemfeat.config import suggest
from kemfeat.errors import ConfigError
from kemfeat.records import underscored
from kemfeat.store.reader import Store

Config = TypeVar("Config", bound=BaseModel)


def as_stored(store: Store, config: Config, settings: Sequence[str]) -> Config:
    """Settings whose columns are spelled as in the store: ``eda-components.X`` is ``eda_components.X`` there.

    Parameters
    ----------
    store : Store
        The store.
    config : BaseModel
        Settings of an analysis.
    settings : sequence of str
        Which of them name columns, each a string or a tuple of them.

    Returns
    -------
    BaseModel
        The same where every name is a column; what is no column in any spelling stays as it was given.
    """
    known = set(store.utterances)

    def spelled(name: str) -> str:
        return underscored(name) if name not in known and underscored(name) in known else name

    given = {name: getattr(config, name) for name in settings}
    found = {
        name: spelled(value) if isinstance(value, str) else tuple(map(spelled, value)) for name, value in given.items()
    }
    changed = {name: value for name, value in found.items() if value != given[name]}
    return type(config).model_validate({**config.model_dump(exclude_unset=True), **changed}) if changed else config


def column(store: Store, name: str, *, kind: Literal["numeric", "categorical"]) -> pd.Series[Any]:
    """A column of the utterances, of the kind that is needed.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the column.
    kind : {"numeric", "categorical"}
        Numbers; or texts, categories and truth values.

    Returns
    -------
    Series
        One value per utterance.

    Raises
    ------
    ConfigError
        There is no such column, or it is of another kind.
    """
    table = store.utterances
    known = [str(each) for each in table if _KINDS[kind](table[each])]
    if name not in table:
        raise ConfigError(f"{store.path}: utterances have no column {name!r}{suggest(name, known)}")
    if name not in known:
        raise ConfigError(f"{store.path}: column {name!r} is not {kind}; the {kind} columns are {', '.join(known)}")
    return table[name]


def is_numeric(values: pd.Series[Any]) -> bool:
    """Whether values are numbers, and not truth values.

    Parameters
    ----------
    values : Series
        Any values.

    Returns
    -------
    bool
        Whether they are.
    """
    return types.is_numeric_dtype(values) and not types.is_bool_dtype(values)


def _is_categorical(values: pd.Series[Any]) -> bool:
    of_texts = types.is_string_dtype(values) or isinstance(values.dtype, pd.CategoricalDtype)
    return of_texts or types.is_bool_dtype(values)


_KINDS = {"numeric": is_numeric, "categorical": _is_categorical}
