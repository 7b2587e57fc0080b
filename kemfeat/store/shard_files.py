"""The shards of one array in one version of a store: those that the header lists, or an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from kemfeat.errors import StoreCorruptError
from kemfeat.stale_reads import asked_again
from kemfeat.store import disk
from kemfeat.store.schema import FileReceipt


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
        self._sound: dict[str, tuple[int, int, int]] = {}

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_sound": {}}

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
        receipt, path = self._receipts.get(key), self._root / key
        if receipt is None:
            self.check()
            raise self.corrupt(key, "has no receipt in the header")
        try:
            found = path.stat()
            seen = (found.st_ino, found.st_size, found.st_mtime_ns)
            if self._sound.get(key) == seen:
                return
            is_sound = found.st_size == receipt.bytes and disk.sha256(path) == receipt.sha256
        except FileNotFoundError:
            self.check()
            raise self.corrupt(key, "is missing") from None
        except OSError as error:
            raise self.unreadable(key, error) from None
        if not is_sound:
            self.check()
            raise self.corrupt(key, "is not what was written (its size or SHA-256 differs)")
        self._sound[key] = seen

    @contextmanager
    def opened(self, key: str) -> Iterator[FileIO]:
        """Open a shard that matches its receipt.

        Parameters
        ----------
        key : str
            Key of the shard.

        Yields
        ------
        file
            Opened for reading, without a buffer.

        Raises
        ------
        StoreError
            It is not that of the version that was opened, or cannot be opened.
        """
        self.vouch(key)
        try:
            file = asked_again(self._root / key, lambda path: path.open("rb", buffering=0))
        except OSError as error:
            raise self.unreadable(key, error) from None
        with file:
            yield file

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
