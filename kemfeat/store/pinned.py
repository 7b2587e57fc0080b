"""The shards of one version of a store, for zarr.

To zarr, a missing shard contains only the fill value. Here it is an error, and so is a shard that does not match its
receipt or belongs to a store that was built again after it was opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import zarr.storage

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

    from kemfeat.store.shard_files import ShardFiles


class PinnedShards(zarr.storage.LocalStore):
    """The shards of one array; read-only.

    Parameters
    ----------
    root : Path
        Folder of the array.
    shards : ShardFiles
        Its shards.
    """

    def __init__(self, root: Path, shards: ShardFiles) -> None:
        super().__init__(root, read_only=True)
        self._shards = shards

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """The bytes of a shard, or a range of them.

        Parameters
        ----------
        key : str
            Key of the shard below the array.
        prototype : BufferPrototype, optional
            Kind of buffer.
        byte_range : ByteRequest, optional
            Range to read; all of the shard where there is none.

        Returns
        -------
        Buffer
            Never None: a missing shard is an error.

        Raises
        ------
        StoreError
            The shard is not that of the version that was opened, or is damaged.
        """
        from zarr.core.buffer import default_buffer_prototype

        content = await asyncio.to_thread(self._content, key, byte_range)
        return (prototype or default_buffer_prototype()).buffer.from_bytes(content)

    def _content(self, key: str, byte_range: ByteRequest | None) -> bytes:
        with self._shards.opened(key) as shard:
            try:
                (content,) = shard.read([_span(byte_range, shard.size)])
            except OSError as error:
                raise self._shards.unreadable(key, error) from None
        self._shards.refuse_damaged(key, content, is_whole=byte_range is None)
        self._shards.check()
        return content

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Ranges of several shards; each as :meth:`get` gives it.

        Parameters
        ----------
        prototype : BufferPrototype
            Kind of buffer.
        key_ranges : iterable of tuple
            Key and range of each.

        Returns
        -------
        list of Buffer
            In the order of ``key_ranges``.
        """
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]


def _span(byte_range: ByteRequest | None, size: int) -> tuple[int, int]:
    """Offset and size of a range of a shard of ``size`` bytes."""
    from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest

    match byte_range:
        case RangeByteRequest(start, end):
            return start, end - start
        case OffsetByteRequest(offset):
            return offset, size - offset
        case SuffixByteRequest(suffix):
            return max(0, size - suffix), min(suffix, size)
        case _:
            return 0, size
