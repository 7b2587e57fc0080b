"""What an export writes: some arrays of one row axis and the table beside them, in blocks that fit into memory."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.errors import ConfigError, StoreCorruptError
from kemfeat.id_files import chosen
from kemfeat.records import beside
from kemfeat.store import valid_lengths
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd

RowProgress = Callable[[int, int], None]
"""Gets the rows written, and how many there are."""

BLOCK_BYTES = 64 << 20
SHARD_BYTES = 256 << 20
"""Bytes of a shard of an export, as its rows are padded in memory; a shard has one row at least."""

_NAME = re.compile(r"[A-Za-z0-9_-]+(@[A-Za-z0-9_-]+)?")
_WHO = ("id", "speaker", "session")
_PLACE = ("parent", "number", "start", "end")
_TOLD = ("text", "text_clean", "emotion", "valence", "arousal")


def silent(done: int, total: int) -> None:
    """Progress that is not shown."""


@dataclass(frozen=True, slots=True, eq=False)
class ExportBlock:
    """Consecutive rows of an export.

    Parameters
    ----------
    table : DataFrame
        The rows of :attr:`Selection.table`.
    values : mapping of str to ndarray, shape (n, ...)
        The rows per array as they are stored, padding included.
    ends : mapping of str to ndarray, shape (n,), int64
        Where the real elements of each row end, per ragged array.
    """

    table: pd.DataFrame
    values: Mapping[str, NDArray[Any]]
    ends: Mapping[str, NDArray[np.int64]]

    def real(self, name: str) -> list[NDArray[Any]]:
        """The rows of an array, each cut after its last real element."""
        rows = self.values[name]
        return [row[:end] for row, end in zip(rows, self.ends[name], strict=True)] if name in self.ends else list(rows)

    def records(self) -> list[dict[str, Any]]:
        """The rows of the table as JSON has them: a missing cell is None."""
        cells = self.table.astype(object)
        return [dict(zip(cells.columns, row, strict=True)) for row in cells.where(cells.notna(), None).to_numpy()]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Selection:
    """The rows and arrays to export; made by :func:`select`.

    Parameters
    ----------
    store : Store
        Where they are.
    axis : str
        The row axis of all of them.
    arrays : tuple of str
        Their names.
    rows : ndarray, shape (n,), int64
        Rows of the axis, ascending.
    table : DataFrame
        One row for each of them, in order; see ``docs/howto/export.md`` for its columns.
    ends : mapping of str to ndarray, shape (n,), int64
        Where the real elements of each row end, per ragged array.
    dropped : int
        Rows that were chosen and that the label rule left out.
    labels : str
        The rule that ``emotion`` follows.
    progress : callable
        Called after every block.
    """

    store: Store
    axis: str
    arrays: tuple[str, ...]
    rows: NDArray[np.int64]
    table: pd.DataFrame
    ends: Mapping[str, NDArray[np.int64]]
    dropped: int
    labels: str
    progress: RowProgress

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of all arrays, padding included."""
        return max(1, sum(_row_bytes(self.store, name) for name in self.arrays))

    def shards(self) -> list[tuple[int, int]]:
        """First row and end of each file of a format that has several, of :data:`SHARD_BYTES`; one without rows."""
        size = max(1, SHARD_BYTES // self.row_bytes)
        return [(start, min(start + size, len(self))) for start in range(0, len(self), size)] or [(0, 0)]

    def blocks(self, start: int, stop: int) -> Iterator[ExportBlock]:
        """The rows from ``start`` to ``stop`` (exclusive) of this export, in pieces of about :data:`BLOCK_BYTES`."""
        arrays = {name: self.store.array(name) for name in self.arrays}
        for first, last, span in self._spans(start, stop):
            within = self.rows[first:last] - span.start
            yield ExportBlock(
                table=self.table.iloc[first:last],
                values={name: np.asarray(array[span])[within] for name, array in arrays.items()},
                ends={name: ends[first:last] for name, ends in self.ends.items()},
            )
            self.progress(last, len(self))

    def _spans(self, start: int, stop: int) -> Iterator[tuple[int, int, slice]]:
        """Rows of this export, and the rows of the store that contain them."""
        if start == stop:
            return
        for span in _spans(self.store, self.arrays, int(self.rows[start]), int(self.rows[stop - 1]) + 1):
            first, last = np.clip(np.searchsorted(self.rows, (span.start, span.stop)), start, stop).tolist()
            if first < last:
                yield first, last, span


def select(
    store: Store,
    *,
    arrays: Sequence[str] | None = None,
    labels: str | None = None,
    ids: Collection[str] | None = None,
    progress: RowProgress = silent,
) -> Selection:
    """Choose what to export.

    Parameters
    ----------
    store : Store
        Where it is.
    arrays : sequence of str or None
        Names of arrays on one row axis; None for all on ``utterance``, or on the first axis that has any.
    labels : str or None
        A rule of :func:`kemfeat.labels.apply_rule`: ``emotion`` follows it, and rows that it drops are left out.
        None keeps every row and the store's own labels.
    ids : collection of str or None
        Utterances whose rows are kept; None for all.
    progress : callable
        Called after every block that is written.

    Raises
    ------
    ConfigError
        An array, a rule or an utterance is unknown, or the arrays are on several axes.
    StoreCorruptError
        The store has names that no file may have.
    """
    axis, names = _arrays(store, arrays)
    for name in (axis, *names):
        if not _NAME.fullmatch(name):
            raise StoreCorruptError(f"{store.path}: has an array or axis {name!r}; do not trust this store")
    table = _table(store, axis, labels)
    wanted = _wanted(store, table, ids)
    keep = wanted if labels is None else wanted & table["emotion"].notna().to_numpy(dtype=bool)
    rows = np.flatnonzero(keep)
    marks = {name: mark for name in names if (mark := valid_lengths.marks(store.header, name)) is not None}
    ends = {mark: _ends(store, mark)[rows] for mark in dict.fromkeys(marks.values())}
    counts = {beside(name, "_length"): ends[mark] for name, mark in marks.items() if name != mark}
    table = table.assign(missing=_missing(store, names))[keep].assign(**counts).reset_index(drop=True)
    table.insert(0, "index", table.index)
    return Selection(
        store=store,
        axis=axis,
        arrays=names,
        rows=rows,
        table=table,
        ends={name: ends[mark] for name, mark in marks.items()},
        dropped=int(wanted.sum()) - len(rows),
        labels=labels or store.header.label_rule,
        progress=progress,
    )


def _wanted(store: Store, table: pd.DataFrame, ids: Collection[str] | None) -> NDArray[np.bool_]:
    """Which rows are of the utterances that were chosen."""
    if ids is None:
        return np.full(len(table), True)
    utterances = chosen(ids, known=store.utterances["id"].tolist(), where="ids")
    owners = table["parent" if "parent" in table else "id"]
    return owners.isin(utterances).to_numpy(dtype=bool)


def _arrays(store: Store, wanted: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    """The axis and the arrays, each once."""
    on = {name: info.axis for name, info in store.header.arrays.items()}
    if wanted is None:
        axis = "utterance" if "utterance" in on.values() or not on else next(iter(on.values()))
        return axis, tuple(name for name in on if on[name] == axis)
    if not wanted:
        raise ConfigError("--arrays: no array is named; expected some of " + ", ".join(on))
    names = tuple(dict.fromkeys(wanted))
    for name in names:
        store.array(name)
    axes = dict.fromkeys(on[name] for name in names)
    if len(axes) > 1:
        found = "; ".join(f"{axis}: {', '.join(name for name in names if on[name] == axis)}" for axis in axes)
        raise ConfigError(f"--arrays: are on several row axes ({found}); export each axis into a folder of its own")
    return next(iter(axes)), names


def _table(store: Store, axis: str, labels: str | None) -> pd.DataFrame:
    """One row for each of the axis, without lengths; ``emotion`` is missing where the rule drops the utterance."""
    emotion = store.utterances["emotion"] if labels is None else store.labels(labels)
    utterances = store.utterances.assign(emotion=emotion)
    told = [name for name in _TOLD if name in utterances]
    if axis == "utterance":
        table = utterances[[*_WHO, *told]]
    else:
        rows = store.rows(axis)
        place = [name for name in _PLACE if name in rows]
        owners = _unique(store, utterances)[["id", *told]].rename(columns={"id": "parent"})
        table = rows[["id", *place, *_WHO[1:]]].merge(owners, on="parent", how="left")
    if len(_unique(store, table)) != store.header.axes[axis].rows:
        raise StoreCorruptError(f"{store.path}: axis {axis} has {len(table)} rows in its table; run `kemfeat verify`")
    return table


def _unique(store: Store, table: pd.DataFrame) -> pd.DataFrame:
    again = table["id"][table["id"].duplicated()]
    if len(again):
        raise StoreCorruptError(f"{store.path}: id {again.iloc[0]} occurs twice; run `kemfeat verify`")
    return table


def _missing(store: Store, names: Sequence[str]) -> str | list[str]:
    """Per row of the axis the features that could not be extracted, joined by ``;``; without arrays none is missing."""
    features = list(dict.fromkeys(store.header.arrays[name].feature for name in names))
    complete = zip(*map(store.complete_rows, features), strict=True)
    return [";".join(np.compress(np.invert(row), features)) for row in complete] if features else ""


def _ends(store: Store, mark: str) -> NDArray[np.int64]:
    array = store.array(mark)
    spans = _spans(store, (mark,), 0, array.shape[0])
    return np.concatenate([np.zeros(0, np.int64), *(valid_lengths.ends(np.asarray(array[span])) for span in spans)])


def _spans(store: Store, names: Sequence[str], start: int, stop: int) -> Iterator[slice]:
    """Rows of the store from ``start`` to ``stop`` in pieces of about :data:`BLOCK_BYTES`, along whole chunks."""
    if names:
        widest = max(names, key=lambda name: _row_bytes(store, name))
        chunk = store.array(widest).chunks[0]
        size = BLOCK_BYTES // sum(_row_bytes(store, name) for name in names)
        size = max(1, size // chunk) * chunk
    else:
        size = stop
    for begin in range(start // size * size, stop, size):
        yield slice(begin, min(begin + size, stop))


def _row_bytes(store: Store, name: str) -> int:
    info = store.header.arrays[name]
    return np.dtype(info.dtype).itemsize * math.prod(info.shape[1:])
