"""Figures: the same bytes each time, text that stays text, Korean that is drawn, colours that can be told apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from itertools import combinations

import numpy as np
import pytest
from matplotlib import cbook, colors, font_manager, rcParams

from kemfeat.figures import style
from kemfeat.figures.style import KOREAN_FONTS, PALETTE, MissingFontWarning, saved


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


def visible():
    return {font.name for font in font_manager.fontManager.ttflist}


def test_korean_is_drawn_without_a_warning(tmp_path):
    style._families()  # reads fonts that were installed after matplotlib's first run
    if not visible() & set(KOREAN_FONTS):
        pytest.skip("no font with Hangul is installed")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(tmp_path / "a", "각성 [1..5]")
        draw(tmp_path / "b", "슬픔 [1..5]")
    assert files(tmp_path / "a")[1] != files(tmp_path / "b")[1]


@pytest.mark.skipif("MPL_IGNORE_SYSTEM_FONTS" not in os.environ, reason="fonts of the system are not hidden")
def test_no_korean_font_is_visible_where_those_of_the_system_are_hidden():
    assert style._families() == ["DejaVu Sans"]


def with_fonts(monkeypatch, *families):
    monkeypatch.setattr(style, "_families", lambda: ["DejaVu Sans", *families])


def caught(stem, text):
    style._advise.cache_clear()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        draw(stem, text)
    return [(each.category, str(each.message)) for each in found]


def test_without_a_korean_font_one_sentence_says_which_to_install(tmp_path, monkeypatch):
    with_fonts(monkeypatch)
    ((category, sentence),) = caught(tmp_path / "a", "각성과 슬픔 [1..5]")
    assert category is MissingFontWarning
    assert "fonts-nanum" in sentence
    assert all(len(stem) > 0 for stem in files(tmp_path / "a"))
    assert caught(tmp_path / "b", "arousal") == []


def test_with_a_korean_font_nothing_is_said(tmp_path, monkeypatch):
    with_fonts(monkeypatch, "DejaVu Sans Mono")  # stands for a font with Hangul
    assert caught(tmp_path / "a", "각성 [1..5]") == []


def test_many_figures_in_one_program_give_one_sentence(tmp_path):
    program = (
        "import sys; from pathlib import Path; from kemfeat.figures import style\n"
        "style._families = lambda: ['DejaVu Sans']\n"
        "for name in 'abc':\n"
        "    with style.saved(Path(sys.argv[1]) / name) as figure: figure.suptitle('각성')\n"
    )
    command = [sys.executable, "-X", "utf8", "-c", program, tmp_path]
    said = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", timeout=120).stderr
    assert said.count("fonts-nanum") == 1
    assert "Glyph" not in said


def test_a_font_installed_after_the_first_run_is_found(tmp_path, monkeypatch):
    manager = font_manager.fontManager
    monkeypatch.setattr(style, "KOREAN_FONTS", ("DejaVu Serif",))  # stands for the new font
    new = tmp_path / "new.ttf"
    shutil.copy(cbook._get_data_path("fonts/ttf/DejaVuSerif.ttf"), new)
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    monkeypatch.setattr(manager, "ttflist", [font for font in manager.ttflist if font.name != "DejaVu Serif"])
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(new), str(tmp_path / "broken.ttf")])
    style._families.cache_clear()
    try:
        assert style._families() == ["DejaVu Sans", "DejaVu Serif"]
    finally:
        style._families.cache_clear()
        manager._findfont_cached.cache_clear()


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
