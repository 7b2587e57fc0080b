"""Names and shapes on disk: the only module that knows them. ``docs/store-format.md`` describes them in prose."""

from __future__ import annotations

import builtins
import hashlib
import math
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from kemfeat.config import BuildConfig, FrozenConfig, digest
from kemfeat.records import FeatureSpec

FORMAT_VERSION = 2
READABLE_VERSIONS = (1, 2)

HEADER = "kemfeat.json"
VERSIONS = "versions"
CURRENT = "current"
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
ENTRIES = (
    *FOLDERS,
    UTTERANCES,
    RATINGS,
    SIGNAL_INDEX,
    KEYS,
    FAILURES,
    STATISTICS,
    SOURCES,
    README,
    CROISSANT,
)
"""What a version has, besides its header."""
BUILDING = ".building"
JOINING = "join.json"
"""A file in :data:`BUILDING` that says which join it belongs to, where it is one."""
LOCK = ".lock"
LOCK_OWNER = ".lock.json"

ANNOTATION = "annotation"
"""The value of ``feature`` in ``failures.parquet`` where the annotation itself could not be read."""


Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""SHA-256 as hexadecimal digits; the folders of versions and of what is fetched of them are named by it."""


class Stored(FrozenConfig):
    """Base of what ``kemfeat.json`` contains; members that a later kemfeat added are ignored, as the format demands."""

    model_config = ConfigDict(extra="ignore")


class FileReceipt(Stored):
    """What a finished file must be.

    Parameters
    ----------
    sha256 : str
        SHA-256 of its content, 64 hexadecimal digits.
    bytes : int
        Its size.
    """

    sha256: str
    bytes: int

    def fits(self, content: builtins.bytes) -> bool:
        """Whether a file of this content is the one that was written.

        Parameters
        ----------
        content : bytes
            All of the file.

        Returns
        -------
        bool
            False where its size or its hash differs.
        """
        return len(content) == self.bytes and hashlib.sha256(content).hexdigest() == self.sha256


class RowFailure(Stored):
    """A row that could not be extracted and is stored as an explicit missing row.

    Parameters
    ----------
    row : int
        Row of its axis, from 0.
    error : str
        Why it could not be extracted.
    """

    row: int
    error: str


class PartReceipt(Stored):
    """One finished partition of one feature.

    Parameters
    ----------
    feature : str
        Name of the feature.
    partition : int
        Number of the partition, from 0.
    start, stop : int
        Its rows on the axis of the feature, ``stop`` exclusive.
    key : str
        Digest of the keys of its rows and of the layout: equal keys mean equal bytes.
    files : mapping of str to FileReceipt
        Its shards, by path below the store.
    failures : tuple of RowFailure
        Its missing rows.
    """

    feature: str
    partition: int
    start: int
    stop: int
    key: str
    files: dict[str, FileReceipt]
    failures: tuple[RowFailure, ...] = ()


class SessionReceipt(Stored):
    """The parsed physiology of one session.

    Parameters
    ----------
    key : str
        Digest of its source files and of the version of the reader.
    file : FileReceipt
        Its file in ``signals``.
    """

    key: str
    file: FileReceipt


class ArrayInfo(Stored):
    """One array of ``features.zarr``.

    Parameters
    ----------
    feature : str
        Feature that makes the array.
    axis : str
        Its row axis, the first of ``dims``.
    dims : tuple of str
        Names of its axes.
    shape : tuple of int
        Sizes of its axes.
    dtype : str
        Name of its NumPy dtype.
    unit : str
        Unit of the values, ``"1"`` for none.
    description : str
        One line.
    max_abs_error : float
        Largest difference that storing the values in ``dtype`` made, in ``unit``.
    """

    feature: str
    axis: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    unit: str
    description: str
    max_abs_error: float = 0.0


class AxisInfo(Stored):
    """A row axis.

    Parameters
    ----------
    rows : int
        Number of its rows.
    table : str
        Parquet table with one row for each of them, in order. A table other than ``utterances.parquet`` has a column
        ``parent`` with the id of the utterance that a row belongs to.
    """

    rows: int
    table: str


class VersionRecord(Stored):
    """What is remembered of an earlier version, whether or not it is still kept.

    Parameters
    ----------
    digest : str
        Its digest.
    created : str
        When it was made, UTC, ISO 8601.
    command : str
        The command line that made it.
    kemfeat : str
        Version of kemfeat.
    config : BuildConfig
        Resolved configuration of the build.
    changes : tuple of str
        What had changed from the version before it.
    """

    digest: Digest
    created: str
    command: str
    kemfeat: str
    config: BuildConfig
    changes: tuple[str, ...] = ()


class Header(Stored):
    """``kemfeat.json``: what the store is and what every file in it must be.

    Parameters
    ----------
    format_version : int
        Version of the format.
    dataset : str
        Name of the corpus.
    config : BuildConfig
        Resolved configuration of the build.
    config_digest : str
        Digest of the configuration and of the versions of reader and extractors.
    manifest_fingerprint : str
        Digest of the annotation.
    label_rule : str
        Rule of the column ``emotion``.
    versions : mapping of str to str
        Versions of Python and of the libraries.
    axes : mapping of str to AxisInfo
        Row axes by name.
    features : mapping of str to str
        Row axis of each feature.
    arrays : mapping of str to ArrayInfo
        Arrays by name.
    parts : tuple of PartReceipt
        All partitions of all features.
    sessions : mapping of str to SessionReceipt
        Physiology by session.
    tables : mapping of str to FileReceipt
        Tables and resources, by path below the store.
    documents : mapping of str to FileReceipt
        Files that repeat what others contain: the data card, the Zarr metadata, the list of sources.
    complete : mapping of str to str
        For each feature, one bit per row of its axis; see :func:`bitmap`.
    annotation_faults : int
        Rows and cells of the annotation that could not be read.
    digest : str
        Version of the store; see :func:`store_digest`.
    provenance : mapping
        When, by which command and in how many seconds the store was made.
    folder : str or None
        Where everything else is, below the folder of the header; None where it is beside the header.
    changes : tuple of str
        What changed from the version before this one.
    history : tuple of VersionRecord
        Earlier versions, the latest first.
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
    digest: Digest
    provenance: dict[str, Any]
    folder: Annotated[str, Field(pattern=f"^{VERSIONS}/[0-9a-f]{{16}}(-[0-9]+)?$")] | None = None
    changes: tuple[str, ...] = ()
    history: tuple[VersionRecord, ...] = ()

    @property
    def synthetic(self) -> bool:
        """Whether the corpus was computer-generated, as far as its folder said so when the store was built."""
        return self.provenance.get("synthetic") is True

    @model_validator(mode="after")
    def _refers_to_itself(self) -> Self:
        """Refuse a header in which a member refers to a name that no other member defines."""
        if "utterance" not in self.axes or not set(self.features.values()) <= set(self.axes):
            raise ValueError(f"features are on axes {sorted(set(self.features.values()))}, found {sorted(self.axes)}")
        if set(self.complete) != set(self.features):
            raise ValueError(f"complete covers {sorted(self.complete)}, expected {sorted(self.features)}")
        for feature, axis in self.features.items():
            if len(self.complete[feature]) != 2 * math.ceil(self.axes[axis].rows / 8):
                raise ValueError(f"complete.{feature} has {len(self.complete[feature])} digits")
        for name, info in self.arrays.items():
            if self.features.get(info.feature) != info.axis or info.shape[:1] != (self.axes[info.axis].rows,):
                raise ValueError(f"arrays.{name} is not on the axis of its feature")
        return self


