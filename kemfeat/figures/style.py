"""What all figures share: palette, fonts, size, and how they are saved."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kemfeat.errors import MissingFontWarning as MissingFontWarning
from kemfeat.paths import StrPath, to_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Figure
    from matplotlib.font_manager import FontManager

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
"""Eight colours that colour-blind readers can distinguish (Okabe and Ito, Color Universal Design, 2008)."""

ON_LIGHT, ON_DARK = "#010101", "#fefefe"
"""Texts on coloured cells: black and white but for a step, so that a page in the dark leaves them as they are."""

KOREAN_FONTS = (
    "Noto Sans CJK KR",
    "Noto Sans KR",
    "NanumGothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "UnDotum",
    "Noto Sans CJK JP",  # has Hangul too; the only name that matplotlib before 3.11 reads from Noto's collection
)
"""Fonts that contain Hangul; the first installed one is used for what the default font lacks."""

_ADVICE = (
    "figures: Korean text is drawn as boxes wherever pixels are drawn, because none of the fonts "
    f"{', '.join(KOREAN_FONTS)} is installed: install one (Debian: fonts-nanum or fonts-noto-cjk), "
    "then run the command again"
)

_WATERMARK: ContextVar[str] = ContextVar("watermark", default="")

HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
"""One letter or syllable of Korean."""

_NOTEBOOK_DPI = 192
"""Dots per inch of a figure in a notebook."""

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
def saved(stem: StrPath | None = None, *, width: float = 6.4, height: float = 4.0) -> Iterator[Figure]:
    """Give a new figure, and write it as ``<stem>.svg`` and ``<stem>.png`` at the end of the block.

    Parameters
    ----------
    stem : str, PathLike or None
        Path of the files without their suffixes; missing folders are made. None writes no file.
    width, height : float, > 0 [inch]
        Size of the figure.

    Yields
    ------
    matplotlib.figure.Figure
        Empty, with the palette, fonts and sizes of all figures; a notebook shows it.

    Warns
    -----
    MissingFontWarning
        The figure has Korean text and none of :data:`KOREAN_FONTS` is installed; in a notebook, when it is shown.
    """
    from kemfeat.figures.inline import InlineFigure

    with _dressed():
        figure = InlineFigure(width=width, height=height, png=_png)
        yield figure
        if watermark := _WATERMARK.get():
            figure.text(0.5, 0.5, watermark, ha="center", va="center", rotation=25, fontsize=26, alpha=0.15, zorder=9)
        if stem is not None:
            _write(figure, to_path(stem))


@contextmanager
def _dressed() -> Iterator[None]:
    """The settings of all figures; matplotlib reads some of them when a figure is made, others when it is drawn."""
    import matplotlib as mpl
    from cycler import cycler

    settings = {**_SETTINGS, "axes.prop_cycle": cycler(color=PALETTE), "font.family": _families()}
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")  # one for each letter
        yield


def _write(figure: Figure, stem: Path) -> None:
    svg, png = (stem.with_name(f"{stem.name}.{kind}") for kind in ("svg", "png"))
    stem.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(svg, metadata={"Date": None, "Creator": None})
    figure.savefig(png, metadata={"Software": None})
    if HANGUL.search(svg.read_text(encoding="utf-8")):
        _advise()


def _png(figure: Figure) -> bytes:
    """What a notebook shows: twice as many pixels as it gives room, for screens of high density."""
    from matplotlib.text import Text

    content = io.BytesIO()
    with _dressed():
        figure.savefig(content, format="png", dpi=_NOTEBOOK_DPI)
    if any(HANGUL.search(text.get_text()) for text in cast(list[Text], figure.findobj(Text))):
        _advise()
    return content.getvalue()


@contextmanager
def watermarked(text: str) -> Iterator[None]:
    """Write a text across every figure that is saved in the block.

    Parameters
    ----------
    text : str
        Such as ``SYNTHETIC DATA``; empty for none.

    Yields
    ------
    None
    """
    before = _WATERMARK.set(text)
    try:
        yield
    finally:
        _WATERMARK.reset(before)


@cache
def _advise() -> None:
    """Warn once for each process, however many figures there are: the filter ``once`` forgets after a change."""
    if len(_families()) == 1:
        warnings.warn(_ADVICE, MissingFontWarning, stacklevel=5)


def korean_font() -> str | None:
    """The installed font that Korean text in figures is drawn with.

    Returns
    -------
    str or None
        One of :data:`KOREAN_FONTS`, or None where none is installed.
    """
    return next(iter(_families()[1:]), None)


@cache
def _families() -> list[str]:
    """The default font and, where one is installed, a font with Hangul."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    if not _korean(manager):
        # matplotlib keeps a list of the fonts of its first run; one installed since then is not in it.
        for file in {*font_manager.findSystemFonts()} - {font.fname for font in manager.ttflist}:
            with suppress(OSError, RuntimeError):  # fonts that matplotlib cannot read, it leaves out too
                manager.addfont(file)
    return ["DejaVu Sans", *_korean(manager)[:1]]


def _korean(manager: FontManager) -> list[str]:
    installed = {font.name for font in manager.ttflist}
    return [name for name in KOREAN_FONTS if name in installed]
