"""The arrays of a finished store."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kemfeat.config import suggest
from kemfeat.errors import ConfigError, StoreCorruptError
from kemfeat.store import array_metadata, layout, schema
from kemfeat.store.tables import StoreTables

if TYPE_CHECKING:
    import zarr
    from numpy.typing import NDArray

    from kemfeat.store.chunks import ChunkReader
    from kemfeat.store.shard_files import ShardFiles
    from kemfeat.store.stored_array import StoredArray
    from kemfeat.store.take import Selection


class StoreArrays(StoreTables):
    """The arrays of one version of a store.

    A store is indexed by their names: ``store["mel"]``, ``"mel" in store``. It has the length of its table of
    utterances, and is not iterated over.
    """

    __iter__ = None

    def __len__(self) -> int:
        return self.header.axes["utterance"].rows

    def __getitem__(self, name: str) -> StoredArray:
        from kemfeat.store.stored_array import StoredArray

        if not isinstance(name, str):
            raise ConfigError(
                f"{self.path}: found [{name!r}], expected the name of an array, such as ['mel']; one utterance is "
                "store.utterance(ID), rows by number are store.take(ROWS)"
            )
        array = self.array(name)
        return StoredArray(name, self.header.arrays[name], array)

    def __contains__(self, name: object) -> bool:
        return name in self.header.arrays

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.header.arrays)

    @property
    def synthetic(self) -> bool:
        """Whether the corpus was computer-generated, as far as its folder said so when the store was built.

        Examples
        --------
        >>> import kemfeat
        >>> kemfeat.open_store("stores/KEMDy20").synthetic
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
