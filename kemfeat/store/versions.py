"""The versions of a store: finished stores of their own in ``STORE/versions``, of which the header names the current.

A version is never changed once it is there. Shards that two versions have in common are one file with two names where
the disk has hard links. ``docs/store-format.md`` describes the folders.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kemfeat.errors import StoreError
from kemfeat.store import disk, locking, schema
from kemfeat.store.address import Address
from kemfeat.store.header import folder_of, header_in, read_header

KEPT = 1
"""How many earlier versions a build keeps unless it is told otherwise."""

_NAME = re.compile("[0-9a-f]{16}(-[0-9]+)?")
_SHORTEST = 4
"""Digits of a digest that are enough to name a version."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a store.

    Parameters
    ----------
    record : VersionRecord
        What it is.
    folder : Path, Address or None
        Where it is; None where it is no longer kept.
    current : bool
        Whether the store is this version.
    """

    record: schema.VersionRecord
    folder: Path | Address | None
    current: bool


def versions(store: Path | Address) -> list[Version]:
    """The versions of a store, the current one first.

    Parameters
    ----------
    store : Path or Address
        Folder of the store, or its address.

    Returns
    -------
    list of Version
        Those that are kept and those that are not.

    Raises
    ------
    StoreError
        The store cannot be opened.

    Examples
    --------
    >>> from pathlib import Path
    >>> [version.current for version in versions(Path("stores/KEMDy20"))]
    [True]
    """
    header, own, kept = _read(store)
    return [
        Version(record_of(header), own, current=True),
        *(Version(record, kept.get(record.digest), current=False) for record in header.history),
    ]


def _read(store: Path | Address) -> tuple[schema.Header, Path | Address, Mapping[str, Path | Address]]:
    """The header of a store, the folder of its version, and those of the versions that are kept, by digest."""
    if isinstance(store, Address):
        from kemfeat.store.remote_versions import header_at, kept_at

        header, objects = header_at(store)
        return header, store if header.folder is None else store / header.folder, kept_at(store, header, objects)
    header = read_header(store)
    return header, folder_of(store, header), _kept(store)


def recorded(store: Path | Address, digest: str) -> Version:
    """A version that a store has or has had.

    Parameters
    ----------
    store : Path or Address
        Folder of the store, or its address.
    digest : str
        Its digest, or the first digits of it.

    Returns
    -------
    Version
        The only one with such a digest.

    Raises
    ------
    StoreError
        The store has not had such a version, or several.
    """
    if not re.fullmatch(f"[0-9a-f]{{{_SHORTEST},64}}", digest):
        raise StoreError(
            f"{store}: {digest!r} does not name a version; expected {_SHORTEST} or more of the hexadecimal digits that "
            f"`kemfeat log {store}` lists"
        )
    known = {version.record.digest: version for version in versions(store)}
    meant = [each for each in known if each.startswith(digest)]
    if len(meant) != 1:
        what = f"{len(meant)} versions begin with {digest}" if meant else f"no version begins with {digest}"
        listed = ", ".join(each[:12] for each in meant or known)
        raise StoreError(f"{store}: {what}; {'write more digits:' if meant else 'it has had'} {listed}")
    return known[meant[0]]


def find(store: Path | Address, digest: str) -> Path | Address:
    """Where a version is that is kept.

    Parameters
    ----------
    store : Path or Address
        Folder of the store, or its address.
    digest : str
        Its digest, or the first digits of it.

    Returns
    -------
    Path or Address
        The folder of its files and of its header.

    Raises
    ------
    StoreError
        As for :func:`recorded`, or the version is no longer kept: then the message says how it was made.
    """
    version = recorded(store, digest)
    if version.folder is None:
        raise StoreError(_gone(store, version.record))
    return version.folder


def record_of(header: schema.Header) -> schema.VersionRecord:
    """What is remembered of a version.

    Parameters
    ----------
    header : Header
        Its header.

    Returns
    -------
    VersionRecord
        Whatever later versions list in their history.
    """
    said = header.provenance
    return schema.VersionRecord(
        digest=header.digest,
        created=str(said.get("created", "")),
        command=str(said.get("command", "")),
        kemfeat=header.versions.get("kemfeat", ""),
        config=header.config,
        changes=header.changes,
    )


def history_after(header: schema.Header | None, *, digest: str) -> tuple[schema.VersionRecord, ...]:
    """The history of the version that comes after one.

    Parameters
    ----------
    header : Header or None
        Header of the version before; None where there was none.
    digest : str
        Digest of the new version, which is not listed as one before itself.

    Returns
    -------
    tuple of VersionRecord
        The latest first.
    """
    before = () if header is None else (record_of(header), *header.history)
    return tuple(record for record in before if record.digest != digest)


def new_folder(store: Path, digest: str) -> str:
    """A path for a version below its store, that nothing has yet.

    Parameters
    ----------
    store : Path
        Folder of the store.
    digest : str
        Digest of the version.

    Returns
    -------
    str
        Path with ``/``.
    """
    return disk.vacant(store / schema.VERSIONS / digest[:16]).relative_to(store).as_posix()


def keep_in_place(store: Path) -> None:
    """Give a version whose files are beside its header, as those of format 1 are, a folder like the others.

    Parameters
    ----------
    store : Path
        Folder of a store that is locked.
    """
    header = header_in(store)
    if header is None or header.folder is not None or header.digest in _kept(store):
        return
    aside = disk.inside(store, f"{schema.BUILDING}/kept-{uuid.uuid4().hex}")
    for name in schema.files(header):
        with suppress(FileNotFoundError):  # what is missing here is missing there, and said when it is read
            disk.link(disk.inside(store, name), disk.inside(aside, name))
    disk.link(store / schema.HEADER, aside / schema.HEADER)
    for each in (aside, *(path for path in aside.rglob("*") if path.is_dir())):
        disk.fsync(each)
    target = store / new_folder(store, header.digest)
    target.parent.mkdir(exist_ok=True)
    aside.rename(target)


def link_current(store: Path) -> None:
    """Have the links of a store lead to its current version, for programs that do not read the header.

    Parameters
    ----------
    store : Path
        Folder of a store that is locked.

    Raises
    ------
    OSError
        The disk refuses to remove what is there; where it has no links, there are none.
    """
    header = header_in(store)
    if header is not None and header.folder is not None:
        _link(store, header.folder)


def prune(store: Path, *, keep: int) -> list[schema.VersionRecord]:
    """Remove versions beyond those to be kept.

    Parameters
    ----------
    store : Path
        Folder of a store that is locked.
    keep : int, >= 0
        How many earlier versions to keep, of those that are there.

    Returns
    -------
    list of VersionRecord
        Those that were removed.

    Raises
    ------
    StoreError
        The store cannot be opened.
    OSError
        The disk refuses.
    """
    header, kept = read_header(store), _kept(store)
    if header.folder is None:
        return []
    earlier = [record for record in header.history if record.digest in kept]
    spared = {folder_of(store, header).name, *(kept[record.digest].name for record in earlier[:keep])}
    known = {record.digest[:16] for record in (record_of(header), *header.history)}
    for folder in _folders(store):
        unfinished = not (folder / schema.HEADER).is_file()
        if folder.name not in spared and (unfinished or folder.name[:16] in known):
            _remove(folder)
    return earlier[keep:]


def links_astray(store: Path, header: schema.Header) -> str | None:
    """What is wrong with the link to the current version, for other programs than kemfeat.

    Parameters
    ----------
    store : Path
        Folder of the store.
    header : Header
        Its header.

    Returns
    -------
    str or None
        A sentence; None where it leads to the right place or there is none.
    """
    link = store / schema.CURRENT
    if header.folder is None or not link.is_symlink() or (leads := link.readlink().as_posix()) == header.folder:
        return None
    return f"{schema.CURRENT}: leads to {leads}, expected {header.folder}; run the same build again"


def _folders(store: Path) -> Iterator[Path]:
    place = store / schema.VERSIONS
    if place.is_symlink() or not place.is_dir():
        return
    for folder in sorted(place.iterdir()):
        if _NAME.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
            yield folder


def _kept(store: Path) -> dict[str, Path]:
    """Folder of each version that is there, by digest."""
    headers = ((header_in(folder), folder) for folder in _folders(store))
    return {header.digest: folder for header, folder in headers if header is not None}


def _remove(folder: Path) -> None:
    """Remove a version, its header first; what somebody put beside it stays."""
    (folder / schema.HEADER).unlink(missing_ok=True)
    for entry in schema.ENTRIES:
        path = folder / entry
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _link(store: Path, folder: str) -> None:
    """Links for other programs, all through one that is replaced in one step; a disk without links has none."""
    for entry in (schema.CURRENT, *schema.ENTRIES):  # of format 1, or of a copy that followed the links
        path = store / entry
        if path.is_dir() and not path.is_symlink():
            locking.remove(path)
        elif not path.is_symlink():
            path.unlink(missing_ok=True)
    with suppress(OSError):
        _point(store / schema.CURRENT, folder)
        for entry in schema.ENTRIES:
            _point(store / entry, f"{schema.CURRENT}/{entry}")


def _point(link: Path, target: str) -> None:
    if link.is_symlink() and link.readlink() == Path(target):
        return
    aside = link.with_name(f".{link.name}.{uuid.uuid4().hex}.aside")
    try:
        aside.symlink_to(target)
        aside.replace(link)
    finally:
        aside.unlink(missing_ok=True)


def _gone(store: Path | Address, record: schema.VersionRecord) -> str:
    return (
        f"{store}: version {record.digest[:12]} is no longer kept. kemfeat {record.kemfeat} made it on "
        f"{record.created} with `{record.command}`; `kemfeat log {store} --config {record.digest[:12]}` prints its "
        "settings, and `kemfeat build --config` with them, on the corpus as it was, makes it again"
    )
