"""Formats that KEMDy19 and KEMDy20 share: the encoding of texts, clock stamps, the two-row annotation header."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kemfeat.errors import CorpusError

ENCODING = "cp949"
"""Encoding of texts that are not Unicode."""

STAMP = re.compile(rb"[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{2}-[0-9]{3}")
"""``YYYY-MMDD-HHMM-SS-mmm``, for example ``2020-0821-1128-57-250``."""

STAMP_LENGTH = 21
_DASHES = (4, 9, 14, 17)
_DIGITS = tuple(place for place in range(STAMP_LENGTH) if place not in _DASHES)
_EVALUATOR = re.compile(r"Eval[0-9]{2}([FM]?)", re.IGNORECASE)
_JUDGEMENT_WIDTH = 3


def parse_stamps(stamps: Sequence[bytes] | NDArray[np.bytes_]) -> NDArray[np.datetime64]:
    """Parse clock stamps.

    Parameters
    ----------
    stamps : sequence of bytes, length n
        Texts such as ``b"2020-0821-1128-57-250"``.

    Returns
    -------
    ndarray, shape (n,), datetime64[ms]
        NaT where a text is not a stamp or gives a time that does not exist.
    """
    # One byte more than a stamp has, so that a longer text is noticed by its last byte.
    text = np.array(stamps, dtype=f"S{STAMP_LENGTH + 1}").view(np.uint8).reshape(-1, STAMP_LENGTH + 1)
    digits = text[:, _DIGITS] - np.uint8(ord("0"))  # wraps around, so that anything except a digit is above 9
    valid = (digits <= 9).all(axis=1) & (text[:, _DASHES] == ord("-")).all(axis=1) & (text[:, STAMP_LENGTH] == 0)
    year, month, day, hour, minute, second, millisecond = (
        digits[:, first:last].astype(np.int64) @ 10 ** np.arange(last - first - 1, -1, -1)
        for first, last in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14), (14, 17))
    )
    valid &= (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(valid, day - 1, 0)
    valid &= days.astype("datetime64[M]") == months
    clock = ((hour * 60 + minute) * 60 + second) * 1000 + millisecond
    times: NDArray[Any] = days.astype("datetime64[ms]") + clock
    times[~valid] = np.datetime64("NaT")
    return times


def is_time(stamp: bytes) -> bool:
    """Whether a text in the form of :data:`STAMP` is a time that exists, by the rules of :func:`parse_stamps`."""
    year, month, day, hour, minute, second = (
        int(stamp[first:last]) for first, last in ((0, 4), (5, 7), (7, 9), (10, 12), (12, 14), (15, 17))
    )
    return 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1] and hour < 24 and minute < 60 and second < 60


class Rater(NamedTuple):
    """One evaluator: name (``Eval01F``), sex (``F``, ``M`` or None) and position of the first of their three cells."""

    name: str
    sex: str | None
    at: int


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of an annotation table.

    Parameters
    ----------
    at : mapping of str to int
        Per group name, in lower case, the position of its first cell.
    raters : tuple of Rater
        The evaluators, in order.
    width : int
        Number of cells that a row must have.
    """

    at: Mapping[str, int]
    raters: tuple[Rater, ...]
    width: int


def locate_columns(header: Sequence[str], *, groups: Mapping[str, int], where: str) -> Columns:
    """Find the columns by the first header row, where a name begins each group of cells and the others are blank.

    Parameters
    ----------
    header : sequence of str
        Cells of the first row; blank cells may contain spaces.
    groups : mapping of str to int
        Names in their order and the number of cells of each; evaluators follow, with three cells each.
    where : str
        The file, for messages.

    Returns
    -------
    Columns
        Positions of the groups and the evaluators.

    Raises
    ------
    CorpusError
        A name is missing, extra, repeated or at another position.
    """
    cells = [cell.strip() for cell in header]
    while cells and not cells[-1]:
        cells.pop()
    at: dict[str, int] = {}
    position = 0
    for name, width in groups.items():
        _expect(cells, position, name, where=where)
        _expect_blank(cells, position, width, where=where)
        at[name.lower()] = position
        position += width
    raters: list[Rater] = []
    while position < len(cells):
        raters.append(_rater(cells, position, raters, where=where))
        position += _JUDGEMENT_WIDTH
    return Columns(at, tuple(raters), position)


def _rater(cells: Sequence[str], position: int, before: Sequence[Rater], *, where: str) -> Rater:
    named = _EVALUATOR.fullmatch(cells[position])
    if named is None or cells[position] in {rater.name for rater in before}:
        raise _wrong_header(cells, position, "a further evaluator such as 'Eval01F'", where=where)
    _expect_blank(cells, position, _JUDGEMENT_WIDTH, where=where)
    return Rater(cells[position], named[1].upper() or None, position)


def _expect_blank(cells: Sequence[str], position: int, width: int, *, where: str) -> None:
    for place in range(position + 1, position + width):
        _expect(cells, place, "", where=where)


def _expect(cells: Sequence[str], position: int, name: str, *, where: str) -> None:
    found = cells[position] if position < len(cells) else ""
    if found.lower() != name.lower():
        raise _wrong_header(cells, position, repr(name) if name else "a blank cell", where=where)


def _wrong_header(cells: Sequence[str], position: int, expected: str, *, where: str) -> CorpusError:
    found = cells[position][:40] if position < len(cells) else ""
    return CorpusError(
        f"{where}:1 column {position + 1}: found {found!r}, expected {expected} in the first header row; "
        "copy the file from the corpus again"
    )
