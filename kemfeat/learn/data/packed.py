"""Rows of a store without their padding: one tensor per array, the rows end to end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kemfeat.arrays import Indices
from kemfeat.learn.data.columns import Column
from kemfeat.parallel import WAITING, default_workers

if TYPE_CHECKING:
    from kemfeat.store.chunks import Chunk

Allocate = Callable[[str, tuple[int, ...], torch.dtype], Tensor]
"""Makes the tensor of a column from its name, shape and type; the values are undefined."""


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """Rows of a store without their padding.

    Parameters
    ----------
    columns : tuple of Column
        The arrays.
    rows : ndarray, shape (n,), int64
        Which rows these are, sorted and unique.
    values : dict of str to Tensor
        Per column the rows end to end, shape (sum of lengths, ...), where they are ragged, else as they are stored,
        shape (n, ...).
    starts : dict of str to ndarray, shape (n + 1,), int64
        Per ragged column where each row begins; the last number is where the last row ends.
    """

    columns: tuple[Column, ...]
    rows: Indices
    values: dict[str, Tensor]
    starts: dict[str, NDArray[np.int64]]

    def slots(self, rows: Indices) -> NDArray[np.int64]:
        """Find rows.

        Parameters
        ----------
        rows : ndarray, shape (m,), int64
            Rows of the store that are among these.

        Returns
        -------
        ndarray, shape (m,), int64
            Their positions in ``rows``.
        """
        return np.searchsorted(self.rows, rows)

    def read(self, part: slice, fetched: Mapping[str, tuple[Chunk, ...]] = MappingProxyType({})) -> None:
        """Read some of the rows; different parts may be read in different threads.

        Parameters
        ----------
        part : slice
            Positions in ``rows``.
        fetched : mapping of str to tuple of Chunk
            What :meth:`Column.fetch <kemfeat.learn.data.columns.Column.fetch>` read of them, by column.

        Raises
        ------
        StoreCorruptError
            The store is damaged.
        """
        for column in self.columns:
            if column.lengths is None:
                first, last = part.start, part.stop
            else:
                first, last = self.starts[column.name][[part.start, part.stop]].tolist()
            values = column.read(self.rows[part], fetched.get(column.name))
            self._put(column, self.rows[part], values, self.values[column.name][first:last])

    def _put(self, column: Column, rows: Indices, values: Iterable[NDArray[Any]], target: Tensor) -> None:
        # Tensors on a device are filled via the host, in one copy.
        held = target if target.device.type == "cpu" else torch.empty_like(target, device="cpu")
        into = held.numpy()
        stop = 0
        for row, value in zip(rows, values, strict=True):
            if column.lengths is None:
                into[stop] = value
                stop += 1
            else:
                start, stop = stop, stop + int(column.lengths[row])
                into[start:stop] = value[: stop - start]
        if held is not target:
            target.copy_(held)


def lay_out(columns: Sequence[Column], rows: Indices, allocate: Allocate) -> Packed:
    """Allocate room for rows of a store; their values are read later.

    Parameters
    ----------
    columns : sequence of Column
        The arrays.
    rows : ndarray, shape (n,), int64
        Sorted and unique.
    allocate : callable
        Makes the tensors.

    Returns
    -------
    Packed
        Rows with undefined values.
    """
    values: dict[str, Tensor] = {}
    starts: dict[str, NDArray[np.int64]] = {}
    for column in columns:
        count = len(rows)
        if column.lengths is not None:
            starts[column.name] = np.concatenate([[0], np.cumsum(column.lengths[rows])])
            count = int(starts[column.name][-1])
        values[column.name] = allocate(column.name, (count, *_inner(column)), column.stored)
    return Packed(tuple(columns), rows, values, starts)


def on_host(shape: tuple[int, ...], dtype: torch.dtype, *, pinned: bool = False) -> Tensor:
    """A tensor in host memory with undefined values.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    dtype : torch.dtype
        Type of its values.
    pinned : bool
        Use pinned memory, from which a GPU copies by itself.

    Returns
    -------
    Tensor
        In large pages where the system has them, which NumPy asks for and torch does not: filling ordinary pages for
        the first time takes a third of the time of decoding what they are filled with.
    """
    if pinned:
        return torch.empty(shape, dtype=dtype, pin_memory=True)
    return torch.from_numpy(np.empty(shape, torch.empty(0, dtype=dtype).numpy().dtype))


def parts(rows: Indices, *, rows_per_shard: int) -> list[slice]:
    """Cut sorted rows where a shard ends.

    Parameters
    ----------
    rows : ndarray, shape (n,), int64
        Sorted rows of the store.
    rows_per_shard : int, >= 1
        Rows per shard.

    Returns
    -------
    list of slice
        One per shard, in order.
    """
    cuts = np.flatnonzero(np.diff(rows // rows_per_shard)) + 1
    edges = [0, *cuts.tolist(), len(rows)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def size(columns: Iterable[Column], rows: Indices) -> int:
    """Size of rows without their padding.

    Parameters
    ----------
    columns : iterable of Column
        The arrays.
    rows : ndarray, shape (n,), int64
        Sorted and unique.

    Returns
    -------
    int [bytes]
        Size.
    """
    return sum(_elements(column, rows) * column.array.dtype.itemsize for column in columns)


def readers(columns: Iterable[Column]) -> int:
    """Number of threads that read shards.

    Parameters
    ----------
    columns : iterable of Column
        What is read.

    Returns
    -------
    int
        1 to 4 that decode, or more where they mostly wait for a server.
    """
    return WAITING if any(column.waits for column in columns) else min(4, default_workers())


def _elements(column: Column, rows: Indices) -> int:
    count = len(rows) if column.lengths is None else int(column.lengths[rows].sum())
    return count * int(np.prod(_inner(column)))


def _inner(column: Column) -> tuple[int, ...]:
    """Shape of what is repeated: a frame of a ragged column, else a row."""
    return column.shape if column.lengths is None else column.shape[1:]
