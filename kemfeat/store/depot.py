"""What an unfinished build has put behind an address: objects named by their content, and records of what is finished.

An object never changes, so that workers of a build that was given up do no harm. A record names what a task has made,
and contains what is small; it is put after the objects that it names.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable

from pydantic import Base64Bytes

from kemfeat.errors import StoreCorruptError
from kemfeat.parallel import run_threads
from kemfeat.store import schema
from kemfeat.store.bucket import Bucket
from kemfeat.store.copied import AT_ONCE
from kemfeat.store.schema import FileReceipt

_OBJECTS = f"{schema.BUILDING}/objects"
_RECORDS = f"{schema.BUILDING}/finished"
_MOST_BYTES = 1 << 28
"""Bytes of a record."""


class Record(schema.Stored):
    """What a task has made.

    Parameters
    ----------
    objects : dict of str to FileReceipt
        Its large files, by path below the folder of the build.
    contents : dict of str to bytes
        Its small files.
    """

    objects: dict[str, FileReceipt]
    contents: dict[str, Base64Bytes]

    @classmethod
    def of(cls, objects: dict[str, FileReceipt], contents: dict[str, bytes]) -> Record:
        """A record of files.

        Parameters
        ----------
        objects : dict of str to FileReceipt
            Large files that have been put.
        contents : dict of str to bytes
            Small files.

        Returns
        -------
        Record
            What is to be noted.
        """
        return cls(objects=objects, contents={name: b64encode(content) for name, content in contents.items()})


class Depot:
    """Objects and records of a build that is not finished; can be sent to other processes.

    Parameters
    ----------
    bucket : Bucket
        Objects below the address of the store.
    """

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket

    def put(self, content: bytes) -> FileReceipt:
        """Put a file.

        Parameters
        ----------
        content : bytes
            All of it.

        Returns
        -------
        FileReceipt
            What it is.

        Raises
        ------
        OSError
            The server refuses or does not answer.
        """
        receipt = FileReceipt(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
        self.bucket.send(_name(receipt), content)
        return receipt

    def get(self, receipt: FileReceipt) -> bytes:
        """The content of a file.

        Parameters
        ----------
        receipt : FileReceipt
            What was put.

        Returns
        -------
        bytes
            All of it.

        Raises
        ------
        OSError
            It is missing, or the server refuses or does not answer.
        StoreCorruptError
            It is not what was put.
        """
        content = self.bucket.read(_name(receipt), receipt.bytes)
        if not receipt.fits(content):
            raise StoreCorruptError(
                f"{self.bucket.address / _name(receipt)}: is not what was put there; run the same command again"
            )
        return content

    def there(self) -> dict[str, str]:
        """The objects that were put in full.

        Returns
        -------
        dict of str to str
            Their names, by SHA-256 of their content.

        Raises
        ------
        OSError
            The server refuses or does not answer.
        """
        return {name.rpartition("/")[2].partition("-")[0]: name for name in self._sized()}

    def note(self, name: str, record: Record) -> None:
        """Put a record, in the place of an earlier one of that name.

        Parameters
        ----------
        name : str
            Which task has ended.
        record : Record
            What it has made.

        Raises
        ------
        OSError
            The server refuses or does not answer.
        """
        content = record.model_dump_json().encode()
        self.bucket.send(f"{_RECORDS}/{name}", hashlib.sha256(content).hexdigest().encode() + b"\n" + content)

    def noted(self) -> list[Record]:
        """The records whose objects are all there.

        Returns
        -------
        list of Record
            In no particular order.

        Raises
        ------
        OSError
            The server refuses or does not answer.
        """
        there = self.there()
        records = run_threads(self._record, sorted(self.bucket.listed(_RECORDS)), workers=AT_ONCE)
        return [
            record
            for record in records
            if record is not None and all(receipt.sha256 in there for receipt in record.objects.values())
        ]

    def clear(self) -> None:
        """Remove all objects and records.

        Raises
        ------
        OSError
            The server refuses or does not answer.
        """
        self.bucket.remove([*self.bucket.listed(_RECORDS), *self.bucket.listed(_OBJECTS)])

    def _record(self, name: str) -> Record | None:
        try:
            told, _, content = self.bucket.read(name, _MOST_BYTES).partition(b"\n")
            sound = told.decode() == hashlib.sha256(content).hexdigest()
            return Record.model_validate_json(content) if sound else None
        except (FileNotFoundError, ValueError):
            return None

    def _sized(self) -> Iterable[str]:
        """Names of objects that have the size that their name says."""
        return (name for name, found in self.bucket.listed(_OBJECTS).items() if name.endswith(f"-{found.size}"))


def _name(receipt: FileReceipt) -> str:
    return f"{_OBJECTS}/{receipt.sha256}-{receipt.bytes}"
