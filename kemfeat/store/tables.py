"""The tables of a finished store, each checked against its receipt when it is read."""

from __future__ import annotations

from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from kemfeat.config import suggest
from kemfeat.errors import ConfigError, StoreCorruptError, StoreError
from kemfeat.store import disk, schema
from kemfeat.store.address import Address
from kemfeat.store.header import OpenedVersion, folder_of

if TYPE_CHECKING:
    import pandas as pd

    from kemfeat.store.remote import RemoteFiles


class StoreTables:
    """The tables of one version of a store; what a store has beside its arrays.

    Parameters
    ----------
    path : Path or Address
        Absolute path of the folder of the store, or its address.
    header : Header
        Content of ``kemfeat.json``.
    folder : Path, optional
        Absolute path of the folder of the version, which has its files; where absent, the one that the header names.
    remote : RemoteFiles, optional
        The files of the version, where they are behind an address.

    Attributes
    ----------
    path : Path or Address
        Where the store is.
    folder : Path
        Folder of the version; of one behind an address, of what has been fetched of it.
    remote : RemoteFiles or None
        The files of a version behind an address.
    """

    def __init__(
        self,
        path: Path | Address,
        header: schema.Header,
        *,
        folder: Path | None = None,
        remote: RemoteFiles | None = None,
    ) -> None:
        self.path = path
        self.header = header
        self.remote = remote
        self._tables: dict[str, pd.DataFrame] = {}
        self._version: OpenedVersion | RemoteFiles
        if remote is None:
            assert isinstance(path, Path)  # noqa: S101 - for the type checker: only addresses are remote
            self.folder = folder or folder_of(path, header)
            self._version = OpenedVersion(self.folder, header.digest)
        else:
            self.folder, self._version = remote.folder, remote

    @property
    def own_folder(self) -> Path:
        """The folder of the store on this machine, for what is written into it.

        Raises
        ------
        ConfigError
            The store is behind an address.

        Examples
        --------
        >>> import kemfeat
        >>> kemfeat.open_store("stores/KEMDy20").own_folder.name
        'KEMDy20'
        """
        if isinstance(self.path, Address):
            raise ConfigError(f"{self.path}: nothing is written there; choose a folder on this machine with --out")
        return self.path

    def local(self, name: str) -> Path:
        """A file of the store, or a folder without the shards in it, on this machine.

        Parameters
        ----------
        name : str
            Path below the version, with ``/``, such as ``"README.md"``.

        Returns
        -------
        Path
            The file itself; of a store behind an address, a copy that matches its receipt.

        Raises
        ------
        OSError
            It cannot be fetched.
        StoreCorruptError
            It leads out of the store, or does not match its receipt.

        Examples
        --------
        >>> import kemfeat
        >>> kemfeat.open_store("stores/KEMDy20").local("README.md").is_file()
        True
        """
        return disk.inside(self.folder, name) if self.remote is None else self.remote.local(name)

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
        >>> bool(mel["count"].sum() == store.utterances["mel_frames"].sum())
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

    def _cached(self, name: str) -> pd.DataFrame:
        if name not in self._tables:
            self._tables[name] = self._table(name)
        return self._tables[name]

    def _table(self, name: str) -> pd.DataFrame:
        import pandas as pd

        receipt = self._receipts.get(name)
        try:
            content = disk.read_bytes(self.local(name))
            self._version.check()
            if receipt is None or not receipt.fits(content):
                raise StoreCorruptError(
                    f"{self.path}/{name}: is not what was written (it differs from its receipt in {schema.HEADER}); "
                    "run `kemfeat verify`, then the same build again"
                )
            table = pd.read_parquet(BytesIO(content))
        except StoreError:
            raise
        except FileNotFoundError:
            self._version.check()
            raise StoreCorruptError(f"{self.path}: {name} is missing; run the same build again to restore it") from None
        except (OSError, ValueError) as error:
            raise StoreCorruptError(f"{self.path}/{name}: cannot be read ({error}); run `kemfeat verify`") from None
        rows = {axis.table: axis.rows for axis in self.header.axes.values()}
        rows[schema.KEYS] = rows[schema.UTTERANCES]
        if len(table) != rows.get(name, len(table)):
            raise StoreCorruptError(
                f"{self.path}/{name}: has {len(table)} rows, expected {rows[name]}, one for each row of its axis; "
                "copy the store again from its source, or run the same build with --force"
            )
        return table

    @cached_property
    def _receipts(self) -> dict[str, schema.FileReceipt]:
        return schema.files(self.header)
