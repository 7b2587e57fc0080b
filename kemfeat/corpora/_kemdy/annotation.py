"""The annotation tables of KEMDy19 and KEMDy20: two header rows, then one row per utterance."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from kemfeat.corpora._kemdy.formats import ENCODING, Columns, Rater, locate_columns
from kemfeat.corpora.text import decode, is_missing, not_text, number
from kemfeat.errors import CorpusError
from kemfeat.findings import (
    BAD_TIME,
    DECODING_FALLBACK,
    END_BEFORE_START,
    LABEL_MISSING,
    MALFORMED_ROW,
    RATING_OFF_SCALE,
    UNKNOWN_LABEL,
    UNREADABLE_SPAN,
    VOTES_MISSING,
    Findings,
)
from kemfeat.labels import join_emotions, parse_emotions

LOWEST, HIGHEST = 1.0, 5.0
_HEADER_LINES = 2


class Judgement(NamedTuple):
    """One judgement: emotion in canonical order or None; valence and arousal from 1 to 5, or NaN."""

    emotion: str | None
    valence: float
    arousal: float


_NOTHING = Judgement(None, math.nan, math.nan)


class AnnotationRow(NamedTuple):
    """One row: its line in the file, the id as written, seconds (NaN when missing), the final label, the votes.

    ``spans`` are two numbers (NaN when missing) per group of cells that may be blank. Where the id is blank, no other
    cell of the row is read.
    """

    line: int
    id: str
    start: float
    end: float
    total: Judgement
    votes: tuple[Judgement, ...]
    spans: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Annotation:
    """An annotation file: its evaluators, and its rows with the votes in their order."""

    raters: tuple[Rater, ...]
    rows: tuple[AnnotationRow, ...]


def read_annotation(
    content: bytes, *, groups: Mapping[str, int], where: str, findings: Findings, spans: Sequence[str] = ()
) -> Annotation:
    """Read an annotation file.

    Parameters
    ----------
    content : bytes
        Content of the file; LF or CR LF.
    groups : mapping of str to int
        Names of the first header row and their widths, see
        :func:`~kemfeat.corpora._kemdy.formats.locate_columns`.
    where : str
        The file, for messages.
    findings : Findings
        Receives every cell that cannot be read; the cell becomes missing unless the collector is strict.
    spans : sequence of str
        Groups of two cells, in lower case, that contain numbers or nothing.

    Returns
    -------
    Annotation
        Evaluators and rows in the order of the file.

    Raises
    ------
    CorpusError
        The text cannot be decoded or the header is wrong; or a cell cannot be read and ``findings`` is strict.
    """
    rows = _split(content, where=where, findings=findings)
    columns = locate_columns(next(rows, (1, []))[1], groups=groups, where=where)
    _skip_second_header(rows, where=where)
    reader = _RowReader(columns, where, findings, spans)
    return Annotation(
        columns.raters, tuple(reader.read(cells, line) for line, cells in rows if reader.fits(cells, line))
    )


def _split(content: bytes, *, where: str, findings: Findings) -> Iterator[tuple[int, list[str]]]:
    decoded = decode(content, declared=ENCODING)
    if decoded is None:
        raise CorpusError(f"{where}: {not_text(content, declared=ENCODING)}; copy the file from the corpus again")
    text, encoding = decoded
    if not encoding.startswith("utf-8"):
        findings.add(DECODING_FALLBACK, f"{where}: {encoding}")
    reader = csv.reader(io.StringIO(text, newline=""))
    before = 0
    try:
        for cells in reader:
            first, before = before + 1, reader.line_num
            if first == before or first <= _HEADER_LINES:
                yield before, cells
                continue
            joined = [f"{where}:{line}" for line in range(first, before + 1)]
            found = f"{where}:{first}: found a quotation mark that joins {len(joined)} lines, expected one row per line"
            findings.fault(MALFORMED_ROW, found, left_out=joined)
    except csv.Error as error:
        raise CorpusError(
            f"{where}:{reader.line_num}: not comma-separated text ({error}); copy the file from the corpus again"
        ) from None


def _skip_second_header(rows: Iterator[tuple[int, list[str]]], *, where: str) -> None:
    """Skip the second header row, whose text differs between copies: it is recognised by not being numbered."""
    _, cells = next(rows, (2, []))
    if not cells or not math.isnan(_number(cells[0])):
        found = f"a row numbered {cells[0]!r}" if cells else "nothing"
        raise CorpusError(
            f"{where}:2 column 1: found {found}, expected the second header row (start, end, Emotion, Valence, "
            "Arousal, ...); copy the file from the corpus again"
        )


@dataclass(frozen=True, slots=True)
class _RowReader:
    columns: Columns
    where: str
    findings: Findings
    spans: Sequence[str]

    def fits(self, cells: Sequence[str], line: int) -> bool:
        """Whether the row has the right number of cells; blank rows are skipped, trailing blank cells allowed."""
        if not any(map(str.strip, cells)):
            return False
        width = self.columns.width
        if len(cells) >= width and not any(map(str.strip, cells[width:])):
            return True
        place = self._place(line, min(len(cells), width))
        example = f"{place}: found {len(cells)} cells, expected {width}"
        self.findings.fault(MALFORMED_ROW, example, left_out=[f"{self.where}:{line}"])
        return False

    def read(self, cells: Sequence[str], line: int) -> AnnotationRow:
        name = cells[self.columns.at["segment id"]].strip()
        if is_missing(name):  # it judges no utterance, so its other cells do not matter
            return AnnotationRow(line, name, math.nan, math.nan, _NOTHING, ())
        start, end = self._times(cells, line)
        total = self._judgement(cells, line, self._total)
        if _has_blank(cells, self._total):
            self.findings.add(LABEL_MISSING, f"{self._place(line, self._total)}: {name}: blank cell")
        votes = tuple(self._judgement(cells, line, rater.at) for rater in self.columns.raters)
        missing = [rater.name for rater in self.columns.raters if _has_blank(cells, rater.at)]
        if missing:
            self.findings.add(VOTES_MISSING, f"{self.where}:{line}: {name}: blank cells of {', '.join(missing)}")
        places = [self.columns.at[span] + side for span in self.spans for side in (0, 1)]
        return AnnotationRow(
            line, name, start, end, total, votes, tuple(self._optional(cells[at], line, at) for at in places)
        )

    @property
    def _total(self) -> int:
        return self.columns.at["total evaluation"]

    def _place(self, line: int, at: int) -> str:
        return f"{self.where}:{line} column {at + 1}"

    def _times(self, cells: Sequence[str], line: int) -> tuple[float, float]:
        at = self.columns.at["wav"]
        start, end = self._seconds(cells, line, at), self._seconds(cells, line, at + 1)
        if end <= start:
            example = f"{self._place(line, at + 1)}: found end {end:g} s, expected more than the start {start:g} s"
            self.findings.fault(END_BEFORE_START, example)
            return math.nan, math.nan
        return start, end

    def _seconds(self, cells: Sequence[str], line: int, at: int) -> float:
        seconds = _number(cells[at])
        if math.isnan(seconds):
            self.findings.fault(BAD_TIME, f"{self._place(line, at)}: found time {cells[at]!r}, expected seconds")
        return seconds

    def _optional(self, text: str, line: int, at: int) -> float:
        if math.isnan(_number(text)) and not is_missing(text):
            self.findings.add(UNREADABLE_SPAN, f"{self._place(line, at)}: found {text!r}, expected a number or nothing")
        return _number(text)

    def _judgement(self, cells: Sequence[str], line: int, at: int) -> Judgement:
        return Judgement(
            self._emotion(cells[at], line, at), self._rating(cells, line, at + 1), self._rating(cells, line, at + 2)
        )

    def _emotion(self, text: str, line: int, at: int) -> str | None:
        if is_missing(text):
            return None
        try:
            return _canonical(text)
        except CorpusError as error:
            self.findings.fault(UNKNOWN_LABEL, f"{self._place(line, at)}: {error}")
            return None

    def _rating(self, cells: Sequence[str], line: int, at: int) -> float:
        text = cells[at]
        rating = _number(text)
        if LOWEST <= rating <= HIGHEST:
            return rating
        if not is_missing(text):
            example = f"{self._place(line, at)}: found rating {text!r}, expected {LOWEST:g} to {HIGHEST:g}"
            self.findings.fault(RATING_OFF_SCALE, example)
        return math.nan


def _has_blank(cells: Sequence[str], at: int) -> bool:
    return any(map(is_missing, cells[at : at + 3]))


_number = lru_cache(maxsize=1024)(number)


@lru_cache(maxsize=1024)
def _canonical(text: str) -> str:
    return join_emotions(parse_emotions(text))
