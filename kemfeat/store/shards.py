"""The bytes of a shard, laid out by zarr in memory, so that a shard reaches the disk as one file in one go.

Opening an array in a folder for every shard costs seven times what encoding a small shard does; see
docs/decisions/0006-where-the-time-goes.md.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    import zarr
    from zarr.abc.buffer import Buffer

_METADATA = "zarr.json"
_SETTING = threading.Lock()
"""zarr's settings belong to the whole process: two threads that set and restore them would mix them up."""


def encode(metadata: bytes, rows: slice, block: NDArray[Any]) -> bytes:
    """The one shard that rows of an array fill.

    Parameters
    ----------
    metadata : the array's ``zarr.json``.
    rows : rows of the array, one shard of them (the last may be shorter).
    block : their values [shape=(rows.stop - rows.start, *shape of a row)].
    """
    held, array = _opened(metadata, threading.get_ident())
    try:
        array[rows] = block
        (shard,) = held.keys() - {_METADATA}
        return held[shard].to_bytes()
    finally:
        for name in held.keys() - {_METADATA}:
            del held[name]


@lru_cache(maxsize=64)
def _opened(metadata: bytes, thread: int) -> tuple[dict[str, Buffer], zarr.Array[Any]]:  # noqa: ARG001 - one for each thread
    """An array without shards, and the memory that will hold them."""
    import zarr
    from zarr.buffer import cpu

    held: dict[str, Buffer] = {_METADATA: cpu.Buffer.from_bytes(metadata)}
    with every_chunk_written():
        return held, zarr.open_array(zarr.storage.MemoryStore(held), mode="r+", zarr_format=3)


@contextmanager
def every_chunk_written() -> Iterator[None]:
    """Arrays opened within write chunks of nothing but the fill value too: an absent chunk would read as missing."""
    import zarr

    with _SETTING, zarr.config.set({"array.write_empty_chunks": True}):
        yield
