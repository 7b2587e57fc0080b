"""Open a finished store, read-only."""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kemfeat.config import suggest
from kemfeat.errors import ConfigError, StoreCorruptError, StoreError
from kemfeat.labels import apply_rule
from kemfeat.store import array_metadata, disk, schema
from kemfeat.store.header import OpenedVersion, read_header

if TYPE_CHECKING:
    from typing import TypeAlias

    import pandas as pd
    import zarr

    StoredArray: TypeAlias = zarr.Array[Any]
    """What :meth:`Store.array` gives: slices of it are NumPy arrays."""


class Store:
    """A finished store; made by :func:`open_store`.

    Parameters
    ----------
    path : Path
        Absolute path of its folder.
    header : Header
        Content of ``kemfeat.json``.

    Examples
    --------
    >>> import kemfeat
    >>> store = kemfeat.open_store("stores/KEMDy20")
    >>> len(store), store.arrays[0]
    (36, 'mel')
    """

    def __init__(self, path: Path, header: schema.Header) -> None:
        self.path = path
        self.header = header
        self._tables: dict[str, pd.DataFrame] = {}
        self._version = OpenedVersion(path, header.digest)

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
        """Name of the corpus.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> store.dataset
        'KEMDy20'
        """
        return self.header.dataset

    @property
    def digest(self) -> str:
        """SHA-256 over content and configuration: the version of the store.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> len(store.digest)
        64
        """
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
        """Names of all arrays.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> "mel" in store.arrays
        True
        """
        return tuple(self.header.arrays)

    @cached_property
    def utterances(self) -> pd.DataFrame:
        """One row per utterance; row i belongs to row i of every array on the axis ``utterance``.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> store.utterances["id"].is_unique
        True
        """
        return self._table(schema.UTTERANCES)

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions that labels and votes of the corpus may have, in canonical order.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> "angry" in store.emotions
        True
        """
        votes = "votes_"
        return tuple(name.removeprefix(votes) for name in map(str, self.utterances.columns) if name.startswith(votes))

    def rows(self, axis: str) -> pd.DataFrame:
        """The table of an axis: row i belongs to row i of every array on it.

        The table of an axis other than ``utterance`` begins with the columns id, parent (the id of the utterance),
        number (among the rows of that utterance), speaker, session, start and end [s, in its audio].

        Parameters
        ----------
        axis : str
            Name of the axis.

        Returns
        -------
        DataFrame
            One row per row of the axis.

        Raises
        ------
        ConfigError
            The store has no such axis.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> store.rows("utterance").shape[0]
        36
        """
        if axis not in self.header.axes:
            raise ConfigError(f"{self.path}: no axis {axis!r}{suggest(axis, self.header.axes)}")
        table = self.header.axes[axis].table
        return self.utterances if table == schema.UTTERANCES else self._cached(table)

    def owners(self, axis: str) -> pd.Series[str]:
        """The id of the utterance that each row of an axis belongs to.

        Parameters
        ----------
        axis : str
            Name of the axis.

        Returns
        -------
        Series of str
            One id per row of the axis.

        Raises
        ------
        ConfigError
            The store has no such axis.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> store.owners("utterance").equals(store.utterances["id"])
        True
        """
        rows = self.rows(axis)
        return rows["parent"] if "parent" in rows else rows["id"]

    def table(self, name: str) -> pd.DataFrame:
        """A table that a feature made, such as ``temporal_graph_edges``.

        Parameters
        ----------
        name : str
            Name of the table.

        Returns
        -------
        DataFrame
            As the feature describes it.

        Raises
        ------
        ConfigError
            The store has no such table; the message lists those it has.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> try:
        ...     store.table("temporal_graph_edges")
        ... except kemfeat.KemfeatError as error:
        ...     print("no table" in str(error))
        True
        """
        axes = {axis.table for axis in self.header.axes.values()}
        paths = {Path(path).stem: path for path in self.header.tables if Path(path).parts[0] == schema.TABLES}
        made = {stem: path for stem, path in paths.items() if path not in axes}
        if name not in made:
            raise ConfigError(f"{self.path}: no table {name!r}{suggest(name, made)}")
        return self._cached(made[name])

    @cached_property
    def ratings(self) -> pd.DataFrame:
        """One row per utterance and rater: id, rater, rater_sex, emotion, valence, arousal.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> store.ratings["id"].nunique()
        36
        """
        return self._table(schema.RATINGS)

    @cached_property
    def failures(self) -> pd.DataFrame:
        """Rows that could not be extracted: id, feature, error.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> len(store.failures)
        0
        """
        return self._table(schema.FAILURES)

    @cached_property
    def statistics(self) -> pd.DataFrame:
        """Moments of the frames of arrays that have lengths, per partition, speaker and session.

        Columns: feature, array, partition, speaker, session, count [frames], mean and m2 (the sum of squared distances
        from the mean) per bin. :func:`kemfeat.stats.moments.merged` merges rows.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> mel = store.statistics[store.statistics["array"] == "mel"]
        >>> mel["count"].sum() == store.utterances["mel_frames"].sum()
        True
        """
        return self._table(schema.STATISTICS)

    @cached_property
    def keys(self) -> pd.DataFrame:
        """For each feature (column) the key of every row: digest of its source, configuration and extractor version.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> store.keys.shape[0]
        36
        """
        return self._table(schema.KEYS)

    @cached_property
    def sources(self) -> pd.DataFrame:
        """Every file of the corpus that the store was made from: path below the corpus, group, size, sha256 and more.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> int((store.sources["group"] == "audio").sum())
        36
        """
        return self._table(schema.SOURCES)

    @cached_property
    def signal_index(self) -> pd.DataFrame:
        """Physiology of each utterance: session, id, speaker, medium, samples, covered [s], start, digest.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> "eda" in set(store.signal_index["medium"])
        True
        """
        return self._table(schema.SIGNAL_INDEX)

    def signals(self, session: str) -> pd.DataFrame:
        """Physiology of one session, in the order of its files.

        Parameters
        ----------
        session : str
            Name of the session.

        Returns
        -------
        DataFrame
            One row per sample or beat.

        Raises
        ------
        ConfigError
            The store has no such session.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> set(store.signals("Sess01")["medium"]) <= {"eda", "temp", "ibi"}
        True
        """
        if session not in self.header.sessions:
            raise ConfigError(f"{self.path}: no session {session!r}{suggest(session, self.header.sessions)}")
        return self._table(f"{schema.SIGNALS}/{session}.parquet")

    def array(self, name: str) -> zarr.Array[Any]:
        """One array; slices of it are NumPy arrays.

        Parameters
        ----------
        name : str
            Name of the array, e.g. ``"mel"``.

        Returns
        -------
        zarr.Array
            Opened for reading; nothing is read yet.

        Raises
        ------
        ConfigError
            The store has no such array; the message lists those it has.
        StoreCorruptError
            Its metadata do not match the header or the format. Reading from the array raises it too, where a shard is
            missing or does not match its receipt.
        StoreError
            The store was built again since it was opened; reading from the array raises it too.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> mel = store.array("mel")
        >>> mel[0].shape == mel.shape[1:]
        True
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
        """Emotion labels under a rule.

        Parameters
        ----------
        rule : str
            Name of a rule; see :func:`kemfeat.labels.apply_rule`.

        Returns
        -------
        Series of str
            One label per utterance; None where the rule drops it.

        Raises
        ------
        ConfigError
            There is no such rule.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> len(store.labels("annotated"))
        36
        """
        return apply_rule(self.utterances, rule=rule)

    def complete_rows(self, feature: str) -> list[bool]:
        """Which rows of a feature were extracted; the others are missing, see :attr:`failures`.

        Parameters
        ----------
        feature : str
            Name of the feature.

        Returns
        -------
        list of bool
            One per row of the axis of the feature.

        Raises
        ------
        KeyError
            The store has no such feature.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> all(store.complete_rows("mel"))
        True
        """
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
                    f"{self.path}/{name}: is not what was written (it differs from its receipt in {schema.HEADER}); "
                    "run `kemfeat verify`, then the same build again"
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


def open_store(path: str | Path) -> Store:
    """Open a finished store for reading.

    Parameters
    ----------
    path : str or Path
        Folder of the store.

    Returns
    -------
    Store
        This version of the store: after a later build into the same folder, reading from it is an error.

    Raises
    ------
    StoreIncompleteError
        The folder is not a store, or its build was never finished; the message says how to resume.
    StoreVersionError
        The store has another format version.
    StoreCorruptError
        ``kemfeat.json`` is damaged.

    Examples
    --------
    >>> import kemfeat
    >>> kemfeat.open_store("stores/KEMDy20").dataset
    'KEMDy20'
    """
    folder = Path(path).absolute()
    return Store(folder, read_header(folder))
