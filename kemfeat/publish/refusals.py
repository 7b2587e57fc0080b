"""What pushing and pulling both refuse."""

from __future__ import annotations

from pathlib import Path

from kemfeat.errors import StoreCorruptError, StoreVersionError
from kemfeat.store import disk, schema
from kemfeat.store.reader import Store


def refuse_format_1(store: Store, advice: str) -> None:
    """Refuse a store whose header cannot name the folder of a version.

    Parameters
    ----------
    store : Store
        The store.
    advice : str
        What to do.

    Raises
    ------
    StoreVersionError
        It has format 1.
    """
    if store.header.format_version == 1:
        raise StoreVersionError(f"{store.path}: has format 1, which has no versions; {advice}")


def refuse_unknown_files(store: Store) -> None:
    """Refuse a store with files where a version has none, such as a header that would take the place of its own.

    Parameters
    ----------
    store : Store
        The store.

    Raises
    ------
    StoreCorruptError
        Its header lists such a file.
    """
    for name in schema.files(store.header):
        disk.inside(Path(), name)
        if name.split("/")[0] not in schema.ENTRIES:
            raise StoreCorruptError(f"{store.path}: lists {name!r}, which is not part of a store; do not trust it")
