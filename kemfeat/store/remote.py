"""A version of a store behind an address: small files are fetched when first needed, shards are read in parts.

Nothing is believed that does not match: a file that is fetched whole is compared with its receipt, a part of a shard
with its own checksum (CRC-32C). A version never changes, so whatever was fetched stays right.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from kemfeat.errors import StoreCorruptError, StoreError
from kemfeat.store import disk, schema
from kemfeat.store.address import Address
from kemfeat.store.objects import NoRangesError, Objects, Span

_VERSION = re.compile("[0-9a-f]{16}")
_OWN = "kemfeat-cache"
"""Folder in a cache: nothing outside it is ever written or removed."""

TRIES = 3
"""Times that a shard is fetched which another process removes before it is opened."""


class RemoteFiles:
    """The files of one version; may be used by several threads, and sent to other processes.

    Parameters
    ----------
    place : Address
        Where the version is.
    objects : Objects
        What is behind the address of the store.
    below : str
        The version's folder below that address.
    header : Header
        Header of the version.
    cache : Path or None
        Folder for copies, which other processes may use too; None for one that goes with this object.
    cache_gb : float [GB]
        Size that the shards in the cache may have.

    Attributes
    ----------
    keeps_whole : bool
        Whether shards are fetched whole: into a cache, or as files beside the header of the store may change.
    """

    def __init__(
        self,
        place: Address,
        objects: Objects,
        below: str,
        header: schema.Header,
        *,
        cache: Path | None,
        cache_gb: float,
    ) -> None:
        self.place = place
        self._objects = objects
        self._below = below
        self._receipts = schema.files(header)
        self._shards = frozenset(name for part in header.parts for name in part.files)
        self._cache = None if cache is None else cache.absolute() / _OWN / header.digest[:16]
        self.keeps_whole = cache is not None or not below
        self._most = int(cache_gb * 1e9)
        self._has_whole_files = False
        self._begin()

    def _begin(self) -> None:
        self._sound: set[str] = set()
        self._held: int | None = None
        self._fetching = threading.Lock()
        if self._cache is None:
            with disk.writing(Path(tempfile.gettempdir())):
                self.folder = Path(tempfile.mkdtemp(prefix="kemfeat-remote-"))
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        else:
            self.folder = self._cache

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in ("_sound", "_held", "_fetching", "folder")
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()

    def check(self) -> None:
        """Do nothing: the objects of a version never change."""

    def local(self, name: str) -> Path:
        """A copy of a file, or of a folder of files, on this machine.

        Parameters
        ----------
        name : str
            Name below the version. Of the folder of an array, the shards are left out.

        Returns
        -------
        Path
            The copy, which may be one that was made before.

        Raises
        ------
        StoreError
            An object is missing or does not match its receipt; the server refuses or does not answer.
        """
        if name in self._receipts:
            return self.fetch(name)
        for each in self._receipts:
            if each.startswith(f"{name}/") and each not in self._shards:
                self.fetch(each)
        return disk.inside(self.folder, name)

    def fetch(self, name: str) -> Path:
        """A copy of one file of the version.

        Parameters
        ----------
        name : str
            Name below the version.

        Returns
        -------
        Path
            As of :meth:`local`.

        Raises
        ------
        StoreError
            As for :meth:`local`.
        """
        path, receipt = disk.inside(self.folder, name), self._receipts[name]
        with self._fetching:
            if name in self._sound and path.is_file():
                return path
        if not _is_whole(path, receipt):
            content = self.read(name)
            if not path.parent.resolve().is_relative_to(self.folder.resolve()):
                raise StoreError(f"{path}: a link leads out of the cache; remove it")
            with disk.writing(self.folder):
                disk.write_bytes(path, content, durable=False)
            if name in self._shards:
                self._make_room(path, receipt.bytes)
        with self._fetching:
            self._sound.add(name)
        return path

    def read(self, name: str) -> bytes:
        """The content of one file of the version, compared with its receipt.

        Parameters
        ----------
        name : str
            Name below the version.

        Returns
        -------
        bytes
            All of it.

        Raises
        ------
        StoreError
            As for :meth:`local`.
        """
        receipt = self._receipts[name]
        try:
            content = self._objects.read(self._key(name), receipt.bytes)
        except FileNotFoundError:
            raise StoreCorruptError(f"{self.place / name}: is missing; push the store again") from None
        except OSError as error:
            raise StoreError(f"{self.place / name}: cannot be read ({error.strerror})") from None
        if not receipt.fits(content):
            raise StoreCorruptError(
                f"{self.place / name}: is not what was written (its size or SHA-256 differs from its receipt); push "
                "the store again"
            )
        return content

    def parts(self, name: str, spans: Sequence[Span]) -> Sequence[bytes | memoryview]:
        """Parts of one file of the version; where a server gives whole files only, it is fetched once.

        Parameters
        ----------
        name : str
            Name below the version.
        spans : sequence of tuple
            Offset and size of each, at least 1 byte.

        Returns
        -------
        sequence of bytes or memoryview
            In the order of ``spans``; shorter where the file ends before.

        Raises
        ------
        OSError
            An object is missing, or the server refuses or does not answer.
        """
        if not self._has_whole_files:
            try:
                return self._objects.parts(self._key(name), spans)
            except NoRangesError:
                self._has_whole_files = True
        for _ in range(TRIES):
            with suppress(FileNotFoundError), self.fetch(name).open("rb") as file:
                return [os.pread(file.fileno(), size, offset) for offset, size in spans]
        content = self.read(name)
        return [content[offset : offset + size] for offset, size in spans]

    def _key(self, name: str) -> str:
        disk.inside(self.folder, name)  # refuses what leads out of the store
        return f"{self._below}/{name}" if self._below else name

    def _make_room(self, path: Path, size: int) -> None:
        """Remove the shards that were fetched first, but not this one, once the cache is too large."""
        with self._fetching:
            if self._held is not None:
                self._held += size
                if self._held <= self._most:
                    return
            found = sorted(_shards_in(self.folder if self._cache is None else self._cache.parent), reverse=True)
            self._held = sum(size for _, size, _ in found)
            while self._held > self._most and found:
                _, freed, each = found.pop()
                if each != path:
                    each.unlink(missing_ok=True)
                    self._held -= freed


def _is_whole(path: Path, receipt: schema.FileReceipt) -> bool:
    try:
        return disk.receipt(path) == receipt
    except OSError:
        return False


def _shards_in(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """Time, size and path of what is kept of shards in a folder of versions, or of one version."""
    versions = [folder, *(each for each in folder.iterdir() if _VERSION.fullmatch(each.name) and not each.is_symlink())]
    for path in chain.from_iterable(version.glob(f"{schema.FEATURES}/*/*/c/**/*") for version in versions):
        with suppress(OSError):  # another process may remove it
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and not path.name.startswith("."):
                yield found.st_mtime_ns, found.st_size, path
