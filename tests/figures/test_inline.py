"""Every figure is returned, is not known to pyplot, and is shown by a notebook whatever the backend."""

from __future__ import annotations

import ast
import struct
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure

import kemfeat.figures
from kemfeat.errors import MissingFontWarning
from kemfeat.figures import style
from kemfeat.figures.style import saved, watermarked

ROOM = Path(kemfeat.figures.__file__).parent


def drawing() -> Iterator[tuple[str, ast.FunctionDef]]:
    """The public functions of the room that take the stem of files."""
    for path in sorted(ROOM.glob("[!_]*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef) or node.name[0] == "_" or node.name == "saved":
                continue
            if "stem" in [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]:
                yield f"{path.stem}.{node.name}", node


DRAWING = dict(drawing())


def test_all_modules_that_draw_are_held_to_it() -> None:
    assert {name.split(".")[0] for name in DRAWING} == {
        "agreement", "balance", "clusters", "coverage", "estimates", "groups", "signals", "spectrogram", "training",
    }  # fmt: skip


@pytest.mark.parametrize("name", DRAWING)
def test_a_figure_is_given_back_with_an_example(name: str) -> None:
    node = DRAWING[name]
    assert node.returns is not None
    assert ast.unparse(node.returns) == "Figure"
    assert isinstance(node.body[-1], ast.Return)
    assert f"{node.name}(" in (ast.get_docstring(node) or "").partition(">>> ")[2]


def drawn(text: str = "arousal") -> Figure:
    with saved() as figure:
        figure.add_subplot().set_xlabel(text)
    return figure


def shown(figure: Figure) -> tuple[bytes, dict[str, int]]:
    data, metadata = DisplayFormatter().format(figure)
    return data["image/png"], metadata["image/png"]


def test_a_notebook_shows_it_in_its_size_with_two_pixels_for_each() -> None:
    png, size = shown(drawn())
    assert png.startswith(b"\x89PNG")
    assert size == {"width": round(6.4 * 96), "height": 4 * 96}
    width, height = struct.unpack(">II", png[16:24])
    assert abs(width - 2 * size["width"]) <= 2
    assert abs(height - 2 * size["height"]) <= 2


def test_it_looks_as_it_is_saved_whatever_the_reader_has_set(tmp_path: Path) -> None:
    import matplotlib as mpl

    before = shown(drawn())[0]
    with mpl.rc_context({"font.size": 30, "axes.unicode_minus": True, "axes.spines.top": True}):
        assert shown(drawn())[0] == before


def test_a_figure_without_files_has_the_watermark_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with watermarked("SYNTHETIC DATA"):
        figure = drawn()
    assert "SYNTHETIC DATA" in [text.get_text() for text in figure.texts]
    assert list(tmp_path.iterdir()) == []


def test_korean_without_its_font_is_said_once_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "_families", lambda: ["DejaVu Sans"])
    style._advise.cache_clear()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        shown(drawn("각성"))
        shown(drawn("슬픔"))
    assert [each.category for each in found] == [MissingFontWarning]


def test_pyplot_is_not_imported() -> None:
    code = (
        "import sys, pandas as pd; from kemfeat.figures.balance import class_counts\n"
        "figure = class_counts(pd.DataFrame({'emotion': ['happy'], 'utterances': [3]}))\n"
        "figure._repr_png_(); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
