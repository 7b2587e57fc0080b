"""Temporal graphs: which ticks are in a chunk, and the edges between the rows of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kemfeat.arrays import Indices
from kemfeat.errors import StoreCorruptError

if TYPE_CHECKING:
    from kemfeat.store.reader import Store

NODES, EDGES = "temporal_graph_nodes", "temporal_graph_edges"


class TemporalGraph:
    """The graph that the feature ``temporal_graph`` of a store made.

    Parameters
    ----------
    store : Store
        A store with that feature.

    Attributes
    ----------
    chunk : ndarray, shape (ticks,), int64
        Chunk of every row of the axis ``tick``; -1 where it is in none.

    Raises
    ------
    ConfigError
        The store has no graph.
    StoreCorruptError
        A node or an edge is outside of its chunk.
    """

    def __init__(self, store: Store) -> None:
        nodes, edges = store.table(NODES), store.table(EDGES)
        ticks = len(store.rows("tick"))
        ends = edges[["source", "target"]].to_numpy(dtype=np.int32).T
        if not _within(nodes["node"].to_numpy(), ticks) or not _within(ends, ticks):
            raise StoreCorruptError(f"{store.path}: the graph has ticks that the store has not; run `kemfeat verify`")
        self.chunk = np.full(ticks, -1, np.int64)
        self.chunk[nodes["node"].to_numpy()] = nodes["chunk"].to_numpy()
        chunk = edges["chunk"].to_numpy()
        if (np.diff(chunk) < 0).any() or (self.chunk[ends] != chunk).any():
            raise StoreCorruptError(f"{store.path}: the graph has edges between chunks; run `kemfeat verify`")
        self._ends, self._direction = ends, edges["direction"].to_numpy(dtype=np.int8)
        self._starts = np.searchsorted(chunk, np.arange(self.chunk.max(initial=-1) + 2))

    def edges(self, rows: Indices) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """The edges between some ticks.

        Parameters
        ----------
        rows : ndarray, shape (B,), int64
            Rows of the axis ``tick``, each once.

        Returns
        -------
        ends : ndarray, shape (2, E), int64
            Source and target of each edge as places in ``rows``. Edges to ticks that are not among them are left out.
        direction : ndarray, shape (E,), int8
            Sign of the time of the source less that of the target: 1 where information comes from what is later.
        """
        chunks = np.unique(self.chunk[rows])
        spans = [slice(self._starts[at], self._starts[at + 1]) for at in chunks.tolist() if at >= 0]
        ends = np.concatenate([np.empty((2, 0), np.int32), *(self._ends[:, span] for span in spans)], axis=1)
        direction = np.concatenate([np.empty(0, np.int8), *(self._direction[span] for span in spans)])
        order = np.argsort(rows)
        found = np.searchsorted(rows, ends, sorter=order).clip(max=len(rows) - 1)
        places = order[found]
        there = (rows[places] == ends).all(axis=0)
        return places[:, there], direction[there]


def _within(rows: NDArray[np.int32], count: int) -> bool:
    return not rows.size or bool(rows.min() >= 0 and rows.max() < count)
