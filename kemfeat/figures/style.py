"""Palette, fonts and size of all figures, and how they are saved."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
"""Eight colours that colour-blind readers can distinguish (Okabe and Ito, Color Universal Design, 2008)."""

KOREAN_FONTS = ("Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo", "UnDotum")
"""Fonts with Hangul; the first one that is installed is used after the default font."""

_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")

_SETTINGS: dict[Any, Any] = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": False,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "savefig.dpi": 150,
    "svg.fonttype": "none",
    "svg.hashsalt": "kemfeat",
}


@contextmanager
def saved(stem: Path, *, width: float = 6.4, height: float = 4.0) -> Iterator[Figure]:
    """Make a new figure, and write it as ``<stem>.svg`` and ``<stem>.png`` at the end.

    Parameters
    ----------
    stem : Path
        Path of the files without suffix.
    width, height : float [inch]
        Size of the figure.

    Yields
    ------
    matplotlib.figure.Figure
        The empty figure.
    """
    import matplotlib as mpl
    from cycler import cycler
    from matplotlib.figure import Figure

    with mpl.rc_context({**_SETTINGS, "axes.prop_cycle": cycler(color=PALETTE), "font.family": _families()}):
        figure = Figure(figsize=(width, height))
        yield figure
        stem.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            # One box per missing glyph is drawn; font_advice() says in one sentence what to do about them.
            warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
            figure.savefig(stem.with_name(f"{stem.name}.svg"), metadata={"Date": None, "Creator": None})
            figure.savefig(stem.with_name(f"{stem.name}.png"), metadata={"Software": None})


def font_advice(svgs: Iterable[Path]) -> str | None:
    """Say which font to install when figures contain Hangul and no installed font can draw it.

    Parameters
    ----------
    svgs : iterable of Path
        SVG files written by :func:`saved`; their text is text, so it shows what was to be drawn.

    Returns
    -------
    str or None
        One sentence; None when every character could be drawn.
    """
    if len(_families()) > 1 or not any(_HANGUL.search(svg.read_text(encoding="utf-8")) for svg in svgs):
        return None
    return (
        "figures: Korean text is drawn as boxes in the PNG files, because none of the fonts "
        f"{', '.join(KOREAN_FONTS)} is installed: install one (Debian: fonts-nanum or fonts-noto-cjk), "
        "then run the command again"
    )


@cache
def _families() -> list[str]:
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in KOREAN_FONTS if name in installed)][:2]
