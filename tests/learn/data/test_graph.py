"""kemfeat.learn.data.graph: batches of whole chunks, with the edges that the store's tables say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from kemfeat.build import build_store
from kemfeat.errors import ConfigError, StoreCorruptError
from kemfeat.learn import StoreDataset, StoreLoader, collate
from kemfeat.learn.data.graph import EDGES, NODES, TemporalGraph
from kemfeat.store.reader import Store
from kemfeat.synth.kemdy20 import SYNTH
from tests.bench.tools import graph_scale
from tests.learn.data.kit import all_same


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("graph")
    SYNTH.write(folder / "KEMDy20", utterances=24, sessions=2, seed=2)
    settings = {"features": ("tick-physiology", "temporal-graph"), "temporal_graph": {"chunk_nodes": 50}}
    return build_store("KEMDy20", root=folder / "KEMDy20", out=folder / "store", settings=settings).store


def chunks(store: Store, **options: object) -> StoreLoader:
    return StoreLoader(store, axis="tick", unit="chunk", **{"batch_size": 2, **options})


def edges_of(batch) -> set[tuple[int, int, int]]:
    ends = batch.rows[batch.edges].tolist()
    return set(zip(*ends, batch.directions.tolist(), strict=True))


def test_an_epoch_is_every_chunk_once_with_all_its_edges(store: Store) -> None:
    nodes, edges = store.table(NODES), store.table(EDGES)
    batches = list(chunks(store, shuffle=True, seed=4))
    assert len(batches) == -(-nodes["chunk"].nunique() // 2)
    rows = torch.cat([batch.rows for batch in batches]).tolist()
    assert sorted(rows) == sorted(nodes["node"])
    found = set().union(*(edges_of(batch) for batch in batches))
    assert found == set(zip(edges["source"], edges["target"], edges["direction"], strict=True))
    assert sum(batch.edges.shape[1] for batch in batches) == len(edges)


def test_a_batch_is_whole_chunks_and_another_epoch_has_another_order(store: Store) -> None:
    loader = chunks(store, shuffle=True)
    chunk = store.table(NODES).set_index("node")["chunk"]
    orders = []
    for _ in range(2):
        batches = [batch.rows.tolist() for batch in loader]
        for rows in batches:
            assert len(rows) == chunk.isin(chunk[rows].unique()).sum()
        orders.append([chunk[rows[0]] for rows in batches])
    assert orders[0] != orders[1]


def test_rows_that_are_left_out_take_their_edges_with_them(store: Store) -> None:
    """A test speaker's ticks are in no training graph, though they are in the same chunk."""
    speakers = store.rows("tick")["speaker"]
    rows = np.flatnonzero(speakers == speakers.iloc[0])
    for batch in chunks(store, rows=rows):
        assert set(batch.rows.tolist()) <= set(rows.tolist())
        assert int(batch.edges.max()) < len(batch)
    edges = store.table(EDGES)
    kept = edges["source"].isin(rows) & edges["target"].isin(rows)
    assert sum(batch.edges.shape[1] for batch in chunks(store, rows=rows)) == kept.sum() < len(edges)


def test_a_loader_of_chunks_resumes_and_streams_alike(store: Store) -> None:
    whole = list(chunks(store, shuffle=True, batch_size=1))
    assert all_same(whole, chunks(store, shuffle=True, batch_size=1, resident="stream"))
    first = chunks(store, shuffle=True, batch_size=1)
    passing = iter(first)
    next(passing)
    second = chunks(store, shuffle=True, batch_size=1)
    second.load_state_dict(first.state_dict())
    assert all_same(whole[1:], second)


def test_the_largest_batch_of_a_graph_moves_whole(store: Store) -> None:
    (batch,) = chunks(store, batch_size=10**6)
    assert len(batch) == len(store.rows("tick"))
    moved = batch.to("cpu")
    assert torch.equal(moved.edges, batch.edges)
    with pytest.raises(ConfigError, match="batches of a graph cannot be joined"):
        collate([batch, batch])


def test_what_is_not_a_graph_is_refused(store: Store) -> None:
    with pytest.raises(ConfigError, match="pass axis='tick'"):
        StoreLoader(store, unit="chunk", media=())
    with pytest.raises(ConfigError, match="given twice"):
        chunks(store, rows=[0, 0])
    assert StoreDataset(store, axis="tick").__getitems__([0]).edges is None


@pytest.mark.parametrize("column", ["source", "chunk"])
def test_damaged_tables_are_refused(store: Store, column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {name: store.table(name).copy() for name in (NODES, EDGES)}
    tables[EDGES].loc[0, column] = 10**6
    monkeypatch.setattr(Store, "table", lambda _, name: tables[name])
    with pytest.raises(StoreCorruptError, match="run `kemfeat verify`"):
        TemporalGraph(store)


def test_edges_of_any_rows_are_those_between_them(store: Store) -> None:
    graph, edges = TemporalGraph(store), store.table(EDGES)
    rng = np.random.default_rng(3)
    rows = rng.permutation(len(store.rows("tick")))[:40]
    ends, direction = graph.edges(rows)
    expected = edges[edges["source"].isin(rows) & edges["target"].isin(rows)]
    assert sorted(zip(rows[ends[0]], rows[ends[1]], direction, strict=True)) == sorted(
        zip(expected["source"], expected["target"], expected["direction"], strict=True)
    )


def test_a_batch_without_edges_has_none(store: Store) -> None:
    batch = next(iter(chunks(store, rows=[0])))
    assert batch.edges.shape == (2, 1)  # with itself
    assert replace(batch, edges=None).tensors().keys() == batch.tensors().keys() - {"edges"}


def test_a_large_graph_is_read_chunk_by_chunk() -> None:
    """``python -m kemfeat_bench.tools.graph_scale`` reads 300,000 ticks."""
    found = graph_scale.measured(4500, variant="corrected", chunks=2)
    assert (found["ticks"], found["edges"]) == ("4,500", "256,500")
