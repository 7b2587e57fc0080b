"""kemfeat.figures.emotions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kemfeat.figures.emotions import EMOTION_COLOURS, group_colours

NAMES = st.lists(st.sampled_from([*EMOTION_COLOURS, "calm", "excited", "xxx"]), min_size=1)


@given(NAMES, st.randoms())
def test_an_emotion_has_its_colour_whatever_else_is_drawn(names, random):
    colours = group_colours(names)
    assert colours.keys() == {*names}
    assert all(colours[name] == EMOTION_COLOURS[name] for name in names if name in EMOTION_COLOURS)
    random.shuffle(names)
    assert group_colours(names) == colours


def test_other_groups_differ():
    assert len({*group_colours("ABCDEF").values()}) == 6
