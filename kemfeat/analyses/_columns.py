"""Columns of the utterances that a user names."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from pandas.api import types

from kemfeat.config import suggest
from kemfeat.errors import ConfigError
from kemfeat.store.reader import Store


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
