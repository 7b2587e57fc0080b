from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.synth.defects import BROKEN, draw_defects, wrong_identifier
from kemfeat.synth.layout import draw_turns


@pytest.mark.parametrize("seed", [0, 1])
def test_rates_at_full_size(seed):
    turns = draw_turns(seed, utterances=13462, sessions=40)
    defects = draw_defects(seed, turns)
    without = defects.orphaned | defects.unannotated | defects.lost
    assert without.sum() == 747
    assert defects.orphaned.sum() == 700
    assert (defects.orphaned | defects.no_beats | defects.empty_ibi).sum() == 3258
    assert (defects.orphaned[turns.session == 17]).all()


def test_the_known_broken_conversations_have_no_beats():
    turns = draw_turns(0, utterances=13462, sessions=40)
    defects = draw_defects(0, turns)
    for session, script, user in BROKEN:
        mine = (turns.session == session) & (turns.script == script) & (turns.user == user)
        assert mine.any()
        assert defects.empty_ibi[mine].all()
    files = np.unique((turns.user * 10 + turns.script)[defects.empty_ibi])
    assert len(BROKEN) < len(files) < 30


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.integers(1, 16))
def test_every_kind_occurs_in_small_corpora(seed, sessions):
    turns = draw_turns(seed, utterances=30 * sessions, sessions=sessions)
    defects = draw_defects(seed, turns)
    assert defects.orphaned.any()
    assert defects.unannotated.any() or defects.orphaned[turns.session == 1].any()
    assert defects.empty_ibi.any()
    assert not (defects.orphaned & defects.lost).any()
    assert (defects.orphaned | defects.lost | defects.unannotated).mean() < 0.35


def test_wrong_identifiers_name_nobody():
    assert wrong_identifier("Sess17_script06_User034F_038") == "Sess42_script06_User084F_038"
    assert wrong_identifier("Sess12_script01_User023F_007") == "Sess12_script01_User023F_507"
    turns = draw_turns(0, utterances=13462, sessions=40)
    names = np.array(turns.identifiers())
    wrong = {wrong_identifier(name) for name in names[draw_defects(0, turns).orphaned]}
    assert not wrong & set(names)
