from __future__ import annotations

import re

import numpy as np
import pytest

from kemfeat.synth.kemdy19._text import MARKS, transcript

PLAIN = "그런데 어제 친구가 카페에서 크게 웃었어요."


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    return [transcript(rng, PLAIN, tone=0.0) for _ in range(4000)]


def test_marks_come_at_their_rates(texts):
    for mark, share in MARKS.items():
        found = np.mean([mark in text for text in texts])
        assert found == pytest.approx(share, abs=0.025), mark


def test_laughter_follows_valence():
    rng = np.random.default_rng(0)
    sad, glad = (np.mean(["l/" in transcript(rng, PLAIN, tone=tone) for _ in range(2000)]) for tone in (-1.0, 1.0))
    assert sad < 0.7 * MARKS["l/"] < 1.5 * MARKS["l/"] < glad


def test_readings_stand_as_said_and_as_meant_and_doubt_in_brackets(texts):
    pairs = {pair for text in texts for pair in re.findall(r"\(([^()+]+)\+([^()+]+)\)", text)}
    assert ("끄런데", "그런데") in pairs
    assert {meant for _, meant in pairs} <= set(PLAIN.rstrip(".").split())
    assert all(said != meant for said, meant in pairs)
    assert any(re.search(r"\([^()+]+\)", text) for text in texts)
