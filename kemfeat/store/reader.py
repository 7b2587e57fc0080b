"""Open a finished store, read-only."""

from __future__ import annotations

import json
from functools import cached_property
from hashlib import sha256
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kemfeat.config import expectation, suggest
from kemfeat.errors import ConfigError, StoreCorruptError, StoreError, StoreIncompleteError, StoreVersionError
from kemfeat.labels import apply_rule
from kemfeat.store import array_metadata, disk, schema

if TYPE_CHECKING:
    from typing import TypeAlias

    import pandas as pd
    import zarr

    StoredArray: TypeAlias = zarr.Array[Any]
    """What :meth:`Store.array` gives: slices of it are NumPy arrays."""


class Store:
    """A finished store; made by :func:`open_store`.

    Attributes
    ----------
    path : folder of the store.
    header : what ``kemfeat.json`` says.
    """

    def __init__(self, path: Path, header: schema.Header) -> None:
        self.path = path
        self.header = header
        self._tables: dict[str, pd.DataFrame] = {}
        self._version = _Version(path, header.digest)

    def __len__(self) -> int:
        return self.header.axes["utterance"].rows

    def __repr__(self) -> str:
        return f"<kemfeat.Store {self.dataset}: {len(self)} utterances, {', '.join(self.arrays)}; {self.digest[:12]}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(str(info.shape))}</td><td>{escape(info.dtype)}</td>"
            f"<td>{escape(info.unit)}</td><td>{escape(info.description)}</td></tr>"
            for name, info in self.header.arrays.items()
        )
        head = "<tr><th>array</th><th>shape</th><th>dtype</th><th>unit</th><th>description</th></tr>"
        return f"<p>{escape(repr(self))}</p><table>{head}{rows}</table>"

    @property
    def dataset(self) -> str:
        """Name of the corpus."""
        return self.header.dataset

    @property
    def digest(self) -> str:
        """SHA-256 over contents and configuration: the store's version."""
        return self.header.digest

    @property
    def synthetic(self) -> bool:
        """Whether the corpus was computer-generated, as far as its folder said so when the store was built.

        Examples
        --------
        >>> open_store("stores/KEMDy20").synthetic
        True
        """
        return self.header.synthetic

    @property
    def arrays(self) -> tuple[str, ...]:
        """Names of all arrays."""
        return tuple(self.header.arrays)

    @cached_property
    def utterances(self) -> pd.DataFrame:
        """One row per utterance; row i belongs to row i of every array on the ``utterance`` axis."""
        return self._table(schema.UTTERANCES)

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions that labels and votes of the corpus may name, in canonical order."""
        votes = "votes_"
        return tuple(name.removeprefix(votes) for name in map(str, self.utterances.columns) if name.startswith(votes))

    def rows(self, axis: str) -> pd.DataFrame:
        """The row table of an axis: row i belongs to row i of every array on it.

        An axis other than ``utterance`` has the columns id, parent (the utterance's id), number (among the rows of
        that utterance), speaker, session, start and end [s of its audio] before its own.

        Raises
        ------
        ConfigError
            The store has no such axis.
        """
        if axis not in self.header.axes:
            raise ConfigError(f"{self.path}: no axis {axis!r}{suggest(axis, self.header.axes)}")
        table = self.header.axes[axis].table
        return self.utterances if table == schema.UTTERANCES else self._cached(table)

    def owners(self, axis: str) -> pd.Series[str]:
        """The utterance of every row of an axis, by its id."""
        rows = self.rows(axis)
        return rows["parent"] if "parent" in rows else rows["id"]

    def table(self, name: str) -> pd.DataFrame:
        """A table that a feature has made, such as ``temporal_graph_edges``.

        Raises
        ------
        ConfigError
            The store has no such table; the message lists those it has.
        """
        axes = {axis.table for axis in self.header.axes.values()}
        paths = {Path(path).stem: path for path in self.header.tables if Path(path).parts[0] == schema.TABLES}
        made = {stem: path for stem, path in paths.items() if path not in axes}
        if name not in made:
            raise ConfigError(f"{self.path}: no table {name!r}{suggest(name, made)}")
        return self._cached(made[name])

    @cached_property
    def ratings(self) -> pd.DataFrame:
        """One row per utterance and rater: id, rater, rater_sex, emotion, valence, arousal."""
        return self._table(schema.RATINGS)

    @cached_property
    def failures(self) -> pd.DataFrame:
        """Rows that could not be extracted: id, feature, error."""
        return self._table(schema.FAILURES)

    @cached_property
    def statistics(self) -> pd.DataFrame:
        """Moments of the frames of arrays that have lengths, per partition, speaker and session.

        Columns: feature, array, partition, speaker, session, count [frames], mean and m2 (the sum of squared distances
        from the mean) per bin. :func:`kemfeat.stats.moments.merged` puts rows together.
        """
        return self._table(schema.STATISTICS)

    @cached_property
    def keys(self) -> pd.DataFrame:
        """Per feature (column) the key of every row: digest of its source, configuration and extractor version."""
        return self._table(schema.KEYS)

    @cached_property
    def sources(self) -> pd.DataFrame:
        """Every file of the corpus that the store was made of: path below the corpus, group, size, sha256 and more."""
        return self._table(schema.SOURCES)

    @cached_property
    def signal_index(self) -> pd.DataFrame:
        """Which utterance has what physiology: session, id, speaker, medium, samples, covered [s], start, digest."""
        return self._table(schema.SIGNAL_INDEX)

    def signals(self, session: str) -> pd.DataFrame:
        """Physiology of one session, one row per sample or beat, in file order.

        Raises
        ------
        ConfigError
            The store has no such session.
        """
        if session not in self.header.sessions:
            raise ConfigError(f"{self.path}: no session {session!r}{suggest(session, self.header.sessions)}")
        return self._table(f"{schema.SIGNALS}/{session}.parquet")

    def array(self, name: str) -> zarr.Array[Any]:
        """One array by its name, e.g. ``"mel"``; slices of it are NumPy arrays.

        Raises
        ------
        ConfigError
            The store has no such array; the message lists those it has.
        StoreCorruptError
            Its metadata are not what the header and the format say. Reading from the array raises it as well: where a
            shard is missing, is not what its receipt says, or belongs to another version of the store.
        """
        import zarr
        from zarr.core.metadata import ArrayV3Metadata

        from kemfeat.store.pinned import PinnedShards

        if name not in self.header.arrays:
            raise ConfigError(f"{self.path}: no array {name!r}{suggest(name, self.arrays)}")
        info = self.header.arrays[name]
        path = schema.array_path(info.feature, name)
        folder = disk.inside(self.path, path)
        self._version.check()
        content = array_metadata.read_array(folder, info)
        self._version.check()
        try:
            metadata = ArrayV3Metadata.from_dict(content)
        except (ValueError, TypeError, KeyError) as error:
            raise StoreCorruptError(f"{folder}: its metadata cannot be read ({error}); run `kemfeat verify`") from None
        shards = PinnedShards(folder, self._shards(info.feature, f"{path}/"), self._version.check)
        return zarr.Array(zarr.AsyncArray(metadata, zarr.storage.StorePath(shards)))

    def _shards(self, feature: str, prefix: str) -> dict[str, schema.FileReceipt]:
        """Receipts of the shards of an array, by Zarr's keys."""
        return {
            name.removeprefix(prefix): receipt
            for part in self.header.parts
            if part.feature == feature
            for name, receipt in part.files.items()
            if name.startswith(prefix)
        }

    def labels(self, rule: str = "annotated") -> pd.Series[Any]:
        """Emotion labels under a rule, None where the rule drops a row; see :func:`kemfeat.labels.apply_rule`."""
        return apply_rule(self.utterances, rule=rule)

    def complete_rows(self, feature: str) -> list[bool]:
        """Per row of its axis, whether the feature was extracted (a quarantined row was not)."""
        axis = self.header.features[feature]
        return schema.read_bitmap(self.header.complete[feature], self.header.axes[axis].rows)

    def _cached(self, name: str) -> pd.DataFrame:
        if name not in self._tables:
            self._tables[name] = self._table(name)
        return self._tables[name]

    def _table(self, name: str) -> pd.DataFrame:
        import pandas as pd

        receipt = self._receipts.get(name)
        try:
            content = disk.read_bytes(disk.inside(self.path, name))
            self._version.check()
            if receipt is None or len(content) != receipt.bytes or sha256(content).hexdigest() != receipt.sha256:
                raise StoreCorruptError(
                    f"{self.path}/{name}: is not what was written (its receipt in {schema.HEADER} differs); run "
                    "`kemfeat verify`, then the same build again"
                )
            return pd.read_parquet(BytesIO(content))
        except StoreError:
            raise
        except FileNotFoundError:
            self._version.check()
            raise StoreCorruptError(f"{self.path}: {name} is missing; run the same build again to restore it") from None
        except (OSError, ValueError) as error:
            raise StoreCorruptError(f"{self.path}/{name}: cannot be read ({error}); run `kemfeat verify`") from None

    @cached_property
    def _receipts(self) -> dict[str, schema.FileReceipt]:
        return schema.files(self.header)


