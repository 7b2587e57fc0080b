"""Rows of several arrays at once, in any order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kemfeat.arrays import Indices
from kemfeat.config import check_integer
from kemfeat.errors import ConfigError
from kemfeat.parallel import WAITING, default_workers, share_among_threads

if TYPE_CHECKING:
    import pandas as pd

    from kemfeat.store.chunks import ChunkReader

Selection: TypeAlias = "slice | Sequence[int] | Sequence[bool] | Sequence[str] | NDArray[Any] | pd.Series[Any]"
"""Rows by number (negative ones from the end), by a slice, by one boolean per row, or by id."""

_PART_BYTES = 1 << 21
"""Values decoded by one thread at a time: enough that handing them over costs nothing beside."""


def numbers_of(rows: Selection, ids: pd.Series[str]) -> Indices:
    """The numbers of selected rows.

    Parameters
    ----------
    rows : slice, array_like of int, bool or str
        Which rows.
    ids : Series of str
        Ids of all rows of the axis.

    Returns
    -------
    ndarray, shape (n,), int64
        From 0, in the order asked for.

    Raises
    ------
    ConfigError
        A row does not exist, or they are neither numbers, nor one boolean per row, nor ids.
    """
    if isinstance(rows, slice):
        return np.arange(len(ids))[rows]
    found = np.asarray(rows)
    if found.ndim != 1:
        raise ConfigError(f"rows have the shape {found.shape}; expected a list of numbers, booleans or ids, or a slice")
    if not found.size:
        return np.empty(0, np.int64)
    if found.dtype.kind == "b":
        return _of_mask(found, len(ids))
    if found.dtype.kind in "iu":
        return _of_integers(found, len(ids))
    if all(isinstance(each, str) for each in found.tolist()):
        return _of_ids(found, ids)
    raise ConfigError(f"rows are of type {found.dtype}; expected numbers of rows, one boolean per row, or ids")


def _of_mask(mask: NDArray[Any], count: int) -> Indices:
    if len(mask) != count:
        raise ConfigError(f"rows are {len(mask)} booleans, and there are {count} rows; expected one boolean per row")
    return np.flatnonzero(mask)


def _of_integers(numbers: NDArray[Any], count: int) -> Indices:
    outside = (numbers < -count) | (numbers >= count)
    if outside.any():
        raise ConfigError(f"row {numbers[outside][0]} does not exist: there are {count} rows")
    return np.where(numbers < 0, numbers + count, numbers).astype(np.int64)


def _of_ids(names: NDArray[Any], ids: pd.Series[str]) -> Indices:
    import pandas as pd

    found = pd.Index(ids).get_indexer(names.tolist()).astype(np.int64)
    if (found < 0).any():
        raise ConfigError(f"no row has the id {str(names[found < 0][0])!r}; the first id is {ids.iloc[0]!r}")
    return found


def take(readers: Mapping[str, ChunkReader], rows: Indices, *, frames: int | None = None) -> dict[str, NDArray[Any]]:
    """Read rows of arrays.

    Parameters
    ----------
    readers : mapping of str to ChunkReader
        The arrays.
    rows : ndarray, shape (n,), int64
        Rows in any order.
    frames : int, >= 1, or None
        Elements of the first inner axis to keep, of the arrays that have one.

    Returns
    -------
    dict of str to ndarray, shape (n, ...)
        Per array its rows, as they are stored.

    Raises
    ------
    StoreError
        A shard is missing, or is not what was written.
    """
    if frames is not None:
        check_integer("frames", frames, least=1)
    order = np.argsort(rows, kind="stable")
    found = {name: _room(reader, len(rows), frames) for name, reader in readers.items()}
    tasks = [
        (reader, found[name], part)
        for name, reader in readers.items()
        for part in np.array_split(order, max(1, min(len(rows), len(rows) * _row_bytes(reader) // _PART_BYTES)))
    ]

    def fill(task: tuple[ChunkReader, NDArray[Any], Indices]) -> None:
        reader, into, part = task
        reader.fill(rows[part], into, part)

    waits = any(reader.waits for reader in readers.values())
    share_among_threads(fill, tasks, workers=WAITING if waits else default_workers())
    return found


def _room(reader: ChunkReader, count: int, frames: int | None) -> NDArray[Any]:
    inner = reader.shape[1:]
    if inner and frames is not None:
        inner = (min(inner[0], frames), *inner[1:])
    return np.empty((count, *inner), reader.dtype)


def _row_bytes(reader: ChunkReader) -> int:
    return math.prod(reader.shape[1:]) * int(reader.dtype.itemsize)
