"""The tables of several stores, one below the other, with the names of each corpus kept apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kemfeat.build._axes import UTTERANCE, Axis, stored_axis
from kemfeat.build._physiology import INDEX
from kemfeat.build._settings import Resolved
from kemfeat.build.join._corpora import Source
from kemfeat.errors import ConfigError
from kemfeat.features.instances import find_feature
from kemfeat.labels import EMOTIONS
from kemfeat.manifest import FILM, SIGNALS, Manifest
from kemfeat.store import disk, schema, writer

if TYPE_CHECKING:
    import pandas as pd

CORPUS = "corpus"
_VOTES, _COVERAGE = "votes_", "_coverage"
_OF_ROW = ("id", "parent", "number", "speaker", "session")
"""Columns that the table of every axis has."""


def manifest(sources: Sequence[Source], name: str) -> Manifest:
    """The utterances and ratings of all stores; labels stay what they are."""
    import pandas as pd

    words = dict.fromkeys((*EMOTIONS, *(word for source in sources for word in source.store.emotions)))
    ratings = [source.renamed(source.store.ratings, "id", "rater") for source in sources]
    return Manifest(
        name,
        _utterances(sources, tuple(words)),
        pd.concat(ratings, ignore_index=True),
        faults=tuple(fault for source in sources for fault in _faults(source)),
        vocabulary=tuple(words),
        synthetic=sources[0].store.synthetic,
    )


def _faults(source: Source) -> list[str]:
    failures = source.store.failures
    return [f"{source.corpus}: {error}" for error in failures["error"][failures["feature"] == schema.ANNOTATION]]


def _utterances(sources: Sequence[Source], words: Sequence[str]) -> pd.DataFrame:
    """The utterances without the columns of features; what a corpus does not have is missing, votes are 0."""
    tables = [_own_utterances(source) for source in sources]
    _refuse_other_types(sources, tables)
    joined: pd.DataFrame = pa.concat_tables(tables, promote_options="permissive").to_pandas()
    for word in words:
        joined[f"{_VOTES}{word}"] = joined[f"{_VOTES}{word}"].fillna(0).astype("int64")
    for column in (name for name in joined.columns if name.endswith(_COVERAGE)):
        joined[column] = joined[column].fillna(0.0)
    votes = [name for name in joined.columns if name.startswith(_VOTES)]
    others = [name for name in joined.columns if name not in votes]
    place = others.index("majority")
    ordered: pd.DataFrame = joined[[*others[:place], *(f"{_VOTES}{word}" for word in words), *others[place:]]]
    return ordered


def _own_utterances(source: Source) -> pa.Table:
    utterances = source.store.utterances
    if CORPUS in utterances:
        raise ConfigError(
            f"join: {source} has a column {CORPUS} of its own, which a joined store needs; rename it in its reader"
        )
    made = {column for name in source.store.header.features for column in find_feature(name).columns}
    table = source.renamed(utterances, "id", "session", "speaker", "partner")
    for path in ("audio", FILM[0]):
        if path in table:
            table[path] = _below(source, table[path])
    table = table[[name for name in table.columns if name not in made]]
    table.insert(1, CORPUS, source.corpus)
    return pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)


def _below(source: Source, paths: pd.Series[Any]) -> pd.Series[Any]:
    """Paths below the corpora: each corpus is a folder."""
    return paths.map(lambda path: f"{source.corpus}/{path}", na_action="ignore")


def _refuse_other_types(sources: Sequence[Source], tables: Sequence[pa.Table]) -> None:
    known: dict[str, tuple[Source, pa.Field]] = {}
    for source, table in zip(sources, tables, strict=True):
        for field in table.schema:
            first, other = known.setdefault(field.name, (source, field))
            try:
                pa.unify_schemas([pa.schema([other]), pa.schema([field])], promote_options="permissive")
            except (pa.ArrowTypeError, pa.ArrowInvalid):
                raise ConfigError(
                    f"join: the column {field.name} of the utterances is {other.type} in {first} and {field.type} in "
                    f"{source}; rename it in one of the corpora, and build that again"
                ) from None


def axes(sources: Sequence[Source], resolved: Resolved) -> dict[str, Axis]:
    """The row axes: the rows of all stores in order."""
    names = [UTTERANCE, *(extractor.axis for extractor in resolved.extractors.values())]
    return {name: _axis(name, sources) for name in dict.fromkeys(names)}


def _axis(name: str, sources: Sequence[Source]) -> Axis:
    first = np.cumsum([0, *(len(source.store) for source in sources)])
    stored = [stored_axis(source.store, name) for source in sources]
    parents = np.concatenate([axis.parents + before for axis, before in zip(stored, first[:-1], strict=True)])
    numbers = np.concatenate([axis.numbers for axis in stored])
    return Axis(name, parents, numbers, None if name == UTTERANCE else _own_columns(name, sources))


def _own_columns(name: str, sources: Sequence[Source]) -> dict[str, Any]:
    """The columns of an axis that belong to no single feature on it, such as times."""
    tables = [source.store.rows(name) for source in sources]
    made = {column for source in sources for each in source.store.header.features for column in _made_on(each, name)}
    own = [column for column in tables[0].columns if column not in made and column not in _OF_ROW]
    return {column: np.concatenate([table[column].to_numpy() for table in tables]) for column in own}


def _made_on(feature: str, axis: str) -> tuple[str, ...]:
    extractor = find_feature(feature)
    return tuple(extractor.columns) if extractor.axis == axis else ()


def keys(sources: Sequence[Source], resolved: Resolved) -> dict[str, list[str]]:
    """For each feature the key of every utterance: rows are not made anew."""
    return {name: [key for source in sources for key in source.store.keys[name]] for name in resolved.extractors}


def source_files(sources: Sequence[Source]) -> pd.DataFrame:
    """The files of all corpora, each below a folder with the name of its corpus."""
    import pandas as pd

    tables = []
    for source in sources:
        table = source.store.sources
        groups = [_group(source, name) for name in table["group"]]
        tables.append(table.assign(path=_below(source, table["path"]), group=groups))
    return pd.concat(tables, ignore_index=True)


def _group(source: Source, name: str) -> str:
    head, slash, session = name.partition("/")
    return f"{head}/{source.own(session)}" if slash else name


def signal_index(sources: Sequence[Source]) -> pd.DataFrame:
    """The index of the physiology of all stores."""
    tables = [
        pa.Table.from_pandas(
            source.renamed(source.store.signal_index, "session", "id", "speaker"), schema=INDEX, preserve_index=False
        )
        for source in sources
    ]
    joined: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return joined


def stage_signals(out: Path, sources: Sequence[Source]) -> dict[str, schema.SessionReceipt]:
    """Write the physiology of every session under its new names, one session at a time."""
    receipts = {}
    for source in sources:
        for session, receipt in source.store.header.sessions.items():
            table = source.renamed(source.store.signals(session), "id", "speaker")
            name = str(source.own(session))
            path = writer.staging(out) / schema.session_path(name)
            disk.write_table(path, pa.Table.from_pandas(table, schema=SIGNALS, preserve_index=False))
            receipts[name] = schema.SessionReceipt(key=receipt.key, file=disk.receipt(path))
    return receipts
