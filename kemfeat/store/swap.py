"""Put a staged version in place: metadata consolidated, strangers dropped, a folder of its own, then the header.

The header of the store, ``STORE/kemfeat.json``, names the folder of the current version. Replacing it is the commit:
one rename, before which the store is the old version, and after which it is the new one.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from kemfeat.errors import StoreError, StoreWriteError
from kemfeat.store import coordinates, disk, locking, schema, versions
from kemfeat.store.changes import changes
from kemfeat.store.header import header_in, read_header
from kemfeat.store.writer import TEMPLATE, staging

if TYPE_CHECKING:
    from pathlib import Path

_OWN_HEADER = "version.json"
"""The staged header of the version's own folder."""

_SWAPPED = "swapped"
"""A file that says that a staged store without a header has been moved, so that what is left in staging can go."""


def finalise(store: Path, header: schema.Header) -> None:
    """Put the finished parts in place under a header.

    If this is interrupted at any point, :func:`complete_swap` of the next build finishes it.

    Parameters
    ----------
    store : Path
        Folder of the store.
    header : Header
        Header of the finished store, without ``documents``, ``folder``, ``changes`` and ``history``.

    Raises
    ------
    StoreWriteError
        The disk refuses.
    """
    with disk.writing(store):
        put_in_place(store, completed(store, header, before=header_in(store)))


def completed(store: Path, header: schema.Header, *, before: schema.Header | None) -> schema.Header:
    """Stage the metadata of the arrays, the last files of a version.

    Parameters
    ----------
    store : Path
        Folder of the store.
    header : Header
        As for :func:`finalise`.
    before : Header or None
        Header of the version before.

    Returns
    -------
    Header
        The whole header, but for the folder of its version.

    Raises
    ------
    OSError
        The disk refuses.
    """
    folder = staging(store)
    coordinates.write_ids(folder / TEMPLATE, header, tables=folder)
    documents = (schema.README, schema.CROISSANT, schema.SOURCES, *_place_metadata(folder))
    return header.model_copy(
        update={
            "documents": {name: _receipt_of(folder / name) for name in documents},
            "changes": () if before is None else changes(before, header),
            "history": versions.history_after(before, digest=header.digest),
        }
    )


def put_in_place(store: Path, header: schema.Header) -> None:
    """Make what is staged the current version of a store.

    Parameters
    ----------
    store : Path
        Folder of a store that is locked.
    header : Header
        Header of the version, but for its folder; all that it lists is staged.

    Raises
    ------
    OSError
        The disk refuses.
    """
    folder = staging(store)
    _drop_strangers(folder, set(schema.files(header)))
    content = header.model_dump(mode="json", exclude={"folder"})
    disk.write_json(folder / _OWN_HEADER, content)
    disk.write_json(folder / schema.HEADER, content | {"folder": versions.new_folder(store, header.digest)})
    complete_swap(store)


def complete_swap(store: Path) -> bool:
    """Move a staged, complete version into place, and have the links of the store lead to it.

    The staged header says that the staged version is complete. Nobody looks for the new folder until the header of the
    store names it.

    Parameters
    ----------
    store : Path
        Folder of the store.

    Returns
    -------
    bool
        Whether there was a staged, complete version.
    """
    folder = staging(store)
    staged = read_header(folder).folder if (folder / schema.HEADER).is_file() else None
    if staged is not None:
        _commit(store, place=disk.inside(store, staged))
    if staged is not None or (folder / _SWAPPED).is_file():  # what an earlier kemfeat had moved by then is made anew
        locking.remove(folder)
    versions.link_current(store)
    return staged is not None


def _commit(store: Path, *, place: Path) -> None:
    folder = staging(store)
    (folder / _SWAPPED).touch()
    place.mkdir(parents=True, exist_ok=True)
    for entry in (*schema.ENTRIES, _OWN_HEADER):
        if (folder / entry).exists():
            (folder / entry).replace(place / (schema.HEADER if entry == _OWN_HEADER else entry))
    versions.keep_in_place(store)
    # A disk may keep renames out of order unless told to flush: the header must not outrun the rest.
    for each in (place, place.parent, store):
        disk.fsync(each)
    (folder / schema.HEADER).replace(store / schema.HEADER)
    disk.fsync(store)


def finish_interrupted(store: Path) -> bool:
    """Finish the swap of a first version that was interrupted, for a command that may write into the store.

    Parameters
    ----------
    store : Path
        Folder that may be a store.

    Returns
    -------
    bool
        Whether a version was put in place; False too where a build is running, or the system refuses: opening the
        store then says what is wrong.
    """
    if (store / schema.HEADER).exists() or not (staging(store) / schema.HEADER).is_file():
        return False
    with contextlib.suppress(StoreError, OSError), locking.locked(store):
        return complete_swap(store)
    return False


def _place_metadata(folder: Path) -> list[str]:
    """Consolidate the metadata and stage them and the coordinates beside the shards; returns their names."""
    consolidate(folder / TEMPLATE)
    names = []
    for path in sorted(path for path in (folder / TEMPLATE).rglob("*") if path.is_file()):
        names.append(f"{schema.FEATURES}/{path.relative_to(folder / TEMPLATE).as_posix()}")
        disk.link(path, folder / names[-1])
    return names


def _receipt_of(path: Path) -> schema.FileReceipt:
    disk.fsync(path)
    return disk.receipt(path)


def _drop_strangers(folder: Path, named: set[str]) -> None:
    """Remove staged files that the header does not list, and make every folder, so that it replaces an older one."""
    for entry in schema.FOLDERS:
        (folder / entry).mkdir(exist_ok=True)
        for path in sorted((folder / entry).rglob("*"), reverse=True):
            if path.is_dir():
                with contextlib.suppress(OSError):
                    path.rmdir()
            elif path.relative_to(folder).as_posix() not in named:
                path.unlink()


def consolidate(path: Path) -> None:
    """Write consolidated metadata of every group and of the whole, which clients such as xarray read in one step.

    Parameters
    ----------
    path : Path
        Folder of the Zarr hierarchy.

    Raises
    ------
    StoreWriteError
        The disk did not give back an array, which zarr would leave out.
    """
    import warnings

    import zarr

    groups = [folder for folder in sorted(path.iterdir()) if folder.is_dir()]
    with warnings.catch_warnings():
        # zarr warns that consolidated metadata are not in the v3 specification yet; docs/store-format.md says so too.
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        warnings.filterwarnings("ignore", message="Object at .* is not recognized")  # the sentence below says more
        for folder in (*groups, path):
            made = zarr.consolidate_metadata(zarr.storage.LocalStore(folder), zarr_format=3).metadata
            found = made.consolidated_metadata.flattened_metadata if made.consolidated_metadata else {}
            there = {file.parent.relative_to(folder).as_posix() for file in folder.rglob("zarr.json")} - {"."}
            if lost := there - set(found):
                raise StoreWriteError(f"{folder / min(lost)}: written, but the disk did not give it back; build again")
