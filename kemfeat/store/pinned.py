"""Bytes of the shards of one version of a store: those that the header lists, or an error.

To zarr, a missing shard contains only the fill value. Here it is an error, and so is a shard that does not match its
receipt or belongs to a store that was built again after it was opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import zarr.storage

from kemfeat.errors import StoreCorruptError
from kemfeat.store import disk
from kemfeat.store.schema import FileReceipt

if TYPE_CHECKING:
    from collections.abc import Callable

    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype


class PinnedShards(zarr.storage.LocalStore):
    """The shards of one array; read-only.

    A shard is hashed when it is first read, and again when its size or modification time has changed.

    Parameters
    ----------
    root : Path
        Folder of the array.
    receipts : mapping of str to FileReceipt
        Hash and size of each shard, by its key below ``root``.
    check : callable
        Raises once the store is no longer the version that was opened.
    """

    def __init__(self, root: Path, receipts: Mapping[str, FileReceipt], check: Callable[[], None]) -> None:
        super().__init__(root, read_only=True)
        self._receipts = dict(receipts)
        self._check = check
        self._sound: dict[str, tuple[int, int, int]] = {}

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_sound": {}}

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
            The shard is not that of the version that was opened.
        """
        await asyncio.to_thread(self._vouch, key)
        found = await super().get(key, prototype, byte_range)
        await asyncio.to_thread(self._check)
        if found is None:
            raise self._corrupt(key, "is missing")
        return found

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

    def _vouch(self, key: str) -> None:
        """Raise unless a shard matches its receipt."""
        receipt, path = self._receipts.get(key), Path(self.root) / key
        if receipt is None:
            self._check()
            raise self._corrupt(key, "has no receipt in the header")
        try:
            found = path.stat()
            seen = (found.st_ino, found.st_size, found.st_mtime_ns)
            if self._sound.get(key) == seen:
                return
            is_sound = found.st_size == receipt.bytes and disk.sha256(path) == receipt.sha256
        except FileNotFoundError:
            self._check()
            raise self._corrupt(key, "is missing") from None
        except OSError as error:
            raise self._corrupt(key, f"cannot be read ({error.strerror})") from None
        if not is_sound:
            self._check()
            raise self._corrupt(key, "is not what was written (its size or SHA-256 differs)")
        self._sound[key] = seen

    def _corrupt(self, key: str, what: str) -> StoreCorruptError:
        return StoreCorruptError(f"{Path(self.root) / key}: {what}; run `kemfeat verify`, then the same build again")
