from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.synth.annotation import seconds, spelled


@given(st.integers(0, 9_999_999))
def test_seconds_keep_the_millisecond(milliseconds):
    assert float(seconds(milliseconds)) == pytest.approx(milliseconds / 1000, abs=1e-9)
    assert len(seconds(milliseconds).replace(".", "")) <= 8


def test_spelling_of_the_corpus():
    assert spelled("neutral;disgust;sad") == "neutral;disqust;sad"
    assert spelled("happy") == "happy"
