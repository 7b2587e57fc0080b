"""The columns of the page's table, and what its rows are narrowed by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kemfeat.browse.facets import AnyOf, Facet, OneOf, joined
from kemfeat.labels import TIE
from kemfeat.store import summary
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["text", "number", "tag"]
NO_LABEL, TIED, NOT_PREDICTED = "no label", "tie", "not predicted"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """One column of the table.

    Parameters
    ----------
    title : str
        Its heading, with the unit.
    kind : {"text", "number", "tag"}
        How it is shown.
    values : pyarrow.Array or ChunkedArray of string or float64, one per utterance
        Null where there is no value.
    decimals : int
        Of a number.
    rank : int
        The higher, the sooner it is left out where there is little room.
    """

    title: str
    kind: Kind
    values: Any
    decimals: int = 2
    rank: int = 2


def columns_of(store: Store, *, predictions: pd.DataFrame | None, parts: pd.Series[str] | None) -> dict[str, Column]:
    """The columns that a store has anything in.

    Parameters
    ----------
    store : Store
        A finished store.
    predictions : DataFrame or None
        As of :func:`~kemfeat.browse.overlays.predictions_of`, one row per utterance of the store in its order.
    parts : Series or None
        The part of each utterance, in the order of the store.

    Returns
    -------
    dict of str to Column
        By name, in the order of the page.
    """
    found = dict(_of_store(store))
    if parts is not None:
        found["part"] = Column(title="Part", kind="tag", values=_text(parts))
    found |= _flags(store)
    if predictions is not None:
        found |= _of_predictions(predictions)
    return {name: column for name, column in found.items() if column.values.null_count < len(column.values)}


def _of_store(store: Store) -> Iterator[tuple[str, Column]]:
    table = store.utterances
    yield "id", Column(title="Id", kind="text", values=_text(table["id"]), rank=0)
    yield "emotion", Column(title="Emotion", kind="tag", values=_text(table["emotion"]), rank=0)
    if "text" in table:
        yield "text", Column(title="Transcript", kind="text", values=_text(table["text"]), rank=0)
    yield "duration", Column(title="Duration, s", kind="number", values=_number(table["duration"]), rank=1)
    for name in ("speaker", "session"):
        yield name, Column(title=name.capitalize(), kind="text", values=_text(table[name]), rank=2)
    agreement = agreement_of(table)
    yield "agreement", Column(title="Agreement", kind="number", values=_number(agreement), rank=1)
    for name in ("valence", "arousal"):
        yield name, Column(title=name.capitalize(), kind="number", values=_number(table[name]), rank=3)


def agreement_of(utterances: pd.DataFrame) -> NDArray[np.float64]:
    """Share of the votes of an utterance that the most frequent emotion has.

    Parameters
    ----------
    utterances : DataFrame
        Table of the utterances, with their ``votes_EMOTION``.

    Returns
    -------
    ndarray, shape (n,), float64 [0 to 1]
        1 where all raters chose the same; NaN without votes.
    """
    votes = utterances[[name for name in map(str, utterances.columns) if name.startswith("votes_")]].to_numpy(float)
    total = votes.sum(axis=1)
    shares: NDArray[np.float64] = np.full(len(votes), np.nan)
    np.divide(votes.max(axis=1, initial=0), total, out=shares, where=total > 0)
    return shares


def _flags(store: Store) -> Iterator[tuple[str, Column]]:
    for name, title, flags in (("findings", "Findings", findings(store)), ("missing", "Missing", missing(store))):
        yield name, Column(title=title, kind="text", values=joined(flags, rows=len(store)), rank=3)


def _of_predictions(predictions: pd.DataFrame) -> Iterator[tuple[str, Column]]:
    yield "predicted", Column(title="Predicted", kind="tag", values=_text(predictions["predicted"]), rank=1)
    yield "outcome", Column(title="Outcome", kind="tag", values=_text(predictions["outcome"]), rank=2)
    chance = "Probability of the label"
    yield "chance", Column(title=chance, kind="number", values=_number(predictions["chance"]), rank=2)
    yield "fold", Column(title="Fold", kind="number", values=_number(predictions["fold"]), decimals=0, rank=3)


def findings(store: Store) -> dict[str, NDArray[np.bool_]]:
    """What the build noticed of each utterance: features that failed, and what a fixed length truncated.

    Parameters
    ----------
    store : Store
        A finished store.

    Returns
    -------
    dict of str to ndarray, shape (n,), bool
        By finding; those of no utterance are left out.
    """
    ids = store.utterances["id"]
    found = {}
    for feature, rows in store.failures.groupby("feature"):
        axis = store.header.features.get(str(feature), "utterance")
        owners = dict(zip(store.rows(axis)["id"], store.owners(axis), strict=True))
        found[f"{feature} failed"] = ids.isin([owners.get(name, name) for name in rows["id"]]).to_numpy(bool)
    for what, lost in summary.losses(store.header, store.utterances).items():
        found[f"{what} truncated"] = (lost > 0).to_numpy(bool)
    return {name: flags for name, flags in found.items() if flags.any()}


def missing(store: Store) -> dict[str, NDArray[np.bool_]]:
    """Which utterances lack what others of the store have.

    Parameters
    ----------
    store : Store
        A finished store.

    Returns
    -------
    dict of str to ndarray, shape (n,), bool
        By modality; those that all utterances have, or none, are left out.
    """
    table = store.utterances
    found = {"audio": table["audio"].isna(), "label": table["emotion"].isna(), "votes": np.isnan(agreement_of(table))}
    if "text" in table:
        found["transcript"] = ~table["text"].fillna("").str.strip().astype(bool)
    found |= {medium.upper(): ~(table[f"{medium}_coverage"] > 0) for medium in summary.media(table)}
    flags = {name: np.asarray(lacking, dtype=bool) for name, lacking in found.items()}
    return {name: lacking for name, lacking in flags.items() if 0 < lacking.sum() < len(lacking)}


def facets_of(store: Store, columns: Mapping[str, Column]) -> dict[str, Facet]:
    """What the table can be narrowed by.

    Parameters
    ----------
    store : Store
        A finished store.
    columns : mapping of str to Column
        Its columns.

    Returns
    -------
    dict of str to Facet
        By the name of the column.
    """
    found: dict[str, Facet] = {"emotion": OneOf("Emotion", _classes(store.utterances["emotion"]), absent=NO_LABEL)}
    for name in ("session", "speaker", "part"):
        if name in columns:
            found[name] = OneOf(columns[name].title, columns[name].values, absent="not in the split")
    for name, flags in (("findings", findings(store)), ("missing", missing(store))):
        if name in columns:
            found[name] = AnyOf(columns[name].title, flags)
    if "outcome" in columns:
        found["outcome"] = OneOf("Prediction", columns["outcome"].values, absent=NOT_PREDICTED)
    return found


def _classes(labels: pd.Series[Any]) -> Any:
    """Labels without the many kinds of ties."""
    text = labels.astype("str")
    return _text(text.mask(text.str.contains(TIE, regex=False).fillna(False).astype(bool), TIED))


def _text(values: Any) -> Any:
    return pa.array(values.astype("str"), type=pa.string(), from_pandas=True)


def _number(values: Any) -> Any:
    return pa.array(np.asarray(values, dtype=float), from_pandas=True)
