import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.config import validated
from kemfeat.errors import ConfigError
from kemfeat.features.temporal_graph import EXTRACTOR, TemporalGraphConfig, edges
from tests.features.kit import both, stamps

ticks = st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from("FM"), st.integers(0, 50)), max_size=40)


def axis(rows):
    sessions, speakers, slots = zip(*rows, strict=True) if rows else ((), (), ())
    return pd.DataFrame(
        {
            "session": pd.array(sessions, dtype="str"),
            "speaker": pd.array(speakers, dtype="str"),
            "clock": stamps(slots),
        }
    )


def tables(rows, **config):
    made = EXTRACTOR.tables(TemporalGraphConfig(**config), axis(rows))
    return made["temporal_graph_nodes"].to_pandas(), made["temporal_graph_edges"].to_pandas()


def every_pair(rows, nodes, *, max_gap, cross_speaker):
    """The definition, pair by pair, as (chunk, source, target, gap [s], direction)."""
    found = set()
    for chunk, members in nodes.groupby("chunk")["node"]:
        for source in members:
            for target in members:
                gap = 0.25 * (rows[source][2] - rows[target][2])
                same = rows[source][1] == rows[target][1]
                if (same and abs(gap) <= max_gap) or (cross_speaker and gap == 0):
                    found.add((chunk, source, target, gap, np.sign(gap)))
    return found


@settings(deadline=None, max_examples=80)
@given(ticks, st.integers(1, 12), st.sampled_from([0.0, 0.25, 1.1, 7.2]), st.booleans())
def test_the_graph_is_what_comparing_all_pairs_of_a_chunk_finds(rows, chunk_nodes, max_gap, cross_speaker):
    nodes, edges = tables(rows, chunk_nodes=chunk_nodes, max_gap=max_gap, cross_speaker=cross_speaker)
    found = list(edges[["chunk", "source", "target", "gap", "direction"]].itertuples(index=False, name=None))
    assert len(set(found)) == len(found)
    assert set(found) == every_pair(rows, nodes, max_gap=max_gap, cross_speaker=cross_speaker)


@settings(deadline=None, max_examples=80)
@given(ticks, st.integers(1, 12))
def test_every_tick_is_a_node_once_and_chunks_are_stretches_of_a_session(rows, chunk_nodes):
    nodes, _ = tables(rows, chunk_nodes=chunk_nodes)
    assert sorted(nodes["node"]) == list(range(len(rows)))
    order = {session: place for place, session in enumerate(dict.fromkeys(row[0] for row in rows))}
    expected = sorted(range(len(rows)), key=lambda node: (order[rows[node][0]], rows[node][2], rows[node][1], node))
    assert nodes["node"].tolist() == expected
    assert nodes["session"].tolist() == [rows[node][0] for node in expected]
    for _, chunk in nodes.groupby("chunk"):
        assert chunk["session"].nunique() == 1
        assert chunk["position"].tolist() == list(range(len(chunk)))
    sizes = nodes.groupby(["session", "chunk"]).size().groupby("session").agg(list) if rows else []
    assert all(size == chunk_nodes for of_session in sizes for size in of_session[:-1])
    assert (np.diff(nodes["chunk"]) <= 1).all()


def test_a_source_that_is_later_has_direction_1():
    _, edges = tables([("A", "F", 0), ("A", "F", 4)])
    assert edges[["source", "target", "gap", "direction"]].to_numpy().tolist() == [
        [0, 0, 0.0, 0],
        [1, 0, 1.0, 1],
        [0, 1, -1.0, -1],
        [1, 1, 0.0, 0],
    ]


def test_two_speakers_are_joined_at_one_clock_alone():
    rows = [("A", "F", 0), ("A", "F", 1), ("A", "M", 1)]
    joined, apart = tables(rows)[1], tables(rows, cross_speaker=False)[1]
    assert set(zip(joined["source"], joined["target"], strict=True)) >= {(1, 2), (2, 1)}
    assert len(joined) == len(apart) + 2
    assert not {(0, 2), (2, 0)} & set(zip(joined["source"], joined["target"], strict=True))


def test_columns_have_the_types_that_are_documented():
    nodes, edges = EXTRACTOR.tables(TemporalGraphConfig(), axis([])).values()
    assert {field.name: str(field.type) for field in nodes.schema} == {
        "node": "int32",
        "session": "string",
        "chunk": "int32",
        "position": "int32",
    }
    assert {field.name: str(field.type) for field in edges.schema} == {
        "chunk": "int32",
        "source": "int32",
        "target": "int32",
        "gap": "float",
        "direction": "int8",
    }


def test_it_has_rows_and_no_array():
    config = TemporalGraphConfig()
    made = EXTRACTOR.open(config, None)(both(range(3)))
    assert dict(made.arrays) == dict(made.columns) == {}
    assert EXTRACTOR.specs(config) == ()


def test_an_unbroken_turn_has_57_edges_a_node():
    _, edges = tables([("A", "F", slot) for slot in range(1000)])
    assert len(edges) == sum(min(slot, 28) + min(999 - slot, 28) + 1 for slot in range(1000))


@pytest.mark.parametrize("values", [{"chunk_nodes": 0}, {"max_gap": -1.0}, {"max_gap": float("inf")}, {"window": 3}])
def test_bad_settings_are_refused(values):
    with pytest.raises(ConfigError, match="temporal_graph"):
        validated(TemporalGraphConfig, values, where="temporal_graph")


nodes = st.lists(st.tuples(st.integers(0, 60).map(lambda slot: 250 * slot), st.integers(0, 2)), max_size=40)


def every_pair_dges(clock, speakers, *, max_gap, cross_speaker):
    """The definition, pair by pair."""
    return [
        (source, target)
        for target in range(len(clock))
        for source in range(len(clock))
        if (speakers[source] == speakers[target] and abs(clock[source] - clock[target]) <= max_gap)
        or (cross_speaker and clock[source] == clock[target])
    ]


@settings(deadline=None, max_examples=200)
@given(nodes, st.sampled_from([0, 249, 250, 1000, 7200, 10**6]), st.booleans())
def test_the_sweep_finds_what_comparing_all_pairs_finds(made, max_gap, cross_speaker):
    clock, speakers = np.array(sorted(made), dtype=np.int64).reshape(-1, 2).T
    source, target = edges(clock, speakers, max_gap=max_gap, cross_speaker=cross_speaker)
    expected = every_pair_dges(clock, speakers, max_gap=max_gap, cross_speaker=cross_speaker)
    assert list(zip(source.tolist(), target.tolist(), strict=True)) == expected


@settings(deadline=None, max_examples=50)
@given(nodes, st.booleans())
def test_edges_go_both_ways_and_every_node_has_one_to_itself(made, cross_speaker):
    clock, speakers = np.array(sorted(made), dtype=np.int64).reshape(-1, 2).T
    source, target = edges(clock, speakers, max_gap=1000, cross_speaker=cross_speaker)
    pairs = set(zip(source.tolist(), target.tolist(), strict=True))
    assert pairs == {(back, there) for there, back in pairs}
    assert {(node, node) for node in range(len(clock))} <= pairs


@pytest.mark.parametrize(("gap", "joined"), [(7199, True), (7200, True), (7201, False)])
def test_the_gap_is_inclusive(gap, joined):
    source, _ = edges(np.array([0, gap]), np.zeros(2, dtype=int), max_gap=7200, cross_speaker=True)
    assert (len(source) == 4) is joined
