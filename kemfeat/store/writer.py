"""Write a store in three verbs: ``begin``, ``write_part`` (or ``keep_part``), ``finalise``.

Everything is made below ``STORE/.building``. A part is one partition of one feature: its shards are written aside,
synced, hashed and renamed, then its receipt is written; a part without a receipt never happened. ``finalise`` checks
that every part is there and moves the whole into place, the header last: until then a store does not open, and a store
that was finished before stays readable until the very end.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kemfeat.errors import StoreIncompleteError
from kemfeat.records import FeatureSpec
from kemfeat.store import disk, schema
from kemfeat.store.schema import FileReceipt, PartReceipt, RowFailure

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_TEMPLATE = "template.zarr"
_RECEIPTS = "receipts"
_COLUMNS = "columns"
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


def staging(store: Path) -> Path:
    """The folder in which a store is built."""
    return store / schema.BUILDING


def begin(
    store: Path, *, specs: Mapping[str, Sequence[FeatureSpec]], axes: Mapping[str, str], rows: int, rows_per_shard: int
) -> None:
    """Lay out the arrays of every feature; parts that are finished already stay.

    Parameters
    ----------
    store : folder of the store.
    specs : per feature the arrays it makes.
    axes : per feature its row axis.
    rows : length of the row axis.
    rows_per_shard : rows of one partition.
    """
    import zarr

    template = staging(store) / _TEMPLATE
    shutil.rmtree(template, ignore_errors=True)
    shutil.rmtree(staging(store) / _ASIDE, ignore_errors=True)
    zarr.create_group(zarr.storage.LocalStore(template), attributes={"kemfeat_format_version": schema.FORMAT_VERSION})
    for feature, arrays in specs.items():
        for spec in arrays:
            schema.create_array(template, feature, spec, axis=axes[feature], rows=rows, rows_per_shard=rows_per_shard)


def write_part(
    store: Path,
    part: Part,
    *,
    specs: Sequence[FeatureSpec],
    blocks: Mapping[str, NDArray[Any]],
    columns: pd.DataFrame,
    failures: Iterable[RowFailure],
) -> PartReceipt:
    """Commit one part: shards, then columns, then the receipt.

    Parameters
    ----------
    store : folder of the store.
    part : what is written.
    specs : the feature's arrays.
    blocks : per array its rows ``start`` to ``stop`` [shape=(stop - start, *spec.shape)].
    columns : the feature's columns of ``utterances``, one row for each of the part's.
    failures : rows that stand as missing.
    """
    with disk.writing(store):
        files = dict(_write_shard(store, part, spec, blocks[spec.name]) for spec in specs)
        return _commit(store, part, files=files, columns=columns, failures=tuple(failures))


def keep_part(store: Path, part: Part, *, receipt: PartReceipt, columns: pd.DataFrame) -> PartReceipt:
    """Take a part of the finished store over unchanged."""
    with disk.writing(store):
        for name in receipt.files:
            disk.link(disk.inside(store, name), disk.inside(staging(store), name))
        return _commit(store, part, files=receipt.files, columns=columns, failures=receipt.failures)


def finished_part(store: Path, part: Part) -> PartReceipt | None:
    """The receipt of a part that an interrupted build has finished, or None."""
    try:
        receipt = PartReceipt.model_validate_json(_receipt_path(store, part).read_bytes())
    except (OSError, ValueError):
        return None
    whole = receipt.key == part.key and files_present(staging(store), receipt.files)
    return receipt if whole and _columns_path(store, part).is_file() else None


def files_present(folder: Path, files: Mapping[str, FileReceipt]) -> bool:
    """Whether every file is there in its full size; what it holds is for ``verify``."""
    with contextlib.suppress(OSError):
        return all(disk.inside(folder, name).stat().st_size == receipt.bytes for name, receipt in files.items())
    return False


def read_columns(store: Path, parts: Iterable[Part]) -> pd.DataFrame:
    """The staged columns of one feature, over the parts in order."""
    import pandas as pd

    return pd.concat([pd.read_parquet(_columns_path(store, part)) for part in parts], ignore_index=True)


def receipts(store: Path, parts: Sequence[Part]) -> tuple[PartReceipt, ...]:
    """The receipts of all parts.

    Raises
    ------
    StoreIncompleteError
        Some part has none; the message lists the missing partitions by number.
    """
    found = [finished_part(store, part) for part in parts]
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
        whole = header.model_copy(update={"documents": {name: _settled(folder / name) for name in documents}})
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
    # A disk may keep renames out of order unless told to settle: the header must not outrun the rest.
    disk.fsync(store)
    (folder / _HEADER).replace(store / _HEADER)
    disk.fsync(store)
    shutil.rmtree(folder)
    return True


_ENTRIES = (
    schema.FEATURES,
    schema.SIGNALS,
    schema.RESOURCES,
    schema.UTTERANCES,
    schema.RATINGS,
    schema.SIGNAL_INDEX,
    schema.KEYS,
    schema.FAILURES,
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


def _settled(path: Path) -> FileReceipt:
    disk.fsync(path)
    return disk.receipt(path)


def _drop_strangers(folder: Path, named: set[str]) -> None:
    """Leave no staged file that the header does not name, and have every folder take the place of an older one."""
    for entry in (schema.FEATURES, schema.SIGNALS, schema.RESOURCES):
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
    import zarr

    name = schema.shard_path(part.feature, spec, part.partition)
    aside = staging(store) / _ASIDE / uuid.uuid4().hex
    aside.mkdir(parents=True)
    template = staging(store) / _TEMPLATE / part.feature / spec.name / "zarr.json"
    shutil.copyfile(template, aside / "zarr.json")
    # An all-fill chunk that is not written reads as missing, so every chunk is written.
    with zarr.config.set({"array.write_empty_chunks": True}):
        zarr.open_array(zarr.storage.LocalStore(aside), mode="r+")[part.start : part.stop] = block
    shard = aside / Path(name).relative_to(schema.array_path(part.feature, spec.name))
    receipt = _settled(shard)
    target = staging(store) / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shard.replace(target)
    disk.fsync(target.parent)
    shutil.rmtree(aside)
    return name, receipt


def _commit(
    store: Path,
    part: Part,
    *,
    files: dict[str, FileReceipt],
    columns: pd.DataFrame,
    failures: tuple[RowFailure, ...],
) -> PartReceipt:
    disk.write_table(_columns_path(store, part), columns)
    receipt = PartReceipt(
        feature=part.feature,
        partition=part.partition,
        start=part.start,
        stop=part.stop,
        key=part.key,
        files=files,
        failures=failures,
    )
    disk.write_bytes(_receipt_path(store, part), json.dumps(receipt.model_dump(mode="json")).encode())
    return receipt


def _columns_path(store: Path, part: Part) -> Path:
    return staging(store) / _COLUMNS / part.feature / f"{part.partition:06d}.parquet"


def _receipt_path(store: Path, part: Part) -> Path:
    return staging(store) / _RECEIPTS / part.feature / f"{part.partition:06d}.json"
