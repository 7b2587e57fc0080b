"""What an unfinished build has put behind an address: objects named by their content, and records of what is finished.

An object never changes, so that workers of a build that was given up do no harm. A record names what a task has made,
and contains what is small; it is put after the objects that it names.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping

from pydantic import Base64Bytes

from kemfeat.errors import StoreCorruptError
from kemfeat.parallel import run_threads
from kemfeat.store import schema
from kemfeat.store.bucket import Bucket, Found, md5_of
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
    md5 : dict of str to str
        The MD5 of each object, by its SHA-256: what most servers give as its tag.
    contents : dict of str to bytes
        Its small files.
    """

    objects: dict[str, FileReceipt]
    md5: dict[str, str]
    contents: dict[str, Base64Bytes]


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
        self.bucket.send(object_name(receipt), content)
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
        content = self.bucket.read(object_name(receipt), receipt.bytes)
        if not receipt.fits(content):
            raise StoreCorruptError(
                f"{self.bucket.address / object_name(receipt)}: is not what was put there; run the same command again"
            )
        return content

    def there(self) -> dict[str, tuple[str, Found]]:
        """The objects that have the size of what was put.

        Returns
        -------
        dict of str to tuple
            By SHA-256 of their content: name, and what the server says of it.

        Raises
        ------
        OSError
            The server refuses or does not answer.
        """
        return {
            name.rpartition("/")[2].partition("-")[0]: (name, found)
            for name, found in self.bucket.listed(_OBJECTS).items()
            if name.endswith(f"-{found.size}")
        }

    def put_all(self, name: str, large: Mapping[str, bytes], small: Mapping[str, bytes]) -> Record:
        """Put the files that a task has made, and the record of them last, in the place of one of that name.

        Parameters
        ----------
        name : str
            Which task has ended.
        large : mapping of str to bytes
            Files that become objects, by path below the folder of the build.
        small : mapping of str to bytes
            Files that the record contains.

        Returns
        -------
        Record
            What was put.

        Raises
        ------
        OSError
            The server refuses or does not answer.
        """
        objects = {path: self.put(content) for path, content in large.items()}
        record = Record(
            objects=objects,
            md5={objects[path].sha256: md5_of(content) for path, content in large.items()},
            contents={path: b64encode(content) for path, content in small.items()},
        )
        content = record.model_dump_json().encode()
        self.bucket.send(f"{_RECORDS}/{name}", hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
        return record

    def noted(self) -> list[Record]:
        """The records whose objects are all there: by the MD5 that most servers give as tag, else by reading them.

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
        names = sorted(self.bucket.listed(_RECORDS))
        found = run_threads(lambda name: self._whole_record(name, there), names, workers=AT_ONCE)
        return [record for record in found if record is not None]

    def is_whole(self, receipt: FileReceipt, md5: str, there: Mapping[str, tuple[str, Found]]) -> bool:
        """Whether an object is what was put.

        Parameters
        ----------
        receipt : FileReceipt
            What was put.
        md5 : str
            MD5 of its content.
        there : mapping
            As of :meth:`there`.

        Returns
        -------
        bool
            True where it is there with this content.

        Raises
        ------
        OSError
            The server refuses or does not answer.
        """
        if receipt.sha256 not in there:
            return False
        name, found = there[receipt.sha256]
        return self.bucket.holds(name, found, receipt, md5)

    def clear(self) -> None:
        """Remove all objects and records.

        Raises
        ------
        OSError
            The server refuses or does not answer.
        """
        self.bucket.remove([*self.bucket.listed(_RECORDS), *self.bucket.listed(_OBJECTS)])

    def _whole_record(self, name: str, there: Mapping[str, tuple[str, Found]]) -> Record | None:
        record = self._record(name)
        whole = record is not None and all(
            self.is_whole(receipt, record.md5.get(receipt.sha256, ""), there) for receipt in record.objects.values()
        )
        return record if whole else None

    def _record(self, name: str) -> Record | None:
        try:
            told, _, content = self.bucket.read(name, _MOST_BYTES).partition(b"\n")
            sound = told.decode() == hashlib.sha256(content).hexdigest()
            return Record.model_validate_json(content) if sound else None
        except (FileNotFoundError, ValueError):
            return None


def object_name(receipt: FileReceipt) -> str:
    """Name of the object of a file.

    Parameters
    ----------
    receipt : FileReceipt
        The file.

    Returns
    -------
    str
        Name below the address of the store.
    """
    return f"{_OBJECTS}/{receipt.sha256}-{receipt.bytes}"
