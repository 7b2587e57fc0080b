"""Write a store in three verbs: ``begin``, ``write_part`` (or ``keep_part``), ``finalise``.

Everything is made below ``STORE/.building``. A part is one partition of one feature: its shards are hashed, written
aside and renamed, then its tables, then its receipt; a part without a receipt never happened. Nothing of it is synced,
so after a crash a receipt may vouch for bytes that the disk never held: whoever resumes reads and hashes every part.
``finalise`` moves the whole, which must be durable by then (:func:`flushing`), into place, the header last:
until then a store does not open, and a store that was finished before stays readable until the very end.
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
from kemfeat.store import disk, schema, shards
from kemfeat.store.schema import FileReceipt, PartReceipt, RowFailure

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

_TEMPLATE = "template.zarr"
_RECEIPTS = "receipts"
_ASIDE = "aside"
_HEADER = schema.HEADER


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One partition of one feature, as planned: rows ``start`` to ``stop`` (exclusive), under a key."""

    feature: str
    partition: int
    start: int
    stop: int
    key: str


class _Staged(schema.Stored):
    """What stands beside a staged part: its receipt, and what the files of its tables must be."""

    receipt: PartReceipt
    tables: dict[str, FileReceipt]


def staging(store: Path) -> Path:
    """The folder in which a store is built."""
    return store / schema.BUILDING


@dataclass(frozen=True, slots=True)
class ArrayLayout:
    """The rows of a feature's arrays: on what ``axis``, how many, and how many to a shard, which is a partition."""

    axis: str
    rows: int
    rows_per_shard: int


def begin(store: Path, *, specs: Mapping[str, Sequence[FeatureSpec]], layouts: Mapping[str, ArrayLayout]) -> None:
    """Lay out the arrays of every feature; parts that are finished already stay.

    Parameters
    ----------
    store : folder of the store.
    specs : per feature the arrays it makes.
    layouts : per feature the rows of its arrays.
    """
    import zarr

    template = staging(store) / _TEMPLATE
    shutil.rmtree(template, ignore_errors=True)
    zarr.create_group(zarr.storage.LocalStore(template), attributes={"kemfeat_format_version": schema.FORMAT_VERSION})
    for feature, arrays in specs.items():
        for spec in arrays:
            layout = layouts[feature]
            schema.create_array(
                template, feature, spec, axis=layout.axis, rows=layout.rows, rows_per_shard=layout.rows_per_shard
            )


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
    store : folder of the store.
    part : what is written.
    specs : the feature's arrays.
    blocks : per array its rows ``start`` to ``stop`` [shape=(stop - start, *spec.shape)].
    tables : what the part adds to the store's tables, under names for :func:`read_tables`.
    failures : rows that stand as missing.
    """
    with disk.writing(store):
        files = dict(_write_shard(store, part, spec, blocks[spec.name]) for spec in specs)
        return _commit(store, part, files=files, tables=tables, failures=tuple(failures))


def keep_part(
    store: Path, part: Part, *, receipt: PartReceipt, tables: Mapping[str, pd.DataFrame | pa.Table]
) -> PartReceipt:
    """Take a part of the finished store over unchanged."""
    with disk.writing(store):
        for name in receipt.files:
            disk.link(disk.inside(store, name), disk.inside(staging(store), name))
        return _commit(store, part, files=receipt.files, tables=tables, failures=receipt.failures)


def finished_part(store: Path, part: Part, *, read: bool) -> PartReceipt | None:
    """The receipt of a finished part, or None.

    Parameters
    ----------
    store : folder of the store.
    part : the part.
    read : whether to read and hash its files, as for a part of an interrupted build; else their sizes are enough.
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
    """Have the disk hold parts while others are still made; gives what takes the receipts of finished parts.

    Raises
    ------
    StoreWriteError
        On leaving: the disk refused some of them.
    """
    with disk.flushing(store) as flush:
        yield lambda receipts: flush(disk.inside(staging(store), name) for part in receipts for name in part.files)


def are_whole(folder: Path, files: Mapping[str, FileReceipt], *, read: bool) -> bool:
    """Whether every file is there in its full size and, if they are ``read``, has the bytes that were written."""
    if not files_present(folder, files):
        return False
    return not read or all(disk.sha256(disk.inside(folder, name)) == file.sha256 for name, file in files.items())


def files_present(folder: Path, files: Mapping[str, FileReceipt]) -> bool:
    """Whether every file is there in its full size; what it holds is for ``verify``."""
    with contextlib.suppress(OSError):
        return all(disk.inside(folder, name).stat().st_size == receipt.bytes for name, receipt in files.items())
    return False


def read_tables(store: Path, parts: Iterable[Part], *, name: str) -> pa.Table:
    """What parts have staged under a name, in order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = [staging(store) / _table_path(part, name) for part in parts]
    # pandas.read_parquet would take three times as long for files of one partition.
    return pa.concat_tables([pq.ParquetFile(file).read() for file in files])


def receipts(store: Path, parts: Sequence[Part]) -> tuple[PartReceipt, ...]:
    """The receipts of all parts.

    Raises
    ------
    StoreIncompleteError
        Some part has none; the message lists the missing partitions by number.
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
    """Put the finished parts in place under ``header``.

    Interrupted at any point, :func:`complete_swap` of the next build finishes it.
    """
    folder = staging(store)
    with disk.writing(store):
        documents = (schema.README, schema.CROISSANT, schema.SOURCES, *_place_metadata(folder))
        whole = header.model_copy(update={"documents": {name: _receipt_of(folder / name) for name in documents}})
        _drop_strangers(folder, set(schema.files(whole)))
        disk.write_json(folder / _HEADER, whole.model_dump(mode="json"))
        complete_swap(store)


def complete_swap(store: Path) -> bool:
    """Move a staged, complete store into place; returns whether there was one.

    The staged header says that the staged store is complete. The header in place goes first and comes last, so that a
    half-moved store never opens.
    """
    folder = staging(store)
    if not (folder / _HEADER).is_file():
        return False
    (store / _HEADER).unlink(missing_ok=True)
    for entry in _ENTRIES:
        if (folder / entry).exists():
            _replace(folder / entry, store / entry)
    # A disk may keep renames out of order unless told to flush: the header must not outrun the rest.
    disk.fsync(store)
    (folder / _HEADER).replace(store / _HEADER)
    disk.fsync(store)
    shutil.rmtree(folder)
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
    """Consolidate the metadata and stage them beside the shards; returns their names below the store."""
    consolidate(folder / _TEMPLATE)
    names = []
    for path in sorted((folder / _TEMPLATE).rglob("zarr.json")):
        names.append(f"{schema.FEATURES}/{path.relative_to(folder / _TEMPLATE).as_posix()}")
        disk.link(path, folder / names[-1])
    return names


def _receipt_of(path: Path) -> FileReceipt:
    disk.fsync(path)
    return disk.receipt(path)


def _drop_strangers(folder: Path, named: set[str]) -> None:
    """Leave no staged file that the header does not name, and have every folder take the place of an older one."""
    for entry in schema.FOLDERS:
        (folder / entry).mkdir(exist_ok=True)
        for path in sorted((folder / entry).rglob("*"), reverse=True):
            if path.is_dir():
                with contextlib.suppress(OSError):
                    path.rmdir()
            elif path.relative_to(folder).as_posix() not in named:
                path.unlink()


def consolidate(path: Path) -> None:
    """Write consolidated metadata of every group and of the whole, which clients such as xarray read in one go."""
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
