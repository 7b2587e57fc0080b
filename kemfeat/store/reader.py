"""Open a finished store, read-only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kemfeat.config import digest, suggest
from kemfeat.errors import ConfigError, StoreCorruptError
from kemfeat.labels import apply_rule
from kemfeat.paths import StrPath, to_path_or_none
from kemfeat.store import array_metadata, layout, schema
from kemfeat.store.address import Address, place
from kemfeat.store.header import read_header, store_of
from kemfeat.store.tables import StoreTables
from kemfeat.store.versions import find

if TYPE_CHECKING:
    import pandas as pd
    import zarr
    from numpy.typing import NDArray

    from kemfeat.store.chunks import ChunkReader
    from kemfeat.store.shard_files import ShardFiles
    from kemfeat.store.take import Selection


class Store(StoreTables):
    """A finished store; made by :func:`open_store`.

    Parameters
    ----------
    path : Path
        Absolute path of the folder of the store.
    header : Header
        Content of ``kemfeat.json``.
    folder : Path, optional
        Absolute path of the folder of the version, which has its files; where absent, the one that the header names.

    Examples
    --------
    >>> import kemfeat
    >>> store = kemfeat.open_store("stores/KEMDy20")
    >>> len(store), store.arrays[0]
    (36, 'mel')
    """

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

        folder, content, shards = self._opened(name)
        try:
            metadata = ArrayV3Metadata.from_dict(content)
        except (ValueError, TypeError, KeyError) as error:
            raise StoreCorruptError(f"{folder}: its metadata cannot be read ({error}); run `kemfeat verify`") from None
        return zarr.Array(zarr.AsyncArray(metadata, zarr.storage.StorePath(PinnedShards(folder, shards))))

    def take(
        self, rows: Selection, arrays: Sequence[str] = ("mel",), *, frames: int | None = None
    ) -> dict[str, NDArray[Any]]:
        """Rows of arrays, from anywhere in the store and in any order.

        Several threads decode them; a row costs the same wherever it is. To read one array in order, slices of
        :meth:`array` do as well.

        Parameters
        ----------
        rows : slice, or array_like of int, bool or str
            Numbers of rows (negative ones from the end), a slice, one boolean per row, or ids.
        arrays : sequence of str
            Names of arrays that have the same row axis.
        frames : int, >= 1, or None
            Elements of the first axis after the rows to keep; all of them where None.

        Returns
        -------
        dict of str to ndarray, shape (n, ...)
            Per array its rows in the order asked for, padding included.

        Raises
        ------
        ConfigError
            An array or a row does not exist, or the arrays have different row axes.
        StoreError
            The store is damaged, or was built again since it was opened.

        Examples
        --------
        >>> import kemfeat
        >>> store = kemfeat.open_store("stores/KEMDy20")
        >>> found = store.take([5, 0, 5], arrays=("mel", "mel_lengths"))
        >>> bool((found["mel"][0] == found["mel"][2]).all())
        True
        """
        from kemfeat.store.take import numbers_of, take

        if isinstance(arrays, str):
            raise ConfigError(f"arrays is the text {arrays!r}; expected a list of names, such as ({arrays!r},)")
        readers = {name: self.chunks(name) for name in arrays}
        axes = sorted({self.header.arrays[name].axis for name in readers})
        if len(axes) > 1:
            raise ConfigError(f"arrays have rows of {' and '.join(axes)}; take those of one axis at a time")
        return take(readers, numbers_of(rows, self.rows(axes[0])["id"]), frames=frames) if axes else {}

    @cached_property
    def _readers(self) -> dict[str, ChunkReader]:
        return {}

    def chunks(self, name: str) -> ChunkReader:
        """One array, row by row: what :meth:`take` reads from.

        Parameters
        ----------
        name : str
            Name of the array.

        Returns
        -------
        ChunkReader
            Opened for reading; nothing is read yet.

        Raises
        ------
        ConfigError, StoreError
            As for :meth:`array`.

        Examples
        --------
        >>> import kemfeat
        >>> import numpy as np
        >>> reader = kemfeat.open_store("stores/KEMDy20").chunks("mel_lengths")
        >>> len([int(length) for length in reader.rows(np.array([3, 4]))])
        2
        """
        from kemfeat.store.chunks import ChunkReader

        if name not in self._readers:
            _, content, shards = self._opened(name)
            self._readers[name] = ChunkReader(content, shards)
        return self._readers[name]

    def _opened(self, name: str) -> tuple[Path, dict[str, Any], ShardFiles]:
        """Folder, metadata and shards of an array."""
        from kemfeat.store.shard_files import ShardFiles

        if name not in self.header.arrays:
            raise ConfigError(f"{self.path}: no array {name!r}{suggest(name, self.arrays)}")
        info = self.header.arrays[name]
        path = schema.array_path(info.feature, name)
        self._version.check()
        folder = self.local(path)
        content = array_metadata.read_array(folder, info)
        self._version.check()
        receipts = self._shards(info.feature, f"{path}/")
        if self.remote is not None:
            from kemfeat.store.remote_shards import RemoteShards

            return folder, content, RemoteShards(self.remote, path, receipts)
        return folder, content, ShardFiles(folder, receipts, self._version.check)

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

    def feature_digests(self, features: Iterable[str]) -> dict[str, str]:
        """What the rows of features depend on: two stores that agree in it have the same rows.

        Parameters
        ----------
        features : iterable of str
            Names of features.

        Returns
        -------
        dict of str to str
            For each feature a digest over the keys of its rows, in the order of the utterances' ids.

        Raises
        ------
        ConfigError
            The store has no such feature.

        Examples
        --------
        >>> import kemfeat
        >>> list(kemfeat.open_store("stores/KEMDy20").feature_digests(["mel"]))
        ['mel']
        """
        order = self.utterances["id"].argsort().to_numpy()
        found = {}
        for name in features:
            if name not in self.header.features:
                raise ConfigError(f"{self.path}: no feature {name!r}{suggest(name, self.header.features)}")
            found[name] = digest(self.keys[name].iloc[order].tolist())
        return found

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
        return layout.read_bitmap(self.header.complete[feature], self.header.axes[axis].rows)


def open_store(path: StrPath, *, at: str | None = None, cache: StrPath | None = None, cache_gb: float = 50.0) -> Store:
    """Open a finished store for reading.

    Parameters
    ----------
    path : str or PathLike
        Folder of the store, or of one of its versions; or the address of a store: ``s3://BUCKET/STORE``, ``gs://``,
        ``az://``, ``https://HOST/STORE``, ``zip://FILE``, ``memory://``. Addresses other than ``zip://`` need the extra
        ``cloud``.
    at : str or None
        The version to open: its digest or the first digits of it; the current one where None.
    cache : str, PathLike or None
        Folder in which files behind an address are kept whole, for the next process too; None fetches shards in parts,
        whenever they are read.
    cache_gb : float [GB]
        Size that the shards in the cache may have; those fetched first go first.

    Returns
    -------
    Store
        This version of the store. It can be read on while the store is built again, for as long as the version is kept;
        after that, reading from it is an error.

    Raises
    ------
    StoreIncompleteError
        The folder is not a store, or its build was never finished; the message says how to resume.
    StoreError
        The store has had no version ``at``, or no longer keeps it; the message says how to make it again.
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
    folder = place(path)
    if isinstance(folder, Address):
        return _open_address(folder, at=at, cache=to_path_or_none(cache), cache_gb=cache_gb)
    if at is not None:
        found = Path(find(folder, at))
        return Store(folder, read_header(found), folder=found)
    if (store := store_of(folder)) != folder:
        return Store(store, read_header(folder), folder=folder)
    return Store(folder, read_header(folder))


def _open_address(address: Address, *, at: str | None, cache: Path | None, cache_gb: float) -> Store:
    from kemfeat.store.outside import refuse_in_store
    from kemfeat.store.remote import RemoteFiles
    from kemfeat.store.remote_versions import header_at, read_remote_header

    if cache is not None:
        refuse_in_store(cache)
    header, objects = header_at(address)
    below = header.folder or ""
    if at is not None:
        below = str(find(address, at)).removeprefix(address).strip("/")
        header = read_remote_header(address, objects, f"{below}/{schema.HEADER}".lstrip("/"))
    version = address / below if below else address
    return Store(address, header, remote=RemoteFiles(version, objects, below, header, cache=cache, cache_gb=cache_gb))