class _Version:
    """Which version of a store was opened, and whether it still lies there."""

    def __init__(self, folder: Path, digest: str) -> None:
        self._folder = folder
        self._digest = digest
        self._seen: tuple[int, int, int] | None = None

    def check(self) -> None:
        """Raise unless the header on disk is that of the version that was opened.

        Raises
        ------
        StoreIncompleteError
            A build is putting another version in place, or the store has gone.
        StoreError
            Another version lies there.
        """
        try:
            found = (self._folder / schema.HEADER).stat()
        except OSError:
            raise StoreIncompleteError(
                f"{self._folder}: {schema.HEADER} has gone since the store was opened; open the store again when the "
                "build that runs on it has ended"
            ) from None
        seen = (found.st_ino, found.st_size, found.st_mtime_ns)
        if seen != self._seen:
            now = read_header(self._folder).digest
            if now != self._digest:
                raise StoreError(
                    f"{self._folder}: was built again since it was opened (version {self._digest[:12]} then, "
                    f"{now[:12]} now); open it again"
                )
            self._seen = seen


def open_store(path: str | Path) -> Store:
    """Open a finished store for reading.

    Raises
    ------
    StoreIncompleteError
        The folder is not a store, or its build was never finished; the message says how to resume.
    StoreVersionError
        Another format version wrote it.
    StoreCorruptError
        ``kemfeat.json`` is damaged.
    """
    folder = Path(path).absolute()
    return Store(folder, read_header(folder))


