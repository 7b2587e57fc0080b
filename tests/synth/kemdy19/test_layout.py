from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.synth.kemdy19._layout import (
    BEGUN_BY_HER,
    SCENE_SIZES,
    SCENES,
    SESSION_SIZES,
    SEX_SIZES,
    draw_scenes,
    turns_per_speaker,
)


@pytest.fixture(scope="module")
def whole():
    return draw_scenes(3, utterances=10279, sessions=20)


def test_published_sizes_agree_with_one_another():
    assert sum(SESSION_SIZES) == sum(SCENE_SIZES.values()) == sum(SEX_SIZES.values()) == 10279


def test_sessions_sexes_and_scenes_have_the_published_sizes(whole):
    assert tuple(np.bincount(whole.session)[1:]) == SESSION_SIZES
    assert tuple(np.bincount(whole.user % 2)) == (SEX_SIZES["M"], SEX_SIZES["F"])
    assert tuple(np.bincount(whole.script)[1:]) == tuple(SCENE_SIZES.values())


def test_identifiers_are_distinct_and_count_from_one_in_each_scene(whole):
    names = whole.identifiers()
    assert len(set(names)) == len(names) == 10279
    assert not {"Sess04_impro03_F031", "Sess04_impro03_M031"} & set(names)
    assert whole.folder("Sess04_impro03_M030").as_posix() == "Session04/Sess04_impro03"
    for session, scene in BEGUN_BY_HER:
        prefix = f"Sess{session:02}_{scene}"
        assert next(name for name in names if name.startswith(prefix)) == f"{prefix}_F001"


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 20), st.integers(0, 4000), st.integers(0, 1000))
def test_any_size_is_met(sessions, more, seed):
    utterances = sessions + more
    counts = turns_per_speaker(np.random.default_rng(seed), utterances=utterances, sessions=sessions)
    assert counts.shape == (sessions, len(SCENES), 2)
    assert counts.sum() == utterances
    assert counts.min() >= 0
    assert counts.sum(axis=(1, 2)).min() >= 1
    assert utterances < 20 * sessions or counts.min() >= 1


def test_nobody_overlaps_themself(whole):
    for user in (1, 2, 39):
        for scene in (1, 10):
            turns = whole.rows((whole.user == user) & (whole.script == scene))
            assert (turns.start[1:] >= turns.end[:-1]).all()
    assert (whole.end - whole.start).min() >= 500
