"""The temporal graph over the ticks of a conversation: no array, two tables beside the axis ``tick``.

The ticks of one session, in the order of the clock (then of the speaker's name, then of the axis), are cut into chunks
of ``chunk_nodes`` that do not overlap; there are no edges between chunks.

``temporal_graph_nodes``, one row for each tick, in order of chunk and position:

- ``node`` int32, its row on the axis ``tick``;
- ``session`` string; ``chunk`` int32, counted through the whole store; ``position`` int32 in the chunk, from 0.

``temporal_graph_edges``, by chunk, then by target and source:

- ``chunk`` int32; ``source`` and ``target`` int32, rows on the axis ``tick``;
- ``gap`` float32, clock of the source less that of the target, s; ``direction`` int8, its sign.

An edge joins two ticks of one speaker at most ``max_gap`` apart, and ticks of two speakers at the same clock. Every
tick has an edge to itself. Both directions of a pair are there: a model that passes messages from source to target
looks into the future along edges of direction 1, and is causal without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from kemfeat.config import FeatureConfig
from kemfeat.features import Extract, Extractor, Media
from kemfeat.features._ticks import ROWS_FACTOR, tick_rows
from kemfeat.records import FeatureArray, FeatureSpec

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class TemporalGraphConfig(FeatureConfig):
    """Settings of ``temporal_graph``; the defaults are those of the published system.

    Parameters
    ----------
    chunk_nodes : int, >= 1
        Nodes of a chunk; the last one of a session has fewer.
    max_gap : float, >= 0 [s]
        Largest distance of two joined ticks of one speaker; counted in whole milliseconds.
    cross_speaker : bool
        Whether ticks of two speakers at the same clock time are joined.
    """

    chunk_nodes: int = Field(default=2000, ge=1, le=1_000_000)
    max_gap: float = Field(default=7.2, ge=0, le=3600)
    cross_speaker: bool = True


def graph_tables(config: TemporalGraphConfig, ticks: pd.DataFrame) -> dict[str, pa.Table]:
    """The graph over the whole axis ``tick``.

    Parameters
    ----------
    config : TemporalGraphConfig
        Settings.
    ticks : DataFrame
        The axis' table, of which ``session``, ``speaker`` and ``clock`` are read.

    Returns
    -------
    dict of str to pyarrow.Table
        ``temporal_graph_nodes`` and ``temporal_graph_edges``.
    """
    import pyarrow as pa

    clock = ticks["clock"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    _, speakers = np.unique(ticks["speaker"].to_numpy(dtype=str), return_inverse=True)
    chunks = list(_chunks(ticks["session"].to_numpy(dtype=str), clock, speakers, chunk_nodes=config.chunk_nodes))
    sizes = [len(chunk) for chunk in chunks]
    order = _joined(chunks)
    nodes = {
        "node": pa.array(order, pa.int32()),
        "session": pa.array(ticks["session"].iloc[order].astype(object), pa.string()),
        "chunk": pa.array(np.repeat(np.arange(len(sizes)), sizes), pa.int32()),
        "position": pa.array(_joined([np.arange(size) for size in sizes]), pa.int32()),
    }
    return {
        "temporal_graph_nodes": pa.table(nodes),
        "temporal_graph_edges": _edge_table(config, chunks, clock=clock, speakers=speakers),
    }


def _chunks(
    sessions: NDArray[np.str_], clock: NDArray[np.int64], speakers: NDArray[np.int64], *, chunk_nodes: int
) -> Iterator[NDArray[np.int64]]:
    """The rows of each chunk in order; sessions in the order in which they first occur."""
    names, begins, numbers = np.unique(sessions, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(begins))[numbers] if len(names) else numbers
    order = np.lexsort((np.arange(len(clock)), speakers, clock, rank))
    ends = np.flatnonzero(np.diff(rank[order])) + 1
    for session in np.split(order, ends):
        for first in range(0, len(session), chunk_nodes):
            yield session[first : first + chunk_nodes]


def _edge_table(
    config: TemporalGraphConfig,
    chunks: list[NDArray[np.int64]],
    *,
    clock: NDArray[np.int64],
    speakers: NDArray[np.int64],
) -> pa.Table:
    import pyarrow as pa

    schema = pa.schema(
        {"chunk": pa.int32(), "source": pa.int32(), "target": pa.int32(), "gap": pa.float32(), "direction": pa.int8()}
    )
    max_gap = round(config.max_gap * 1000)
    batches = []
    for number, rows in enumerate(chunks):
        source, target = edges(clock[rows], speakers[rows], max_gap=max_gap, cross_speaker=config.cross_speaker)
        gap = clock[rows[source]] - clock[rows[target]]
        columns = [
            np.full(len(gap), number, dtype=np.int32),
            rows[source].astype(np.int32),
            rows[target].astype(np.int32),
            (gap / 1000).astype(np.float32),
            np.sign(gap).astype(np.int8),
        ]
        batches.append(pa.record_batch(columns, schema=schema))
    return pa.Table.from_batches(batches, schema=schema)


def _joined(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _specs(config: TemporalGraphConfig) -> tuple[FeatureSpec, ...]:  # noqa: ARG001 - the shape of specs
    return ()


def _extract(media: Media) -> FeatureArray:  # noqa: ARG001 - the graph is made of the axis alone
    return FeatureArray({})


def _open(_config: TemporalGraphConfig, _resources: Path) -> Extract:
    return _extract


EXTRACTOR = Extractor(
    name="temporal_graph",
    version=1,
    config=TemporalGraphConfig,
    media=("eda", "temp"),
    specs=_specs,
    columns={},
    open=_open,
    axis="tick",
    rows=tick_rows,
    rows_factor=ROWS_FACTOR,
    tables=graph_tables,
)


def edges(
    clock: NDArray[np.int64], speakers: NDArray[np.int64], *, max_gap: int, cross_speaker: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of nodes near in time.

    Two nodes are joined, in both directions, when they have one speaker and are at most ``max_gap`` apart, or, across
    speakers, when they have the same clock time. A node is joined with itself.

    Parameters
    ----------
    clock : ndarray, shape (n,), int64 [ms]
        Time of each node, ascending.
    speakers : ndarray, shape (n,), int64
        A number for each node's speaker.
    max_gap : int, >= 0 [ms]
        Largest distance of two joined nodes of one speaker.
    cross_speaker : bool
        Whether nodes of different speakers are joined at all.

    Returns
    -------
    source, target : ndarray, shape (m,), int64
        Ends of the edges, by target, then by source.

    Examples
    --------
    >>> import numpy as np
    >>> source, target = edges(np.array([0, 250, 900]), np.array([0, 0, 0]), max_gap=300, cross_speaker=False)
    >>> list(zip(source.tolist(), target.tolist()))
    [(0, 0), (1, 0), (0, 1), (1, 1), (2, 2)]
    """
    # Nodes within the gap are neighbours, so the pairs looked at are at most the edges times the number of speakers.
    first = np.searchsorted(clock, clock - max_gap, side="left")
    last = np.searchsorted(clock, clock + max_gap, side="right")
    counts = last - first
    target = np.repeat(np.arange(len(clock)), counts)
    source = np.arange(len(target)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    joined = speakers[source] == speakers[target]
    if cross_speaker:
        joined |= clock[source] == clock[target]
    return source[joined], target[joined]
