"""Rows that a partition copies from the finished store."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from kemfeat.build._block import Block
from kemfeat.errors import StoreError
from kemfeat.store import disk, schema
from kemfeat.store.address import Address
from kemfeat.store.reader import Store, open_store


def trust_nothing() -> None:
    """Forget which shards were found whole: they can rot between two builds in one process."""
    _sound.cache_clear()


def copy_rows(feature: str, copies: tuple[int, ...], block: Block, *, place: Path | Address, digest: str) -> set[int]:
    """Copy what a finished store has; a row whose shard is damaged there is left to be extracted."""
    copied: set[int] = set()
    for start, rows in _runs(copies):
        try:
            source = _finished(place, digest)
            touched = [
                part.partition
                for part in source.header.parts
                if part.feature == feature and part.start < rows.stop and rows.start < part.stop
            ]
            if all(_sound(place, digest, feature, partition) for partition in touched):
                block.copy(start, source, rows)
                copied |= set(range(start, start + len(rows)))
        except StoreError:
            continue
    return copied


def _runs(copies: tuple[int, ...]) -> Iterator[tuple[int, range]]:
    """Runs of consecutive source rows: the first row here, and the rows there."""
    start = 0
    for number in range(1, len(copies) + 1):
        if number == len(copies) or copies[number] != copies[number - 1] + 1:
            if copies[start] >= 0:
                yield start, range(copies[start], copies[start] + number - start)
            start = number


@lru_cache(maxsize=1)
def _finished(store: Path | Address, digest: str) -> Store:
    """The version that rows are copied from: somebody may put the next one behind an address meanwhile."""
    opened = open_store(store, at=digest if isinstance(store, Address) else None)
    if opened.digest != digest:
        raise StoreError(f"{store}: is another version than when this build began")
    return opened


@lru_cache(maxsize=4096)
def _sound(store: Path | Address, digest: str, feature: str, partition: int) -> bool:
    """Whether the shards of a finished part and their metadata have the bytes that were written."""
    finished = _finished(store, digest)
    if finished.remote is not None:  # of which every chunk is checked when it is read
        return True
    header = finished.header
    part = next(part for part in header.parts if part.feature == feature and part.partition == partition)
    folder = f"{schema.FEATURES}/{feature}/"
    metadata = {name: receipt for name, receipt in header.documents.items() if name.startswith(folder)}
    files = {**part.files, **metadata}
    try:
        return all(disk.sha256(disk.inside(finished.folder, name)) == receipt.sha256 for name, receipt in files.items())
    except OSError:
        return False
