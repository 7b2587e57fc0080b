"""A store in a zip file."""

from __future__ import annotations

import errno
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kemfeat.store import schema
from kemfeat.store.address import Address
from kemfeat.store.objects import Span, answered, require_size


class ZipObjects:
    """A store in a zip file, at its root or in the only folder that contains one; may be used by several threads.

    Parameters
    ----------
    address : Address
        ``zip://`` and the path of the file.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._path = Path(address.rest).absolute()
        self._held: zipfile.ZipFile | None = None
        self._process = os.getpid()
        self._below = ""

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_held": None}

    @property
    def _zip(self) -> zipfile.ZipFile:
        if self._held is None or self._process != os.getpid():  # processes would move each other's place in the file
            self._process = os.getpid()
            if not self._path.is_file():
                raise OSError(errno.EIO, "there is no such file", str(self._path))
            with answered(self.address):
                held = zipfile.ZipFile(self._path)
            headers = [name for name in held.namelist() if name.rpartition("/")[2] == schema.HEADER]
            self._below = min(headers, key=lambda name: name.count("/"), default="").rpartition("/")[0]
            self._held = held
        return self._held

    def read(self, name: str, most: int) -> bytes:
        """All of a file.

        Parameters
        ----------
        name : str
            Name in the folder of the store.
        most : int
            Bytes that it may have.

        Returns
        -------
        bytes
            Its content.

        Raises
        ------
        OSError
            It is missing (``FileNotFoundError``), too large or damaged.
        """
        with self._open(name) as file:
            content = bytes(file.read(most + 1))
            require_size(len(content), most)
            return content

    def parts(self, name: str, spans: Sequence[Span]) -> Sequence[bytes | memoryview]:
        """Parts of a file.

        Parameters
        ----------
        name : str
            Name in the folder of the store.
        spans : sequence of tuple
            Offset and size of each, at least 1 byte.

        Returns
        -------
        sequence of bytes or memoryview
            In the order of ``spans``; shorter where the file ends before.

        Raises
        ------
        OSError
            As for :meth:`read`.
        """
        found = []
        with self._open(name) as file:
            for offset, size in spans:
                file.seek(offset)
                found.append(bytes(file.read(size)))
        return found

    @contextmanager
    def _open(self, name: str) -> Iterator[Any]:
        held = self._zip
        with answered(self.address / name), held.open(f"{self._below}/{name}" if self._below else name) as file:
            yield file
