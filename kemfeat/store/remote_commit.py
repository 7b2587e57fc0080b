"""Put a version of a store behind an address: its files, then, on a condition, the header that names them.

A reader sees the version before or the new one, and nothing between. Nothing counts before it is known to have arrived.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kemfeat.errors import StoreError, StoreLockedError, StoreWriteError
from kemfeat.store import schema
from kemfeat.store.bucket import Bucket, Found, md5_of
from kemfeat.store.copied import Copied, Progress, copied
from kemfeat.store.header import parse_header
from kemfeat.store.objects import ConflictError
from kemfeat.store.remote_versions import MOST_HEADER_BYTES
from kemfeat.store.versions import record_of

_ROUNDS = 3
"""Times that a file is sent or copied which does not arrive."""
_AGAIN = "run the same command again: what has been sent is kept"


class HeaderBefore:
    """What is at an address before a new version.

    Parameters
    ----------
    bucket : Bucket
        Objects below the address.
    force : bool
        Whether a header that cannot be read counts as none.

    Attributes
    ----------
    header : Header or None
        The header; None where there is no store.
    mark : str
        Its mark, as of :class:`~kemfeat.store.bucket.Put`; empty where there is no store.
    folder : str
        Folder of its version below the address, with ``/`` at its end where it has one.
    """

    def __init__(self, bucket: Bucket, *, force: bool = False) -> None:
        self.mark, self.folder = "", ""
        self.header: schema.Header | None = None
        found = bucket.find(schema.HEADER)
        if found is not None:
            self.mark = found.mark
            try:
                self.header = parse_header(bucket.read(schema.HEADER, MOST_HEADER_BYTES), bucket.address)
            except StoreError:
                if not force:
                    raise
            else:
                self.folder = "" if self.header.folder is None else f"{self.header.folder}/"


class RemoteCommit:
    """A new version behind an address, until its header is put.

    Parameters
    ----------
    bucket : Bucket
        Objects below the address.
    before : HeaderBefore
        What was there when its making began.
    digest : str
        The new version.
    content : callable
        Takes the name and the receipt of a file; returns its content, or None where only the server has it.
    staged : mapping of str to tuple
        Objects that the server has in its staging, by their SHA-256: name, and the MD5 of what was put there.
    """

    def __init__(
        self,
        bucket: Bucket,
        before: HeaderBefore,
        digest: str,
        *,
        content: Callable[[str, schema.FileReceipt], bytes | None],
        staged: Mapping[str, tuple[str, str]],
    ) -> None:
        self._bucket = bucket
        self._before = before
        self._digest = digest
        self._content = content
        self._staged = staged
        self._folder = f"{schema.VERSIONS}/{digest[:16]}"
        self._receipts = {} if before.header is None else schema.files(before.header)
        self._known: Mapping[str, Found] = {}
        self._earlier: Mapping[str, Found] = {}
        self._tags: dict[str, str] = {}

    def send(self, files: Mapping[str, schema.FileReceipt], progress: Progress) -> Copied:
        """Put all files: those that an earlier version or the staging has are copied on the server, the others sent.

        Parameters
        ----------
        files : mapping of str to FileReceipt
            Files of the version.
        progress : callable
            Called with the number of files done and of all.

        Returns
        -------
        Copied
            What became of them.

        Raises
        ------
        OSError
            The server refuses or does not answer.
        StoreWriteError
            A file does not arrive as it was sent.
        """
        self._known = self._bucket.listed(self._folder)
        if self._before.folder not in ("", f"{self._folder}/"):
            self._earlier = self._bucket.listed(self._before.folder.rstrip("/"))
        done = copied(self._digest, self._send, files, progress)
        for _ in range(_ROUNDS):
            self._known = self._bucket.listed(self._folder)
            lost = [(name, receipt) for name, receipt in files.items() if not self._is_there(name, receipt)]
            if not lost:
                return done
            copied(self._digest, self._send, dict(lost), lambda done, total: None)
        name = lost[0][0]
        raise StoreWriteError(f"{self._bucket.address}: {name} does not arrive as it was sent; {_AGAIN}")

    def _send(self, file: tuple[str, schema.FileReceipt]) -> tuple[str, int]:
        name, receipt = file
        content = self._content(name, receipt)
        if content is not None:
            self._tags[name] = md5_of(content)
        if self._is_there(name, receipt):
            return "there", 0
        if any(self._copies(source, f"{self._folder}/{name}", name) for source in self._sources(name, receipt)):
            return "copied", 0
        if content is None:
            raise StoreWriteError(f"{self._bucket.address}: {name} is no longer there; {_AGAIN}")
        self._bucket.write(f"{self._folder}/{name}", content)
        return "sent", receipt.bytes

    def _sources(self, name: str, receipt: schema.FileReceipt) -> Iterator[tuple[str, str]]:
        """Objects of the same content, with their tags: staged, or of the version before.

        What was staged is known to be right. An object of the version before may have been damaged since: where the
        content is known, and has another MD5 than the object's tag, it is sent.
        """
        if receipt.sha256 in self._staged:
            yield self._staged[receipt.sha256]
        earlier = f"{self._before.folder}{name}"
        if self._receipts.get(name) == receipt and earlier in self._earlier:
            tag = self._earlier[earlier].tag.strip('"')
            if self._tags.get(name, tag) == tag:
                yield earlier, tag

    def _copies(self, source: tuple[str, str], target: str, name: str) -> bool:
        """Copy on the server; a copy that has another tag than its source should is read back."""
        try:
            self._bucket.copy(source[0], target)
        except FileNotFoundError:
            return False
        self._tags.setdefault(name, source[1])
        return True

    def _is_there(self, name: str, receipt: schema.FileReceipt) -> bool:
        target = f"{self._folder}/{name}"
        told = self._known.get(target)
        return told is not None and self._bucket.holds(target, told, receipt, self._tags.get(name))

    def commit(self, header: schema.Header) -> None:
        """Put the header, on the condition that nobody else has put one since the making of this version began.

        Parameters
        ----------
        header : Header
            Header of the version; the history of the store is added.

        Raises
        ------
        OSError
            The server refuses or does not answer.
        StoreLockedError
            Somebody else has put another version there.
        """
        before = self._before.header
        others = () if before is None else (record_of(before), *before.history)
        known = {header.digest, *(record.digest for record in header.history)}
        more = tuple(record for record in others if record.digest not in known)
        whole = header.model_copy(update={"history": (*header.history, *more), "folder": None})
        self._bucket.send(f"{self._folder}/{schema.HEADER}", _json(whole.model_dump(mode="json", exclude={"folder"})))
        self._put(_json(whole.model_copy(update={"folder": self._folder}).model_dump(mode="json")))

    def _put(self, content: bytes) -> None:
        mark = self._before.mark
        for _ in range(_ROUNDS):
            try:
                mark = self._bucket.write(schema.HEADER, content, instead_of=mark).mark
            except ConflictError:
                self._refuse_other()
                return
            if self._bucket.read(schema.HEADER, MOST_HEADER_BYTES) == content:
                return
            found = self._bucket.find(schema.HEADER)
            if found is None or found.mark != mark:  # ours was put, and somebody has put the next one since
                return
        raise StoreWriteError(f"{self._bucket.address}: the header does not arrive as it was sent; {_AGAIN}")

    def _refuse_other(self) -> None:
        """Refuse where another version is there; else the answer to our own put was lost, and it was sent again."""
        address = self._bucket.address
        now = parse_header(self._bucket.read(schema.HEADER, MOST_HEADER_BYTES), address).digest
        if now != self._digest:
            raise StoreLockedError(
                f"{address}: somebody else put version {now[:12]} there meanwhile; look at it with "
                f"`kemfeat log {address}`, then run the same command again to put {self._digest[:12]} in its place"
            )


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
