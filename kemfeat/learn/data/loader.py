"""Batches of a store, epoch by epoch, in one order whatever lies where."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from kemfeat.errors import ConfigError
from kemfeat.labels import FIVE_CLASSES
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.data.batch_sampler import Order, check_integer
from kemfeat.learn.data.columns import CHANNELS, lengths_of
from kemfeat.learn.data.dataset import StoreDataset
from kemfeat.learn.data.packed import size
from kemfeat.learn.data.placement import Wanted, choose, device_of, open_
from kemfeat.learn.data.stream import Turn

if TYPE_CHECKING:
    from kemfeat.store.reader import Store

Transform = Callable[[Batch, int], Batch]
"""Changes a batch on its device, knowing the epoch."""


class StoreLoader:
    """Iterating yields the batches of one epoch; :meth:`set_epoch` chooses which.

    The batches are the same, byte for byte, in every mode and on every machine. The loader has threads but no
    processes, and refuses to read in a process that was forked off.

    Parameters
    ----------
    store, rows, media, emotions, labels, frames, copies : see :class:`~kemfeat.learn.data.dataset.StoreDataset`.
    batch_size, shuffle, seed, drop_last, rank, world_size : see :class:`~kemfeat.learn.data.batch_sampler.Order`.
    device : where batches go.
    resident : where features lie; see :func:`~kemfeat.learn.data.placement.choose`.
    bucket_by_length : put rows of like length in one batch; needs mel in the store.
    transform : applied to every batch on the device, such as an augmentation.

    Attributes
    ----------
    dataset : the rows.
    device, resident : as above, the mode chosen.
    epoch : the one that is next, or under way.

    Raises
    ------
    ConfigError, AnalysisError
        As for the dataset and the order; a device or mode is not one.
    StoreCorruptError
        The store is damaged.
    """

    def __init__(
        self,
        store: Store,
        rows: ArrayLike | None = None,
        batch_size: int = 32,
        device: torch.device | str = "cpu",
        resident: Wanted = "auto",
        shuffle: bool = False,
        seed: int = 0,
        bucket_by_length: bool = False,
        *,
        frames: int | None = None,
        drop_last: bool = False,
        rank: int = 0,
        world_size: int = 1,
        media: Sequence[str] | None = None,
        emotions: Sequence[str] = FIVE_CLASSES,
        labels: str = "7class",
        copies: ArrayLike | None = None,
        transform: Transform | None = None,
    ) -> None:
        self.dataset = StoreDataset(
            store, rows, media=media, emotions=emotions, labels=labels, frames=frames, copies=copies
        )
        self._order = Order(
            blocks=self.dataset.rows // self.dataset.rows_per_shard,
            lengths=lengths_of(store, CHANNELS[0])[self.dataset.rows] if bucket_by_length else None,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            drop_last=drop_last,
            rank=rank,
            world_size=world_size,
        )
        self.device = device_of(device)
        needed = size(self.dataset.columns, np.unique(self.dataset.rows))
        self.resident = choose(resident, device=self.device, needed=needed)
        self.epoch = 0
        self._transform = transform
        self._facts = self.dataset.facts.to(self.device)
        self._origin, self._collator = open_(
            self.dataset, self._facts, resident=self.resident, batch_size=min(batch_size, len(self.dataset))
        )
        self._begin = self._done = 0

    def __len__(self) -> int:
        """Batches of this rank in an epoch."""
        return len(self._order)

    def __iter__(self) -> Iterator[Batch]:
        """The batches of the epoch; those behind the position, once, where a state was loaded."""
        begin, self._begin = self._begin, 0
        return self._batches(self.epoch, begin)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; naming the one that is chosen keeps the position of a loaded state.

        Raises
        ------
        ConfigError
            The epoch is not a number from 0 on.
        """
        check_integer("epoch", epoch, least=0)
        if epoch != self.epoch:
            self.epoch, self._begin, self._done = epoch, 0, 0

    def state_dict(self) -> dict[str, Any]:
        """Epoch and position behind the batch that was yielded last, and whose they are; plain numbers and texts.

        An epoch that ran to its end has position 0 again.
        """
        return {**self._identity(), "epoch": self.epoch, "batch": self._done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on behind the batch that a state names; the mode and the device may be others.

        Raises
        ------
        ConfigError
            It is the state of a loader of another store, other rows, or another order, or it is none.
        """
        for name, ours in self._identity().items():
            theirs = state.get(name)
            if theirs != ours:
                raise ConfigError(
                    f"the state of a loader has {name} {_brief(theirs)}, this loader has {_brief(ours)}; "
                    "its position means nothing here: resume with the settings it was saved with, or start anew"
                )
        epoch, batch = state.get("epoch"), state.get("batch")
        check_integer("epoch of a loader's state", epoch, least=0)
        check_integer("batch of a loader's state", batch, least=0)
        if batch > len(self):  # type: ignore[operator]  # checked above
            raise ConfigError(f"the state of a loader is at batch {batch}, and an epoch has {len(self)}; start anew")
        self.epoch, self._begin, self._done = int(epoch), int(batch), int(batch)  # type: ignore[arg-type]

    def _batches(self, epoch: int, begin: int) -> Iterator[Batch]:
        self.dataset.check_process()
        self._done = begin
        loads = self._origin.loads(self._turns(epoch, begin), self._collator.settle)
        for load, media in self._collator.run(loads):
            batch = self._facts.batch(load.places, load.at, media)
            self._done += 1
            yield batch if self._transform is None else self._transform(batch, epoch)
        self._done = 0

    def _turns(self, epoch: int, begin: int) -> list[Turn]:
        """What is left of an epoch; its places go to the device in one copy."""
        batches = self._order.batches(epoch)[begin:]
        if not batches:
            return []
        everything = torch.from_numpy(np.concatenate(batches)).to(self.device)
        at = torch.split(everything, [len(places) for places in batches])
        return [Turn(places, there) for places, there in zip(batches, at, strict=True)]

    def _identity(self) -> dict[str, Any]:
        order = self._order
        return {
            "store": self.dataset.store.digest,
            "rows": _digest(self.dataset.rows, self.dataset.copies),
            "batch_size": int(order.batch_size),
            "seed": int(order.seed),
            "shuffle": bool(order.shuffle),
            "bucket_by_length": order.lengths is not None,
            "drop_last": bool(order.drop_last),
            "world_size": int(order.world_size),
        }


def _digest(*arrays: NDArray[np.int64]) -> str:
    content = hashlib.sha256()
    for array in arrays:
        content.update(array.astype("<i8").tobytes())
    return content.hexdigest()


def _brief(value: object) -> str:
    """As people read it: a digest by its first digits."""
    return value[:12] if isinstance(value, str) else repr(value)
