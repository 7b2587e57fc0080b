"""A store as a map-style dataset: rows by number, read from disk when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kemfeat.config import check_integer
from kemfeat.errors import ConfigError, StoreCorruptError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.data.collate import HostCollator
from kemfeat.learn.data.columns import columns_of
from kemfeat.learn.data.packed import on_host
from kemfeat.learn.data.row_metadata import checked_copies, checked_rows, row_metadata_of
from kemfeat.learn.data.side_store import SideStore
from kemfeat.learn.data.stream import read_all

if TYPE_CHECKING:
    from kemfeat.store.reader import Store


class StoreDataset:
    """Rows of a finished store, for :class:`torch.utils.data.DataLoader` or to look at.

    All rows given stay in the dataset, also those whose features could not be extracted (see ``complete``) and those
    without a label. ``DataLoader(dataset, batch_size=32, collate_fn=collate)`` yields batches; worker processes must be
    spawned (``multiprocessing_context="spawn"``), as a forked one may wait forever. For training use
    :class:`~kemfeat.learn.data.loader.StoreLoader`, which does not read every row again in every epoch.

    Parameters
    ----------
    store : Store
        A finished store.
    rows : array of int, shape (n,), or None
        Rows of the store, in the order of the dataset; a row may occur several times. None takes all.
    media : sequence of str or None
        Features of the axis. None takes those of ``mel delta tokens eda temp ibi`` that the store has, if mel is among
        them, or, on an axis other than ``utterance``, all.
    arrays : sequence of str or None
        Single arrays of the axis by name, in place of ``media``.
    emotions : sequence of str or None
        Name of each class; any other label counts as none. None takes the usual classes of the corpus: five for KEMDy,
        four for IEMOCAP, otherwise all emotions of the corpus.
    labels : str or None
        Label rule, see :meth:`~kemfeat.store.reader.Store.labels`; None takes that of the corpus.
    frames : int or None
        Cut and pad mel to so many frames; None pads to the longest row of a batch.
    copies : array of int, shape (n,), or None
        Copy number of each row, for augmentation; None makes all of them originals.
    axis : {"utterance", "clip", "tick"}
        What the rows are. Labels of clips and ticks are those of their utterances.
    side : SideStore or None
        Embeddings of the same rows, which become ``Batch.arrays["embedding"]``.

    Attributes
    ----------
    store : Store
        The store.
    rows, copies : ndarray, shape (n,), int64
        As above.

    Raises
    ------
    ConfigError
        A row, feature, emotion, rule or number is not valid.
    AnalysisError
        The store lacks a feature or an array, or has no mel and nothing was chosen.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.learn import StoreDataset
    >>> store = kemfeat.open_store("stores/KEMDy20")
    >>> StoreDataset(store, media=("mel",))[0].mel.shape
    torch.Size([1, 1, 512, 128])
    """

    def __init__(
        self,
        store: Store,
        rows: ArrayLike | None = None,
        *,
        media: Sequence[str] | None = None,
        arrays: Sequence[str] | None = None,
        emotions: Sequence[str] | None = None,
        labels: str | None = None,
        frames: int | None = None,
        copies: ArrayLike | None = None,
        axis: str = "utterance",
        side: SideStore | None = None,
    ) -> None:
        if frames is not None:
            check_integer("frames", frames, least=1)
        self.store = store
        self.axis = axis
        self.rows = checked_rows(store, rows, axis=axis)
        self.copies = checked_copies(copies, rows=len(self.rows))
        self.frames = frames
        self.side = side
        self.columns = columns_of(store, media, arrays=arrays, axis=axis, frames=frames)
        if side is not None:
            self.columns += (side.column,)
        self.facts = row_metadata_of(
            store, self.rows, self.copies, self.columns, axis=axis, emotions=emotions, labels=labels
        )
        self._process = os.getpid()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Batch:
        """A batch of one row."""
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """One batch of several rows, padded to the longest of them."""
        self.check_readable()
        everything = range(len(self))
        places = np.array([everything[index] for index in indices], np.int64)
        packed = read_all(
            self.columns, self.rows[places], rows_per_shard=self.rows_per_shard, allocate=_on_host, threads=1
        )
        collator = HostCollator(self.columns, self.rows, frames=self.frames, batch_size=len(places))
        return self.facts.batch(places, torch.from_numpy(places), collator.media(packed, places))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_process": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _process=os.getpid())

    @property
    def rows_per_shard(self) -> int:
        """Rows of the store that are read together."""
        return max([1, *(column.rows_per_shard for column in self.columns)])

    @cached_property
    def complete(self) -> Mapping[str, NDArray[np.bool_]]:
        """Whether each row has each feature: per feature a boolean array of shape (n,)."""
        known = self.store.header.features
        features = dict.fromkeys(column.feature for column in self.columns if column.feature in known)
        whole = {feature: np.array(self.store.complete_rows(feature))[self.rows] for feature in features}
        return MappingProxyType(whole)

    @property
    def failed(self) -> Mapping[str, int]:
        """Per feature, the number of rows that lack it."""
        return {feature: int((~whole).sum()) for feature, whole in self.complete.items()}

    def check_readable(self) -> None:
        """Refuse to read in a process that was forked after the dataset was made, or from a store that has gone.

        Raises
        ------
        ConfigError
            This is such a process: the threads that reading needs do not exist here, and it would wait for them.
        StoreCorruptError
            The folder of the store no longer exists; an array without files would read as missing values.
        """
        if os.getpid() != self._process:
            raise ConfigError(
                "this process was forked after the dataset was made, and reading in it might wait forever; pass "
                "multiprocessing_context='spawn' or num_workers=0 to DataLoader, or make the dataset in this process"
            )
        if isinstance(self.store.path, Path) and not self.store.path.is_dir():
            raise StoreCorruptError(
                f"{self.store.path}: the store has gone since it was opened; mount or restore the folder, then open "
                "the store again"
            )


def collate(batches: Batch | Sequence[Batch]) -> Batch:
    """Collate batches for ``DataLoader``: one batch stays as it is, several are joined.

    Parameters
    ----------
    batches : Batch or sequence of Batch
        What the dataset made; a ``ConcatDataset`` of several stores makes one batch for each row.

    Returns
    -------
    Batch
        All rows in order, ``mel`` padded to the longest. ``rows`` are rows of each utterance's own store.

    Raises
    ------
    ConfigError
        The batches have different features, or the same features in different shapes.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.learn import StoreDataset, collate
    >>> dataset = StoreDataset(kemfeat.open_store("stores/KEMDy20"), media=("mel",))
    >>> len(collate([dataset[0], dataset[1]]))
    2
    """
    if isinstance(batches, Batch):
        return batches
    first = batches[0]
    if first.edges is not None:
        raise ConfigError("batches of a graph cannot be joined; pass the loader a larger batch_size")
    for name, dim in _ragged(first).items():
        longest = max((batch.tensors()[name].shape[dim] for batch in batches if name in batch.tensors()), default=0)
        batches = [_lengthened(batch, name, dim, longest) for batch in batches]
    if any(_shape(batch) != _shape(batches[0]) for batch in batches):
        raise ConfigError(
            "batches of stores with different features, sizes or padding cannot be joined; build the stores with the "
            "same settings, or pass media with the features that they share"
        )
    tensors = [batch.tensors() for batch in batches]
    joined = {name: torch.cat([one[name] for one in tensors]) for name in tensors[0]}
    return first.with_tensors(joined, ids=tuple(name for batch in batches for name in batch.ids))


def _ragged(batch: Batch) -> dict[str, int]:
    """The tensors that are padded to the longest row, and the dimension in which they are."""
    mel = {} if batch.mel is None else {"mel": 2}
    return mel | {f"arrays.{name}": 1 for name in batch.pads}


def _lengthened(batch: Batch, name: str, dim: int, size: int) -> Batch:
    """The same batch with one tensor padded to this size."""
    value = batch.tensors().get(name)
    if value is None or value.shape[dim] == size:
        return batch
    shape = (*value.shape[:dim], size - value.shape[dim], *value.shape[dim + 1 :])
    pads = batch.mel_pads if name == "mel" else (batch.pads[name.removeprefix("arrays.")],)
    filled = [value.new_full((shape[0], 1, *shape[2:]) if name == "mel" else shape, pad) for pad in pads]
    return batch.with_tensors({name: torch.cat([value, torch.cat(filled, dim=1)], dim=dim)})


def _shape(batch: Batch) -> object:
    """What batches must share to be joined."""
    return (
        batch.mel_pads,
        batch.pads,
        tuple((name, value.dtype, value.shape[1:]) for name, value in batch.tensors().items()),
    )


def _on_host(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:  # noqa: ARG001 - as Allocate has it
    return on_host(shape, dtype)
