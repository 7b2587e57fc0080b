"""Where packed rows come from: all at once, or window by window while earlier batches are consumed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kemfeat.arrays import Indices
from kemfeat.learn.data.batch_sampler import WINDOW
from kemfeat.learn.data.columns import Column
from kemfeat.learn.data.packed import Allocate, Packed, lay_out, on_host, parts
from kemfeat.parallel import WAITING, default_workers, share_among_threads


def read_all(
    columns: Sequence[Column], rows: NDArray[np.int64], *, rows_per_shard: int, allocate: Allocate, threads: int
) -> Packed:
    """Read rows of a store at once.

    Parameters
    ----------
    columns : sequence of Column
        The arrays.
    rows : ndarray, shape (n,), int64
        Rows in any order, each as often as it occurs.
    rows_per_shard : int, >= 1
        Rows per shard of the store.
    allocate : callable
        Makes the tensors.
    threads : int, >= 1
        Threads that read.

    Returns
    -------
    Packed
        The rows, each once.

    Raises
    ------
    StoreCorruptError
        The store is damaged.
    """
    needed = np.unique(rows)
    packed = lay_out(columns, needed, allocate)
    share_among_threads(packed.read, parts(needed, rows_per_shard=rows_per_shard), workers=threads)
    return packed


def read_ahead(
    batches: Sequence[Indices],
    *,
    columns: tuple[Column, ...],
    rows: Indices,
    rows_per_shard: int,
    pinned: bool,
    settle: Callable[[], None],
) -> Iterator[Packed]:
    """Read the rows of batches window by window, one window ahead.

    A window has as many batches as fit into :data:`~kemfeat.learn.data.batch_sampler.WINDOW` rows. Threads read the
    next one into the second of two sets of tensors while the batches of the first are consumed.

    Parameters
    ----------
    batches : sequence of ndarray, shape (B,), int64
        The places of each batch to come.
    columns : tuple of Column
        The arrays.
    rows : ndarray, shape (n,), int64
        Row of the store at every place.
    rows_per_shard : int, >= 1
        Rows per shard of the store.
    pinned : bool
        Use pinned memory, from which a GPU copies by itself.
    settle : callable
        Waits until nothing reads the rows of earlier batches any more.

    Yields
    ------
    Packed
        For every batch, packed rows that include its own.

    Raises
    ------
    StoreCorruptError
        The store is damaged.
    """
    tensors = [_Reused(pinned=pinned) for _ in range(2)]
    ahead: deque[_Window] = deque()
    with _reading(columns) as submit:
        for number, section in enumerate(_sections(batches)):
            settle()
            packed = lay_out(columns, np.unique(rows[np.concatenate(section)]), tensors[number % 2].allocate)
            reading = [submit(packed, part) for part in parts(packed.rows, rows_per_shard=rows_per_shard)]
            ahead.append(_Window(packed, len(section), reading))
            if number:
                yield from ahead.popleft().packs()
        while ahead:
            yield from ahead.popleft().packs()


class _Window(NamedTuple):
    """Rows that are being read, and the number of batches they serve."""

    packed: Packed
    batches: int
    reading: list[Future[None]]

    def packs(self) -> Iterator[Packed]:
        for done in self.reading:
            done.result()
        yield from repeat(self.packed, self.batches)


@contextmanager
def _reading(columns: Sequence[Column]) -> Iterator[Callable[[Packed, slice], Future[None]]]:
    """Threads that read parts of rows, and drop what is not yet begun when the consumer goes away.

    Where reading waits for a server, many threads fetch and a few decode: all decoding at once, they would mostly wait
    for the interpreter, and the consumer with them.
    """
    decoders = ThreadPoolExecutor(min(4, default_workers()), thread_name_prefix="kemfeat-read")
    fetchers = ThreadPoolExecutor(WAITING, thread_name_prefix="kemfeat-fetch")
    waits = any(column.waits for column in columns)

    def submit(packed: Packed, part: slice) -> Future[None]:
        if not waits:
            return decoders.submit(packed.read, part)
        coming = {
            column.name: fetchers.submit(column.fetch, packed.rows[part]) for column in packed.columns if column.waits
        }
        return decoders.submit(lambda: packed.read(part, {name: each.result() for name, each in coming.items()}))

    try:
        yield submit
    finally:
        for pool in (fetchers, decoders):
            pool.shutdown(wait=True, cancel_futures=True)


class _Reused:
    """Tensors in the memory of the window before last."""

    def __init__(self, *, pinned: bool) -> None:
        self._pinned = pinned
        self._held: dict[str, Tensor] = {}

    def allocate(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        count = int(np.prod(shape))
        held = self._held.get(name)
        if held is None or len(held) < count:
            # One eighth more, as the next window may be a little longer.
            held = self._held[name] = on_host((count + count // 8,), dtype, pinned=self._pinned)
        return held[:count].view(shape)


def _sections(batches: Sequence[Indices]) -> Iterator[list[Indices]]:
    """Runs of batches with at most as many rows as a window, or a single batch."""
    section: list[Indices] = []
    rows = 0
    for batch in batches:
        if section and rows + len(batch) > WINDOW:
            yield section
            section, rows = [], 0
        section.append(batch)
        rows += len(batch)
    if section:
        yield section
