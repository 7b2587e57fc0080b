"""Copy a version of a store to an address."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from kemfeat.corpora import terms_of
from kemfeat.errors import (
    ConfigError,
    StoreCorruptError,
    StoreError,
    StoreLockedError,
    StoreWriteError,
)
from kemfeat.publish.copied import Copied, Progress, copied, refuse_format_1, refuse_other_corpus, refuse_unknown_files
from kemfeat.store import disk, schema
from kemfeat.store.address import Address, place
from kemfeat.store.bucket import Bucket
from kemfeat.store.header import parse_header
from kemfeat.store.objects import ConflictError
from kemfeat.store.reader import Store
from kemfeat.store.remote_versions import MOST_HEADER_BYTES
from kemfeat.store.versions import record_of

_SCHEMES = ("s3", "gs", "az", "memory")
"""Kinds of addresses that can be written to."""


def push_store(
    store: Store,
    to: str,
    *,
    may_pass_on: bool = False,
    progress: Progress = lambda done, total: None,
) -> Copied:
    """Copy a version of a store to an address.

    What is missing there is sent, what an earlier version there has is copied on the server, and the header is put
    last, on the condition that nobody else has put one meanwhile. What a push that was interrupted has sent is kept.

    Parameters
    ----------
    store : Store
        A store in a folder of this machine.
    to : str
        Address of a bucket and a name in it, such as ``s3://bucket/store``.
    may_pass_on : bool
        Whether the user says that they may pass on a store of a restricted corpus to all who can read the address.
    progress : callable, optional
        Called with the number of files done and of all.

    Returns
    -------
    Copied
        What was sent.

    Raises
    ------
    ConfigError
        The address cannot be written to, or the corpus may not be passed on.
    StoreError
        Somebody else put another version there meanwhile; the server refuses or does not answer.
    StoreCorruptError
        A file of the store does not match its receipt.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.publish import push_store
    >>> push_store(kemfeat.open_store("stores/KEMDy20"), "memory://examples/push").there
    0
    """
    address = _target(to)
    if isinstance(store.path, Address):
        raise ConfigError(f"{store.path}: only a store in a folder of this machine is pushed; pull it first")
    refuse_format_1(store, "build it again, which makes it format 2 and extracts nothing, then push it")
    refuse_unknown_files(store)
    is_restricted = terms_of(store.dataset).restricted and not store.synthetic
    if is_restricted and not may_pass_on:
        raise ConfigError(
            f"{address}: {terms_of(store.dataset).licence} If all who can read this address have the licence too, say "
            "so with --i-may-pass-this-on"
        )
    bucket = Bucket(address)
    try:
        before = _Before(bucket)
        refuse_other_corpus(before.header, store.dataset, str(address))
        is_new = before.header is None or before.header.digest != store.digest
        if is_new:
            _try_out(bucket, licence=terms_of(store.dataset).licence if is_restricted else "")
        push = _Push(store, bucket, before)
        done = push.send(progress)
        if is_new:
            push.commit()
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreWriteError(
            f"{address}: {error.strerror}; run the same command again: what has been sent is kept"
        ) from None
    return done


class _Before:
    """What is at an address before a push."""

    def __init__(self, bucket: Bucket) -> None:
        self.tag = ""
        self.header: schema.Header | None = None
        found = bucket.find(schema.HEADER)
        if found is not None:
            self.tag = found.tag
            self.header = parse_header(bucket.read(schema.HEADER, MOST_HEADER_BYTES), bucket.address)
        self._receipts = {} if self.header is None else schema.files(self.header)
        self._folder = "" if self.header is None or self.header.folder is None else f"{self.header.folder}/"

    def same(self, name: str, receipt: schema.FileReceipt) -> str:
        """Name of the object that an earlier version has for an equal file; empty where it has none."""
        return f"{self._folder}{name}" if self._receipts.get(name) == receipt else ""


class _Push:
    """One push."""

    def __init__(self, store: Store, bucket: Bucket, before: _Before) -> None:
        self._store = store
        self._bucket = bucket
        self._before = before
        self._folder = f"{schema.VERSIONS}/{store.digest[:16]}"
        self._there = bucket.listed(self._folder)

    def send(self, progress: Progress) -> Copied:
        files = schema.files(self._store.header)
        done = copied(self._store.digest, self._send, files, progress)
        found = self._bucket.listed(self._folder)
        for name, receipt in files.items():
            told = found.get(f"{self._folder}/{name}")
            if told is None or told.size != receipt.bytes:
                raise StoreWriteError(
                    f"{self._bucket.address}: {name} was sent, and the server does not have it; run the same command "
                    "again: what has been sent is kept"
                )
        return done

    def _send(self, file: tuple[str, schema.FileReceipt]) -> tuple[str, int]:
        name, receipt = file
        target = f"{self._folder}/{name}"
        path = disk.inside(self._store.folder, name)
        try:
            content = disk.read_bytes(path)
        except OSError as error:
            raise StoreCorruptError(f"{path}: cannot be read ({error.strerror}); run `kemfeat verify`") from None
        if not receipt.fits(content):
            raise StoreCorruptError(
                f"{path}: is not what was written (it differs from its receipt); run `kemfeat verify`"
            )
        if self._is_there(target, content):
            return "there", 0
        source = self._before.same(name, receipt)
        if source not in ("", target) and self._copy(source, target, content):
            return "copied", 0
        self._bucket.write(target, content)
        return "sent", receipt.bytes

    def _is_there(self, target: str, content: bytes) -> bool:
        """Whether an object is the file: by the MD5 that most servers give as its tag, else by reading it back."""
        told = self._there.get(target)
        if told is None or told.size != len(content):
            return False
        return _is_tagged(told.tag, content) or self._bucket.read(target, len(content)) == content

    def _copy(self, source: str, target: str, content: bytes) -> bool:
        """Copy on the server; whether the copy is the file, as far as its server's tags say."""
        try:
            self._bucket.copy(source, target)
        except FileNotFoundError:
            return False
        told = self._bucket.find(target)
        return told is not None and _is_tagged(told.tag, content)

    def commit(self) -> None:
        own = self._store.header
        others = [] if self._before.header is None else [record_of(self._before.header), *self._before.header.history]
        known = {record.digest for record in (record_of(own), *own.history)}
        history = (*own.history, *(record for record in others if record.digest not in known))
        header = own.model_copy(update={"history": history, "folder": None})
        self._bucket.write(f"{self._folder}/{schema.HEADER}", _json(header.model_dump(mode="json", exclude={"folder"})))
        content = _json(header.model_copy(update={"folder": self._folder}).model_dump(mode="json"))
        try:
            self._bucket.write(schema.HEADER, content, instead_of=self._before.tag)
        except ConflictError:
            now = parse_header(self._bucket.read(schema.HEADER, MOST_HEADER_BYTES), self._bucket.address).digest
            if now != own.digest:  # else the answer to our own put was lost, and it was sent again
                raise StoreLockedError(
                    f"{self._bucket.address}: somebody else put version {now[:12]} there meanwhile; look at it with "
                    f"`kemfeat log {self._bucket.address}`, then run the same command again to put {own.digest[:12]} "
                    "in its place"
                ) from None


