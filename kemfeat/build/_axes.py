"""Row axes of a build: the utterances, and the rows that features derive from them before extraction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kemfeat.build._lengths import specs_of
from kemfeat.build._physiology import session_media
from kemfeat.build._settings import Resolved
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features import AxisRows, Outline
from kemfeat.manifest import UNITS
from kemfeat.store import disk, schema, writer
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd

UTTERANCE = "utterance"


class Span(NamedTuple):
    """Rows ``first`` to ``last`` (exclusive) among the rows of one utterance on an axis."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class Axis:
    """The rows of an axis, in the order of their utterances.

    Parameters
    ----------
    name : str
        ``utterance``, ``clip`` ...
    parents : ndarray, shape (rows,), int64
        Index of the utterance that each row belongs to, ascending.
    numbers : ndarray, shape (rows,), int64
        Number of each row among the rows of its utterance, from 0.
    columns : mapping of str to ndarray, shape (rows,), optional
        Columns that the features make; None for the utterances.
    """

    name: str
    parents: NDArray[np.int64]
    numbers: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]] | None = None

    def __len__(self) -> int:
        return len(self.parents)

    def spread(self, keys: Sequence[str]) -> list[str]:
        """The key of every row, given the key of every utterance."""
        if self.columns is None:
            return list(keys)
        return [f"{keys[parent]}:{number}" for parent, number in zip(self.parents, self.numbers, strict=True)]

    def within(self, start: int, stop: int) -> tuple[NDArray[np.int64], list[Span]]:
        """The utterances of consecutive rows, and which rows of each utterance these are."""
        parents, begins = np.unique(self.parents[start:stop], return_index=True)
        firsts = self.numbers[start:stop][begins].tolist()
        counts = np.diff([*begins, stop - start]).tolist()
        return parents, [Span(first, first + count) for first, count in zip(firsts, counts, strict=True)]

    def table(self, utterances: pd.DataFrame) -> pd.DataFrame:
        """The table of the axis: id, parent, number, speaker and session, then its own columns."""
        import pandas as pd

        own = utterances.iloc[self.parents]
        ids = [f"{parent}:{number}" for parent, number in zip(own["id"], self.numbers, strict=True)]
        names: dict[str, Any] = {"id": pd.array(ids, dtype="str"), "parent": own["id"].to_numpy()}
        who = {"number": self.numbers, "speaker": own["speaker"].to_numpy(), "session": own["session"].to_numpy()}
        return pd.DataFrame({**names, **who, **(self.columns or {})})


def axes_of(store: Path, resolved: Resolved, utterances: pd.DataFrame) -> dict[str, Axis]:
    """The row axes of the features of a build.

    Parameters
    ----------
    store : Path
        Folder of the store, where the physiology is staged.
    resolved : Resolved
        The configuration.
    utterances : DataFrame
        Table of the utterances.

    Returns
    -------
    dict of str to Axis
        Axes by name; ``utterance`` comes first.

    Raises
    ------
    ConfigError
        Two features disagree on the rows of their axis.
    ExtractionError
        The rows of an utterance cannot be determined.
    """
    axes = {UTTERANCE: _utterance_axis(len(utterances))}
    makers: dict[str, str] = {}
    rows = _rows(store, resolved, utterances)
    for name, of_all in rows.items():
        axis = _joined(resolved.extractors[name].axis, of_all)
        first = makers.setdefault(axis.name, name)
        if not _agree(axis, axes.setdefault(axis.name, axis)):
            raise ConfigError(
                f"features: {first} and {name} have different rows on the axis {axis.name}; give both the same "
                "settings, or build them into two stores"
            )
    return axes


def lay_out(store: Path, resolved: Resolved, axes: Mapping[str, Axis]) -> None:
    """Stage the resources of the features and the metadata of their arrays.

    Parameters
    ----------
    store : Path
        Folder of the store.
    resolved : Resolved
        The configuration.
    axes : mapping of str to Axis
        Row axes by name.
    """
    with disk.writing(store):
        for feature, files in resolved.resources.items():
            for name, content in files.items():
                disk.write_bytes(writer.staging(store) / schema.RESOURCES / feature / name, content)
        writer.begin(
            store,
            specs=specs_of(resolved),
            layouts={
                name: writer.ArrayLayout(
                    axis=extractor.axis,
                    rows=len(axes[extractor.axis]),
                    rows_per_shard=resolved.rows_per_shard(name),
                    made_of=frozenset(resolved.extractors) & frozenset(extractor.media),
                )
                for name, extractor in resolved.extractors.items()
            },
        )


def stored_axis(store: Store, name: str) -> Axis:
    """An axis of a finished store, with its stored rows."""
    if name == UTTERANCE:
        return _utterance_axis(len(store))
    place = {utterance: index for index, utterance in enumerate(store.utterances["id"])}
    parents = np.array([place[owner] for owner in store.owners(name)], dtype=np.int64)
    return Axis(name, parents, store.rows(name)["number"].to_numpy(), {})


def _utterance_axis(count: int) -> Axis:
    return Axis(UTTERANCE, np.arange(count), np.zeros(count, dtype=np.int64))


def _rows(store: Path, resolved: Resolved, utterances: pd.DataFrame) -> dict[str, list[AxisRows]]:
    """For each feature that makes rows, the rows of every utterance."""
    makers = [(name, extractor.rows) for name, extractor in resolved.extractors.items() if extractor.rows is not None]
    if not makers:
        return {}
    reads = {medium for name, _ in makers for medium in resolved.extractors[name].media} & set(UNITS)
    configs = {name: resolved.settings(name) for name, _ in makers}
    made: dict[str, dict[str, AxisRows]] = {name: {} for name, _ in makers}
    for utterance, outline in _outlines(store, utterances, reads=reads):
        for name, rows in makers:
            try:
                made[name][utterance] = rows(configs[name], outline)
            except ExtractionError as error:
                raise ExtractionError(f"{utterance}: {error}") from None
    return {name: [of[utterance] for utterance in utterances["id"]] for name, of in made.items()}


def _outlines(store: Path, utterances: pd.DataFrame, *, reads: Collection[str]) -> Iterator[tuple[str, Outline]]:
    """Every utterance with its outline, session by session: only one session's physiology is in memory."""
    for session, rows in utterances.groupby("session", sort=False):
        path = writer.staging(store) / schema.session_path(str(session))
        signals = session_media(path, rows) if reads else {}
        for utterance, seconds in zip(rows["id"], rows["duration"], strict=True):
            own = {medium: signals[utterance, medium] for medium in reads if (utterance, medium) in signals}
            yield utterance, Outline(float(seconds), own)


def _joined(axis: str, of_all: Sequence[AxisRows]) -> Axis:
    counts = [len(rows["start"]) for rows in of_all]
    names = list(of_all[0])
    columns = {name: np.concatenate([rows[name] for rows in of_all]) for name in names}
    return Axis(
        axis,
        np.repeat(np.arange(len(counts)), counts),
        np.concatenate([np.arange(count) for count in counts]),
        columns,
    )


def _agree(one: Axis, other: Axis) -> bool:
    return _comparable(one) == _comparable(other)


def _comparable(axis: Axis) -> list[Any]:
    columns = axis.columns or {}
    return [axis.parents.tobytes(), *((name, column.tobytes()) for name, column in sorted(columns.items()))]
