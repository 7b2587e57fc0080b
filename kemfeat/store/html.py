"""What a notebook shows of a store, of an array and of an utterance; every string of a corpus is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from kemfeat import provenance
from kemfeat.errors import KemfeatError
from kemfeat.store import summary

if TYPE_CHECKING:
    import pandas as pd

    from kemfeat.store.arrays import StoreArrays

_MOST_EMOTIONS = 8
_FACTS = ("session", "speaker", "sex", "partner", "duration", "emotion", "valence", "arousal", "text")


def store_html(store: StoreArrays) -> str:
    """A store: how much there is, what covers it, and its arrays.

    Parameters
    ----------
    store : Store
        A finished store.

    Returns
    -------
    str
        HTML without scripts or styles.
    """
    arrays = (
        (name, " × ".join(f"{size:,}" for size in info.shape), info.dtype, info.unit, info.description)
        for name, info in store.header.arrays.items()
    )
    try:
        coverage = _table(("", "utterances", "share"), _coverage(store))
    except KemfeatError as error:  # a notebook would show a traceback
        coverage = f"<p>{escape(str(error))}</p>"
    return (
        f"{_banner(store)}<p>{escape(repr(store))}</p>{coverage}"
        f"{_table(('array', 'shape', 'dtype', 'unit', 'description'), arrays)}"
    )


def utterance_html(store: StoreArrays, row: pd.Series[Any]) -> str:
    """An utterance: who says what, and how it was judged.

    Parameters
    ----------
    store : Store
        Where it is.
    row : Series
        Its row of the table of utterances.

    Returns
    -------
    str
        HTML without scripts or styles.
    """
    facts = ((name, row[name]) for name in _FACTS if name in row and row[name] == row[name] and row[name] is not None)
    try:
        votes = store.ratings[store.ratings["id"] == row["id"]].drop(columns="id")
        judged = _table(map(str, votes.columns), votes.itertuples(index=False)) if len(votes) else "<p>no votes</p>"
    except KemfeatError as error:
        judged = f"<p>{escape(str(error))}</p>"
    return f"{_banner(store)}<p>{escape(str(row['id']))}</p>{_table(('', ''), facts)}{judged}"


def _banner(store: StoreArrays) -> str:
    return f"<p><strong>{escape(provenance.BANNER)}</strong></p>" if store.synthetic else ""


def _coverage(store: StoreArrays) -> Iterator[tuple[str, str, str]]:
    """How many utterances have sound, words, votes and each signal, and the most frequent emotions."""
    utterances, total = store.utterances, max(len(store), 1)
    have = {"audio": int((utterances["duration"] > 0).sum()), "transcript": int(utterances["text"].notna().sum())}
    have["votes"] = int(store.ratings["id"].nunique())
    have |= {medium.upper(): summary.covered(utterances, medium)[0] for medium in summary.media(utterances)}
    emotions = utterances["emotion_first"].value_counts().head(_MOST_EMOTIONS)
    have |= {f"emotion {name}": int(count) for name, count in emotions.items()}
    for name, count in have.items():
        yield name, f"{count:,}", f"{count / total:.1%}"


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    titles = "".join(f"<th>{escape(str(title))}</th>" for title in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="dataframe"><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>'
