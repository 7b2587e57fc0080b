"""Encodes a shard in memory, so that it is written to the disk as one file in one step.

zarr, whose bytes these are, takes twice the processor time: it hands every chunk from one thread to another. See
docs/decisions/0006-where-the-time-goes.md. :mod:`kemfeat.store.chunks` reads what is written here.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kemfeat.parallel import default_workers, run_threads

if TYPE_CHECKING:
    from numcodecs import Blosc
    from zarr.abc.buffer import Buffer
    from zarr.storage import MemoryStore

_SETTING = threading.Lock()
"""The settings of zarr belong to the whole process: two threads that set and restore them would mix them up."""

_SHUFFLES = ("noshuffle", "shuffle", "bitshuffle")
"""In the order of Blosc's numbers."""

_GROUP = 32
"""Chunks that a thread compresses before it takes more."""

_ABSENT = 2**64 - 1
"""What the index says of a chunk without rows."""


def encode(metadata: bytes, block: NDArray[Any]) -> bytes:
    """The bytes of the shard that consecutive rows of an array fill.

    Parameters
    ----------
    metadata : bytes
        The ``zarr.json`` of the array, as :func:`kemfeat.store.layout.create_array` makes it.
    block : ndarray, shape (rows, ...)
        Values of the rows of the shard, at most ``rows_per_shard``.

    Returns
    -------
    bytes
        Content of the file of the shard: chunks, each followed by its CRC-32C, and the index of their places.
    """
    coding = _coding(metadata)
    starts = range(0, len(block), coding.rows)
    groups = [starts[first : first + _GROUP] for first in range(0, len(starts), _GROUP)]
    made = run_threads(partial(_chunks, coding, block), groups, workers=min(len(groups), default_workers()))
    parts = list(chain.from_iterable(made))
    sizes = np.array([len(part) for part in parts], "<u8")
    index = np.full((coding.chunks, 2), _ABSENT, "<u8")
    index[: len(parts)] = np.stack([np.cumsum(sizes) - sizes, sizes], axis=1)
    return b"".join([*parts, _with_checksum(index.tobytes())])


def _chunks(coding: _Coding, block: NDArray[Any], starts: range) -> list[bytes]:
    """The chunks of a shard that begin with these rows, each followed by its CRC-32C."""
    parts = []
    for start in starts:
        rows = block[start : start + coding.rows]
        if len(rows) < coding.rows:
            missing = np.full((coding.rows - len(rows), *block.shape[1:]), coding.fill, coding.dtype)
            rows = np.concatenate([rows, missing])
        content = np.ascontiguousarray(rows, coding.dtype).reshape(-1).view(np.uint8)
        parts.append(_with_checksum(coding.codec.encode(content)))
    return parts


class _Coding(NamedTuple):
    """How the rows of an array become bytes."""

    dtype: np.dtype[Any]
    fill: Any
    chunks: int
    rows: int
    codec: Blosc


@lru_cache(maxsize=64)
def _coding(metadata: bytes) -> _Coding:
    from numcodecs import Blosc, blosc

    blosc.use_threads = False  # as zarr sets it: a chunk is too small for several
    told = json.loads(metadata)
    sharding = told["codecs"][0]["configuration"]
    settings = sharding["codecs"][1]["configuration"]
    rows = sharding["chunk_shape"][0]
    dtype = np.dtype(told["data_type"]).newbyteorder("<")
    return _Coding(
        dtype=dtype,
        fill=np.array(told["fill_value"], dtype=dtype),  # NaN is the text "NaN"
        chunks=told["chunk_grid"]["configuration"]["chunk_shape"][0] // rows,
        rows=rows,
        codec=Blosc(**settings | {"shuffle": _SHUFFLES.index(settings["shuffle"])}),
    )


def _with_checksum(content: bytes) -> bytes:
    import google_crc32c

    checksum: int = google_crc32c.value(content)
    return content + checksum.to_bytes(4, "little")


@contextmanager
def in_folder(folder: Path) -> Iterator[MemoryStore]:
    """Lay out a Zarr hierarchy in memory, then write it into a folder.

    On a disk, zarr creates metadata by hard links, which some disks (FAT, some network disks) do not have.

    Parameters
    ----------
    folder : Path
        Folder of the hierarchy; made when absent.

    Yields
    ------
    MemoryStore
        The hierarchy, empty.
    """
    from zarr.storage import MemoryStore

    held: dict[str, Buffer] = {}
    yield MemoryStore(held)
    for name, content in held.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.to_bytes())


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
