"""The two text files of a dialog, line by line."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.corpora.iemocap._annotation import CATEGORIES, CODES, VOCABULARY, read_evaluations, read_transcription
from kemfeat.errors import CorpusError
from kemfeat.findings import Findings
from kemfeat.labels import parse_emotions

DIALOG = "Ses01F_impro05"
WHERE = "Session1/dialog/EmoEvaluation/Ses01F_impro05.txt"
REAL = (
    "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
    "[140.2250 - 145.6000]\tSes01F_impro05_F019\tang\t[1.5000, 4.0000, 4.5000]\n"
    "C-E1:\tAnger;\t()\nC-E3:\tAnger;\t()\nC-E4:\tAnger;\t()\nC-F1:\tAnger;\t()\n"
    "A-E3:\tval 2; act 4; dom  4;\t()\nA-E4:\tval 1; act 4; dom  5;\t(threatening; belligerent)\n"
    "A-F1:\tval 1; act 5; dom  5;\t()\n"
)
"""The block that the references print; the mean of E3 and E4, without F1, is that of the first line."""


def evaluations(text, *, strict=False):
    findings = Findings(strict=strict)
    content = text if isinstance(text, bytes) else text.encode("latin-1")
    return read_evaluations(content, dialog=DIALOG, where=WHERE, findings=findings), findings


def transcription(text, *, strict=False):
    findings = Findings(strict=strict)
    return read_transcription(text.encode("latin-1"), dialog=DIALOG, where=WHERE, findings=findings), findings


def rules(findings):
    return {finding.rule: finding.count for finding in findings.merged()}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_real_block(newline):
    (found,), findings = evaluations(REAL.replace("\n", newline))
    assert rules(findings) == {}
    assert (found.id, found.where, found.dialog, found.session, found.sex) == (
        "Ses01F_impro05_F019", f"{WHERE}:3", DIALOG, "Ses01", "F",
    )  # fmt: skip
    assert (found.start, found.end, found.code, found.emotion) == (140.225, 145.6, "ang", "angry")
    assert found.attributes == (1.5, 4.0, 4.5)
    assert [(rating.rater, rating.emotion) for rating in found.observers] == [
        ("E1", "angry"), ("E3", "angry"), ("E4", "angry"),
    ]  # fmt: skip
    assert math.isnan(found.observers[0].attributes.valence)
    assert found.observers[2].attributes == (1.0, 4.0, 5.0)
    assert (found.own.rater, found.own.emotion, found.own.attributes) == ("F1", "angry", (1.0, 5.0, 5.0))


def test_every_code_and_category_is_in_the_vocabulary():
    assert set(CODES.values()) == set(CATEGORIES.values()) == set(VOCABULARY)
    for code, emotion in CODES.items():
        (found,), _ = evaluations(REAL.replace("\tang\t", f"\t{code}\t"))
        assert (found.code, found.emotion) == (code, emotion)


def test_no_majority_is_no_label():
    (found,), findings = evaluations(REAL.replace("\tang\t", "\txxx\t"))
    assert (found.code, found.emotion) == ("xxx", None)
    assert rules(findings) == {"no-majority": 1}


@given(st.lists(st.sampled_from(sorted(CATEGORIES)), min_size=1, max_size=4), st.sampled_from(["", " ", "  "]))
@settings(deadline=None, max_examples=40)
def test_votes_come_in_canonical_order_whatever_case_spaces_and_comment(words, gap):
    written = f"{gap};{gap}".join(word.upper() for word in words)
    (found,), _ = evaluations(REAL.replace("C-E1:\tAnger;\t()", f"C-E1:{gap}{written};\t(joy; (no) \xe9)"))
    assert found.observers[0].emotion == ";".join(
        parse_emotions(";".join(CATEGORIES[word] for word in words), vocabulary=VOCABULARY)
    )


def test_a_rater_of_attributes_alone_and_none_at_all():
    (found,), _ = evaluations(REAL.replace("C-E4:\tAnger;\t()\n", "").replace("C-F1", "C-E2").replace("A-F1", "A-E5"))
    assert [(rating.rater, rating.emotion) for rating in found.observers] == [
        ("E1", "angry"), ("E2", "angry"), ("E3", "angry"), ("E4", None), ("E5", None),
    ]  # fmt: skip
    assert (found.own.emotion, math.isnan(found.own.attributes.dominance)) == (None, True)


def test_blank_cells_are_missing():
    text = REAL.replace("C-E1:\tAnger;", "C-E1:\t;").replace("act 5", "act ").replace("[1.5000,", "[,")
    (found,), findings = evaluations(text)
    assert rules(findings) == {"votes-missing": 2, "label-missing": 1}
    assert found.observers[0].emotion is None
    assert math.isnan(found.own.attributes.arousal)
    assert math.isnan(found.attributes.valence)


@pytest.mark.parametrize(
    ("old", "new", "rule", "line", "kept"),
    [
        ("\tang\t", "\tjoy\t", "unknown-label", 3, 1),
        ("[140.2250", "[abc", "bad-time", 3, 1),
        ("145.6000]", "nan]", "bad-time", 3, 1),
        ("145.6000]", "140.2250]", "end-before-start", 3, 1),
        ("4.5000]", "5.6000]", "rating-off-scale", 3, 1),
        ("4.5000]", "inf]", "rating-off-scale", 3, 1),
        ("val 2", "val 0", "rating-off-scale", 8, 1),
        ("Ses01F_impro05_F019", "Ses01F_impro05_FXX9", "malformed-id", 3, 0),
        ("Ses01F_impro05_F019", "../../etc/passwd", "malformed-id", 3, 0),
        ("Ses01F_impro05_F019", "Ses01M_impro05_F019", "malformed-id", 3, 0),
        ("\tang\t[1.5000, 4.0000, 4.5000]", "\tang", "malformed-line", 3, 0),
        ("%", "x %", "malformed-line", 1, 1),
        ("C-E4:", "D-E4:", "malformed-line", 6, 1),
        ("val 2; act 4; dom  4;", "2 4 4", "malformed-line", 8, 1),
        ("C-E3", "C-E1", "duplicate-rating", 5, 1),
        ("C-F1", "C-M1", "duplicate-rating", 3, 1),
    ],
)
def test_a_bad_cell_raises_or_is_quarantined(old, new, rule, line, kept):
    text = REAL.replace(old, new, 1)
    with pytest.raises(CorpusError, match=rf"^{WHERE}:{line}: .*{rule}"):
        evaluations(text, strict=True)
    found, findings = evaluations(text)
    assert rules(findings) == {rule: 1}
    assert len(found) == kept


def test_ratings_half_a_point_off_the_scale_are_kept():
    text = REAL.replace("4.5000]", "5.5000]").replace("val 2", "val 0.5")
    (found,), findings = evaluations(text, strict=True)
    assert rules(findings) == {"rating-beyond-scale": 2}
    assert found.attributes.dominance == 5.5
    assert found.observers[1].attributes.valence == 0.5


@pytest.mark.parametrize(("vote", "kept"), [("Anger; Joy", "angry"), ("Bored;", None), ("bored; Other;", "other")])
def test_words_of_their_own_are_left_out_of_a_vote(vote, kept):
    (found,), findings = evaluations(REAL.replace("C-E3:\tAnger;", f"C-E3:\t{vote}"), strict=True)
    assert rules(findings) == {"unknown-vote": 1}
    assert findings.merged()[0].examples[0].startswith(f"{WHERE}:5: found '")
    assert [rating.emotion for rating in found.observers] == ["angry", kept, "angry"]


def test_of_two_own_ratings_that_with_the_speakers_letter_is_kept():
    text = REAL.replace("F019", "M019").replace("A-F1:\tval 1", "A-M1:\tval 4")
    (found,), findings = evaluations(text)
    assert rules(findings) == {"duplicate-rating": 1}
    assert (found.own.rater, found.own.attributes.valence) == ("M1", 4.0)


def test_an_utterance_again_is_dropped():
    found, findings = evaluations(REAL + REAL.replace("\tang\t", "\tsad\t"))
    assert [one.emotion for one in found] == ["angry"]
    assert findings.merged()[0].examples == (f"{WHERE}:13: Ses01F_impro05_F019 again",)


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=100)
def test_no_bytes_break_the_reader(noise):
    found, _ = evaluations(REAL.encode() + b"\n" + noise)
    assert found[0].id == "Ses01F_impro05_F019"


def test_texts_stand_as_they_are():
    texts, findings = transcription(
        f"% comment\n{DIALOG}_F000 [006.2901-008.2357]: Excuse me.\r\n\n"
        f"{DIALOG}_M000 [010.0100-011.3925]:  caf\xe9\x85 [LAUGHTER] ok: yes \n"
        f"{DIALOG}_F001 [010.0100-011.3925]:\n"
        f"M: off stage\n F: too\n{DIALOG}_MXXX [001.0000-002.0000]: Hm.\n{DIALOG}_FXX0 [001.0000-002.0000]: Hm.\n"
    )
    assert texts == {
        f"{DIALOG}_F000": "Excuse me.",
        f"{DIALOG}_M000": " caf\xe9\x85 [LAUGHTER] ok: yes ",
        f"{DIALOG}_F001": "",
    }
    assert rules(findings) == {}


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("Excuse me.", "malformed-line"),
        (f"{DIALOG}_F000 Excuse me.", "malformed-line"),
        ("Ses01F_impro04_F000 [0-1]: Excuse me.", "malformed-id"),
        (f"{DIALOG}_F00 [0-1]: Excuse me.", "malformed-id"),
        (f"{DIALOG}_M000 [0-1]: Again.", "duplicate-id"),
    ],
)
def test_a_bad_line_of_text_raises_or_is_dropped(line, rule):
    text = f"{DIALOG}_M000 [0-1]: First.\n{line}\n"
    with pytest.raises(CorpusError, match=rf"^{WHERE}:2: .*{rule}"):
        transcription(text, strict=True)
    texts, findings = transcription(text)
    assert texts == {f"{DIALOG}_M000": "First."}
    assert rules(findings) == {rule: 1}


def test_the_ratings_of_a_line_that_is_gone_go_to_no_other_utterance():
    """The first line of a block is missing, or joined to the line above: its raters judged nobody else."""
    second = "[150.0000 - 155.0000]\tSes01F_impro05_F020\tsad\t[2.0000, 2.0000, 2.0000]\n"
    ratings = "C-E5:\tSadness;\t()\nA-E5:\tval 2; act 2; dom  2;\t()\n"
    alone, _ = evaluations(REAL)
    for text in (f"{REAL}\n{ratings}", f"{REAL.removesuffix(chr(10))}{second}{ratings}"):
        found, findings = evaluations(text)
        assert found[0].id == alone[0].id
        assert all(rating.rater != "E5" for one in found for rating in one.observers)
        assert "malformed-line" in rules(findings)


def test_doubled_line_ends_are_no_ends_of_blocks():
    found, findings = evaluations(REAL.replace("\n", "\n\n"))
    alone, _ = evaluations(REAL)
    assert rules(findings) == {}
    assert [one.observers for one in found] == [one.observers for one in alone]


def test_a_transcript_that_two_lines_share_is_given_to_neither():
    one, two = ("Ses01F_impro05_F000 [1.0-2.0]: yes", "Ses01F_impro05_M000 [2.0-3.0]: no")
    texts, findings = transcription(f"{one}{two}\nM: hm {two}\nSes01F_impro05_F001 [3.0-4.0]: well\n")
    assert texts == {"Ses01F_impro05_F001": "well"}
    assert rules(findings) == {"malformed-line": 2}
    assert set(findings.ledger.left_out) == {f"{WHERE}:1", f"{WHERE}:2"}