def _is_tagged(tag: str, content: bytes) -> bool:
    """Whether the tag of an object is the MD5 of a content, which it is with most servers."""
    return tag.strip('"') == hashlib.md5(content, usedforsecurity=False).hexdigest()


def _target(to: str) -> Address:
    address = place(to)
    if not isinstance(address, Address) or address.scheme not in _SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in _SCHEMES if scheme != "memory")
        raise ConfigError(f"{to}: nothing can be pushed there; expected an address that begins with {known}")
    return address


def _try_out(bucket: Bucket, *, licence: str) -> None:
    """Put a small object, to see whether the server minds conditions, and who can read what is under a licence."""
    name = f"{schema.VERSIONS}/.tried-{uuid.uuid4().hex}"
    bucket.write(name, b"kemfeat tries out this server")
    try:
        if not all(_minds(bucket, name, instead_of) for instead_of in ("", f'"{"0" * 32}"')):
            raise ConfigError(
                f"{bucket.address}: this server puts an object although its condition is not met, so two pushes at "
                "once could undo each other; push to one that minds them, as Amazon's, Google's and Azure's do"
            )
        if licence and bucket.address.scheme != "memory" and _is_public(bucket, name):
            raise ConfigError(
                f"{bucket.address}: everybody can read what is there, without credentials; {licence} Push to a bucket "
                "that is not public"
            )
    finally:
        with suppress(OSError):
            bucket.remove(name)


def _minds(bucket: Bucket, name: str, instead_of: str) -> bool:
    """Whether a server refuses to put an object under a condition that is not met."""
    try:
        bucket.write(name, b"kemfeat tries out this server", instead_of=instead_of)
    except ConflictError:
        return True
    return False


def _is_public(bucket: Bucket, name: str) -> bool:
    """Whether an object can be read without credentials; an error that says neither is raised."""
    try:
        Bucket(bucket.address, anonymous=True).read(name, 1 << 10)
    except (PermissionError, FileNotFoundError):  # Azure denies the existence of what may not be read
        return False
    return True


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
