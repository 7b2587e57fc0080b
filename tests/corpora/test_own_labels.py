"""Emotion words of a user's own table: the seven in many spellings, and words of one's own."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.corpora.own_labels import MAX_WORDS, read_emotions, report_others, vocabulary
from kemfeat.errors import CorpusError
from kemfeat.findings import Findings
from kemfeat.labels import ALIASES, EMOTIONS, SPELLINGS, join_emotions, parse_emotions

WHERE = "sub/utterances.csv"


@given(st.text(max_size=20))
@settings(deadline=None, max_examples=100)
def test_what_is_read_of_an_emotion_can_be_joined_and_parsed(text):
    try:
        emotions = read_emotions(text)
    except CorpusError:
        return
    words = vocabulary([emotions], where=WHERE)
    label = join_emotions(emotions, vocabulary=words)
    assert set(parse_emotions(label, vocabulary=words)) == set(emotions)
    assert read_emotions(label) == parse_emotions(label, vocabulary=words)


def test_words_beside_the_seven_are_listed_with_counts_and_a_guess():
    rows = [("ang",)] * 3 + [("hap", "boredom")] * 2 + [("0",), ("surprized",), ("sad",), ("평온",)]
    findings = Findings()
    report_others(rows, where=WHERE, findings=findings)
    found = {finding.rule: finding for finding in findings.merged()}
    where = f"{WHERE} column emotion: found"
    assert found["emotion-code"].examples == (
        f"{where} '0' in 1 row, a number; expected a word, such as --set labels.map.0=angry",
        f"{where} 'ang' in 3 rows; did you mean 'angry'? (--set labels.map.ang=angry)",
        f"{where} 'hap' in 2 rows; did you mean 'happy'? (--set labels.map.hap=happy)",
        f"{where} 'surprized' in 1 row; did you mean 'surprise'? (--set labels.map.surprized=surprise)",
    )
    assert found["own-emotion"].examples == (f"{where} 'boredom' in 2 rows", f"{where} '평온' in 1 row")
    assert found.keys() == {"emotion-code", "own-emotion"}


def test_many_words_beside_the_seven_are_listed_in_one_sentence():
    findings = Findings()
    own = [f"mood{letter}" for letter in "abcdefg"]
    report_others([(word,) for word in own] + [("ang",)], where=WHERE, findings=findings)
    found = {finding.rule: finding for finding in findings.merged()}
    assert all(f"{word} (1)" in found["own-emotion"].examples[0] for word in own)
    assert len(found["own-emotion"].examples) == len(found["emotion-code"].examples) == 1


def test_korean_words_are_read_as_the_seven():
    assert read_emotions("슬픔;분노") == ("sad", "angry")
    assert read_emotions(unicodedata.normalize("NFD", "기쁨")) == ("happy",)


def test_spellings_lead_to_known_words_and_aliases_are_among_them():
    assert set(SPELLINGS.values()) <= set(EMOTIONS)
    assert set(ALIASES) <= set(SPELLINGS)
    assert not set(SPELLINGS) & set(EMOTIONS)


def test_other_words_come_after_the_known_ones_sorted():
    emotions = [read_emotions(text) for text in ("Calm", "boredom;Anger", "평온", "fearful")]
    assert vocabulary(emotions, where=WHERE) == (*EMOTIONS, "boredom", "calm", "평온")
    assert read_emotions(unicodedata.normalize("NFD", "평온")) == ("평온",)
    many = [(f"w{number:03}",) for number in range(MAX_WORDS + 1)]
    assert len(vocabulary(many[1:], where=WHERE)) == len(EMOTIONS) + MAX_WORDS
    with pytest.raises(CorpusError, match="column emotion has 65 different words, such as 'w000' and 'w064'"):
        vocabulary(many, where=WHERE)
