"""A drawing's dark form keeps its colours and its shapes, and what is read on the ground stands out from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat import report
from kemfeat.figures.emotions import group_colours
from kemfeat.report.dark import LIGHTER, in_the_dark
from kemfeat.report.pictures import is_plain
from tests.report.conftest import draw_line
from tests.report.test_report import contrast

GROUND = "#11171a"


def dark(colour: str) -> str:
    """The colour of a shape in the dark."""
    svg = in_the_dark(f'<svg><path style="fill: {colour}"/></svg>'.encode()).decode()
    found = re.search(rf'\[style\*="fill: {colour}"\]\{{fill:(#\w{{6}})!important\}}', svg)
    return found[1] if found else colour


def test_black_and_white_change_sides() -> None:
    assert (dark("#ffffff"), dark("#000000")) == (GROUND, "#e6ecee")


@given(st.integers(0, 255), st.integers(0, 255))
def test_greys_keep_their_distance_in_reverse(one: int, other: int) -> None:
    greys = [f"#{3 * f'{each:02x}'}" for each in sorted((one, other))]
    if "#999999" not in greys and not {1, 254} & {one, other}:
        darker, brighter = (int(dark(each)[1:3], 16) for each in greys)
        assert darker >= brighter


@pytest.mark.parametrize("colour", ["#0072b2", "#999999", "#010101", "#fefefe"])
def test_colours_with_a_meaning_stay(colour: str) -> None:
    assert dark(colour) == colour


def test_every_group_stands_out_in_the_dark() -> None:
    emotions = ("neutral", "happy", "surprise", "angry", "disgust", "fear", "sad")
    colours = group_colours([*emotions, *(f"other {number}" for number in range(5))])
    drawn = {name: "#999999" if colour == "0.6" else dark(colour.lower()) for name, colour in colours.items()}
    assert {name: contrast(colour, GROUND) >= 3 for name, colour in drawn.items()} == dict.fromkeys(drawn, True)


def test_the_style_of_the_page_has_the_same_colours() -> None:
    style = (Path(report.__file__).parent / "page.css").read_text(encoding="utf-8")
    for colour, lighter in LIGHTER.items():
        assert f'[fill="{colour.decode()}"] {{ fill: {lighter.decode()}; }}' in style
    assert f"--ground: {GROUND};" in style


def test_a_figure_stays_plain_and_gains_one_style(tmp_path: Path) -> None:
    draw_line(tmp_path / "line")
    svg = (tmp_path / "line.svg").read_bytes()
    changed = in_the_dark(svg)
    style = re.search(rb"<style>@media screen and \(prefers-color-scheme:dark\).*</style>(?=</svg>)", changed)
    assert style
    assert is_plain(changed)
    assert changed.replace(style[0], b"") == svg
    assert len(style[0]) < 1500


@pytest.mark.parametrize("svg", [b"", b"<svg>", b"<svg></svg><p>"])
def test_what_does_not_end_as_a_drawing_is_left_alone(svg: bytes) -> None:
    assert in_the_dark(svg) == svg
