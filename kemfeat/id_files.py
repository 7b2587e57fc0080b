"""Utterances that somebody chose: a CSV file with a column ``id``."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable

from kemfeat.errors import ConfigError
from kemfeat.paths import StrPath, to_path

_COLUMN = "id"
_SHOWN = 3


def read_ids(path: StrPath, *, known: Collection[str]) -> tuple[str, ...]:
    """Read the ids of some utterances.

    Parameters
    ----------
    path : str or PathLike
        A CSV file (UTF-8) with a column ``id``; other columns do not matter.
    known : collection of str
        Ids of all utterances of the store.

    Returns
    -------
    tuple of str
        Each id once, sorted.

    Raises
    ------
    ConfigError
        The file cannot be read, has no column ``id`` or no row, or names an utterance that the store does not have.
    """
    import pandas as pd

    path = to_path(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a line with more cells than the first
            table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error}); expected {_EXPECTED}") from None
    except (ValueError, pd.errors.ParserWarning) as error:  # not UTF-8, not CSV, or nothing at all
        why = " ".join(str(error).split())
        raise ConfigError(f"{path}: is not a CSV file that can be read ({why}); expected {_EXPECTED}") from None
    if _COLUMN not in table:
        found = ", ".join(map(repr, list(table)[:_SHOWN]))
        raise ConfigError(f"{path}: has no column {_COLUMN!r} (it has {found}); expected {_EXPECTED}")
    if table.empty:
        raise ConfigError(f"{path}: names no utterance; expected {_EXPECTED}")
    return chosen(table[_COLUMN], known=known, where=str(path))


_EXPECTED = f"a CSV file whose first line is {_COLUMN}, with the id of an utterance on each line after it"


def chosen(ids: Iterable[str], *, known: Collection[str], where: str) -> tuple[str, ...]:
    """Ids of utterances that there are.

    Parameters
    ----------
    ids : iterable of str
        In any order; twice is as good as once.
    known : collection of str
        Ids of all utterances of the store.
    where : str
        Where they are from, for the message.

    Returns
    -------
    tuple of str
        Each id once, sorted.

    Raises
    ------
    ConfigError
        The store does not have one of them.

    Examples
    --------
    >>> chosen(["b", "a", "b"], known=["a", "b", "c"], where="ids.csv")
    ('a', 'b')
    """
    found = sorted(set(ids))
    there = set(known)
    if strange := [each for each in found if each not in there]:
        shown = ", ".join(map(repr, strange[:_SHOWN]))
        raise ConfigError(
            f"{where}: {len(strange):,} of {len(found):,} ids are not in this store, such as {shown}; its ids are like "
            f"{min(there)!r}; correct them, or leave them out"
        )
    return tuple(found)
