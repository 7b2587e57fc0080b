"""What all figures share: palette, fonts, size, and how they are saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
"""Eight colours that colour-blind readers tell apart (Okabe and Ito, Color Universal Design, 2008)."""

KOREAN_FONTS = ("Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo", "UnDotum")
"""Fonts with Hangul, the first installed one is used behind the default font."""

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
    """A new figure of ``width`` x ``height`` inches that is written as ``<stem>.svg`` and ``<stem>.png`` at the end."""
    import matplotlib as mpl
    from cycler import cycler
    from matplotlib.figure import Figure

    with mpl.rc_context({**_SETTINGS, "axes.prop_cycle": cycler(color=PALETTE), "font.family": _families()}):
        figure = Figure(figsize=(width, height))
        yield figure
        stem.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(stem.with_name(f"{stem.name}.svg"), metadata={"Date": None, "Creator": None})
        figure.savefig(stem.with_name(f"{stem.name}.png"), metadata={"Software": None})


@cache
def _families() -> list[str]:
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in KOREAN_FONTS if name in installed)][:2]
