"""Where packed rows come from: all of them at once, or window by window while the batches before are consumed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kemfeat.learn.data.batch_sampler import WINDOW, Places
from kemfeat.learn.data.collate import Load
from kemfeat.learn.data.columns import Column
from kemfeat.learn.data.packed import Allocate, Packed, lay_out, parts, readers
from kemfeat.parallel import run_threads


class Turn(NamedTuple):
    """One batch of an epoch: its places, and the same on the device."""

    places: Places
    at: Tensor


def read_all(
    columns: Sequence[Column], rows: NDArray[np.int64], *, rows_per_shard: int, allocate: Allocate, threads: int
) -> Packed:
    """Some rows of a store, packed.

    Parameters
    ----------
    columns : the arrays.
    rows : in any order, each as often as it likes.
    rows_per_shard : how the store is cut.
    allocate : where the tensors lie.
    threads : how many read.

    Raises
    ------
    StoreCorruptError
        The store is damaged.
    """
    needed = np.unique(rows)
    packed = lay_out(columns, needed, allocate)
    for _ in run_threads(packed.read, parts(needed, rows_per_shard=rows_per_shard), workers=threads):
        pass
    return packed


class Whole:
    """All rows, packed once."""

    def __init__(self, packed: Packed) -> None:
        self.packed = packed

    def loads(self, turns: Iterable[Turn], settle: Callable[[], None]) -> Iterator[Load]:  # noqa: ARG002 - nothing is reused
        """One load per turn."""
        for turn in turns:
            yield Load(self.packed, *turn)


class Windows:
    """The rows of as many batches as hold :data:`~kemfeat.learn.data.batch_sampler.WINDOW` rows, and those of the next as many.

    Threads read the next window into the second of two sets of tensors while the batches of the first are consumed.

    Parameters
    ----------
    columns : the arrays.
    rows : row of the store at every place [shape=(n,)].
    rows_per_shard : how the store is cut.
    pinned : put the rows where a GPU can fetch them by itself.
    """

    def __init__(
        self, columns: tuple[Column, ...], rows: NDArray[np.int64], *, rows_per_shard: int, pinned: bool
    ) -> None:
        self._columns = columns
        self._rows = rows
        self._rows_per_shard = rows_per_shard
        self._pinned = pinned

    def loads(self, turns: Sequence[Turn], settle: Callable[[], None]) -> Iterator[Load]:
        """One load per turn.

        Parameters
        ----------
        turns : the batches to come.
        settle : waits until nobody reads the rows of earlier loads any more.

        Raises
        ------
        StoreCorruptError
            The store is damaged.
        """
        tensors = [_Reused(pinned=self._pinned) for _ in range(2)]
        ahead: deque[_Window] = deque()
        with _reading() as pool:
            for number, section in enumerate(_sections(turns)):
                settle()
                ahead.append(self._begin(section, tensors[number % 2], pool))
                if number:
                    yield from ahead.popleft().loads()
            while ahead:
                yield from ahead.popleft().loads()

    def _begin(self, turns: list[Turn], tensors: _Reused, pool: ThreadPoolExecutor) -> _Window:
        needed = np.unique(np.concatenate([self._rows[turn.places] for turn in turns]))
        packed = lay_out(self._columns, needed, tensors.allocate)
        reading = [pool.submit(packed.read, part) for part in parts(needed, rows_per_shard=self._rows_per_shard)]
        return _Window(packed, turns, reading)


class _Window(NamedTuple):
    """Rows that are being read, and the batches that they are for."""

    packed: Packed
    turns: list[Turn]
    reading: list[Future[None]]

    def loads(self) -> Iterator[Load]:
        for done in self.reading:
            done.result()
        for turn in self.turns:
            yield Load(self.packed, *turn)


@contextmanager
def _reading() -> Iterator[ThreadPoolExecutor]:
    """Threads that drop what they have not begun when the consumer goes away."""
    pool = ThreadPoolExecutor(readers(), thread_name_prefix="kemfeat-read")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Reused:
    """Tensors that take the memory of those of the window before the last."""

    def __init__(self, *, pinned: bool) -> None:
        self._pinned = pinned
        self._held: dict[str, Tensor] = {}

    def allocate(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        count = int(np.prod(shape))
        held = self._held.get(name)
        if held is None or len(held) < count:
            # An eighth more, as the next window may be a little longer.
            held = self._held[name] = torch.empty(count + count // 8, dtype=dtype, pin_memory=self._pinned)
        return held[:count].view(shape)


def _sections(turns: Sequence[Turn]) -> Iterator[list[Turn]]:
    """Runs of batches with at most as many rows as a window has, or one batch."""
    section: list[Turn] = []
    rows = 0
    for turn in turns:
        if section and rows + len(turn.places) > WINDOW:
            yield section
            section, rows = [], 0
        section.append(turn)
        rows += len(turn.places)
    if section:
        yield section
