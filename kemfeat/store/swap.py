"""Put a staged store in place: metadata consolidated, strangers dropped, every entry moved, the header last."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

from kemfeat.errors import StoreError, StoreWriteError
from kemfeat.store import coordinates, disk, locking, schema
from kemfeat.store.writer import TEMPLATE, staging

if TYPE_CHECKING:
    from pathlib import Path

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
        Header of the finished store, without ``documents``.

    Raises
    ------
    StoreWriteError
        The disk refuses.
    """
    folder = staging(store)
    with disk.writing(store):
        coordinates.write_ids(folder / TEMPLATE, header, tables=folder)
        documents = (schema.README, schema.CROISSANT, schema.SOURCES, *_place_metadata(folder))
        whole = header.model_copy(update={"documents": {name: _receipt_of(folder / name) for name in documents}})
        _drop_strangers(folder, set(schema.files(whole)))
        disk.write_json(folder / schema.HEADER, whole.model_dump(mode="json"))
        complete_swap(store)


def complete_swap(store: Path) -> bool:
    """Move a staged, complete store into place.

    The staged header says that the staged store is complete. The header in place is removed first and put in place
    last, so that a half-moved store never opens.

    Parameters
    ----------
    store : Path
        Folder of the store.

    Returns
    -------
    bool
        Whether there was a staged, complete store.
    """
    folder = staging(store)
    if not (folder / schema.HEADER).is_file():
        if (folder / _SWAPPED).is_file():
            locking.remove(folder)
        return False
    (folder / _SWAPPED).touch()
    (store / schema.HEADER).unlink(missing_ok=True)
    for entry in _ENTRIES:
        if (folder / entry).exists():
            _replace(folder / entry, store / entry)
    # A disk may keep renames out of order unless told to flush: the header must not outrun the rest.
    disk.fsync(store)
    (folder / schema.HEADER).replace(store / schema.HEADER)
    disk.fsync(store)
    locking.remove(folder)
    return True


def finish_interrupted(store: Path) -> bool:
    """Finish a swap that was interrupted, for a command that may write into the store.

    Parameters
    ----------
    store : Path
        Folder that may be a store.

    Returns
    -------
    bool
        Whether a new version was put in place; False too where a build is running, or the system refuses: opening the
        store then says what is wrong.
    """
    if (store / schema.HEADER).exists() or not (staging(store) / schema.HEADER).is_file():
        return False
    with contextlib.suppress(StoreError, OSError), locking.locked(store):
        return complete_swap(store)
    return False


_ENTRIES = (
    schema.FEATURES,
    schema.SIGNALS,
    schema.RESOURCES,
    schema.TABLES,
    schema.UTTERANCES,
    schema.RATINGS,
    schema.SIGNAL_INDEX,
    schema.KEYS,
    schema.FAILURES,
    schema.STATISTICS,
    schema.SOURCES,
    schema.README,
    schema.CROISSANT,
)


def _replace(source: Path, target: Path) -> None:
    if target.is_dir():
        old = source.parent / f"aside-{uuid.uuid4().hex}"
        target.rename(old)
    source.replace(target)


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
