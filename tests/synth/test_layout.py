from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.synth.layout import FRAME_COUNTS, FRAME_EDGES, draw_turns, durations, sex


@pytest.fixture(scope="module")
def full():
    return draw_turns(0, utterances=13462, sessions=40)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**40), st.integers(1, 40), st.integers(0, 300))
def test_exactly_so_many_utterances_with_unique_identifiers(seed, sessions, more):
    turns = draw_turns(seed, utterances=sessions + more, sessions=sessions)
    names = turns.identifiers()
    assert len(turns) == len(set(names)) == sessions + more
    assert set(turns.session) == set(range(1, sessions + 1))


def test_identifiers_follow_the_grammar_and_are_counted_per_speaker_and_script(full):
    names = full.identifiers()
    assert all(len(name) == len("Sess01_script01_User002M_001") for name in names)
    groups = {}
    for name in names:
        groups.setdefault(name[:-4], []).append(int(name[-3:]))
    assert len(groups) == 480
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in groups.values())
    assert 20 < np.mean([len(numbers) for numbers in groups.values()]) < 36


def test_durations_follow_the_published_histogram(full):
    length = full.end - full.start
    frames = 1 + length * 16 // 512
    edges = [*FRAME_EDGES[:-1], FRAME_EDGES[-1] + 1]
    counts = np.histogram(frames, bins=edges)[0]
    assert counts.sum() == 13462
    assert np.abs(counts - FRAME_COUNTS).max() <= 2
    assert length.min() >= 640
    assert length.max() <= 35200
    assert 20 < length.sum() / 3.6e6 < 23


@given(st.integers(1, 50))
@settings(deadline=None, max_examples=10)
def test_durations_of_few_are_in_range(count):
    lengths = durations(count, np.random.default_rng(count))
    assert len(lengths) == count
    assert ((lengths >= 640) & (lengths <= 35200)).all()


def test_rows_are_ordered_partners_overlap_and_nobody_overlaps_themself(full):
    order = np.lexsort((full.start, full.script, full.session))
    assert (order == np.arange(len(full))).all()
    same = (full.session[1:] == full.session[:-1]) & (full.script[1:] == full.script[:-1])
    overlapping = same & (full.start[1:] < full.end[:-1])
    assert 0.1 < overlapping.mean() < 0.4
    for user in (1, 2, 80):
        for script in range(1, 7):
            own = full.rows((full.user == user) & (full.script == script))
            assert (own.start[1:] >= own.end[:-1]).all()


def test_known_sexes_and_same_sex_pairs():
    assert "".join(sex(user) for user in (1, 2, 5, 7, 9, 36, 72, 79, 80, 34)) == "FMMMMMFFFF"
    pairs = {sex(2 * session - 1) + sex(2 * session) for session in range(1, 41)}
    assert pairs == {"FF", "MM", "FM", "MF"}
    assert sex(3) == sex(4), "a corpus of two sessions has a same-sex pair"
