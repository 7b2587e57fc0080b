"""Write a store in three verbs: ``begin``, ``write_part`` (or ``keep_part``), ``finalise``.

Everything is made below ``STORE/.building``. A part is one partition of one feature: its shards are hashed, written
beside their place and renamed, then its tables, then its receipt; a part without a receipt counts as not written.
Nothing of it is synced, so after a crash of the machine a receipt may describe bytes that never reached the disk:
a build that resumes reads and hashes every part. ``finalise`` moves everything, which must be durable by then
(:func:`flushing`), into place, the header last: until then a store does not open, and a store that was finished before
stays readable until the very end.
"""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kemfeat.errors import StoreIncompleteError
from kemfeat.records import FeatureSpec
from kemfeat.store import coordinates, disk, schema, shards, valid_lengths
from kemfeat.store.schema import FileReceipt, PartReceipt, RowFailure

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

_TEMPLATE = "template.zarr"
_RECEIPTS = "receipts"
_ASIDE = "aside"
_SWAPPED = "swapped"
"""A file that says that all of a staged store has been moved, so that what is left in staging can go."""
_HEADER = schema.HEADER


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One partition of one feature, as planned.

    Parameters
    ----------
    feature : str
        Name of the feature.
    partition : int
        Number of the partition, from 0.
    start, stop : int
        Its rows on the axis of the feature, ``stop`` exclusive.
    key : str
        Digest of the keys of its rows and of the layout.
    """

    feature: str
    partition: int
    start: int
    stop: int
    key: str


class _Staged(schema.Stored):
    """What is stored beside a staged part: its receipt, and what the files of its tables must be."""

    receipt: PartReceipt
    tables: dict[str, FileReceipt]


def staging(store: Path) -> Path:
    """The folder in which a store is built.

    Parameters
    ----------
    store : Path
        Folder of the store.

    Returns
    -------
    Path
        It may not exist.
    """
    return store / schema.BUILDING


@dataclass(frozen=True, slots=True)
class ArrayLayout:
    """The rows of the arrays of a feature.

    Parameters
    ----------
    axis : str
        Name of their axis.
    rows : int
        Number of rows.
    rows_per_shard : int
        Rows of a shard, which is a partition.
    """

    axis: str
    rows: int
    rows_per_shard: int


def begin(store: Path, *, specs: Mapping[str, Sequence[FeatureSpec]], layouts: Mapping[str, ArrayLayout]) -> None:
    """Lay out the arrays of every feature; parts that are already finished stay.

    Parameters
    ----------
    store : Path
        Folder of the store.
    specs : mapping of str to sequence of FeatureSpec
        Arrays of each feature.
    layouts : mapping of str to ArrayLayout
        Rows of the arrays of each feature.
    """
    import zarr

    template = staging(store) / _TEMPLATE
    if template.exists():
        shutil.rmtree(template)
    with shards.in_folder(template) as features:
        zarr.create_group(features, attributes={"kemfeat_format_version": schema.FORMAT_VERSION})
        names = {spec.name for arrays in specs.values() for spec in arrays}
        for feature, arrays in specs.items():
            layout = layouts[feature]
            for spec in arrays:
                schema.create_array(
                    features,
                    feature,
                    spec,
                    axis=layout.axis,
                    rows=layout.rows,
                    rows_per_shard=layout.rows_per_shard,
                    further=valid_lengths.attribute(
                        valid_lengths.mark_among(names, spec.name, dims=(layout.axis, *spec.dims))
                    ),
                )
    for feature, arrays in specs.items():
        for coordinate in coordinates.of_specs(arrays):
            coordinates.write(template / feature / coordinate.axis, coordinate)


def write_part(
    store: Path,
    part: Part,
    *,
    specs: Sequence[FeatureSpec],
    blocks: Mapping[str, NDArray[Any]],
    tables: Mapping[str, pd.DataFrame | pa.Table],
    failures: Iterable[RowFailure],
) -> PartReceipt:
    """Commit one part: shards, then tables, then the receipt.

    Parameters
    ----------
    store : Path
        Folder of the store.
    part : Part
        The part to write.
    specs : sequence of FeatureSpec
        Arrays of the feature.
    blocks : mapping of str to ndarray, shape (stop - start, ...)
        Rows ``start`` to ``stop`` of each array.
    tables : mapping of str to DataFrame or Table
        What the part adds to the tables of the store, under names for :func:`read_tables`.
    failures : iterable of RowFailure
        Missing rows.

    Returns
    -------
    PartReceipt
        What was written.

    Raises
    ------
    StoreWriteError
        The disk refuses.
    """
    with disk.writing(store):
        files = dict(_write_shard(store, part, spec, blocks[spec.name]) for spec in specs)
        return _commit(store, part, files=files, tables=tables, failures=tuple(failures))


def keep_part(
    store: Path, part: Part, *, receipt: PartReceipt, tables: Mapping[str, pd.DataFrame | pa.Table]
) -> PartReceipt:
    """Take a part over from the finished store, unchanged.

    Parameters
    ----------
    store : Path
        Folder of the store.
    part : Part
        The part, as planned.
    receipt : PartReceipt
        The same part in the finished store.
    tables : mapping of str to DataFrame or Table
        As for :func:`write_part`.

    Returns
    -------
    PartReceipt
        As for :func:`write_part`.

    Raises
    ------
    StoreWriteError
        The disk refuses.
    """
    with disk.writing(store):
        for name in receipt.files:
            disk.link(disk.inside(store, name), disk.inside(staging(store), name))
        return _commit(store, part, files=receipt.files, tables=tables, failures=receipt.failures)


def finished_part(store: Path, part: Part, *, read: bool) -> PartReceipt | None:
    """The receipt of a finished part.

    Parameters
    ----------
    store : Path
        Folder of the store.
    part : Part
        The part, as planned.
    read : bool
        Whether to read and hash its files, as for a part of an interrupted build; otherwise only sizes are compared.

    Returns
    -------
    PartReceipt or None
        None where the part is not finished or was made under another key.
    """
    try:
        staged = _Staged.model_validate_json(_receipt_path(store, part).read_bytes())
    except (OSError, ValueError):
        return None
    files = staged.receipt.files | staged.tables
    sound = staged.receipt.key == part.key and are_whole(staging(store), files, read=read)
    return staged.receipt if sound else None


@contextmanager
def flushing(store: Path) -> Iterator[Callable[[Iterable[PartReceipt]], None]]:
    """Have parts written to the disk in the background, while others are still made.

    Parameters
    ----------
    store : Path
        Folder of the store.

    Yields
    ------
    callable
        Takes the receipts of finished parts.

    Raises
    ------
    StoreWriteError
        At the end of the context: the disk refused some of them.
    """
    with disk.flushing(store) as flush:
        yield lambda receipts: flush(disk.inside(staging(store), name) for part in receipts for name in part.files)


def are_whole(folder: Path, files: Mapping[str, FileReceipt], *, read: bool) -> bool:
    """Whether every file exists in its full size and, where ``read``, has the bytes that were written.

    Parameters
    ----------
    folder : Path
        Folder that the paths start from.
    files : mapping of str to FileReceipt
        Receipts by path.
    read : bool
        Whether to read and hash the files.

    Returns
    -------
    bool
        True where there are no files.
    """
    if not files_present(folder, files):
        return False
    return not read or all(disk.sha256(disk.inside(folder, name)) == file.sha256 for name, file in files.items())


def files_present(folder: Path, files: Mapping[str, FileReceipt]) -> bool:
    """Whether every file exists in its full size; ``verify`` checks its content.

    Parameters
    ----------
    folder : Path
        Folder that the paths start from.
    files : mapping of str to FileReceipt
        Receipts by path.

    Returns
    -------
    bool
        True where there are no files.
    """
    with contextlib.suppress(OSError):
        return all(disk.inside(folder, name).stat().st_size == receipt.bytes for name, receipt in files.items())
    return False


def read_tables(store: Path, parts: Iterable[Part], *, name: str) -> pa.Table:
    """What parts staged under a name.

    Parameters
    ----------
    store : Path
        Folder of the store.
    parts : iterable of Part
        Finished parts.
    name : str
        A name given to :func:`write_part`.

    Returns
    -------
    Table
        Their rows, in the order of the parts.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = [staging(store) / _table_path(part, name) for part in parts]
    # pandas.read_parquet would take three times as long for files of one partition.
    return pa.concat_tables([pq.ParquetFile(file).read() for file in files])


