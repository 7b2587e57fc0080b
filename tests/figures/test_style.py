"""Figures: the same bytes each time, text that stays text, Korean that is drawn, colours that can be told apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib import colors, font_manager, rcParams

from kemfeat.figures import style
from kemfeat.figures.style import KOREAN_FONTS, PALETTE, font_advice, saved


def draw(stem, text="arousal [1..5]"):
    with saved(stem) as figure:
        axes = figure.add_subplot()
        axes.plot([-1, 2], [1, 2])
        axes.set_xlabel(text)


def files(stem):
    return [stem.with_suffix(suffix).read_bytes() for suffix in (".svg", ".png")]


def test_same_input_gives_the_same_bytes(tmp_path):
    draw(tmp_path / "a")
    draw(tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_makes_folders_and_both_kinds(tmp_path):
    draw(tmp_path / "deep/er/a")
    svg, png = files(tmp_path / "deep/er/a")
    assert svg.startswith(b"<?xml")
    assert png.startswith(b"\x89PNG")


def test_text_of_an_svg_is_text_and_escaped(tmp_path):
    draw(tmp_path / "a", "<script>x</script> 각성")
    svg = (tmp_path / "a.svg").read_text()
    assert "&lt;script&gt;x&lt;/script&gt; 각성" in svg
    assert "<script" not in svg


def test_korean_is_drawn_without_a_warning(tmp_path):
    installed = {font.name for font in font_manager.fontManager.ttflist}
    if not installed & set(KOREAN_FONTS):
        pytest.skip("no font with Hangul is installed")
    draw(tmp_path / "a", "각성 [1..5]")
    draw(tmp_path / "b", "슬픔 [1..5]")
    assert files(tmp_path / "a")[1] != files(tmp_path / "b")[1]


def with_fonts(monkeypatch, *families):
    monkeypatch.setattr(style, "_families", lambda: ["DejaVu Sans", *families])


def test_without_a_korean_font_one_sentence_says_which_to_install(tmp_path, monkeypatch):
    with_fonts(monkeypatch)
    draw(tmp_path / "a", "각성 [1..5]")
    draw(tmp_path / "b")
    advice = font_advice([tmp_path / "a.svg"])
    assert advice is not None
    assert "fonts-nanum" in advice
    assert font_advice([tmp_path / "b.svg"]) is None
    with_fonts(monkeypatch, "NanumGothic")
    assert font_advice([tmp_path / "a.svg"]) is None


def test_settings_end_with_the_figure(tmp_path):
    before = dict(rcParams)
    draw(tmp_path / "a")
    assert dict(rcParams) == before


def test_a_failure_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="on purpose"), saved(tmp_path / "a"):
        raise ValueError("on purpose")
    assert list(tmp_path.iterdir()) == []


DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
)
"""Machado, Oliveira & Fernandes 2009, IEEE TVCG 15(6):1291-1298, severity 1, on linear RGB."""


def test_palette_survives_colour_blindness():
    rgb = np.array([colors.to_rgb(colour) for colour in PALETTE])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ DEUTERANOPIA.T, 0, 1) ** (1 / 2.4)
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 0.1
