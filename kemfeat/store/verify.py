"""Check that a store matches its header (files, hashes, shapes, completeness, lengths) and carries information."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kemfeat.errors import StoreCorruptError, StoreError
from kemfeat.records import tag_of, tagged
from kemfeat.store import coordinates, degenerate, disk, schema, valid_lengths
from kemfeat.store.reader import Store
from kemfeat.store.schema import FileReceipt
from kemfeat.store.versions import links_astray

if TYPE_CHECKING:
    from kemfeat.store.remote import RemoteFiles


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked and what is wrong.

    Parameters
    ----------
    files, bytes : int
        Number of files that were read, and their size in all.
    problems : tuple of str
        One sentence each: where, what was found and what to do; empty where the store is sound.
    warnings : tuple of str
        One sentence each about what may be right, such as silent clips.
    """

    files: int
    bytes: int
    problems: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def verify(store: Store, *, progress: Callable[[int, int], None] = lambda done, total: None) -> Verification:
    """Read every file of a store and compare files with receipts, tables with arrays, and rows with each other.

    Parameters
    ----------
    store : Store
        A finished store.
    progress : callable, optional
        Called with the number of files read and of all files.

    Returns
    -------
    Verification
        What was found; problems do not raise.

    Raises
    ------
    StoreError
        The store was built again or removed meanwhile.

    Examples
    --------
    >>> import kemfeat
    >>> verify(kemfeat.open_store("stores/KEMDy20")).problems
    ()
    """
    expected = schema.files(store.header)
    problems: list[str] = []
    warnings: list[str] = []
    progress(0, len(expected))
    for done, (name, receipt) in enumerate(expected.items(), start=1):
        problems += _file_problems(store, name, receipt)
        progress(done, len(expected))
    problems += _header_problems(store)
    if not problems:
        problems += [*_array_problems(store), *_row_problems(store)]
    if not problems:
        problems += coordinates.problems(store)
    if not problems:
        for array, found in degenerate.sameness(store):
            (problems if found.is_problem else warnings).append(_same(array, found))
    if isinstance(store.path, Path):
        astray = links_astray(store.path, store.header)
        problems += [] if astray is None else [astray]
        problems += _strangers(store.folder, set(expected))
    size = sum(receipt.bytes for receipt in expected.values())
    return Verification(len(expected), size, tuple(problems), tuple(warnings))


def _file_problems(store: Store, name: str, receipt: FileReceipt) -> Iterator[str]:
    if store.remote is not None:
        yield from _object_problems(store.remote, name)
        return
    mend = "run the same build with --rehash to make it again"
    path = disk.inside(store.folder, name)
    try:
        size = path.stat().st_size
        if size != receipt.bytes:
            yield f"{name}: {size} bytes, expected {receipt.bytes}; {mend}"
        elif disk.sha256(path) != receipt.sha256:
            yield f"{name}: its bytes are not those that were written (SHA-256 differs); {mend}"
    except OSError as error:
        yield f"{name}: cannot be read ({error.strerror}); {mend}"


def _object_problems(files: RemoteFiles, name: str) -> Iterator[str]:
    try:
        files.read(name)
    except StoreError as error:
        yield str(error)


def _header_problems(store: Store) -> Iterator[str]:
    if schema.store_digest(store.header) != store.digest:
        yield f"{schema.HEADER}: its digest is not that of what it lists; it was edited; build the store again"
    covered: dict[str, int] = {}
    for part in sorted(store.header.parts, key=lambda part: (part.feature, part.partition)):
        if part.start != covered.get(part.feature, 0):
            yield f"{schema.HEADER}: {part.feature} has no part for rows {covered.get(part.feature, 0)} to {part.start}"
        covered[part.feature] = part.stop
    for feature, axis in store.header.features.items():
        rows = store.header.axes[axis].rows
        if covered.get(feature, 0) != rows:
            yield f"{schema.HEADER}: {feature} has {covered.get(feature, 0)} rows, expected {rows}"


def _array_problems(store: Store) -> Iterator[str]:
    for name, info in store.header.arrays.items():
        try:
            array = store.array(name)
        except (StoreError, OSError, ValueError) as error:
            yield f"{name}: its metadata cannot be read ({error}); run the same build with --force"
            continue
        found = (tuple(array.shape), str(array.dtype), tuple(getattr(array.metadata, "dimension_names", None) or ()))
        if found != (info.shape, info.dtype, info.dims):
            yield f"{name}: shape, dtype and dims are {found}, expected {(info.shape, info.dtype, info.dims)}"
        expected = {"units": info.unit, "description": info.description}
        expected |= valid_lengths.attribute(valid_lengths.marks(store.header, name))
        told = {key: value for key, value in array.attrs.items() if key in ("units", "description", "lengths", "mask")}
        if not told.items() <= expected.items():
            yield f"{name}: its attributes are {told}, expected {expected}; run the same build with --force"


def _row_problems(store: Store) -> Iterator[str]:
    """Rows, identities, completeness and lengths agree between tables and arrays."""
    try:
        utterances, _ = store.utterances, store.keys
    except StoreCorruptError as error:
        yield str(error)
        return
    if utterances["id"].duplicated().any():
        yield f"{schema.UTTERANCES}: id {utterances['id'][utterances['id'].duplicated()].iloc[0]} occurs twice"
    failed = set(zip(store.failures["id"], store.failures["feature"], strict=True))
    for feature, axis in store.header.features.items():
        try:
            owners = store.owners(axis)
        except StoreCorruptError as error:
            yield str(error)
            continue
        missing = {name for name, ok in zip(owners, store.complete_rows(feature), strict=True) if not ok}
        if missing != {name for name, failing in failed if failing == feature}:
            yield f"{feature}: the completeness bitmap and {schema.FAILURES} do not list the same rows"
    yield from _length_problems(store)


def _length_problems(store: Store) -> Iterator[str]:
    pairs = {"mel_lengths": "mel_frames", "eda_mask": "eda_length", "temp_mask": "temp_length"}
    tags = {tag_of(name) for name in store.header.arrays}
    found = [(tagged(array, tag), tagged(column, tag)) for tag in sorted(tags) for array, column in pairs.items()]
    for array, column in found:
        if array in store.header.arrays and column in store.utterances.columns:
            values = np.asarray(store.array(array)[:])
            counts = values.sum(axis=1) if values.ndim > 1 else values
            off = np.flatnonzero(counts > store.utterances[column].to_numpy())
            if len(off):
                yield f"{array}: row {off[0]} has length {counts[off[0]]}, more than column {column} says"


def _same(array: str, found: degenerate.Sameness) -> str:
    advice = "the array carries no information; check its sources" if found.is_problem else "check some of them"
    return f"{array}: {found}; {advice}"


def _strangers(folder: Path, expected: set[str]) -> Iterator[str]:
    for entry in schema.FOLDERS:
        for path in sorted((folder / entry).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if not path.is_dir() and name not in expected:
                yield f"{name}: is not part of the store; remove it"
