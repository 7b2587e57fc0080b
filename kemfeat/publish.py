"""Copy a store to an address and back: objects that never change, and one conditional put that commits.

``docs/store-format.md`` describes what is at the address. Nobody sees a version before all of it is there.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from kemfeat.corpora import terms_of
from kemfeat.errors import (
    ConfigError,
    StoreCorruptError,
    StoreError,
    StoreLockedError,
    StoreVersionError,
    StoreWriteError,
)
from kemfeat.parallel import run_threads
from kemfeat.store import disk, locking, schema, swap
from kemfeat.store.address import Address, place
from kemfeat.store.header import folder_of, header_in, parse_header
from kemfeat.store.objects import Bucket, ConflictError
from kemfeat.store.outside import refuse_in_store
from kemfeat.store.reader import Store, open_store
from kemfeat.store.remote import MOST_HEADER_BYTES
from kemfeat.store.versions import record_of

Progress = Callable[[int, int], None]
"""Called with the number of files that are done, and of all."""

_AT_ONCE = 16
"""Files that are sent or fetched at once: most of the time they wait for an answer."""
_SCHEMES = ("s3", "gs", "az", "memory")
"""Kinds of addresses that can be written to."""
_PULLING = "pulling"
"""A file beside what has been fetched, which says of which version it is."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of the files of a version.

    Parameters
    ----------
    digest : str
        The version.
    sent : int
        Files that were sent or fetched.
    copied : int
        Files that an earlier version had: copied on the server, or linked here.
    there : int
        Files that were there already.
    bytes : int
        Size of what was sent or fetched.
    """

    digest: str
    sent: int = 0
    copied: int = 0
    there: int = 0
    bytes: int = 0


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
    _refuse_format_1(store, "build it again, which makes it format 2 and extracts nothing, then push it")
    _refuse_unknown_files(store)
    is_restricted = terms_of(store.dataset).restricted and not store.synthetic
    if is_restricted and not may_pass_on:
        raise ConfigError(
            f"{address}: {terms_of(store.dataset).licence} If all who can read this address have the licence too, say "
            "so with --i-may-pass-this-on"
        )
    bucket = Bucket(address)
    try:
        before = _Before(bucket)
        _refuse_other_corpus(before.header, store.dataset, str(address))
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
        progress(0, len(files))
        counts = {"sent": 0, "copied": 0, "there": 0, "bytes": 0}
        for done, (how, size) in enumerate(run_threads(self._send, files.items(), workers=_AT_ONCE), start=1):
            counts[how] += 1
            counts["bytes"] += size if how == "sent" else 0
            progress(done, len(files))
        found = self._bucket.listed(self._folder)
        for name, receipt in files.items():
            told = found.get(f"{self._folder}/{name}")
            if told is None or told.size != receipt.bytes:
                raise StoreWriteError(
                    f"{self._bucket.address}: {name} was sent, and the server does not have it; run the same command "
                    "again: what has been sent is kept"
                )
        return Copied(self._store.digest, **counts)

    def _send(self, file: tuple[str, schema.FileReceipt]) -> tuple[str, int]:
        name, receipt = file
        target = f"{self._folder}/{name}"
        path = disk.inside(self._store.folder, name)
        source = self._before.same(name, receipt)
        try:
            content = disk.read_bytes(path)
        except OSError as error:
            raise StoreCorruptError(f"{path}: cannot be read ({error.strerror}); run `kemfeat verify`") from None
        if len(content) != receipt.bytes or hashlib.sha256(content).hexdigest() != receipt.sha256:
            raise StoreCorruptError(
                f"{path}: is not what was written (it differs from its receipt); run `kemfeat verify`"
            )
        if self._is_there(target, content):
            return "there", 0
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


def pull_store(
    address: str, out: Path, *, at: str | None = None, progress: Progress = lambda done, total: None
) -> Copied:
    """Copy a version of a store from an address into a folder.

    Every file is compared with its receipt. What a pull that was interrupted has fetched is kept.

    Parameters
    ----------
    address : str
        Address of a store, of any kind that :func:`kemfeat.open_store` reads.
    out : Path
        Folder of the store: absent, empty, or a store, of which this becomes a new version.
    at : str or None
        The version to copy: its digest or the first digits of it; the current one where None.
    progress : callable, optional
        Called with the number of files done and of all.

    Returns
    -------
    Copied
        What was fetched.

    Raises
    ------
    ConfigError
        The address is not one, or the folder contains something else than a store.
    StoreError
        There is no store, or a file does not match its receipt; the server or the disk refuses.

    Examples
    --------
    >>> import kemfeat
    >>> from pathlib import Path
    >>> from kemfeat.publish import pull_store, push_store
    >>> _ = push_store(kemfeat.open_store("stores/KEMDy20"), "memory://examples/pull")
    >>> pull_store("memory://examples/pull", Path("pulled")).digest == kemfeat.open_store("pulled").digest
    True
    """
    if not isinstance(place(address), Address):
        raise ConfigError(f"{address}: is a folder; copy it with the programs of your system, {schema.HEADER} last")
    _refuse_other(out)
    remote = open_store(address, at=at)
    _refuse_format_1(remote, "copy its files with the programs of your provider")
    _refuse_unknown_files(remote)
    with disk.writing(out):
        out.mkdir(parents=True, exist_ok=True)
    with locking.locked(out):
        with disk.writing(out):
            swap.complete_swap(out)
        before = header_in(out)
        _refuse_other_corpus(before, remote.dataset, str(out))
        files = schema.files(remote.header)
        if before is not None and before.digest == remote.digest and _are_whole(folder_of(out, before), files):
            return Copied(remote.digest, there=len(files))
        pull = partial(_fetch, remote, _staging(out, remote.digest), out, before)
        progress(0, len(files))
        counts = {"sent": 0, "copied": 0, "there": 0, "bytes": 0}
        for done, (how, size) in enumerate(run_threads(pull, files.items(), workers=_AT_ONCE), start=1):
            counts[how] += 1
            counts["bytes"] += size
            progress(done, len(files))
        with disk.writing(out):
            swap.put_in_place(out, _as_pulled(remote.header, before))
    return Copied(remote.digest, **counts)


def _fetch(
    remote: Store, staging: Path, out: Path, before: schema.Header | None, file: tuple[str, schema.FileReceipt]
) -> tuple[str, int]:
    name, receipt = file
    target = disk.inside(staging, name)
    with disk.writing(out):
        if target.is_file() and disk.receipt(target) == receipt:
            return "there", 0
        held = None if before is None else disk.inside(folder_of(out, before), name)
        if held is not None and held.is_file() and disk.receipt(held) == receipt:
            disk.link(held, target)
            return "copied", 0
    assert remote.remote is not None  # noqa: S101 - it was opened by its address
    try:
        content = remote.remote.read(name)
    except StoreCorruptError:
        raise
    except StoreError as error:
        raise StoreError(f"{error}; run the same command again: what has been fetched is kept") from None
    with disk.writing(out):
        disk.write_bytes(target, content)
    return "sent", receipt.bytes


def _as_pulled(header: schema.Header, before: schema.Header | None) -> schema.Header:
    """A header whose history has the versions of the folder, too."""
    others: Iterable[schema.VersionRecord] = () if before is None else (record_of(before), *before.history)
    known = {header.digest, *(record.digest for record in header.history)}
    more = tuple(record for record in others if record.digest not in known)
    return header.model_copy(update={"folder": None, "history": (*more, *header.history)})


def _staging(out: Path, digest: str) -> Path:
    """The folder for what is fetched; what an interrupted build left there is not thrown away."""
    folder = out / schema.BUILDING
    mark = folder / _PULLING
    if folder.is_dir() and any(folder.iterdir()) and not mark.is_file():
        raise ConfigError(
            f"{out}: an unfinished build is there; run it again until it ends, or pull into another folder"
        )
    with disk.writing(out):
        if mark.is_file() and mark.read_bytes() != digest.encode():
            locking.remove(folder)
        disk.write_bytes(mark, digest.encode())
    return folder


def _refuse_other(out: Path) -> None:
    refuse_in_store(out, but_itself=True)
    with disk.usable(out):
        if out.exists() and not out.is_dir():
            raise ConfigError(f"{out}: is not a folder; choose another")
        ours = {schema.HEADER, schema.BUILDING, schema.LOCK, schema.LOCK_OWNER}
        found = {each.name for each in out.iterdir()} if out.is_dir() else set()
    if found and not found & ours:
        raise ConfigError(f"{out}: contains {min(found)}, and is not a store; choose an absent or empty folder")


def _refuse_format_1(store: Store, advice: str) -> None:
    """Refuse a store whose header cannot name the folder of a version."""
    if store.header.format_version == 1:
        raise StoreVersionError(f"{store.path}: has format 1, which has no versions; {advice}")


def _refuse_unknown_files(store: Store) -> None:
    """Refuse a store with files where a version has none, such as a header that would take the place of its own."""
    for name in schema.files(store.header):
        disk.inside(Path(), name)
        if name.split("/")[0] not in schema.ENTRIES:
            raise StoreCorruptError(f"{store.path}: lists {name!r}, which is not part of a store; do not trust it")


def _refuse_other_corpus(before: schema.Header | None, dataset: str, where: str) -> None:
    if before is not None and before.dataset != dataset:
        raise ConfigError(
            f"{where}: has a store of {before.dataset}, and this one is of {dataset}; choose another place"
        )


def _are_whole(folder: Path, files: Mapping[str, schema.FileReceipt]) -> bool:
    try:
        return all(disk.receipt(disk.inside(folder, name)) == receipt for name, receipt in files.items())
    except OSError:
        return False


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
