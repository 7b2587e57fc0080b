"""Copy a version of a store from an address into a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from kemfeat.errors import (
    ConfigError,
    StoreCorruptError,
    StoreError,
)
from kemfeat.paths import StrPath, to_path
from kemfeat.publish.refusals import refuse_format_1, refuse_unknown_files
from kemfeat.store import disk, locking, schema, swap
from kemfeat.store.address import Address, place
from kemfeat.store.copied import Copied, Progress, copied
from kemfeat.store.header import folder_of, header_in
from kemfeat.store.outside import refuse_in_store, refuse_other_corpus
from kemfeat.store.reader import Store, open_store
from kemfeat.store.versions import record_of

_PULLING = "pulling"
"""A file beside what has been fetched, which says of which version it is."""


def pull_store(
    address: str, out: StrPath, *, at: str | None = None, progress: Progress = lambda done, total: None
) -> Copied:
    """Copy a version of a store from an address into a folder.

    Every file is compared with its receipt. What a pull that was interrupted has fetched is kept.

    Parameters
    ----------
    address : str
        Address of a store, of any kind that :func:`kemfeat.open_store` reads.
    out : str or PathLike
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
    >>> from kemfeat.publish import pull_store, push_store
    >>> _ = push_store(kemfeat.open_store("stores/KEMDy20"), "memory://examples/pull")
    >>> pull_store("memory://examples/pull", "pulled").digest == kemfeat.open_store("pulled").digest
    True
    """
    if not isinstance(place(address), Address):
        raise ConfigError(f"{address}: is a folder; copy it with the programs of your system, {schema.HEADER} last")
    out = to_path(out)
    _refuse_other(out)
    remote = open_store(address, at=at)
    refuse_format_1(remote, "copy its files with the programs of your provider")
    refuse_unknown_files(remote)
    with disk.writing(out):
        out.mkdir(parents=True, exist_ok=True)
    with locking.locked(out):
        with disk.writing(out):
            swap.complete_swap(out)
        before = header_in(out)
        refuse_other_corpus(before, remote.dataset, where=out)
        files = schema.files(remote.header)
        if before is not None and before.digest == remote.digest and _are_whole(folder_of(out, before), files):
            return Copied(remote.digest, there=len(files))
        pull = partial(_fetch, remote, _staging(out, remote.digest), out, before)
        done = copied(remote.digest, pull, files, progress)
        with disk.writing(out):
            swap.put_in_place(out, _as_pulled(remote.header, before))
    return done


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


def _are_whole(folder: Path, files: Mapping[str, schema.FileReceipt]) -> bool:
    try:
        return all(disk.receipt(disk.inside(folder, name)) == receipt for name, receipt in files.items())
    except OSError:
        return False
