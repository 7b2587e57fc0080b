"""The shards of one array in one version of a store: those that the header lists, or an error."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeAlias

from kemfeat.errors import StoreCorruptError
from kemfeat.stale_reads import asked_again
from kemfeat.store.schema import FileReceipt

State: TypeAlias = tuple[int, int, int]
"""What changes when a file does: inode, size and modification time."""


class OpenShard(NamedTuple):
    """A shard that is open for reading."""

    key: str
    descriptor: int
    state: State

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.state[1]

    def read(self, spans: Sequence[tuple[int, int]]) -> Iterator[bytes]:
        """Parts of it, one after the other.

        Parameters
        ----------
        spans : sequence of tuple
            Offset and size of each.

        Returns
        -------
        iterator of bytes
            In the order of ``spans``; shorter where the file ends before.
        """
        return (os.pread(self.descriptor, size, offset) for offset, size in spans)


class ShardFiles:
    """Files that are hashed when they are first read, and again when their size or modification time has changed.

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
        self.check = check
        self._root = root
        self._receipts = dict(receipts)
        self._sound: dict[str, State] = {}

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_sound": {}}

    def refuse_damaged(self, key: str, content: bytes | memoryview, *, is_whole: bool) -> None:
        """Do nothing: a file is compared with its receipt before it is read.

        Parameters
        ----------
        key : str
            Key of the shard.
        content : bytes or memoryview
            The shard, its index, or one of its chunks.
        is_whole : bool
            Whether it is the shard.
        """

    @property
    def waits(self) -> bool:
        """Whether reading is mostly waiting, so that more threads than cores read faster."""
        return False

    def vouch(self, key: str) -> None:
        """Check that a shard matches its receipt.

        Parameters
        ----------
        key : str
            Key of the shard.

        Raises
        ------
        StoreError
            It is not that of the version that was opened.
        """
        with self.opened(key):
            pass

    @contextmanager
    def opened(self, key: str) -> Iterator[OpenShard]:
        """Open a shard that matches its receipt.

        Parameters
        ----------
        key : str
            Key of the shard.

        Yields
        ------
        OpenShard
            Opened for reading.

        Raises
        ------
        StoreError
            It is not that of the version that was opened, or cannot be opened.
        """
        if key not in self._receipts:
            self.check()
            raise self.corrupt(key, "has no receipt in the header")
        try:
            descriptor = asked_again(self._root / key, _descriptor)
        except FileNotFoundError:
            self.check()
            raise self.corrupt(key, "is missing") from None
        except OSError as error:
            raise self.unreadable(key, error) from None
        try:
            yield self._sound_shard(key, descriptor)
        finally:
            os.close(descriptor)

    def _sound_shard(self, key: str, descriptor: int) -> OpenShard:
        receipt = self._receipts[key]
        try:
            found = os.fstat(descriptor)
            shard = OpenShard(key, descriptor, (found.st_ino, found.st_size, found.st_mtime_ns))
            if self._sound.get(key) == shard.state:
                return shard
            is_sound = shard.size == receipt.bytes and _sha256(descriptor) == receipt.sha256
        except OSError as error:
            raise self.unreadable(key, error) from None
        if not is_sound:
            self.check()
            raise self.corrupt(key, "is not what was written (its size or SHA-256 differs)")
        self._sound[key] = shard.state
        return shard

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
            To be raised.
        """
        return StoreCorruptError(f"{self._root / key}: {what}; run `kemfeat verify`, then the same build again")

    def unreadable(self, key: str, error: OSError) -> StoreCorruptError:
        """The error for a shard that the disk does not give.

        Parameters
        ----------
        key : str
            Key of the shard.
        error : OSError
            What the disk said.

        Returns
        -------
        StoreCorruptError
            To be raised.
        """
        return self.corrupt(key, f"cannot be read ({error.strerror})")


def _descriptor(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _sha256(descriptor: int) -> str:
    with open(descriptor, "rb", closefd=False) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
