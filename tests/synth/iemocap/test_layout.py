from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.synth.iemocap import _words as words
from kemfeat.synth.iemocap._layout import SESSION_SIZES, dialogs, draw_turns
from kemfeat.synth.iemocap._ratings import KINDS, draw_ratings
from kemfeat.synth.iemocap._sentences import count_syllables, marked, sentence, sounds
from kemfeat.synth.iemocap._session import plan_sessions
from kemfeat.synth.speech import draw_voice, speak
from kemfeat.synth.writing import Options

FULL = Options(utterances=10039, sessions=5, seed=0, version="1.0", speaker_effect=1.0)


@pytest.fixture(scope="module")
def turns():
    return draw_turns(FULL.seed, utterances=FULL.utterances, sessions=FULL.sessions)


@pytest.fixture(scope="module")
def ratings(turns):
    return draw_ratings(FULL.seed, turns)


def test_the_whole_corpus_has_the_published_sizes(turns):
    assert np.bincount(turns.session).tolist() == [0, 1819, 1811, 2136, 2103, 2170]
    used = {(session, dialog) for session, dialog in zip(turns.session.tolist(), turns.dialog.tolist(), strict=True)}
    assert len(used) == 151
    assert sum(len(dialogs(session)) for session in range(1, 6)) == 151
    names = [name for session in range(1, 6) for name in dialogs(session)]
    assert names == sorted(set(names))
    assert any(name.endswith("a") for name in names)
    assert any(name.endswith("1b") for name in names)
    assert 4.3 < turns.seconds.mean() < 4.7
    assert turns.number.max() < 1000


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**40), st.integers(1, 5), st.integers(0, 300))
def test_exactly_so_many_utterances_with_unique_identifiers(seed, sessions, more):
    turns = draw_turns(seed, utterances=sessions + more, sessions=sessions)
    assert len(set(turns.identifiers())) == len(turns) == sessions + more
    assert set(turns.session) == set(range(1, sessions + 1))
    assert (turns.end > turns.start).all()


def test_no_session_is_ever_too_large_for_its_numbers():
    turns = draw_turns(0, utterances=4 * 4000, sessions=4)
    assert turns.number.max() < 1000
    assert np.bincount(turns.session)[1:] == pytest.approx(16000 * np.array(SESSION_SIZES[:4]) / 7869, abs=2)


def test_final_labels_have_the_published_counts(ratings):
    counts = Counter(rated.code for rated in ratings.rated)
    assert counts == {code: kind.published for code, kind in KINDS.items()}
    assert sum(counts[code] for code in ("ang", "hap", "exc", "sad", "neu")) == 5531


def test_final_ratings_average_to_the_means_of_their_class(ratings):
    for code, kind in KINDS.items():
        means = [rated.mean for rated in ratings.rated if rated.code == code]
        if len(means) > 500:
            np.testing.assert_allclose(np.mean(means, axis=0), kind.means, atol=0.1)


def test_the_speaker_effect_is_a_factor_on_how_speakers_differ(turns):
    def spread(factor: float) -> float:
        rated = draw_ratings(1, turns, speaker_effect=factor).rated
        valence = np.array([one.mean[0] for one in rated])
        return float(np.std([valence[turns.person == person].mean() for person in range(1, 11)]))

    assert spread(0.0) < 0.08 < spread(2.0) < spread(6.0)


def test_actors_of_the_first_sessions_rate_themselves(turns, ratings):
    for session, rated in zip(turns.session.tolist(), ratings.rated, strict=True):
        assert (rated.own_vote is not None) == (rated.own_scales is not None) == (session <= 3)


def test_the_plan_holds_every_utterance_once_and_words_that_fit_the_time():
    plan = plan_sessions(Path("out"), Options(utterances=600, sessions=5, seed=3, version="1.0", speaker_effect=1.0))
    assert [session.number for session in plan] == [1, 2, 3, 4, 5]
    assert sum(len(session.turns) for session in plan) == 600
    spoken = [
        (count_syllables(text), s) for one in plan for text, s in zip(one.sentences, one.turns.seconds, strict=True)
    ]
    syllables, seconds = np.array(spoken).T
    assert 3.5 < syllables.sum() / seconds.sum() < 6.0
    assert np.corrcoef(syllables, seconds)[0, 1] > 0.9


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.floats(-2, 2), st.floats(0.5, 170))
def test_sentences_are_one_line_of_ascii_of_the_wished_length(seed, tone, syllables):
    text = sentence(np.random.default_rng(seed), tone=tone, syllables=syllables)
    assert text.isascii()
    assert text[0].isupper()
    assert not {"\n", "  ", " ,"} & {text[i : i + n] for n in (1, 2) for i in range(len(text))}
    assert text == text.strip()
    assert 0.5 * syllables - 4 <= count_syllables(text) <= syllables + 30


def test_words_follow_valence():
    def share(tone: float, wanted: str) -> float:
        rng = np.random.default_rng(3)
        known = (*words.OPINIONS[wanted], *words.EVENTS[wanted])
        texts = [sentence(rng, tone=tone, syllables=9) for _ in range(300)]
        return float(np.mean([any(word in text for word in known) for text in texts]))

    for wanted, order in (("positive", 1), ("negative", -1)):
        shares = [share(order * tone, wanted) for tone in (-0.8, 0.0, 0.8)]
        assert shares[0] + 0.1 < shares[1] < shares[2] - 0.1


def test_marks_leave_the_words():
    rng = np.random.default_rng(0)
    texts = [marked(rng, "I got the job.", tone=0.0) for _ in range(2000)]
    assert all("I got the job." in text for text in texts)
    assert 0.02 < np.mean(["[" in text for text in texts]) < 0.10


@pytest.mark.parametrize(
    ("text", "syllables"),
    [("Yes.", 1), ("the job", 2), ("made", 1), ("hmm", 1), ("yesterday", 3), ("I don't know", 3), ("[...]", 0)],
)
def test_every_word_is_voiced_by_its_vowels(text, syllables):
    assert count_syllables(text) == syllables
    assert not any(letter.isascii() and letter.isalpha() for letter in sounds(text))


def test_english_speech_is_louder_where_arousal_is_high():
    rng = np.random.default_rng(2)
    voice = draw_voice(rng, sex="F")
    text = sounds("I got the job and my sister laughed so hard.")
    calm, excited = (
        np.mean([speak(rng, text, voice=voice, energy=energy, samples=32000).astype(float).std() for _ in range(8)])
        for energy in (-0.6, 0.6)
    )
    assert 1.5 * calm < excited
