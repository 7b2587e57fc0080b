"""Everything that a store says of one utterance, for the panel of the page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kemfeat.browse.frames import picture_names, series
from kemfeat.errors import KemfeatError, StoreCorruptError
from kemfeat.findings import printable
from kemfeat.records import tag_of, tagged
from kemfeat.store import disk
from kemfeat.store.reader import Store
from kemfeat.store.schema import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable

_NEIGHBOURS = 40
"""Utterances before and after one that its conversation is shown with."""
_MOST_RATINGS = 200
_LONGEST = 20_000
"""Characters of a text that are sent."""


def utterance(store: Store, row: int) -> dict[str, Any]:
    """Everything about one utterance but its pictures and its sound.

    Parameters
    ----------
    store : Store
        A finished store.
    row : int
        Number of the utterance.

    Returns
    -------
    dict
        For the page. A part that cannot be read is ``{"error": sentence}``, so that the others are shown.
    """
    about = store.utterances.iloc[row]
    seconds = _seconds(about)
    return {
        "row": row,
        "id": shown(about["id"]),
        "text": shown(about.get("text")),
        "seconds": seconds,
        "about": {name: shown(about[name]) for name in ("speaker", "session", "script", "emotion")},
        "valence": shown(about["valence"]),
        "arousal": shown(about["arousal"]),
        "pictures": picture_names(store),
        "series": _tried(lambda: list(series(store, row, seconds=seconds))),
        "tokens": _tried(lambda: tokens(store, row)),
        "votes": _tried(lambda: votes(store, row)),
        "conversation": conversation(store.utterances, row),
        "columns": [[name, shown(value)] for name, value in about.items()],
    }


def _tried(part: Callable[[], Any]) -> Any:
    try:
        return part()
    except (KemfeatError, OSError) as error:
        return {"error": printable(str(error))}


def _seconds(about: pd.Series[Any]) -> float:
    """How long an utterance is; 0 where nothing says so."""
    for length in (about["duration"], about["end"] - about["start"]):
        if length > 0:
            return float(length)
    return 0.0


def shown(value: Any) -> Any:
    """A cell as JSON has it.

    Parameters
    ----------
    value : object
        Anything that a table has.

    Returns
    -------
    str, int, float, bool or None
        None for what is missing; text without control characters, at most 20,000 characters.
    """
    if isinstance(value, np.ndarray | list | tuple):
        return ", ".join(str(shown(each)) for each in value)
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int) else printable(str(value)[:_LONGEST])


def tokens(store: Store, row: int) -> list[dict[str, Any]]:
    """The tokens of an utterance, by the arrays that have some.

    Parameters
    ----------
    store : Store
        A finished store.
    row : int
        Number of the utterance.

    Returns
    -------
    list of dict
        Of each array of ids: its name, the ids without padding, and the pieces where the store has its tokenizer.

    Raises
    ------
    StoreError
        An array or the tokenizer cannot be read.
    """
    found = []
    for name, info in store.header.arrays.items():
        mask = tagged("attention_mask", tag_of(name))
        if name == tagged("input_ids", tag_of(name)) and info.axis == "utterance" and mask in store.arrays:
            taken = store.take([row], (name, mask))
            ids = taken[name][0][taken[mask][0].astype(bool)].tolist()
            found.append({"name": name, "ids": ids, "pieces": _pieces(store, info.feature, ids)})
    return found


def _pieces(store: Store, feature: str, ids: list[int]) -> list[str] | None:
    """What a store's tokenizer writes for ids; None where it has none."""
    from tokenizers import Tokenizer

    resource = f"{RESOURCES}/{feature}/tokenizer.json"
    receipt = store.header.tables.get(resource)
    if receipt is None:
        return None
    content = disk.read_bytes(store.local(resource))
    if not receipt.fits(content):
        raise StoreCorruptError(f"{store.path}/{resource}: is not what was written; run `kemfeat verify`")
    tokenizer = Tokenizer.from_str(content.decode())
    return [printable(tokenizer.id_to_token(each) or "?") for each in ids]


def votes(store: Store, row: int) -> dict[str, Any]:
    """What the raters said of an utterance.

    Parameters
    ----------
    store : Store
        A finished store.
    row : int
        Number of the utterance.

    Returns
    -------
    dict
        ``counts``, votes by emotion, and ``ratings``, one list per rater: rater, sex, emotion, valence, arousal.

    Raises
    ------
    StoreError
        The ratings cannot be read.
    """
    about = store.utterances.iloc[row]
    own = store.ratings[store.ratings["id"] == about["id"]].head(_MOST_RATINGS)
    names = ("rater", "rater_sex", "emotion", "valence", "arousal")
    return {
        "counts": {name: int(about[f"votes_{name}"]) for name in store.emotions},
        "ratings": [[shown(value) for value in rating] for rating in own[list(names)].itertuples(index=False)],
    }


def conversation(utterances: pd.DataFrame, row: int) -> list[dict[str, Any]]:
    """The utterances before and after one in its conversation.

    Parameters
    ----------
    utterances : DataFrame
        Table of the utterances.
    row : int
        Number of the utterance.

    Returns
    -------
    list of dict
        In the order of their beginnings, where known: row, id, speaker, start and end [s] or None, emotion, text.
    """
    about = utterances.iloc[row]
    same = (utterances["session"] == about["session"]) & (utterances["script"] == about["script"])
    near = utterances[same.fillna(False).astype(bool)].assign(row=np.flatnonzero(same))
    near = near.sort_values(["start", "row"], ignore_index=True)
    place = int(near.index[near["row"] == row][0])
    near = near.iloc[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS + 1]
    names = [name for name in ("row", "id", "speaker", "start", "end", "emotion", "text") if name in near]
    return [{name: shown(each[name]) for name in names} for each in near[names].to_dict("records")]
