"""Load the batches of a store, epoch by epoch, in one order wherever the features are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NoReturn, cast, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from kemfeat.config import check_integer, digest
from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.data.batch_sampler import BLOCK, BatchSampler, ChunkSampler, Shuffle
from kemfeat.learn.data.columns import lengths_of
from kemfeat.learn.data.dataset import StoreDataset
from kemfeat.learn.data.graph import TemporalGraph
from kemfeat.learn.data.packed import size
from kemfeat.learn.data.placement import Placement, Wanted, choose, device_of, open_
from kemfeat.learn.data.ranks import ranks

if TYPE_CHECKING:
    from kemfeat.learn.data.side_store import SideStore
    from kemfeat.store.reader import Store

Transform = Callable[[Batch, int], Batch]
"""Changes a batch on its device, knowing the epoch."""


@dataclass
class _Position:
    """How far one pass has got; batches are those of all ranks."""

    epoch: int
    batch: int = 0
    begun: bool = False


class StoreLoader:
    """Iterating yields the batches of one epoch; the next pass yields those of the next epoch.

    A batch of the same rows is the same, byte for byte, in every mode and on every machine. The loader uses threads but
    no processes, and refuses to read in a forked process.

    Parameters
    ----------
    store, rows, media, arrays, emotions, labels, frames, copies, axis, side : various
        See :class:`~kemfeat.learn.data.dataset.StoreDataset`.
    batch_size : int, >= 1
        Rows per batch; the last one of an epoch may have fewer.
    device : torch.device or str
        Where batches go.
    resident : {"auto", "device", "host", "stream"}
        Where features are kept; see :func:`~kemfeat.learn.data.placement.choose`.
    shuffle : bool, "full" or "blocks"
        ``full`` permutes all rows. ``blocks`` permutes short runs of rows, then the rows of windows of 1,024, which is
        cheap to stream. True takes ``blocks`` where features are streamed, else ``full``; choose one of the two to get
        the same order in every mode. False visits the rows as they were given.
    seed : int, >= 0
        Seed of the shuffling.
    bucket_by_length : bool
        Put rows of similar length into one batch: of mel, else of the first ragged array. One has to be ragged.
    drop_last : bool
        Drop the last rows, so that all batches are full and all ranks have the same number of them.
    rank, world_size : int or None
        This process takes every ``world_size``-th batch from batch ``rank`` on. None asks ``torch.distributed`` and the
        environment at the start of every pass.
    unit : {"row", "chunk"}
        ``chunk`` makes batches of whole chunks of the store's temporal graph, ``batch_size`` of them, with their edges;
        the axis is ``tick`` and ``bucket_by_length`` has no meaning.
    transform : callable or None
        ``(batch, epoch) -> batch``, applied on the device, such as an augmentation.

    Attributes
    ----------
    dataset : StoreDataset
        The rows.
    device : torch.device
        Where batches go.
    resident : {"device", "host", "stream"}
        Where features are kept.

    Raises
    ------
    ConfigError, AnalysisError
        As for the dataset; a number, device, mode or shuffle is not valid; or the ranks found would have unequal
        numbers of shuffled batches, for which ``DistributedDataParallel`` waits forever.
    StoreCorruptError
        The store is damaged.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.learn import StoreLoader
    >>> store = kemfeat.open_store("stores/KEMDy20")
    >>> loader = StoreLoader(store, batch_size=32, shuffle=True)
    >>> next(iter(loader)).mel.shape
    torch.Size([32, 2, 512, 128])
    """

    def __init__(
        self,
        store: Store,
        rows: ArrayLike | None = None,
        batch_size: int = 32,
        device: torch.device | str = "cpu",
        resident: Wanted = "auto",
        shuffle: bool | Shuffle = False,
        seed: int = 0,
        bucket_by_length: bool = False,
        *,
        frames: int | None = None,
        drop_last: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
        media: Sequence[str] | None = None,
        arrays: Sequence[str] | None = None,
        emotions: Sequence[str] | None = None,
        labels: str | None = None,
        copies: ArrayLike | None = None,
        transform: Transform | None = None,
        axis: str = "utterance",
        unit: Literal["row", "chunk"] = "row",
        side: SideStore | None = None,
    ) -> None:
        self.dataset = StoreDataset(
            store,
            rows,
            media=media,
            arrays=arrays,
            emotions=emotions,
            labels=labels,
            frames=frames,
            copies=copies,
            axis=axis,
            side=side,
        )
        self.device = device_of(device)
        needed = size(self.dataset.columns, np.unique(self.dataset.rows))
        self.resident = choose(resident, device=self.device, needed=needed)
        self._ranks = _checked_ranks(rank, world_size)
        self._graph = _graph_of(self.dataset) if unit == "chunk" else None
        blocks = self.dataset.rows // min(BLOCK, self.dataset.rows_per_shard)
        self._sampler = (BatchSampler if self._graph is None else ChunkSampler)(
            blocks=blocks if self._graph is None else self._graph.chunk[self.dataset.rows],
            lengths=_lengths(self.dataset) if bucket_by_length else None,
            batch_size=batch_size,
            shuffle=_shuffle_of(shuffle, self.resident),
            seed=seed,
            drop_last=drop_last,
            **self._ranks,
        )
        self._transform = transform
        self._facts = self.dataset.facts.to(self.device)
        self._packs, self._collator = open_(
            self.dataset, self._facts, resident=self.resident, batch_size=self._largest(batch_size)
        )
        self._position = _Position(0)

    @property
    def epoch(self) -> int:
        """The current epoch, or the next one between passes."""
        return self._position.epoch

    def __len__(self) -> int:
        """Batches of this rank per epoch."""
        return len(self._order)

    def __iter__(self) -> Iterator[Batch]:
        """The batches of an epoch.

        They begin at the position of a loaded state. Otherwise the next epoch begins after a whole pass, and the same
        one again after a pass that was broken off.

        Raises
        ------
        ConfigError
            The processes found would have unequal numbers of shuffled batches.
        """
        order, position = self._order, self._position
        if position.begun:
            position = self._position = _Position(position.epoch + (order.left(position.batch) == 0))
        if order.uneven(position.batch) and order.shuffle is not None and not self._ranks:
            left = (
                f"{order.whole - position.batch} batches of the epoch are left"
                if position.batch
                else f"an epoch has {order.whole} batches"
            )
            raise ConfigError(
                f"{left} for {order.world_size} processes, so some would wait forever for the others; pass "
                "drop_last=True, or rank and world_size where no process waits for another"
            )
        position.begun = True
        return self._batches(order, position)

    def __getitem__(self, index: object) -> NoReturn:
        """Refuse: a loader is not a dataset.

        Raises
        ------
        ConfigError
            Always.
        """
        raise ConfigError(
            "a StoreLoader already yields whole batches and cannot be a dataset of torch's DataLoader; iterate over "
            "it, or pass DataLoader a StoreDataset with collate_fn=kemfeat.learn.collate"
        )

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next pass; choosing the same one keeps the position of a loaded state.

        Parameters
        ----------
        epoch : int, >= 0
            The epoch.

        Raises
        ------
        ConfigError
            The epoch is not a whole number from 0 on.
        """
        check_integer("epoch", epoch, least=0)
        if epoch != self.epoch or self._position.begun:
            self._position = _Position(int(epoch))

    def state_dict(self) -> dict[str, Any]:
        """The position of the pass that was begun last, and of which loader it is.

        Returns
        -------
        dict
            Numbers and texts, among them ``epoch`` and ``batch``, the number of batches that all ranks together have
            yielded if each has yielded as many as this one; after a whole pass the next epoch and 0.
        """
        return {**self._identity(), "epoch": self._position.epoch, "batch": self._position.batch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue after the batch that a state gives; mode, device and number of ranks may differ.

        Every rank is given the same state, that of any one of them: what is left of the epoch is dealt out anew.

        Parameters
        ----------
        state : mapping
            From :meth:`state_dict`.

        Raises
        ------
        ConfigError
            It is the state of a loader of another store, other rows or another order, or is not a state.
        """
        for name, ours in self._identity().items():
            theirs = state.get(name)
            if theirs != ours:
                raise ConfigError(
                    f"the state of a loader has {name} {_brief(theirs)}, this loader has {_brief(ours)}; its position "
                    "means nothing here: resume with the settings it was saved with, or start from the beginning"
                )
        epoch, batch = state.get("epoch"), state.get("batch")
        check_integer("epoch of a loader's state", epoch, least=0)
        check_integer("batch of a loader's state", batch, least=0)
        if batch > self._sampler.whole:  # type: ignore[operator]  # checked above
            raise ConfigError(
                f"the state of a loader is at batch {batch}, but an epoch has {self._sampler.whole}; start from the "
                "beginning"
            )
        self._position = _Position(int(epoch), int(batch))  # type: ignore[arg-type]  # checked above

    def _largest(self, batch_size: int) -> int:
        """Most rows of a batch."""
        if self._graph is None:
            return min(batch_size, len(self.dataset))
        sizes = np.sort(np.unique(self._sampler.blocks, return_counts=True)[1])
        return int(sizes[-batch_size:].sum())

    @property
    def _order(self) -> BatchSampler:
        """The order of this process among those that run now."""
        if self._ranks:
            return self._sampler
        rank, world_size = ranks()
        return replace(self._sampler, rank=rank, world_size=world_size)

    def _batches(self, order: BatchSampler, position: _Position) -> Iterator[Batch]:
        """The rest of an epoch; its places go to the device in one copy."""
        self.dataset.check_readable()
        batches = order.batches(position.epoch, position.batch)
        everything = torch.from_numpy(np.concatenate([np.empty(0, np.int64), *batches])).to(self.device)
        at = torch.split(everything, [len(places) for places in batches]) if batches else ()
        media = self._collator.run(self._packs(batches), batches, at)
        for places, there, features in zip(batches, at, media, strict=True):
            batch = self._facts.batch(places, there, features)
            if self._graph is not None:
                edges, directions = self._graph.edges(self.dataset.rows[places])
                batch = replace(
                    batch,
                    edges=torch.from_numpy(edges).to(self.device),
                    directions=torch.from_numpy(directions).to(self.device),
                )
            position.batch = min(position.batch + order.world_size, order.whole)
            yield batch if self._transform is None else self._transform(batch, position.epoch)
        if self._position is position:
            self._position = _Position(position.epoch + 1)

    @cached_property
    def _data(self) -> str:
        """What the rows are, and the shards that they are read by; other features of the store do not matter."""
        store, ids = self.dataset.store, self.dataset.store.utterances["id"].tolist()
        features = sorted({column.feature for column in self.dataset.columns} & store.header.features.keys())
        side = [] if self.dataset.side is None else [self.dataset.side.digest]
        return digest([ids, store.feature_digests(features), self.dataset.rows_per_shard, *side])

    def _identity(self) -> dict[str, Any]:
        order = self._sampler
        return {
            "data": self._data,
            "rows": _digest(self.dataset.rows, self.dataset.copies),
            "batch_size": int(order.batch_size),
            "seed": int(order.seed),
            "shuffle": order.shuffle,
            "bucket_by_length": order.lengths is not None,
            "drop_last": bool(order.drop_last),
        }


def _checked_ranks(rank: int | None, world_size: int | None) -> dict[str, int]:
    """Those that the caller gave; none where they must be detected."""
    if (rank is None) != (world_size is None):
        raise ConfigError(
            f"rank is {rank} and world_size is {world_size}; pass both, or neither to use those of torch.distributed"
        )
    return {} if rank is None or world_size is None else {"rank": rank, "world_size": world_size}


def _shuffle_of(wanted: object, resident: Placement) -> Shuffle | None:
    if isinstance(wanted, str) and wanted in get_args(Shuffle):
        return cast(Shuffle, wanted)
    if not isinstance(wanted, bool):
        raise ConfigError(f"shuffle is {wanted!r}; expected True, False, 'full' or 'blocks'")
    return ("blocks" if resident == "stream" else "full") if wanted else None


def _graph_of(dataset: StoreDataset) -> TemporalGraph:
    """The graph of a dataset of ticks, each of which is in it once."""
    if dataset.axis != "tick":
        raise ConfigError(f"unit: chunks consist of rows of the axis 'tick', not {dataset.axis!r}; pass axis='tick'")
    graph = TemporalGraph(dataset.store)
    if len(np.unique(dataset.rows)) < len(dataset.rows) or (graph.chunk[dataset.rows] < 0).any():
        raise ConfigError("unit: a row is given twice or is in no chunk of the graph; expected each tick once")
    return graph


def _lengths(dataset: StoreDataset) -> NDArray[np.int64]:
    """Length of every row in the first ragged array, before it is cut to ``frames``."""
    ragged = [column.name for column in dataset.columns if column.lengths is not None]
    if not ragged:
        raise AnalysisError(
            f"bucket_by_length: no array of {', '.join(column.name for column in dataset.columns) or 'no feature'} is "
            "ragged, so rows have no lengths; leave it out, or add a feature such as mel to media"
        )
    return lengths_of(dataset.store, ragged[0])[dataset.rows]


def _digest(*arrays: NDArray[np.int64]) -> str:
    content = hashlib.sha256()
    for array in arrays:
        content.update(array.astype("<i8").tobytes())
    return content.hexdigest()


def _brief(value: object) -> str:
    """A value for an error message: a digest is cut to its first digits."""
    return value[:12] if isinstance(value, str) else repr(value)