def store_digest(header: Header) -> str:
    """SHA-256 over the content and configuration of a store; never over time, host or command.

    Parameters
    ----------
    header : Header
        Header of the store; its ``digest`` is not used.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return digest(header.model_dump(mode="json", exclude=_NOT_IN_DIGEST))


_NOT_IN_DIGEST = {"versions", "documents", "digest", "provenance", "folder", "changes", "history"}
"""What may differ between two stores of the same content."""


def files(header: Header) -> dict[str, FileReceipt]:
    """Every file that the header lists.

    Parameters
    ----------
    header : Header
        Header of a store.

    Returns
    -------
    dict of str to FileReceipt
        Hash and size by path below the store.
    """
    named = header.tables | header.documents
    named |= {session_path(session): receipt.file for session, receipt in header.sessions.items()}
    return named | {name: receipt for part in header.parts for name, receipt in part.files.items()}


def array_path(feature: str, array: str) -> str:
    """Path of an array below the store.

    Parameters
    ----------
    feature, array : str
        Names of the feature and of the array.

    Returns
    -------
    str
        Path with ``/``.
    """
    return f"{FEATURES}/{feature}/{array}"


def table_path(name: str) -> str:
    """Path of the table of an axis other than ``utterance``, or of a table that a feature makes, below the store.

    Parameters
    ----------
    name : str
        Name of the axis or table.

    Returns
    -------
    str
        Path with ``/``.
    """
    return f"{TABLES}/{name}.parquet"


def session_path(session: str) -> str:
    """Path of the signals of a session below the store.

    Parameters
    ----------
    session : str
        Name of the session.

    Returns
    -------
    str
        Path with ``/``.
    """
    return f"{SIGNALS}/{session}.parquet"


def shard_path(feature: str, spec: FeatureSpec, partition: int) -> str:
    """Path of a shard below the store: Zarr's default chunk key; a shard spans all axes but the rows.

    Parameters
    ----------
    feature : str
        Name of the feature.
    spec : FeatureSpec
        Its array.
    partition : int
        Number of the partition, from 0.

    Returns
    -------
    str
        Path with ``/``.
    """
    return f"{array_path(feature, spec.name)}/c/{partition}" + "/0" * len(spec.shape)
