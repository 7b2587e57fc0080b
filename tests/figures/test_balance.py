"""Counts and lengths, read back from their SVG."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from kemfeat.figures.balance import MOST_CLASSES, class_counts, histogram


def said(stem) -> list[str]:
    return re.findall(r">([^<>]+)</(?:text|tspan)>", stem.with_suffix(".svg").read_text(encoding="utf-8"))


def test_every_class_has_its_count_and_speakers(tmp_path):
    table = pd.DataFrame({"emotion": ["neutral", "행복", "fear"], "utterances": [11120, 43, 0], "speakers": [80, 3, 0]})
    class_counts(table, tmp_path / "classes")
    texts = said(tmp_path / "classes")
    for text in ("neutral", "행복", "11,120 (80 speakers)", "43 (3 speakers)", "0 (0 speakers)"):
        assert text in texts


def test_the_most_frequent_of_many_are_drawn(tmp_path):
    table = pd.DataFrame({"emotion": [f"tie{n:03}" for n in range(60)], "utterances": np.arange(60, 0, -1)})
    class_counts(table, tmp_path / "many")
    texts = said(tmp_path / "many")
    assert f"the {MOST_CLASSES} most frequent of 60" in texts
    assert "tie000" in texts
    assert "tie059" not in texts


@pytest.mark.parametrize(("limit", "cut"), [(None, None), (50.0, "49 of 100 cut"), (500.0, None)])
def test_what_is_cut_is_said(tmp_path, limit, cut):
    histogram(pd.Series(np.arange(100)), tmp_path / "lengths", label="length of mel [frames]", limit=limit)
    texts = said(tmp_path / "lengths")
    assert "length of mel [frames]" in texts
    assert [text for text in texts if text.endswith(" cut")] == ([cut] if cut else [])
    assert any(text.startswith("a row holds") for text in texts) == (limit is not None)


def test_nothing_but_zeros_is_drawn(tmp_path):
    histogram(pd.Series([0.0, 0.0]), tmp_path / "zeros", label="n", limit=3)
    assert (tmp_path / "zeros.png").stat().st_size > 1000
