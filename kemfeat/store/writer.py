"""Write a store in three verbs: ``begin``, ``write_part`` (or ``keep_part``), :func:`kemfeat.store.swap.finalise`.

Everything is made below ``STORE/.building``. A part is one partition of one feature: its shards are hashed, written
beside their place and renamed, then its tables, then its receipt; a part without a receipt counts as not written.
Nothing of it is synced, so after a crash of the machine a receipt may describe bytes that never reached the disk:
a build that resumes reads and hashes every part. ``finalise`` moves everything, which must be durable by then
(:func:`flushing`), into place, the header last: until then a store does not open, and a store that was finished before
stays readable until the very end.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kemfeat.errors import StoreIncompleteError
from kemfeat.records import FeatureSpec
from kemfeat.store import coordinates, disk, layout, schema, shards, valid_lengths
from kemfeat.store.receipts import are_whole
from kemfeat.store.schema import FileReceipt, PartReceipt, RowFailure

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

TEMPLATE = "template.zarr"
_RECEIPTS = "receipts"


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
    made_of : frozenset of str
        Features that they are made of.
    """

    axis: str
    rows: int
    rows_per_shard: int
    made_of: frozenset[str] = frozenset()


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

    template = staging(store) / TEMPLATE
    if template.exists():
        shutil.rmtree(template)
    with shards.in_folder(template) as features:
        zarr.create_group(features, attributes={"kemfeat_format_version": schema.FORMAT_VERSION})
        names = {spec.name for arrays in specs.values() for spec in arrays}
        for feature, arrays in specs.items():
            of = layouts[feature]
            for spec in arrays:
                mark = valid_lengths.mark_among(names, spec.name, dims=(of.axis, *spec.dims))
                layout.create_array(
                    features,
                    feature,
                    spec,
                    axis=of.axis,
                    rows=of.rows,
                    rows_per_shard=of.rows_per_shard,
                    further=valid_lengths.attribute(mark),
                )
    for feature, arrays in specs.items():
        made_of = [spec for name in sorted(layouts[feature].made_of) for spec in specs[name]]
        for coordinate in coordinates.of_specs(arrays, made_of=made_of):
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
    store: Path,
    part: Part,
    *,
    source: Path,
    receipt: PartReceipt,
    tables: Mapping[str, pd.DataFrame | pa.Table],
    elsewhere: Set[FileReceipt],
) -> PartReceipt:
    """Take a part over from the finished store, unchanged.

    Parameters
    ----------
    store : Path
        Folder of the store.
    part : Part
        The part, as planned.
    source : Path
        Folder of the finished version.
    receipt : PartReceipt
        The same part in the finished store.
    tables : mapping of str to DataFrame or Table
        As for :func:`write_part`.
    elsewhere : set of FileReceipt
        Shards that are not on this machine.

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
        for name in here(receipt.files, elsewhere):
            disk.link(disk.inside(source, name), disk.inside(staging(store), name))
        return _commit(store, part, files=receipt.files, tables=tables, failures=receipt.failures)


def here(files: Mapping[str, FileReceipt], elsewhere: Set[FileReceipt]) -> dict[str, FileReceipt]:
    """The files of a build that are on this machine.

    Parameters
    ----------
    files : mapping of str to FileReceipt
        Files by path.
    elsewhere : set of FileReceipt
        Files that are not on this machine.

    Returns
    -------
    dict of str to FileReceipt
        The others.
    """
    return {name: receipt for name, receipt in files.items() if receipt not in elsewhere}


def finished_part(store: Path, part: Part, *, read: bool, elsewhere: Set[FileReceipt]) -> PartReceipt | None:
    """The receipt of a finished part.

    Parameters
    ----------
    store : Path
        Folder of the store.
    part : Part
        The part, as planned.
    read : bool
        Whether to read and hash its files, as for a part of an interrupted build; otherwise only sizes are compared.
    elsewhere : set of FileReceipt
        Shards that are not on this machine: they are whole.

    Returns
    -------
    PartReceipt or None
        None where the part is not finished or was made under another key.
    """
    try:
        staged = _Staged.model_validate_json((staging(store) / _receipt_name(part)).read_bytes())
    except (OSError, ValueError):
        return None
    files = here(staged.receipt.files, elsewhere) | staged.tables
    sound = staged.receipt.key == part.key and are_whole(staging(store), files, read=read)
    return staged.receipt if sound else None


def part_files(store: Path, receipt: PartReceipt) -> tuple[str, ...]:
    """The files of a part that was written, other than its shards.

    Parameters
    ----------
    store : Path
        Folder of the store.
    receipt : PartReceipt
        What :func:`write_part` returned.

    Returns
    -------
    tuple of str
        Paths below :func:`staging`; that of the receipt comes first.
    """
    name = _receipt_name(receipt)
    staged = _Staged.model_validate_json((staging(store) / name).read_bytes())
    return (name, *staged.tables)


@contextmanager
def flushing(store: Path, *, elsewhere: Set[FileReceipt]) -> Iterator[Callable[[Iterable[PartReceipt]], None]]:
    """Have parts written to the disk in the background, while others are still made.

    Parameters
    ----------
    store : Path
        Folder of the store.
    elsewhere : set of FileReceipt
        Shards that are not on this machine.

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
        yield lambda receipts: flush(
            disk.inside(staging(store), name) for part in receipts for name in here(part.files, elsewhere)
        )


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


def receipts(store: Path, parts: Sequence[Part], *, elsewhere: Set[FileReceipt]) -> tuple[PartReceipt, ...]:
    """The receipts of all parts.

    Parameters
    ----------
    store : Path
        Folder of the store.
    parts : sequence of Part
        Parts that should be finished.
    elsewhere : set of FileReceipt
        Shards that are not on this machine.

    Returns
    -------
    tuple of PartReceipt
        In the order of the parts.

    Raises
    ------
    StoreIncompleteError
        Some part has no receipt; the message lists the missing partitions by number.
    """
    found = [finished_part(store, part, read=False, elsewhere=elsewhere) for part in parts]
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


def _write_shard(store: Path, part: Part, spec: FeatureSpec, block: NDArray[Any]) -> tuple[str, FileReceipt]:
    metadata = (staging(store) / TEMPLATE / part.feature / spec.name / "zarr.json").read_bytes()
    name = schema.shard_path(part.feature, spec, part.partition)
    shard = shards.encode(metadata, block)
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
    disk.write_bytes(staging(store) / _receipt_name(part), staged.model_dump_json().encode(), durable=False)
    return receipt


def _stage_table(store: Path, part: Part, name: str, table: pd.DataFrame | pa.Table) -> tuple[str, FileReceipt]:
    path = staging(store) / _table_path(part, name)
    disk.write_table(path, table, durable=False)
    return _table_path(part, name), disk.receipt(path)


def _table_path(part: Part, name: str) -> str:
    return f"{name}/{part.feature}/{part.partition:06d}.parquet"


def _receipt_name(part: Part | PartReceipt) -> str:
    return f"{_RECEIPTS}/{part.feature}/{part.partition:06d}.json"
