import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.features._edges import edges

nodes = st.lists(st.tuples(st.integers(0, 60).map(lambda slot: 250 * slot), st.integers(0, 2)), max_size=40)


def every_pair(clock, speakers, *, max_gap, cross_speaker):
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
    expected = every_pair(clock, speakers, max_gap=max_gap, cross_speaker=cross_speaker)
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
