from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.synth import words
from kemfeat.synth.sentences import MARKS, count_syllables, marked, sentence


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.floats(-2, 2), st.floats(0.5, 170))
def test_sentences_are_one_line_of_cp949_of_the_wished_length(seed, tone, syllables):
    text = sentence(np.random.default_rng(seed), tone=tone, syllables=syllables)
    assert text.encode("cp949").decode("cp949") == text
    assert "\n" not in text
    assert "  " not in text
    assert text == text.strip()
    assert 1 <= count_syllables(text) <= syllables + 16
    assert count_syllables(text) >= 0.5 * syllables - 4


def _share(tone: float, wanted: str) -> float:
    stems = (*words.OPINIONS[wanted], *words.EVENTS[wanted])
    rng = np.random.default_rng(3)
    texts = [sentence(rng, tone=tone, syllables=14) for _ in range(400)]
    return float(np.mean([any(stem in text for stem in stems) for text in texts]))


def test_words_follow_valence():
    shares = [_share(tone, "positive") for tone in (-0.8, 0.0, 0.8)]
    assert shares[0] < 0.15 < shares[1] < 0.7 < shares[2]
    shares = [_share(tone, "negative") for tone in (0.8, 0.0, -0.8)]
    assert shares[0] < 0.15 < shares[1] < 0.7 < shares[2]


def test_the_lists_hold_hundreds_of_words_and_tones_do_not_share_stems():
    lists = [words.OPENERS, words.TIMES, words.PEOPLE, words.PLACES, words.TOPICS, words.ADVERBS]
    for table in (words.OPINIONS, words.EVENTS, words.SHORT):
        assert tuple(sorted(table)) == tuple(sorted(words.TONES))
        assert not set(table["positive"]) & set(table["negative"])
        lists.extend(table.values())
    assert len({word for part in lists for word in part}) > 450


@pytest.mark.parametrize("stem", [s for t in (words.OPINIONS, words.EVENTS) for part in t.values() for s in part])
def test_predicates_are_past_stems(stem):
    assert (ord(stem[-1]) - ord("가")) % 28 == 20, "the last syllable must end in ㅆ for the endings to fit"


def test_marks_come_at_their_rates_and_leave_the_words():
    rng = np.random.default_rng(0)
    plain = "어제 친구가 카페에서 크게 웃었어요."
    texts = [marked(rng, plain, tone=0.0) for _ in range(3000)]
    for mark, share in MARKS.items():
        found = np.mean([mark in text for text in texts])
        assert found == pytest.approx(share, abs=0.025), mark
    stripped = {re.sub(r" +", " ", re.sub(r"\b[cnNulb]/|[+*]", "", text)).strip() for text in texts}
    assert stripped == {plain}
