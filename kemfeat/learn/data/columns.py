"""Which arrays of a store go into a batch, and how they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from kemfeat.config import suggest
from kemfeat.errors import AnalysisError, ConfigError, StoreCorruptError
from kemfeat.records import beside, stem, underscored

if TYPE_CHECKING:
    from kemfeat.store.chunks import Chunk, ChunkReader
    from kemfeat.store.reader import Store

ARRAYS: Mapping[str, tuple[str, ...]] = {
    "mel": ("mel",),
    "delta": ("delta",),
    "tokens": ("input_ids", "attention_mask"),
    "eda": ("eda", "eda_mask"),
    "temp": ("temp", "temp_mask"),
    "ibi": ("ibi", "ibi_mask"),
}
"""The arrays of the features that have fields of their own in a batch."""

CHANNELS = ("mel", "delta")
"""The arrays that become channels of ``Batch.mel``: ragged, stored without their padding."""

_DTYPES = {"input_ids": torch.int64, "attention_mask": torch.int64}


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """One array of a store.

    Parameters
    ----------
    name : str
        Name of the array, and of the field of a batch unless it is a channel.
    feature : str
        Feature that it belongs to.
    shape : tuple of int
        Shape of a stored row.
    pad : float
        Padding after the real elements of a row.
    lengths : ndarray, shape (rows,), int64, or None
        Real elements of every row of the axis; None where rows are taken as they are stored.
    array : ChunkReader or ndarray
        The array itself.
    rows_per_shard : int
        Rows that are stored together.
    """

    name: str
    feature: str
    shape: tuple[int, ...]
    pad: float
    lengths: NDArray[np.int64] | None
    array: ChunkReader | NDArray[Any]
    rows_per_shard: int

    @property
    def stored(self) -> torch.dtype:
        """Type on disk and in the packed tensors."""
        return torch.from_numpy(np.empty(0, self.array.dtype)).dtype

    @property
    def dtype(self) -> torch.dtype:
        """Type in a batch."""
        if not self.has_field:
            return torch.float32 if self.stored.is_floating_point else self.stored
        return torch.bool if self.stored is torch.bool else _DTYPES.get(self.name, torch.float32)

    @property
    def has_field(self) -> bool:
        """Whether a batch has a field for it; otherwise it is one of ``Batch.arrays``."""
        return self.name in ARRAYS.get(self.feature, ())

    @property
    def is_channel(self) -> bool:
        """Whether it is a channel of ``Batch.mel``."""
        return self.has_field and self.name in CHANNELS

    @property
    def waits(self) -> bool:
        """Whether reading is mostly waiting for a server."""
        return not isinstance(self.array, np.ndarray) and self.array.waits

    def fetch(self, rows: NDArray[np.int64]) -> tuple[Chunk, ...]:
        """Read rows of the store without decoding them, where that :attr:`waits`.

        Parameters
        ----------
        rows : ndarray, shape (n,), int64
            Sorted and unique.

        Returns
        -------
        tuple of Chunk
            For :meth:`read`.

        Raises
        ------
        StoreError
            As for :meth:`read`.
        """
        assert not isinstance(self.array, np.ndarray)  # noqa: S101 - what is in memory does not wait
        return self.array.fetch(rows)

    def read(self, rows: NDArray[np.int64], fetched: tuple[Chunk, ...] | None = None) -> Iterator[NDArray[Any]]:
        """Read rows of the store.

        Parameters
        ----------
        rows : ndarray, shape (n,), int64
            Sorted and unique.
        fetched : tuple of Chunk, optional
            What :meth:`fetch` read of them.

        Yields
        ------
        ndarray
            One row, to be used before the next one is asked for.

        Raises
        ------
        StoreCorruptError
            They cannot be read: a shard is missing, or is not what was written.
        """
        if not isinstance(self.array, np.ndarray):
            yield from self.array.rows(rows, fetched)
            return
        try:
            yield from np.asarray(self.array[rows])
        except (OSError, ValueError) as error:
            raise self._corrupt(f"rows {rows[0]} to {rows[-1]} cannot be read ({error})") from None

    def _corrupt(self, what: str) -> StoreCorruptError:
        return StoreCorruptError(f"array {self.name}: {what}; run `kemfeat verify` on the store, then build it again")


def columns_of(
    store: Store,
    media: Sequence[str] | None,
    *,
    arrays: Sequence[str] | None = None,
    axis: str,
    frames: int | None,
) -> tuple[Column, ...]:
    """The columns of some features, or some columns by name.

    Parameters
    ----------
    store : Store
        The store.
    media : sequence of str or None
        Features of that axis; None takes those with fields of their own in a batch that the store has, mel among them,
        or all of them on an axis other than ``utterance``.
    arrays : sequence of str or None
        Arrays of that axis, in place of ``media``.
    axis : str
        What the rows are.
    frames : int or None
        Frames of mel after so many are left out.

    Returns
    -------
    tuple of Column
        One per array.

    Raises
    ------
    ConfigError
        A name is unknown, delta is asked for without mel, or both ``media`` and ``arrays`` are given.
    AnalysisError
        The store lacks a feature, or has it on another axis or in another shape than a batch needs; or nothing was
        chosen and it has no mel.
    """
    for option, given in (("media", media), ("arrays", arrays)):
        if isinstance(given, str):
            raise ConfigError(f"{option} is the text {given!r}; expected a list of names, such as ({given!r},)")
    if arrays is not None and media is not None:
        raise ConfigError("media and arrays are both given; expected features in media, or single arrays in arrays")
    names = _of_media(store, media, axis) if arrays is None else _of_names(store, arrays, axis)
    columns = tuple(_column(store, name, axis, frames) for name in names)
    if any(column.is_channel for column in columns) and "mel" not in names:
        option = "media" if arrays is None else "arrays"
        raise ConfigError(f"{option}: delta is the second channel of mel and cannot be used alone; add 'mel'")
    if len({column.shape[1:] for column in columns if column.is_channel}) > 1:
        raise AnalysisError(
            f"{store.path}: mel and delta have different numbers of bands, expected the same; build both again from "
            "one configuration"
        )
    return columns


def _place(feature: str) -> tuple[int, str]:
    """Mel before delta, and features without fields of their own last."""
    return (list(ARRAYS).index(feature), "") if feature in ARRAYS else (len(ARRAYS), feature)


def _of_media(store: Store, media: Sequence[str] | None, axis: str) -> list[str]:
    chosen = _known(store, axis) if media is None else tuple(map(underscored, media))
    return [name for feature in sorted(set(chosen), key=_place) for name in _arrays(store, feature, axis)]


def _of_names(store: Store, arrays: Sequence[str], axis: str) -> list[str]:
    """Those arrays, each once, in the order in which their features would be."""
    there = {name: info for name, info in store.header.arrays.items() if info.axis == axis}
    for name in arrays:
        if name not in there:
            raise AnalysisError(
                f"{store.path}: the store has no array {name!r} with a row per {axis}{suggest(name, there)} (it has "
                f"{_listed(there)})"
            )
    return sorted(set(arrays), key=lambda name: (_place(there[name].feature), name))


def _known(store: Store, axis: str) -> tuple[str, ...]:
    """Features that the store has."""
    if axis != "utterance":
        return tuple(name for name in sorted(store.header.features) if store.header.features[name] == axis)
    there = tuple(name for name, arrays in ARRAYS.items() if set(arrays) <= set(store.arrays))
    if "mel" not in there:
        known = {name: of for name, of in store.header.features.items() if of == axis}
        raise AnalysisError(
            f"{store.path}: the store has no mel with a row per {axis}, so say what batches are to have: media, among "
            f"{_listed(known)}; or arrays, among "
            f"{_listed(name for name, info in store.header.arrays.items() if info.axis == axis)}"
        )
    return there


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _arrays(store: Store, feature: str, axis: str) -> tuple[str, ...]:
    """The arrays of a feature, without the lengths of ragged ones; none where it made tables alone."""
    known = store.header.features
    if feature not in ARRAYS and feature not in known:
        raise ConfigError(f"media: {feature!r} is not a feature of this store{suggest(feature, {*ARRAYS, *known})}")
    if known.get(feature, axis) != axis:
        raise AnalysisError(
            f"media: {feature!r} has a row per {known[feature]}, and these are rows of the axis {axis!r}; pass "
            f"axis={known[feature]!r}, or features that have a row per {axis}"
        )
    if feature in ARRAYS:
        return ARRAYS[feature]
    names = (name for name, info in store.header.arrays.items() if (info.feature, info.axis) == (feature, axis))
    return tuple(sorted(name for name in names if not stem(name).endswith("_lengths")))


def _column(store: Store, name: str, axis: str, frames: int | None) -> Column:
    info = store.header.arrays.get(name)
    if info is None or info.axis != axis:
        raise AnalysisError(
            f"{store.path}: the store has no array {name} with a row per {axis} (it has {_listed(store.arrays)}); "
            "build it with that feature, or leave the feature out of media"
        )
    array = store.chunks(name)
    lengths = lengths_of(store, name) if _is_ragged(store, name, info.feature) else None
    if lengths is not None and frames is not None and name in CHANNELS:
        lengths = np.minimum(lengths, frames)
    return Column(
        name=name,
        feature=info.feature,
        shape=info.shape[1:],
        pad=array.pad,
        lengths=lengths,
        array=array,
        rows_per_shard=array.rows_per_shard,
    )


def _is_ragged(store: Store, name: str, feature: str) -> bool:
    """Whether padding is stripped: of mel and delta, and of whatever has lengths and no field of its own."""
    return name in CHANNELS or (feature not in ARRAYS and beside(name, "_lengths") in store.arrays)


def is_ragged(store: Store, media: Sequence[str], *, axis: str) -> bool:
    """Whether one of some features has a ragged array.

    Parameters
    ----------
    store : Store
        The store.
    media : sequence of str
        Features of the store.
    axis : str
        What the rows are.

    Returns
    -------
    bool
        Whether batches of similar length can be made.
    """
    return any(_is_ragged(store, name, feature) for feature in media for name in _arrays(store, feature, axis))


def lengths_of(store: Store, name: str) -> NDArray[np.int64]:
    """The real elements of every row of a ragged array, as counted in the store.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the array.

    Returns
    -------
    ndarray, shape (rows,), int64
        Lengths.

    Raises
    ------
    AnalysisError
        The store does not have them.
    StoreCorruptError
        A length is negative or more than the array has.
    """
    of_rows = beside(name, "_lengths")
    if of_rows not in store.arrays:
        raise AnalysisError(
            f"{store.path}: the store has no array {of_rows}, so the ends of {name} are unknown; build it again "
            "with this kemfeat"
        )
    lengths: NDArray[np.int64] = np.asarray(store.array(of_rows)[:]).astype(np.int64)
    most = store.header.arrays[name].shape[1]
    if lengths.min(initial=0) < 0 or lengths.max(initial=0) > most:
        raise StoreCorruptError(f"{store.path}: {of_rows} are not all from 0 to {most}; run `kemfeat verify`")
    return lengths
