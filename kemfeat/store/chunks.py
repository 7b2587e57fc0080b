"""Rows of an array decoded straight from the chunks of its shards, without zarr's work per selection.

A shard is as ``docs/store-format.md`` describes it: inner chunks of whole rows (Blosc, then CRC-32C) in any order, then
an index with the place of each. The index of a shard is read once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import google_crc32c
import numpy as np
from numcodecs import blosc
from numpy.typing import NDArray

from kemfeat.arrays import Indices
from kemfeat.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kemfeat.store.remote_shards import RemoteShard
    from kemfeat.store.shard_files import OpenShard, ShardFiles, State

_CRC_BYTES = 4
_PLACE_BYTES = 16
"""Bytes of the place of one chunk in the index: offset and size, as uint64."""
_BLOSC_SIZES = struct.Struct("<4xI4xI")
"""Size of the content, and of the chunk itself, in the header of a Blosc chunk."""


class ChunkReader:
    """Reads rows of one array; may be used by several threads at once.

    Parameters
    ----------
    metadata : mapping
        Content of its ``zarr.json``, checked by :func:`kemfeat.store.array_metadata.read_array`.
    shards : ShardFiles
        Its shards.

    Attributes
    ----------
    dtype : dtype
        Type of the values.
    shape : tuple of int
        Shape of the array; the first axis are its rows.
    rows_per_shard : int
        Rows of one file.
    pad : float
        Value after the last real element of a row.
    """

    def __init__(self, metadata: Mapping[str, Any], shards: ShardFiles) -> None:
        self.dtype = np.dtype(metadata["data_type"])
        self.shape: tuple[int, ...] = tuple(metadata["shape"])
        self.rows_per_shard: int = metadata["chunk_grid"]["configuration"]["chunk_shape"][0]
        self.pad = float(metadata["attributes"]["pad"])
        self._chunk_shape = tuple(metadata["codecs"][0]["configuration"]["chunk_shape"])
        self._shards = shards
        self._indexes: dict[str, tuple[State, list[list[int]]]] = {}

    @property
    def waits(self) -> bool:
        """Whether reading is mostly waiting, so that more threads than cores read faster."""
        return self._shards.waits

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_indexes": {}}

    def fetch(self, rows: Indices) -> tuple[Chunk, ...]:
        """Read the chunks of rows without decoding them, so that waiting and decoding can have threads of their own.

        Parameters
        ----------
        rows : ndarray, shape (n,), int64
            Rows of the array.

        Returns
        -------
        tuple of Chunk
            For :meth:`rows`; all of them are in memory.

        Raises
        ------
        StoreError
            As for :meth:`rows`.
        """
        return tuple(self._chunks(rows))

    def rows(self, rows: Indices, chunks: Iterable[Chunk] | None = None) -> Iterator[NDArray[Any]]:
        """Decode rows one after the other.

        Parameters
        ----------
        rows : ndarray, shape (n,), int64
            Rows of the array. Chunks are decoded once where their rows follow one another, as in ascending order.
        chunks : iterable of Chunk, optional
            What :meth:`fetch` read of them; read as they are needed where absent.

        Yields
        ------
        ndarray, shape (...)
            One row, to be used before the next one is asked for: its memory is used again.

        Raises
        ------
        StoreError
            A shard is missing, is not what was written, or is of another version than that which was opened.
        """
        chunk = np.empty(self._chunk_shape, self.dtype)
        for found in self._chunks(rows) if chunks is None else chunks:
            self._decode(found, into=chunk)
            for place in (rows[found.run] % len(chunk)).tolist():
                yield chunk[place]
        self._shards.check()

    def fill(self, rows: Indices, out: NDArray[Any], places: Indices) -> None:
        """Decode rows into places of an array.

        Parameters
        ----------
        rows : ndarray, shape (n,), int64
            Rows of the array, as for :meth:`rows`.
        out : ndarray, shape (m, ...)
            Where to; the first axis after the rows may be shorter than that of the array.
        places : ndarray, shape (n,), int64
            Row of ``out`` for each row.

        Raises
        ------
        StoreError
            As for :meth:`rows`.
        """
        chunk = np.empty(self._chunk_shape, self.dtype)
        is_whole = len(chunk) == 1 and out.shape[1:] == self.shape[1:] and out.flags.c_contiguous
        for found in self._chunks(rows):
            run = places[found.run]
            into = out[run[0] : run[0] + 1] if is_whole else chunk
            self._decode(found, into=into)
            for place, row in zip(run.tolist(), (rows[found.run] % len(chunk)).tolist(), strict=True):
                if not is_whole or place != run[0]:
                    out[place] = into[row][: out.shape[1]] if out.ndim > 1 else into[row]
        self._shards.check()

    def _chunks(self, rows: Indices) -> Iterator[Chunk]:
        """The chunks of rows, one for each run of rows of the same chunk."""
        per_chunk = self._chunk_shape[0]
        for part in _runs(rows // self.rows_per_shard):
            key = self._key(int(rows[part.start]) // self.rows_per_shard)
            with self._shards.opened(key) as shard:
                index = self._index(shard)
                numbers = rows[part] // per_chunk % len(index)
                runs = list(_runs(numbers))
                chosen = numbers[[run.start for run in runs]].tolist()
                contents = self._checked(shard, [index[number] for number in chosen])
                for run, number, content in zip(runs, chosen, contents, strict=True):
                    yield Chunk(key, number, content, slice(part.start + run.start, part.start + run.stop))

    def _key(self, shard: int) -> str:
        return "/".join(["c", str(shard), *["0"] * (len(self.shape) - 1)])

    def _decode(self, chunk: Chunk, *, into: NDArray[Any]) -> None:
        size = len(chunk.content)
        if size < _BLOSC_SIZES.size or _BLOSC_SIZES.unpack_from(chunk.content.data) != (into.nbytes, size):
            raise self._shards.corrupt(chunk.key, f"chunk {chunk.number} does not have the size of {into.shape} values")
        try:
            blosc.decompress(chunk.content, into)
        except (RuntimeError, ValueError) as error:
            raise self._shards.corrupt(chunk.key, f"chunk {chunk.number} cannot be decoded ({error})") from None

    def _index(self, shard: OpenShard | RemoteShard) -> list[list[int]]:
        """Offset and size of every chunk of a shard."""
        known = self._indexes.get(shard.key)
        if known is not None and known[0] == shard.state:
            return known[1]
        size = self.rows_per_shard // self._chunk_shape[0] * _PLACE_BYTES + _CRC_BYTES
        content = next(self._checked(shard, [[shard.size - size, size]]))
        index: list[list[int]] = content.view("<u8").reshape(-1, 2).tolist()
        self._indexes[shard.key] = (shard.state, index)
        return index

    def _checked(self, shard: OpenShard | RemoteShard, places: list[list[int]]) -> Iterator[NDArray[np.uint8]]:
        """Parts of a shard that are followed by their own CRC-32C, without it."""
        for offset, size in places:
            if not (0 <= offset <= shard.size and _CRC_BYTES < size <= shard.size - offset):
                raise self._shards.corrupt(shard.key, "its index leads out of it")
        try:
            for (_, size), raw in zip(places, shard.read([(offset, size) for offset, size in places]), strict=True):
                content = np.frombuffer(raw, np.uint8)[:-_CRC_BYTES]
                if len(raw) < size or google_crc32c.value(content) != int.from_bytes(raw[-_CRC_BYTES:], "little"):
                    raise self._shards.corrupt(shard.key, "a checksum differs")
                yield content
        except StoreError:
            raise
        except FileNotFoundError:
            raise self._shards.corrupt(shard.key, "is missing") from None
        except OSError as error:
            raise self._shards.unreadable(shard.key, error) from None


class Chunk(NamedTuple):
    """An encoded chunk: its shard, its number there, its bytes, and the run of its rows.

    Examples
    --------
    >>> import kemfeat
    >>> import numpy as np
    >>> reader = kemfeat.open_store("stores/KEMDy20").chunks("mel_lengths")
    >>> rows = np.array([3, 4])
    >>> len(list(reader.rows(rows, reader.fetch(rows))))
    2
    """

    key: str
    number: int
    content: NDArray[np.uint8]
    run: slice


def _runs(numbers: Indices) -> Iterator[slice]:
    """Runs of equal numbers."""
    edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    return (slice(first, last) for first, last in pairwise(edges) if last > first)
