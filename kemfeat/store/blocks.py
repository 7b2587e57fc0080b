"""Symmetric matrices larger than memory: square blocks of a Zarr array on disk, the upper triangle only.

A folder of blocks contains::

    matrix/zarr.json       the array, shape (n, n); its attributes say what the matrix is
    matrix/c/I/J           block I, J with I <= J: raw numbers, because distances hardly compress
    order.npy              row p of the array is row order[p] of the caller's matrix, so that similar rows share blocks
    done/I-J.json          SHA-256 and size of a finished block

A block without a receipt counts as not written. Several processes may write blocks at once, each one its own.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from kemfeat.arrays import AnyFloats, Indices
from kemfeat.errors import ConfigError, StoreCorruptError
from kemfeat.store import array_metadata, disk, schema, shards

if TYPE_CHECKING:
    import zarr

At = tuple[int, int]
"""A block by its row and column in the grid of blocks; the row is at most the column."""

BLOCK = 2048
"""Rows and columns of a block: 16 MB in float32, a few seconds of computation."""

_VERSION = 1
_MATRIX, _ORDER, _DONE = "matrix", "order.npy", "done"
_TYPES = ("float32", "float64")
_CODECS = [{"name": "bytes", "configuration": {"endian": "little"}}]


@dataclass(frozen=True, slots=True, eq=False)
class SymmetricBlocks:
    """A symmetric matrix in blocks; made by :func:`begin`, opened by :func:`open_blocks`.

    Parameters
    ----------
    path : Path
        Folder of the matrix.
    order : ndarray, shape (n,), int64
        For each row on disk, the row of the matrix that it is.
    dtype : {"float32", "float64"}
        Type of the numbers.
    block : int
        Rows and columns of a block.
    identity : mapping
        Everything that determines the numbers, as JSON.
    """

    path: Path
    order: Indices
    dtype: Literal["float32", "float64"]
    block: int
    identity: Mapping[str, Any]

    @property
    def all(self) -> list[At]:
        """Every block, the last ones first: where rows are sorted by size, these take longest."""
        count = -(-len(self.order) // self.block)
        return list(combinations_with_replacement(range(count), 2))[::-1]

    def rows(self, place: int) -> Indices:
        """The rows of the matrix in a row (or column) of the grid of blocks.

        Parameters
        ----------
        place : int
            Row or column in the grid, from 0.

        Returns
        -------
        ndarray, shape (m,), int64
            Rows of the matrix, in the order on disk.
        """
        return self.order[place * self.block : (place + 1) * self.block]

    def unfinished(self) -> list[At]:
        """The blocks that are still to be written: they have no receipt or do not match it.

        Returns
        -------
        list of tuple of int
            Row and column in the grid of each block.
        """
        return [at for at in self.all if not self._is_whole(at)]

    def write(self, at: At, values: AnyFloats) -> None:
        """Commit one block.

        Parameters
        ----------
        at : tuple of int
            Row and column in the grid.
        values : ndarray, shape (len(rows(at[0])), len(rows(at[1]))), float
            Numbers of the block.

        Raises
        ------
        ConfigError
            The values have another shape.
        StoreWriteError
            The disk is full, read-only, forbidden or broken.
        """
        expected = tuple(len(self.rows(place)) for place in at)
        if values.shape != expected or at[0] > at[1]:
            raise ConfigError(f"block {at} has shape {values.shape}; expected {expected}, on or above the diagonal")
        rows, columns = (slice(place * self.block, (place + 1) * self.block) for place in at)
        with disk.writing(self.path):
            self._receipt(at).unlink(missing_ok=True)
            self._set(rows, columns, values)
            disk.fsync(self._file(at))
            disk.write_json(self._receipt(at), disk.receipt(self._file(at)).model_dump())

    def read(self, at: At) -> AnyFloats:
        """One finished block.

        Parameters
        ----------
        at : tuple of int
            Row and column in the grid.

        Returns
        -------
        ndarray, shape (len(rows(at[0])), len(rows(at[1]))), float
            Numbers of the block.

        Raises
        ------
        StoreCorruptError
            The block was never finished, or its file is missing.
        """
        if not self._receipt(at).is_file() or not self._file(at).is_file():
            raise StoreCorruptError(
                f"{self._file(at)}: this block was never finished; run the same command again: it resumes"
            )
        rows, columns = (slice(place * self.block, (place + 1) * self.block) for place in at)
        return np.asarray(self._array("r")[rows, columns])

    def square(self, rows: ArrayLike) -> AnyFloats:
        """The part of the matrix between some of its rows.

        Parameters
        ----------
        rows : array_like, shape (m,), int
            Rows of the matrix, each one once.

        Returns
        -------
        ndarray, shape (m, m), float
            Numbers, in the order of ``rows``.

        Raises
        ------
        StoreCorruptError
            A block was never finished, or its file is missing.
        """
        wanted = np.argsort(self.order)[np.asarray(rows, np.int64)]
        place, within = np.divmod(wanted, self.block)
        found = np.empty((len(wanted), len(wanted)), self.dtype)
        touched = set(place.tolist())
        for at in self.all:
            if touched.issuperset(at):
                first, second = (np.flatnonzero(place == each) for each in at)
                part = self.read(at)[np.ix_(within[first], within[second])]
                found[np.ix_(first, second)] = part
                found[np.ix_(second, first)] = part.T
        return found

    def _is_whole(self, at: At) -> bool:
        try:
            receipt = schema.FileReceipt.model_validate_json(self._receipt(at).read_bytes())
            return disk.receipt(self._file(at)) == receipt
        except (OSError, ValueError):
            return False

    def _set(self, rows: slice, columns: slice, values: AnyFloats) -> None:
        with shards.every_chunk_written():
            array = self._array("r+")
        array[rows, columns] = values

    def _array(self, mode: Literal["r", "r+"]) -> zarr.Array[Any]:
        import zarr

        return zarr.open_array(
            zarr.storage.LocalStore(self.path / _MATRIX, read_only=mode == "r"), mode=mode, zarr_format=3
        )

    def _file(self, at: At) -> Path:
        return self.path / _MATRIX / "c" / str(at[0]) / str(at[1])

    def _receipt(self, at: At) -> Path:
        return self.path / _DONE / f"{at[0]}-{at[1]}.json"


def begin(
    path: Path, *, order: Sequence[int] | Indices, dtype: Literal["float32", "float64"], identity: Mapping[str, Any]
) -> SymmetricBlocks:
    """Lay out a matrix without blocks, or open the one that an earlier run began.

    Parameters
    ----------
    path : Path
        Folder of the matrix; made when absent.
    order : sequence of int, shape (n,)
        Every row of the matrix once, with similar rows side by side.
    dtype : {"float32", "float64"}
        Type of the numbers.
    identity : mapping
        Everything that determines the numbers, as JSON.

    Returns
    -------
    SymmetricBlocks
        The matrix; its blocks may be unfinished.

    Raises
    ------
    ConfigError
        ``order`` does not contain every row once.
    StoreCorruptError
        The folder contains another matrix, or none that can be read.
    StoreWriteError
        The disk refuses.
    """
    places = np.asarray(order, np.int64)
    if not np.array_equal(np.sort(places), np.arange(len(places))) or not len(places):
        raise ConfigError("blocks: order does not contain every row once")
    if not path.exists():
        with disk.writing(path):
            _lay_out(path, SymmetricBlocks(path, places, dtype, BLOCK, dict(identity)))
    blocks = open_blocks(path)
    if blocks.identity != dict(identity) or blocks.dtype != dtype or not np.array_equal(blocks.order, places):
        raise StoreCorruptError(
            f"{path}: contains a matrix of other series or settings; move this folder away, then run the same "
            "command again"
        )
    return blocks


def open_blocks(path: Path) -> SymmetricBlocks:
    """Open a matrix, finished or not.

    Parameters
    ----------
    path : Path
        Folder of the matrix.

    Returns
    -------
    SymmetricBlocks
        The matrix; its blocks may be unfinished.

    Raises
    ------
    StoreCorruptError
        There is no matrix, or it cannot be read.
    """
    import zarr

    try:
        told = array_metadata.read_json(path / _MATRIX)
        if told.get("data_type") not in _TYPES or told.get("codecs") != _CODECS or told.get("storage_transformers"):
            raise ValueError("another data type or other codecs than kemfeat writes")  # noqa: TRY301
        array = zarr.open_array(zarr.storage.LocalStore(path / _MATRIX, read_only=True), mode="r", zarr_format=3)
        order = np.load(path / _ORDER, allow_pickle=False)
        dtype: Literal["float32", "float64"] = "float32" if array.dtype == np.float32 else "float64"
        blocks = SymmetricBlocks(path, order, dtype, array.chunks[0], dict(array.attrs["identity"]))  # type: ignore[arg-type]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from None
    if array.attrs.get("kemfeat_blocks_version") != _VERSION or order.shape * 2 != array.shape:
        raise _unreadable(path, f"version {array.attrs.get('kemfeat_blocks_version')}, order of {order.shape}")
    return blocks


def _unreadable(path: Path, why: object) -> StoreCorruptError:
    return StoreCorruptError(
        f"{path}: is not a matrix in blocks that this kemfeat can read ({why}); move this folder away, "
        "then run the same command again"
    )


def _lay_out(path: Path, blocks: SymmetricBlocks) -> None:
    import zarr

    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.aside")
    n = len(blocks.order)
    try:
        zarr.create_array(
            zarr.storage.LocalStore(aside / _MATRIX),
            shape=(n, n),
            chunks=(blocks.block, blocks.block),
            dtype=blocks.dtype,
            fill_value=np.nan,
            compressors=None,
            attributes={"kemfeat_blocks_version": _VERSION, "identity": dict(blocks.identity)},
        )
        np.save(aside / _ORDER, blocks.order, allow_pickle=False)
        (aside / _DONE).mkdir()
        aside.replace(path)
        disk.fsync(path.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
