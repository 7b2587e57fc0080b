"""Tables of the page: what a cell shows, and how it is sorted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kemfeat.figures.style import HANGUL

NOTHING = "–"
_MOST_ITEMS = 20
_LONG = 24
"""A text of more characters may wrap."""
_FINEST, _COARSEST = 1e-3, 1e6
"""Numbers between these are written without an exponent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell.

    Parameters
    ----------
    text : str
        What it shows; the template escapes it.
    number : float or None
        Sort key; None sorts by the text, and an empty cell last.
    share : float, 0 to 1, or None
        Length of a bar beside the text; None draws none.
    """

    text: str
    number: float | None = None
    share: float | None = None

    @property
    def nothing(self) -> bool:
        """Whether there was no value."""
        return self.text == NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the page.

    Parameters
    ----------
    anchor : str
        Its address in the page.
    caption : str
        What it contains.
    head : tuple of str
        Names of the columns.
    rows : tuple of tuple of Cell
        One cell per column in each row.
    note : str
        A sentence below it.
    """

    anchor: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Layout of each column: ``number``, ``long`` for texts that may wrap, or an empty text."""
        columns = zip(*self.rows, strict=True) if self.rows else ((),) * len(self.head)
        return tuple(map(_kind, columns))


def table(anchor: str, caption: str, head: Sequence[str], rows: Iterable[Iterable[Any]], *, note: str = "") -> Table:
    """Make a table of plain values.

    Parameters
    ----------
    anchor : str
        Its address in the page.
    caption : str
        What it contains.
    head : sequence of str
        Names of the columns.
    rows : iterable of iterable
        Values; the numbers of a column get the same decimals where that shows all of them.
    note : str
        A sentence below it.

    Returns
    -------
    Table
        With printable text in every cell.
    """
    columns = [_cells(column) for column in zip(*rows, strict=True)]
    cells = tuple(zip(*columns, strict=True))
    return Table(anchor=anchor, caption=caption, head=tuple(map(printable, head)), rows=cells, note=note)


def _cells(column: Sequence[Any]) -> list[Cell]:
    decimals = _decimals([value for value in column if isinstance(value, float) and math.isfinite(value)])
    aligned = decimals is not None and not any(isinstance(value, int) for value in column)
    return [
        Cell(text=f"{value:,.{decimals}f}", number=value)
        if aligned and isinstance(value, float) and math.isfinite(value)
        else cell(value)
        for value in column
    ]


def _decimals(values: Sequence[float]) -> int | None:
    """Decimals that give the largest number four significant digits, unless the smallest would keep less than two."""
    sizes = [abs(value) for value in values if value]
    if all(size.is_integer() and size < _COARSEST for size in sizes):
        return 0
    if not _FINEST <= max(sizes) < _COARSEST:
        return None
    decimals = max(0, 3 - math.floor(math.log10(max(sizes))))
    return decimals if min(sizes) >= 10.0 ** (1 - decimals) else None


def _kind(cells: Sequence[Cell]) -> str:
    if any(c.number is not None for c in cells) and all(c.number is not None or c.nothing for c in cells):
        return "number"
    return "long" if any(len(c.text) > _LONG for c in cells) else ""


def cell(value: Any) -> Cell:
    """Make a cell.

    Parameters
    ----------
    value : object
        Any value; a cell is returned as it is.

    Returns
    -------
    Cell
        Numbers with four significant digits and grouped thousands, a dash for None and NaN.

    Examples
    --------
    >>> cell(12345.678).text, cell(None).text
    ('12,346', '–')
    """
    if isinstance(value, Cell):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return Cell(text=NOTHING)
    if isinstance(value, bool):
        return Cell(text="yes" if value else "no")
    if isinstance(value, int):
        return Cell(text=f"{value:,}", number=value)
    if isinstance(value, float):
        return Cell(text=_significant(value), number=value)
    if isinstance(value, list | tuple):
        return Cell(text=_items(value))
    return Cell(text=printable(value))


def share(part: float, whole: float = 1.0) -> Cell:
    """Make a cell with a percentage and a bar.

    Parameters
    ----------
    part : float
        The part.
    whole : float
        What it is a part of.

    Returns
    -------
    Cell
        A dash where the whole is 0 or the part is NaN.

    Examples
    --------
    >>> share(1, 8).text
    '12.5%'
    """
    if not whole or math.isnan(part):
        return Cell(text=NOTHING)
    value = part / whole
    return Cell(text=f"{value:.1%}", number=value, share=min(max(value, 0.0), 1.0))


def printable(value: object) -> str:
    """Replace control characters and lone surrogates, which HTML and UTF-8 do not allow.

    Parameters
    ----------
    value : object
        Any value; its text is taken.

    Returns
    -------
    str
        Its text with spaces instead of those characters, without spaces at either end.
    """
    return "".join(c if c.isprintable() or c == "\n" else " " for c in str(value)).strip()


def estimate(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Write an estimate and its interval with the same decimals, three significant digits of the largest.

    Parameters
    ----------
    value : float or None
        The estimate.
    low, high : float or None
        Its interval; left out where either is None or not finite.

    Returns
    -------
    str
        A dash where there is no estimate.

    Examples
    --------
    >>> estimate(0.15423, 0.1326, 0.1759), estimate(None)
    ('0.154 [0.133, 0.176]', '–')
    """
    if value is None or math.isnan(value):
        return NOTHING
    ends = [end for end in (low, high) if end is not None and math.isfinite(end)]
    values = [value, *(ends if len(ends) == 2 else [])]
    largest = max(map(abs, values))
    plain = _FINEST <= largest < _COARSEST
    decimals = max(0, 2 - math.floor(math.log10(largest))) if plain else 0
    texts = [f"{each:,.{decimals}f}" if plain or not each else f"{each:.3g}" for each in values]
    return texts[0] if len(texts) == 1 else f"{texts[0]} [{texts[1]}, {texts[2]}]"


def is_korean(text: str) -> bool:
    """Tell whether a text is Korean, which a page must say for it to be pronounced and set right.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    bool
        Whether at least half of its letters are Hangul.

    Examples
    --------
    >>> is_korean("아니 진짜?"), is_korean("no"), is_korean("12")
    (True, False, False)
    """
    hangul = len(HANGUL.findall(text))
    return hangul > 0 and 2 * hangul >= sum(map(str.isalpha, text))


def _items(values: Sequence[Any]) -> str:
    shown = "; ".join(cell(item).text for item in values[:_MOST_ITEMS])
    more = len(values) - _MOST_ITEMS
    return f"{shown}; and {more:,} more" if more > 0 else shown


def _significant(value: float) -> str:
    """Four significant digits, without an exponent from 0.0001 to a million."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < _COARSEST else f"{value:,.4g}"
