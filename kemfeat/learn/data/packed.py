"""Rows of a store without their padding: one tensor per array, the rows end to end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kemfeat.arrays import Indices
from kemfeat.learn.data.columns import Column
from kemfeat.parallel import default_workers

Allocate = Callable[[str, tuple[int, ...], torch.dtype], Tensor]
"""Makes the tensor of a column: name, shape, type; its values may be anything."""


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """Some rows of a store.

    Parameters
    ----------
    columns : the arrays.
    rows : which rows these are, sorted, each once [shape=(n,)].
    values : per column the rows end to end [shape=(sum of lengths, n_mels)] where they are ragged, else as they are
        stored [shape=(n, ...)].
    starts : per ragged column where each row begins; the last number is where the last row ends [shape=(n + 1,)].
    """

    columns: tuple[Column, ...]
    rows: Indices
    values: dict[str, Tensor]
    starts: dict[str, NDArray[np.int64]]

    def slots(self, rows: Indices) -> NDArray[np.int64]:
        """Where rows lie, which must be among these."""
        return np.searchsorted(self.rows, rows)

    def read(self, part: slice) -> None:
        """Fill in the rows of ``part``; different parts may be read in different threads.

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
            self._put(column, self.rows[part], self.values[column.name][first:last])

    def _put(self, column: Column, rows: Indices, target: Tensor) -> None:
        # Tensors on a device are filled by way of the host, in one copy.
        held = target if target.device.type == "cpu" else torch.empty_like(target, device="cpu")
        into = held.numpy()
        stop = 0
        for row, values in zip(rows, column.read(rows), strict=True):
            if column.lengths is None:
                into[stop] = values
                stop += 1
            else:
                start, stop = stop, stop + int(column.lengths[row])
                into[start:stop] = values[: stop - start]
        if held is not target:
            target.copy_(held)


def lay_out(columns: Sequence[Column], rows: Indices, allocate: Allocate) -> Packed:
    """Room for rows of a store, which are sorted and each there once; their values are still to be read."""
    values: dict[str, Tensor] = {}
    starts: dict[str, NDArray[np.int64]] = {}
    for column in columns:
        count = len(rows)
        if column.lengths is not None:
            starts[column.name] = np.concatenate([[0], np.cumsum(column.lengths[rows])])
            count = int(starts[column.name][-1])
        values[column.name] = allocate(column.name, (count, *_inner(column)), column.stored)
    return Packed(tuple(columns), rows, values, starts)


def parts(rows: Indices, *, rows_per_shard: int) -> list[slice]:
    """Cut sorted rows where a shard ends."""
    cuts = np.flatnonzero(np.diff(rows // rows_per_shard)) + 1
    edges = [0, *cuts.tolist(), len(rows)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def size(columns: Iterable[Column], rows: Indices) -> int:
    """Bytes that these rows take without their padding; the rows are sorted and each there once."""
    return sum(_elements(column, rows) * column.array.dtype.itemsize for column in columns)


def readers() -> int:
    """Threads that decode shards: half of the cores, as each also keeps zarr's own threads busy."""
    return max(1, min(4, default_workers() // 2))


def _elements(column: Column, rows: Indices) -> int:
    count = len(rows) if column.lengths is None else int(column.lengths[rows].sum())
    return count * int(np.prod(_inner(column)))


def _inner(column: Column) -> tuple[int, ...]:
    """Shape of what is repeated: a frame of a ragged column, else a row."""
    return column.shape if column.lengths is None else column.shape[1:]
