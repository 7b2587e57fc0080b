"""A store as a map-style dataset: rows by number, read from disk when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kemfeat.errors import ConfigError
from kemfeat.labels import FIVE_CLASSES
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.data.batch_sampler import check_integer
from kemfeat.learn.data.collate import HostCollator
from kemfeat.learn.data.columns import columns_of
from kemfeat.learn.data.row_metadata import checked_copies, checked_rows, facts_of
from kemfeat.learn.data.stream import read_all

if TYPE_CHECKING:
    from kemfeat.store.reader import Store


class StoreDataset:
    """Some rows of a finished store, for :class:`torch.utils.data.DataLoader` or to look at.

    Rows stay as they were given, also those whose features could not be extracted (``complete`` tells them) and those
    without a label. ``DataLoader(dataset, batch_size=32, collate_fn=collate)`` yields batches; worker processes must be
    spawned (``multiprocessing_context="spawn"``), as a forked one may wait forever. For training take
    :class:`~kemfeat.learn.data.loader.StoreLoader`, which does not read a row anew for every epoch.

    Parameters
    ----------
    store : a finished store.
    rows : rows of the store, in the order of the dataset, as often as they stand there; None takes all.
    media : names of features, some of ``mel delta tokens eda temp ibi``; None takes those that the store has.
    emotions : name of each class; any other label counts as none.
    labels : label rule, see :meth:`~kemfeat.store.reader.Store.labels`.
    frames : cut and pad mel to so many frames; None pads to the longest of a batch.
    copies : which copy of its utterance each row is, for augmentation; None says that all are originals.

    Attributes
    ----------
    store : the store.
    rows, copies : as above, one number per place [shape=(n,), int64].

    Raises
    ------
    ConfigError
        A row, feature, emotion, rule or number is not one.
    AnalysisError
        The store does not have a feature.
    """

    def __init__(
        self,
        store: Store,
        rows: ArrayLike | None = None,
        *,
        media: Sequence[str] | None = None,
        emotions: Sequence[str] = FIVE_CLASSES,
        labels: str = "7class",
        frames: int | None = None,
        copies: ArrayLike | None = None,
    ) -> None:
        if frames is not None:
            check_integer("frames", frames, least=1)
        self.store = store
        self.rows = checked_rows(store, rows)
        self.copies = checked_copies(copies, rows=len(self.rows))
        self.frames = frames
        self.columns = columns_of(store, media, frames=frames)
        self.facts = facts_of(store, self.rows, self.copies, self.columns, emotions=emotions, labels=labels)
        self._process = os.getpid()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Batch:
        """A batch of one row."""
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """One batch of several rows, padded to the longest of them."""
        self.check_process()
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
        return self.store.header.config.rows_per_shard

    @cached_property
    def complete(self) -> Mapping[str, NDArray[np.bool_]]:
        """Per feature in a batch, whether it could be extracted for each row [shape=(n,)]."""
        features = dict.fromkeys(column.feature for column in self.columns)
        whole = {feature: np.array(self.store.complete_rows(feature))[self.rows] for feature in features}
        return MappingProxyType(whole)

    @property
    def failed(self) -> Mapping[str, int]:
        """Per feature in a batch, the number of rows for which it could not be extracted."""
        return {feature: int((~whole).sum()) for feature, whole in self.complete.items()}

    def check_process(self) -> None:
        """Refuse to read in a process that was forked off after the dataset was made.

        Raises
        ------
        ConfigError
            This is such a process: threads that reading relies on do not exist here, and it would wait for them.
        """
        if os.getpid() != self._process:
            raise ConfigError(
                "this process was forked off after the dataset was made, and reading might wait forever in it; "
                "pass multiprocessing_context='spawn' to DataLoader, or num_workers=0, or make the dataset in here"
            )


def collate(batch: Batch) -> Batch:
    """What ``DataLoader`` needs as ``collate_fn``: the dataset has made the batch already."""
    return batch


def _on_host(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:  # noqa: ARG001 - as Allocate has it
    return torch.empty(shape, dtype=dtype)
