"""Cells show what they hold, and columns of numbers line up."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.figures.style import HANGUL
from kemfeat.report.tables import NOTHING, cell, estimate, is_korean, printable, share, table
from tests.report.conftest import columns

finite = st.floats(min_value=-1e300, max_value=1e300)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, NOTHING),
        (float("nan"), NOTHING),
        (float("inf"), "inf"),
        (True, "yes"),
        (13462, "13,462"),
        (1 / 3, "0.3333"),
        (12345.6, "12,346"),
        (2.5e-20, "2.5e-20"),
        (["a", 2, None], f"a; 2; {NOTHING}"),
        ("a\x00b\ud800c", "a b c"),
        ("", ""),
    ],
)
def test_what_a_cell_shows(value: object, text: str) -> None:
    assert cell(value).text == text


@given(finite)
@settings(deadline=None, max_examples=200)
def test_a_number_is_shown_within_four_digits_and_sorted_by_itself(value: float) -> None:
    shown = cell(value)
    assert shown.number == value
    assert float(shown.text.replace(",", "")) == pytest.approx(value, rel=5.1e-4, abs=1e-320)


@given(st.lists(st.floats(min_value=-1e6, max_value=1e6), min_size=1, max_size=8))
@settings(deadline=None, max_examples=200)
def test_a_column_of_numbers_loses_no_more_than_its_second_digit(values: list[float]) -> None:
    texts = columns(table("t", "t", ("v",), [(value,) for value in values]))["v"]
    for value, text in zip(values, texts, strict=True):
        assert float(text.replace(",", "")) == pytest.approx(value, rel=0.051, abs=1e-320)
        assert math.copysign(1, float(text.replace(",", ""))) == math.copysign(1, value) or value == 0


def test_numbers_of_one_size_have_the_same_decimals() -> None:
    rows = [(3.6, 2e-20, 1.0, 1), (3.15, 0.5, 3.0, 2.5), (float("nan"), 1.0, 2.0, 3)]
    shown = columns(table("t", "t", ("a", "p", "df", "mixed"), rows))
    assert shown["a"] == ["3.600", "3.150", NOTHING]
    assert shown["p"] == ["2e-20", "0.5", "1"]
    assert shown["df"] == ["1", "3", "2"]
    assert shown["mixed"] == ["1", "2.5", "3"]


def test_columns_know_their_kind() -> None:
    rows = [(1.0, "x", None, "a sentence that is longer than a name"), (None, 2, None, "b")]
    assert table("t", "t", ("a", "b", "c", "d"), rows).kinds == ("number", "", "", "long")
    assert table("t", "t", ("a", "b"), []).kinds == ("", "")


@given(st.text())
@settings(deadline=None, max_examples=200)
def test_text_is_fit_for_a_page(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert printable(shown) == shown


def test_shares() -> None:
    half = share(1, 2)
    assert (half.text, half.number, half.share) == ("50.0%", 0.5, 0.5)
    assert share(1, 0).nothing
    assert share(float("nan")).nothing
    assert share(3, 2).share == 1.0


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((0.15423, 0.1326, 0.1759), "0.154 [0.133, 0.176]"),
        ((0.83085, 0.64578, 1.01592), "0.83 [0.65, 1.02]"),
        ((-1234.5, -1300.0, None), "-1,234"),
        ((0.0, 0.0, 0.0), "0 [0, 0]"),
        ((3.2e-9, 1e-9, 4e-9), "3.2e-09 [1e-09, 4e-09]"),
        ((float("nan"), 0.1, 0.2), NOTHING),
        ((0.5, float("nan"), 0.7), "0.500"),
        ((float("inf"), None, None), "inf"),
    ],
)
def test_an_estimate_and_its_interval_have_the_same_decimals(numbers: tuple[float | None, ...], text: str) -> None:
    assert estimate(*numbers) == text


@given(st.text())
@settings(deadline=None, max_examples=200)
def test_a_text_is_korean_by_its_letters_alone(text: str) -> None:
    assert is_korean(f"{text}{'가' * sum(map(str.isalpha, text))}가")
    assert not is_korean("".join(c for c in text if not HANGUL.match(c)))


def test_a_long_list_is_shortened() -> None:
    assert cell(list(range(25))).text.endswith("19; and 5 more")
