"""The folder that a build fills: whether it may do so, and the finished store that may already be there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kemfeat import provenance
from kemfeat.errors import StoreCorruptError, StoreError, StoreVersionError
from kemfeat.store import disk, locking, receipts, schema
from kemfeat.store.outside import refuse_in_store
from kemfeat.store.reader import Store, open_store

COPIED_WITH = (schema.UTTERANCES, schema.KEYS, schema.SIGNAL_INDEX, schema.STATISTICS)
"""Tables of a finished store that an update reads."""


def take_over(out: Path, *, force: bool) -> Path | None:
    """Make ``out`` a folder that this build may fill; with ``force``, move its content aside and return where to."""
    with _usable(out):
        str(out).encode()
        names = {entry.name for entry in out.iterdir()} if out.is_dir() else set()
        found = out.exists()
    ours = out.is_dir() and (not names or bool(names & {schema.HEADER, schema.BUILDING, schema.LOCK}))
    if found and not ours:
        raise StoreError(f"{out}: exists and is not a store; choose another folder with --out")
    with _usable(out):
        refuse_in_store(out, but_itself=True)
        moved = _move_aside(out) if force and names else None
        out.mkdir(parents=True, exist_ok=True)
    return moved


@contextmanager
def _usable(out: Path) -> Iterator[None]:
    """As :func:`kemfeat.store.disk.usable`, and refuse names that Parquet cannot express."""
    try:
        with disk.usable(out):
            yield
    except UnicodeEncodeError:
        raise StoreError(
            f"{out}: this name is not valid Unicode in this locale, as Parquet needs; choose another folder with --out"
        ) from None


def _move_aside(out: Path) -> Path:
    with locking.locked(out):
        pass
    out = out.absolute()
    stamp = provenance.now().replace(":", "").replace("+0000", "Z")
    return out.rename(disk.vacant(out.with_name(f"{out.name}.old-{stamp}")))


def finished(out: Path, *, rehash: bool) -> Store | None:
    """The finished store to update; None where there is none or a table that copying rows needs is damaged."""
    if not (out / schema.HEADER).is_file():
        return None
    try:
        store = open_store(out)
    except (StoreCorruptError, StoreVersionError) as error:
        raise type(error)(f"{error}; --force moves it aside and begins anew") from None
    tables = {name: receipt for name, receipt in store.header.tables.items() if name in COPIED_WITH}
    whole = len(tables) == len(COPIED_WITH) and receipts.are_whole(store.folder, tables, read=rehash)
    return store if whole else None
