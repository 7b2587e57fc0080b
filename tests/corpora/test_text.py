"""Texts of corpora: what is no number is never one, what is missing is missing, and no encoding is guessed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.corpora.text import ENCODINGS, MISSING_WORDS, decode, is_missing, number, report_text
from kemfeat.findings import Findings

HANGUL = "n/ 아 친구들도? l/"


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["", " ", "\t"]))
def test_every_finite_number_reads_back(value, space):
    assert number(f"{space}{value!r}{space}") == value
    assert number(repr(value).encode()) == value


@pytest.mark.parametrize(
    "text",
    ["1_0", "1_000.5", "١٢", "１２", "inf", "-Infinity", "nan", "1e999", "0x10", "1,5", "1 0", "", "-", ".", "e5", "+"],
)
def test_what_python_or_nobody_reads_as_a_number_is_none(text):
    assert math.isnan(number(text))
    assert math.isnan(number(text.encode()))


@given(st.sampled_from(sorted(MISSING_WORDS)), st.sampled_from([str.upper, str.lower, str.title]))
def test_missing_words_are_missing_in_any_case(word, spelt):
    assert is_missing(f" {spelt(word)} ")


@pytest.mark.parametrize("word", ["no", "0", "-1", "...", "nana", "unknown", "없음", "null."])
def test_other_words_are_values(word):
    assert not is_missing(word)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_every_encoding_reads_back(encoding):
    assert decode(HANGUL.encode(encoding), declared="cp949") == (HANGUL, encoding)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(HANGUL, "cp949"), ("schön, größer", "cp1252"), ("schön", "latin-1"), ("你好吗", "gb2312"), ("你好", "big5")],
)
def test_what_is_not_unicode_is_read_as_declared_and_never_as_something_else(text, encoding):
    content = text.encode(encoding)
    assert decode(content) is None
    assert decode(content, declared=encoding) == (text, encoding)
    assert decode(text.encode(), declared=encoding) == (text, "utf-8")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_wide_text_without_a_byte_order_mark_is_none(encoding):
    for declared in (None, *ENCODINGS):
        decoded = decode("plain words".encode(encoding), declared=declared)
        assert decoded is None or declared == "utf-16"


def test_plain_text_is_utf_8_and_nonsense_is_none():
    assert decode(b"") == ("", "utf-8")
    assert decode(b"abc\n") == ("abc\n", "utf-8")
    assert decode(b"\x81\xff\xff", declared="cp949") is None
    assert decode(b"\xff\xfea", declared="cp949") is None  # half a UTF-16 unit


@pytest.mark.parametrize(
    ("text", "rule"),
    [("plain", None), (" \n", "empty-txt"), ("a\ufffd b", "damaged-txt"), ("a\u00ef\u00bf\u00bd", "damaged-txt")],
)
def test_texts_that_say_nothing_or_lost_characters_are_reported(text, rule):
    found = Findings()
    report_text(text, where="txt/u1.txt", findings=found)
    assert [finding.rule for finding in found.merged()] == [rule] * (rule is not None)
    assert all(finding.examples[0].startswith("txt/u1.txt: ") for finding in found.merged())
