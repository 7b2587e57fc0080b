"""Names and shapes on disk: the only file that knows them. ``docs/store-format.md`` says the same in prose."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from kemfeat.config import BuildConfig, FrozenConfig, digest
from kemfeat.records import FeatureSpec

if TYPE_CHECKING:
    from zarr.codecs import BloscCodec

FORMAT_VERSION = 1

HEADER = "kemfeat.json"
UTTERANCES = "utterances.parquet"
RATINGS = "ratings.parquet"
SIGNALS = "signals"
SIGNAL_INDEX = "signal_index.parquet"
FEATURES = "features.zarr"
KEYS = "keys.parquet"
FAILURES = "failures.parquet"
STATISTICS = "statistics.parquet"
SOURCES = "sources.parquet"
RESOURCES = "resources"
TABLES = "tables"
FOLDERS = (FEATURES, SIGNALS, RESOURCES, TABLES)
README = "README.md"
CROISSANT = "croissant.json"
BUILDING = ".building"
LOCK = ".lock"
LOCK_OWNER = ".lock.json"

ANNOTATION = "annotation"
"""What stands for a feature in ``failures.parquet`` where the annotation itself could not be read."""

CHUNK_BYTES = 1 << 20
"""Inner chunks hold at most this many bytes before compression; see docs/decisions/0002-store-layout.md."""


class Stored(FrozenConfig):
    """Base of what ``kemfeat.json`` holds; members that a later kemfeat added are ignored, as the format demands."""

    model_config = ConfigDict(extra="ignore")


class FileReceipt(Stored):
    """What a finished file must be: its SHA-256 and its size in bytes."""

    sha256: str
    bytes: int


class RowFailure(Stored):
    """A row that could not be extracted and stands as an explicit missing row."""

    row: int
    error: str


class PartReceipt(Stored):
    """One finished partition of one feature: rows ``start`` to ``stop`` (exclusive) of its axis.

    ``key`` is the digest of the rows' keys and of the layout: the same key means the same bytes.
    """

    feature: str
    partition: int
    start: int
    stop: int
    key: str
    files: dict[str, FileReceipt]
    failures: tuple[RowFailure, ...] = ()


class SessionReceipt(Stored):
    """One session's parsed physiology; ``key`` is the digest of its source files and of the reader's version."""

    key: str
    file: FileReceipt


class ArrayInfo(Stored):
    """One array of ``features.zarr``."""

    feature: str
    axis: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    unit: str
    description: str
    max_abs_error: float = 0.0


class AxisInfo(Stored):
    """A row axis: how many rows, and the Parquet table with one row for each, in order.

    A table other than ``utterances.parquet`` has a column ``parent`` with the id of the utterance a row belongs to.
    """

    rows: int
    table: str


class Header(Stored):
    """``kemfeat.json``: what the store is and what every file in it must be.

    ``features`` gives the row axis of every feature; ``complete`` holds per feature one bit for each row of that axis.
    ``documents`` are the files that restate the others: the data card, the Zarr metadata, the list of sources.
    """

    format_version: int
    dataset: str
    config: BuildConfig
    config_digest: str
    manifest_fingerprint: str
    label_rule: str
    versions: dict[str, str]
    axes: dict[str, AxisInfo]
    features: dict[str, str]
    arrays: dict[str, ArrayInfo]
    parts: tuple[PartReceipt, ...]
    sessions: dict[str, SessionReceipt]
    tables: dict[str, FileReceipt]
    documents: dict[str, FileReceipt] = Field(default_factory=dict)
    complete: dict[str, Annotated[str, Field(pattern="^[0-9a-f]*$")]]
    annotation_faults: int = 0
    digest: str
    provenance: dict[str, Any]

    @property
    def synthetic(self) -> bool:
        """Whether the corpus was computer-generated, as far as its folder said so when the store was built."""
        return self.provenance.get("synthetic") is True

    @model_validator(mode="after")
    def _refers_to_itself(self) -> Self:
        """Every name that a member mentions is one that another member defines."""
        if "utterance" not in self.axes or not set(self.features.values()) <= set(self.axes):
            raise ValueError(f"features lie on axes {sorted(set(self.features.values()))}, found {sorted(self.axes)}")
        if set(self.complete) != set(self.features):
            raise ValueError(f"complete covers {sorted(self.complete)}, expected {sorted(self.features)}")
        for feature, axis in self.features.items():
            if len(self.complete[feature]) != 2 * math.ceil(self.axes[axis].rows / 8):
                raise ValueError(f"complete.{feature} has {len(self.complete[feature])} digits")
        for name, info in self.arrays.items():
            if self.features.get(info.feature) != info.axis or info.shape[:1] != (self.axes[info.axis].rows,):
                raise ValueError(f"arrays.{name} does not lie on the axis of its feature")
        return self


def store_digest(header: Header) -> str:
    """SHA-256 over what a store holds and how it was configured; never over time, host or command."""
    return digest(header.model_dump(mode="json", exclude=_NOT_IN_DIGEST))


_NOT_IN_DIGEST = {"versions", "documents", "digest", "provenance"}
"""What may differ between two stores of the same content."""


def files(header: Header) -> dict[str, FileReceipt]:
    """Every file that the header vouches for, by its path below the store."""
    named = header.tables | header.documents
    named |= {session_path(session): receipt.file for session, receipt in header.sessions.items()}
    return named | {name: receipt for part in header.parts for name, receipt in part.files.items()}


def array_path(feature: str, array: str) -> str:
    """Path of an array below the store."""
    return f"{FEATURES}/{feature}/{array}"


def table_path(name: str) -> str:
    """Path of the table of an axis that is not of utterances, or of a table that a feature makes, below the store."""
    return f"{TABLES}/{name}.parquet"


def session_path(session: str) -> str:
    """Path of a session's signals below the store."""
    return f"{SIGNALS}/{session}.parquet"


