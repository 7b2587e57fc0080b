"""kemfeat.features.text: the three ways of cleaning a transcript."""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.config import validated
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features.text import EXTRACTOR, MARKS, TextConfig, clean

transcripts = st.text(st.sampled_from("cnNulb/*+,? 가나ㅋㅏ각a1\n\r\t\u1100\u1161\u11a8"), max_size=40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("c/ 아 n/ 네 u/\n둘째 줄", " 아  네 "),
        ("b/ 정말+ 그래, 요? *어*", " 정말 그래 요 어"),
        ("l/음 N/ /어 그", "음  /어 그"),
        ("c*/ 네", " 네"),  # the first pass leaves "c/", the second deletes it
        ("c?/ 네", "c/ 네"),  # "?" goes last, so what it leaves together stays
        ("nc//", ""),  # deleting "c/" leaves "n/", whose turn comes after
        ("cn//", ""),  # deleting "n/" leaves "c/" for the second pass
        ("첫 줄\r\n둘째", "첫 줄"),
        ("첫 줄\r둘째", "첫 줄"),
        ("한 줄\x0c\u2028 끝", "한 줄\x0c\u2028 끝"),
        ("\n둘째", ""),
        ("", ""),
    ],
)
def test_kor_2022_is_system_1_to_the_letter(text: str, expected: str) -> None:
    assert clean(text, preset="kor-2022") == expected


@given(transcripts)
@settings(deadline=None, max_examples=200)
def test_kor_2022_law_one_pass_then_another_then_the_question_mark(text: str) -> None:
    line = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[0]
    for _ in range(2):
        for mark in MARKS:
            line = "".join(line.split(mark))
    assert clean(text) == "".join(line.split("?"))


@given(transcripts)
@settings(deadline=None, max_examples=200)
def test_hangul_keeps_only_hangul_and_spaces_and_is_a_projection(text: str) -> None:
    cleaned = clean(text, preset="hangul")
    assert all(c == " " or "ㄱ" <= c <= "ㅎ" or "ㅏ" <= c <= "ㅣ" or "가" <= c <= "힣" for c in cleaned)
    assert clean(cleaned, preset="hangul") == cleaned


def test_hangul_reads_decomposed_text_as_composed() -> None:
    text = "3박 4일, 놀러가고 싶다 ㅋㅋ!\n둘째"
    assert clean(text, preset="hangul") == "박 일 놀러가고 싶다 ㅋㅋ"
    assert clean(unicodedata.normalize("NFD", text), preset="hangul") == "박 일 놀러가고 싶다 ㅋㅋ"


def test_kor_2022_leaves_the_unicode_form_alone() -> None:
    decomposed = unicodedata.normalize("NFD", "가나")
    assert clean(decomposed) == decomposed


@given(st.text(max_size=40))
@settings(deadline=None, max_examples=50)
def test_none_changes_nothing(text: str) -> None:
    assert clean(text, preset="none") == text


def test_real_sentences_lose_only_what_is_named(shared: Path) -> None:
    path = shared / "data" / "ko_text" / "chatbot_data" / "ChatbotData.csv"
    with path.open(encoding="utf-8", newline="") as file:
        questions = [row["Q"] for row in csv.DictReader(file)]
    assert len(questions) == 11823
    lossless = [text for text in questions if not set(text) & set("/*+,?\n\r")]
    assert all(clean(text) == text for text in lossless)
    assert 0 < len(lossless) < len(questions)


def test_extracts_one_column_and_no_arrays(tmp_path: Path) -> None:
    extract = EXTRACTOR.open(TextConfig(), tmp_path)
    row = extract({"transcript": "b/ 네, 맞아요?\n"})
    assert row.arrays == {}
    assert row.columns == {"text_clean": " 네 맞아요"}
    assert EXTRACTOR.specs(TextConfig()) == ()
    assert set(row.columns) == set(EXTRACTOR.columns)


def test_an_empty_transcript_is_a_row_and_a_missing_one_an_error(tmp_path: Path) -> None:
    extract = EXTRACTOR.open(TextConfig(preset="hangul"), tmp_path)
    assert extract({"transcript": "123"}).columns == {"text_clean": ""}
    with pytest.raises(ExtractionError, match=r"no transcript; .*restore the file"):
        extract({"transcript": None})


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'kor-2022'"):
        validated(TextConfig, {"preset": "kor2022"}, where="text")
