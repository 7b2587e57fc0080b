"""Encodes a shard in memory with zarr, so that it is written to the disk as one file in one step.

Opening an array in a folder for every shard takes seven times as long as encoding a small shard; see
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
"""The settings of zarr belong to the whole process: two threads that set and restore them would mix them up."""


def encode(metadata: bytes, rows: slice, block: NDArray[Any]) -> bytes:
    """The bytes of the shard that consecutive rows of an array fill.

    Parameters
    ----------
    metadata : bytes
        The ``zarr.json`` of the array.
    rows : slice
        Rows of the array that make one shard; the last shard may be shorter.
    block : ndarray, shape (rows.stop - rows.start, ...)
        Values of those rows.

    Returns
    -------
    bytes
        Content of the file of the shard.
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
    """An array without shards, and the memory for them."""
    import zarr
    from zarr.buffer import cpu

    held: dict[str, Buffer] = {_METADATA: cpu.Buffer.from_bytes(metadata)}
    with every_chunk_written():
        return held, zarr.open_array(zarr.storage.MemoryStore(held), mode="r+", zarr_format=3)


@contextmanager
def every_chunk_written() -> Iterator[None]:
    """Have arrays that are opened in this context also write chunks that contain only the fill value.

    An absent chunk would read as missing.

    Yields
    ------
    None
        While arrays are opened.
    """
    import zarr

    with _SETTING, zarr.config.set({"array.write_empty_chunks": True}):
        yield
