"""The order in which an epoch visits its rows.

A full shuffle draws one permutation of all rows. A stream cannot afford that, as it would decode every shard for every
window: it shuffles by blocks instead. A block is a short run of rows of one shard. An epoch shuffles the blocks across
the whole store, puts their rows one after the other, cuts that into windows of :data:`WINDOW` rows and shuffles each
window; batches are cut from the windows. A stream therefore never keeps more than two windows in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kemfeat.arrays import Indices
from kemfeat.config import check_integer
from kemfeat.errors import ConfigError

Shuffle = Literal["full", "blocks"]
"""``full`` permutes all rows; ``blocks`` is cheap to stream."""

BLOCK = 16
"""Rows per block: reading so few costs little more per row than reading a whole shard."""

WINDOW = 1024
"""Rows shuffled together, rounded down to a multiple of the batch size (one batch, where that is larger)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchSampler:
    """The order in which a list of rows is visited; depends only on these parameters and the epoch.

    Parameters
    ----------
    blocks : ndarray, shape (n,), int64
        Block of every row, in the order the rows were given.
    lengths : ndarray, shape (n,), int64, or None
        Length of every row; rows of similar length share a batch. None leaves them in place.
    batch_size : int, >= 1
        Rows per batch; the last one of the epoch may have fewer.
    shuffle : {"full", "blocks"} or None
        None visits the rows as they were given; ``full`` permutes them all; ``blocks`` permutes the blocks, then the
        rows of each window.
    seed : int, >= 0
        Seed of the shuffling.
    drop_last : bool
        Drop the last rows, so that all batches are full and all ranks have the same number of them.
    rank, world_size : int
        This rank takes every ``world_size``-th batch from batch ``rank`` on. The order of the batches does not depend
        on them. Those of the ranks are disjoint and together make the whole epoch; without ``drop_last``, some ranks
        may have one batch more than others.

    Raises
    ------
    ConfigError
        A number is out of range.
    """

    blocks: Indices
    lengths: Indices | None = None
    batch_size: int
    shuffle: Shuffle | None = None
    seed: int = 0
    drop_last: bool = False
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("seed", 0), ("world_size", 1), ("rank", 0)):
            check_integer(name, getattr(self, name), least=least)
        if self.rank >= self.world_size:
            raise ConfigError(f"rank is {self.rank}; expected less than world_size, which is {self.world_size}")

    def __len__(self) -> int:
        """Batches of this rank per epoch."""
        return self.left(0)

    @property
    def whole(self) -> int:
        """Batches of all ranks per epoch, before those are dropped that not every rank would have."""
        return self._units // self.batch_size if self.drop_last else -(-self._units // self.batch_size)

    def left(self, done: int) -> int:
        """Batches that this rank has after the first ``done`` of all ranks.

        Parameters
        ----------
        done : int, >= 0
            Batches that are over.

        Returns
        -------
        int
            As many as :meth:`batches` gives.
        """
        return len(range(self.rank, self._dealt(done), self.world_size))

    def uneven(self, done: int) -> bool:
        """Whether some ranks have one batch more than others after the first ``done`` of all ranks.

        Parameters
        ----------
        done : int, >= 0
            Batches that are over.

        Returns
        -------
        bool
            False with ``drop_last``.
        """
        return self._dealt(done) % self.world_size > 0

    def batches(self, epoch: int, done: int = 0) -> list[Indices]:
        """The batches of this rank, in order.

        Parameters
        ----------
        epoch : int, >= 0
            Which epoch.
        done : int, >= 0
            Batches of the epoch that are over, on any number of ranks; the others are dealt out.

        Returns
        -------
        list of ndarray, int64
            Places in the list of rows, one array per batch.

        Raises
        ------
        ConfigError
            The epoch is not a whole number from 0 on.
        """
        check_integer("epoch", epoch, least=0)
        rest = self._all(np.random.default_rng([self.seed, epoch]))[done:]
        return rest[self.rank : self._dealt(done) : self.world_size]

    def _dealt(self, done: int) -> int:
        """Batches that the ranks share after the first ``done``."""
        rest = max(0, self.whole - done)
        return rest - rest % self.world_size if self.drop_last else rest

    @property
    def _units(self) -> int:
        """How many there are of what a batch has ``batch_size`` of."""
        return len(self.blocks)

    def _all(self, rng: np.random.Generator) -> list[Indices]:
        """The batches of all ranks."""
        sequence = self._sequence(rng)[: self.whole * self.batch_size]
        size = self.batch_size * max(1, WINDOW // self.batch_size)
        windows = [sequence[start : start + size] for start in range(0, len(sequence), size)]
        return [batch for window in windows for batch in self._cut(window, rng)]

    def _sequence(self, rng: np.random.Generator) -> Indices:
        """All rows, in the order of the epoch before windows are shuffled."""
        if self.shuffle is None:
            return np.arange(len(self.blocks))
        if self.shuffle == "full":
            return rng.permutation(len(self.blocks))
        _, block = np.unique(self.blocks, return_inverse=True)
        turn = rng.permutation(block.max(initial=0) + 1)
        return np.argsort(turn[block], kind="stable")

    def _cut(self, window: Indices, rng: np.random.Generator) -> list[Indices]:
        """The batches of one window; a smaller one stays last."""
        rows = rng.permutation(window) if self.shuffle == "blocks" else window
        if self.lengths is not None:
            rows = rows[np.argsort(self.lengths[rows], kind="stable")]
        cuts = range(0, len(rows), self.batch_size)
        batches = [rows[start : start + self.batch_size] for start in cuts]
        if self.lengths is None or self.shuffle is None:
            return batches
        full = len(rows) // self.batch_size
        return [batches[turn] for turn in rng.permutation(full)] + batches[full:]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChunkSampler(BatchSampler):
    """The order in which whole chunks of rows are visited; ``blocks`` are the chunks, ``batch_size`` counts them.

    The rows of a batch are its chunks one after the other, each in the order in which its rows were given.
    """

    @property
    def _units(self) -> int:
        return len(np.unique(self.blocks))

    def _all(self, rng: np.random.Generator) -> list[Indices]:
        _, chunk = np.unique(self.blocks, return_inverse=True)
        order = np.argsort(chunk, kind="stable")
        chunks = np.split(order, np.cumsum(np.bincount(chunk))[:-1])
        turn = np.arange(len(chunks))
        if self.shuffle is not None:
            turn = rng.permutation(len(chunks))
        cuts = range(0, self.whole * self.batch_size, self.batch_size)
        return [np.concatenate([chunks[at] for at in turn[cut : cut + self.batch_size]]) for cut in cuts]