def read_header(folder: Path) -> schema.Header:
    """Read ``kemfeat.json``; raises as :func:`open_store` does."""
    try:
        text = (folder / schema.HEADER).read_text(encoding="utf-8")
        content = json.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        raise _not_open(folder) from None
    except OSError as error:
        raise StoreError(f"{folder / schema.HEADER}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise StoreCorruptError(f"{folder / schema.HEADER}: is not JSON; restore it or build the store again") from None
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != schema.FORMAT_VERSION:
        raise StoreVersionError(
            f"{folder}: format_version {version!r}; this kemfeat reads {schema.FORMAT_VERSION}; "
            "open it with the kemfeat that wrote it, or build it again with this one into another folder"
        )
    try:
        return schema.Header.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ": ".join([str(folder / schema.HEADER), *filter(None, [".".join(map(str, problem["loc"]))])])
        raise StoreCorruptError(f"{where}: {expectation(problem)}; restore it or build the store again") from None


def _not_open(folder: Path) -> StoreIncompleteError:
    if not folder.exists():
        return StoreIncompleteError(f"{folder}: there is no such folder; expected a store, as `kemfeat build` makes it")
    if (folder / schema.BUILDING).is_dir() or (folder / schema.FEATURES).is_dir():
        return StoreIncompleteError(
            f"{folder}: this store was never finished ({schema.HEADER} is not there); "
            f"run the same `kemfeat build ... --out {folder}` again: it resumes where it stopped"
        )
    return StoreIncompleteError(
        f"{folder}: is not a store ({schema.HEADER} is not there); expected a folder that `kemfeat build` has made"
    )