def receipts(store: Path, parts: Sequence[Part]) -> tuple[PartReceipt, ...]:
    """The receipts of all parts.

    Parameters
    ----------
    store : Path
        Folder of the store.
    parts : sequence of Part
        Parts that should be finished.

    Returns
    -------
    tuple of PartReceipt
        In the order of the parts.

    Raises
    ------
    StoreIncompleteError
        Some part has no receipt; the message lists the missing partitions by number.
    """
    found = [finished_part(store, part, read=False) for part in parts]
    missing = [
        f"{part.feature}/{part.partition}" for part, receipt in zip(parts, found, strict=True) if receipt is None
    ]
    if missing:
        shown = ", ".join(missing[:20]) + (f" and {len(missing) - 20} more" if len(missing) > 20 else "")
        raise StoreIncompleteError(
            f"{store}: {len(missing)} of {len(parts)} partitions are missing ({shown}); "
            "run the same build again: it resumes"
        )
    return tuple(receipt for receipt in found if receipt is not None)


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
        coordinates.write_ids(folder / _TEMPLATE, header, tables=folder)
        documents = (schema.README, schema.CROISSANT, schema.SOURCES, *_place_metadata(folder))
        whole = header.model_copy(update={"documents": {name: _receipt_of(folder / name) for name in documents}})
        _drop_strangers(folder, set(schema.files(whole)))
        disk.write_json(folder / _HEADER, whole.model_dump(mode="json"))
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
    if not (folder / _HEADER).is_file():
        if (folder / _SWAPPED).is_file():
            disk.remove(folder)
        return False
    (store / _HEADER).unlink(missing_ok=True)
    for entry in _ENTRIES:
        if (folder / entry).exists():
            _replace(folder / entry, store / entry)
    # A disk may keep renames out of order unless told to flush: the header must not outrun the rest.
    disk.fsync(store)
    (folder / _SWAPPED).touch()
    (folder / _HEADER).replace(store / _HEADER)
    disk.fsync(store)
    disk.remove(folder)
    return True


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
        old = source.parent / f"{_ASIDE}-{uuid.uuid4().hex}"
        target.rename(old)
    source.replace(target)


