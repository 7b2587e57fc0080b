"""The shards of a version behind an address: kept whole, or read in parts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import google_crc32c

from kemfeat.errors import StoreCorruptError
from kemfeat.store import schema
from kemfeat.store.objects import Span
from kemfeat.store.remote import TRIES, RemoteFiles
from kemfeat.store.shard_files import ShardFiles, State


class RemoteShard(NamedTuple):
    """A shard whose parts are read from its server."""

    key: str
    name: str
    files: RemoteFiles
    state: State

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.state[1]

    def read(self, spans: Sequence[Span]) -> Sequence[bytes | memoryview]:
        """Parts of it, all at once.

        Parameters
        ----------
        spans : sequence of tuple
            Offset and size of each, at least 1 byte.

        Returns
        -------
        sequence of bytes or memoryview
            In the order of ``spans``.

        Raises
        ------
        OSError
            As of :meth:`RemoteFiles.parts`.
        """
        return self.files.parts(self.name, spans)


class RemoteShards(ShardFiles):
    """The shards of one array of a version behind an address.

    Parameters
    ----------
    files : RemoteFiles
        The files of the version.
    path : str
        Folder of the array below the version.
    receipts : mapping of str to FileReceipt
        Hash and size of each shard, by its key below the folder.
    """

    def __init__(self, files: RemoteFiles, path: str, receipts: Mapping[str, schema.FileReceipt]) -> None:
        super().__init__(files.folder / path, receipts, files.check)
        self._files = files
        self._path = path

    @property
    def waits(self) -> bool:
        """Whether reading is mostly waiting for a server."""
        return True

    def refuse_damaged(self, key: str, content: bytes | memoryview, *, is_whole: bool) -> None:
        """Refuse what was read of a shard and is not what was written.

        Parameters
        ----------
        key : str
            Key of the shard.
        content : bytes or memoryview
            The shard, its index, or one of its chunks: the latter two end with their own CRC-32C.
        is_whole : bool
            Whether it is the shard, which has the SHA-256 of its receipt.

        Raises
        ------
        StoreCorruptError
            It is damaged.
        """
        if is_whole:
            sound = self._receipts[key].fits(bytes(content))
        else:
            sound = google_crc32c.value(bytes(content[:-4])) == int.from_bytes(content[-4:], "little")
        if not sound:
            raise self.corrupt(key, "a checksum differs")

    @contextmanager
    def opened(self, key: str) -> Iterator[Any]:
        """Open a shard: whole as it is kept, else to be read in parts.

        Parameters
        ----------
        key : str
            Key of the shard.

        Yields
        ------
        OpenShard or RemoteShard
            Opened for reading.

        Raises
        ------
        StoreError
            It is not that of the version that was opened, or cannot be fetched.
        """
        receipt = self._receipts.get(key)
        if receipt is None:
            raise self.corrupt(key, "has no receipt in the header")
        name = f"{self._path}/{key}"
        descriptor = self._kept(name) if self._files.keeps_whole else None
        if descriptor is None:
            yield RemoteShard(key, name, self._files, (0, receipt.bytes, 0))
            return
        try:
            yield self._sound_shard(key, descriptor)
        finally:
            os.close(descriptor)

    def _kept(self, name: str) -> int | None:
        """A descriptor of the shard as it is kept; None where it is removed each time, as the cache is too small."""
        for _ in range(TRIES):
            with suppress(FileNotFoundError):
                return os.open(self._files.fetch(name), os.O_RDONLY | os.O_CLOEXEC)
        return None

    def corrupt(self, key: str, what: str) -> StoreCorruptError:
        """The error for a shard that is not as it should be.

        Parameters
        ----------
        key : str
            Key of the shard.
        what : str
            What is wrong with it.

        Returns
        -------
        StoreCorruptError
            To be raised; it names the address.
        """
        return StoreCorruptError(f"{self._files.place / self._path / key}: {what}; run `kemfeat verify` on the address")