def shard_path(feature: str, spec: FeatureSpec, partition: int) -> str:
    """Path of a shard below the store: Zarr's default chunk key, one shard across all axes but the rows."""
    return f"{array_path(feature, spec.name)}/c/{partition}" + "/0" * len(spec.shape)


def chunk_rows(spec: FeatureSpec, rows_per_shard: int) -> int:
    """Rows of an inner chunk: the most that :data:`CHUNK_BYTES` hold and that divide a shard evenly."""
    import numpy as np

    row_bytes = np.dtype(spec.dtype).itemsize * math.prod(spec.shape)
    most = max(1, min(rows_per_shard, CHUNK_BYTES // row_bytes))
    return next(rows for rows in range(most, 0, -1) if rows_per_shard % rows == 0)


def create_array(features: Path, feature: str, spec: FeatureSpec, *, axis: str, rows: int, rows_per_shard: int) -> None:
    """Write the metadata of one array (no data) into the Zarr group of its feature; what was there is replaced."""
    import zarr
    from zarr.codecs import Crc32cCodec

    attributes: dict[str, Any] = {"units": spec.unit, "description": spec.description, "pad": _plain(spec.pad)}
    if spec.frame_rate is not None:
        attributes["frame_rate_hz"] = spec.frame_rate
    zarr.create_array(
        zarr.storage.LocalStore(features),
        name=f"{feature}/{spec.name}",
        shape=(rows, *spec.shape),
        shards=(rows_per_shard, *spec.shape),
        chunks=(chunk_rows(spec, rows_per_shard), *spec.shape),
        dtype=spec.dtype,
        fill_value=spec.fill,
        compressors=[_blosc(spec), Crc32cCodec()],
        dimension_names=(axis, *spec.dims),
        attributes=attributes,
        overwrite=True,
    )


def _blosc(spec: FeatureSpec) -> BloscCodec:
    """Zstandard over shuffled bytes; one block per chunk, as blosc's own small blocks compress padding badly."""
    import numpy as np
    from zarr.codecs import BloscCodec

    itemsize = np.dtype(spec.dtype).itemsize
    return BloscCodec(typesize=itemsize, cname="zstd", clevel=1, shuffle="shuffle", blocksize=CHUNK_BYTES)


def _plain(value: float | bool) -> float | int | bool | str:
    """JSON has no NaN."""
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def bitmap(complete: list[bool]) -> str:
    """Completeness of rows as hexadecimal text, most significant bit first: row 0 is the first bit."""
    import numpy as np

    return np.packbits(np.asarray(complete, dtype=bool)).tobytes().hex()


def read_bitmap(text: str, rows: int) -> list[bool]:
    """Inverse of :func:`bitmap`."""
    import numpy as np

    bits = np.unpackbits(np.frombuffer(bytes.fromhex(text), dtype=np.uint8), count=rows)
    return [bool(bit) for bit in bits]