def _place_metadata(folder: Path) -> list[str]:
    """Consolidate the metadata and stage them and the coordinates beside the shards; returns their names."""
    consolidate(folder / _TEMPLATE)
    names = []
    for path in sorted(path for path in (folder / _TEMPLATE).rglob("*") if path.is_file()):
        names.append(f"{schema.FEATURES}/{path.relative_to(folder / _TEMPLATE).as_posix()}")
        disk.link(path, folder / names[-1])
    return names


def _receipt_of(path: Path) -> FileReceipt:
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
    """
    import warnings

    import zarr

    groups = [folder for folder in sorted(path.iterdir()) if folder.is_dir()]
    with warnings.catch_warnings():
        # zarr warns that consolidated metadata are not in the v3 specification yet; docs/store-format.md says so too.
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        for folder in (*groups, path):
            zarr.consolidate_metadata(zarr.storage.LocalStore(folder), zarr_format=3)


def _write_shard(store: Path, part: Part, spec: FeatureSpec, block: NDArray[Any]) -> tuple[str, FileReceipt]:
    metadata = (staging(store) / _TEMPLATE / part.feature / spec.name / "zarr.json").read_bytes()
    name = schema.shard_path(part.feature, spec, part.partition)
    shard = shards.encode(metadata, slice(part.start, part.stop), block)
    return name, disk.write_bytes(staging(store) / name, shard, durable=False)


def _commit(
    store: Path,
    part: Part,
    *,
    files: dict[str, FileReceipt],
    tables: Mapping[str, pd.DataFrame | pa.Table],
    failures: tuple[RowFailure, ...],
) -> PartReceipt:
    receipt = PartReceipt(
        feature=part.feature,
        partition=part.partition,
        start=part.start,
        stop=part.stop,
        key=part.key,
        files=files,
        failures=failures,
    )
    staged = _Staged(receipt=receipt, tables=dict(_stage_table(store, part, *table) for table in tables.items()))
    disk.write_bytes(_receipt_path(store, part), staged.model_dump_json().encode(), durable=False)
    return receipt


def _stage_table(store: Path, part: Part, name: str, table: pd.DataFrame | pa.Table) -> tuple[str, FileReceipt]:
    path = staging(store) / _table_path(part, name)
    disk.write_table(path, table, durable=False)
    return _table_path(part, name), disk.receipt(path)


def _table_path(part: Part, name: str) -> str:
    return f"{name}/{part.feature}/{part.partition:06d}.parquet"


def _receipt_path(store: Path, part: Part) -> Path:
    return staging(store) / _RECEIPTS / part.feature / f"{part.partition:06d}.json"
