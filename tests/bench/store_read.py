"""Reading mel out of a store, in order and shuffled, beside other ways to read the same rows; pages in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.store import schema
from kemfeat.store.reader import open_store

from . import Comparison
from ._context import Context
from ._record import Row
from ._rounds import Contestant, Turn, figure, rows, wall_seconds

BLOCK, BATCH = 128, 32
ROWS = 2_048

Read = Callable[[NDArray[np.int64]], object]
"""Reads the rows named, which follow one another or are sorted."""


def measure(context: Context) -> Iterator[Row]:
    """Ratios beside zarr-python row by row and by selections, tensorstore, and an uncompressed array in memory."""
    store = context.store(context.size)
    count = min(ROWS, context.size) // BLOCK * BLOCK
    rng = np.random.default_rng(0)
    orders = {
        "in order": np.arange(count).reshape(-1, BLOCK),
        "shuffled": np.sort(rng.permutation(count)[: count // 4 // BATCH * BATCH].reshape(-1, BATCH), axis=1),
    }
    plain = _as_npy(store, context.folder("mel").with_suffix(".npy"), count)
    for order, batches in orders.items():
        contestants = _contestants(store, plain, order, batches)
        outcome = context.contest(contestants, rounds=context.pick(full=7, quick=3))
        yield from rows(f"store_read.{order.replace(' ', '_')}", contestants, outcome, item="row")
    with _one_core():
        turn = _turn(_kemfeat(store), orders["shuffled"])
        rates = [1 / turn() for _ in range(context.pick(full=7, quick=3))]
    yield figure("store_read.rate", f"shuffled rows of mel, {BATCH} at a time, on one core", rates, unit="rows/s")


@contextmanager
def _one_core() -> Iterator[None]:
    """This process on one of its cores only, where the system can do so."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _contestants(store: Path, plain: Path, order: str, batches: NDArray[np.int64]) -> dict[str, Contestant]:
    size = f"mel, {BLOCK} rows at a time" if order == "in order" else f"mel, {BATCH} rows from anywhere"

    def contestant(open_: Callable[[], Read], *, beside: str = "", library: str = "", note: str = "") -> Contestant:
        what = f"reading {order} ({size}) beside {beside}"
        return Contestant(open=lambda: _turn(open_(), batches), what=what, library=library, note=note)

    return {
        "kemfeat": contestant(lambda: _kemfeat(store)),
        "zarr": contestant(lambda: _zarr(store), beside="zarr-python row by row", library="zarr"),
        "oindex": contestant(lambda: _oindex(store), beside="slices and oindex of store.array"),
        "tensorstore": contestant(lambda: _tensorstore(store), beside="tensorstore", library="tensorstore"),
        "memmap": contestant(
            lambda: _memmap(plain),
            beside="an .npy file mapped into memory",
            note="uncompressed and padded: its file is about 3.5 times as large, and here all of it is in memory.",
        ),
    }


def _kemfeat(store: Path) -> Read:
    opened = open_store(store)
    return lambda numbers: opened.take(numbers, ("mel",))["mel"]


def _oindex(store: Path) -> Read:
    array = open_store(store).array("mel")
    return lambda numbers: array[_span(numbers)] if _follow(numbers) else array.oindex[numbers]


def _zarr(store: Path) -> Read:
    import zarr

    array: Any = zarr.open_array(_path(store), mode="r")
    return lambda numbers: np.stack([array[number] for number in numbers])


def _tensorstore(store: Path) -> Read:
    import tensorstore

    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(_path(store))}}
    array = tensorstore.open(spec, read=True, open=True).result()
    return lambda numbers: (array[_span(numbers)] if _follow(numbers) else array.oindex[numbers]).read().result()


def _memmap(plain: Path) -> Read:
    array = np.load(plain, mmap_mode="r")
    return lambda numbers: np.array(array[_span(numbers)]) if _follow(numbers) else array[numbers]


def _turn(read: Read, batches: NDArray[np.int64]) -> Turn:
    def turn() -> None:
        for batch in batches:
            read(batch)

    read(batches[0])
    return lambda: wall_seconds(turn) / batches.size


def _follow(numbers: NDArray[np.int64]) -> bool:
    return bool(numbers[-1] - numbers[0] == len(numbers) - 1)


def _span(numbers: NDArray[np.int64]) -> slice:
    return slice(int(numbers[0]), int(numbers[-1]) + 1)


def _path(store: Path) -> Path:
    return store / schema.array_path("mel", "mel")


def _as_npy(store: Path, path: Path, count: int) -> Path:
    np.save(path, open_store(store).array("mel")[:count])
    return path


COMPARISON = Comparison(measure=measure, libraries=("tensorstore",))
