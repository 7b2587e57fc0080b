"""One row of a user's table: its cells, checked one by one."""

from __future__ import annotations

import math
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from kemfeat.corpora.cells import ID, ID_GRAMMAR, LABEL_GRAMMAR, SEXES, is_label
from kemfeat.corpora.folder._columns import NAMES, SIGNAL_MEDIA, UNIFORM, TableHeader
from kemfeat.corpora.folder._paths import relative_path
from kemfeat.corpora.folder._units import CONVERSIONS, find_unit
from kemfeat.corpora.own_labels import read_emotions
from kemfeat.corpora.text import ENCODINGS, is_missing, number
from kemfeat.errors import CorpusError
from kemfeat.findings import (
    BAD_FLAG,
    BAD_NUMBER,
    BAD_TIME,
    END_BEFORE_START,
    LABEL_MISSING,
    MALFORMED_ID,
    MALFORMED_NAME,
    MALFORMED_ROW,
    UNKNOWN_ENCODING,
    UNKNOWN_LABEL,
    UNKNOWN_SPEAKER,
    UNKNOWN_UNIT,
    Findings,
    Rule,
)
from kemfeat.labels import LABEL_COLUMNS

NO_SPEAKER = "unknown"
WHOLE_SESSION = "all"
"""Script of a row that names none."""

LATEST = 1e9
"""Greatest time that is accepted, s; milliseconds of a clock are far greater."""

_LABELS = ("emotion", "valence", "arousal")
_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}


class _Range(NamedTuple):
    """The numbers that a column may contain, and how messages describe them."""

    lowest: float
    highest: float
    called: str


_FINITE = _Range(-sys.float_info.max, sys.float_info.max, "a finite number")
_SECONDS = _Range(0.0, LATEST, f"seconds from 0 to {LATEST:g}")
_HERTZ = _Range(1e-3, 1e6, "samples per second from 0.001 to 1e6")


class SignalFile(NamedTuple):
    """Path of a file of samples or beats, its sampling rate [Hz], None for beats, and the unit of its values."""

    path: str
    rate: float | None
    unit: str


class Rating(NamedTuple):
    """What one of several raters said; ``()`` and NaN where a cell is blank."""

    rater: str
    emotions: tuple[str, ...]
    valence: float
    arousal: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One utterance; a blank cell is None, NaN for a number, ``()`` for emotions.

    Parameters
    ----------
    line : int
        Line in the table.
    id, session, script, speaker : str
        Names.
    sex, partner : str or None
        Sex of the speaker, and name of the listener.
    start, end : float [s]
        Times in the conversation.
    text, text_file : str or None
        The words as written, or the path of a file with the words.
    text_encoding : str or None
        Declared encoding of the file with the words.
    audio : str or None
        Path of the audio file.
    emotions : tuple of str
        Words, see :func:`~kemfeat.corpora.own_labels.read_emotions`.
    labels : mapping of str to tuple of str
        The same of each further column of labels.
    valence, arousal : float
        Ratings on the user's own scale.
    scripted : bool
        Whether the words were given.
    recordings : mapping of str to SignalFile
        Per medium its file.
    own : tuple of str or None
        Cells of the user's own columns, in their order.
    ratings : tuple of Rating
        Those of the raters who said anything.
    """

    line: int
    id: str
    session: str
    script: str
    speaker: str
    sex: str | None
    partner: str | None
    start: float
    end: float
    text: str | None
    text_file: str | None
    text_encoding: str | None
    audio: str | None
    emotions: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]
    valence: float
    arousal: float
    scripted: bool
    recordings: Mapping[str, SignalFile]
    own: tuple[str | None, ...]
    ratings: tuple[Rating, ...]

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """The columns of the row with a path, and the paths."""
        paths = {"audio": self.audio, "text_file": self.text_file}
        paths |= {medium: recording.path for medium, recording in self.recordings.items()}
        return tuple((column, path) for column, path in paths.items() if path is not None)


class _Cells:
    """The cells of a row by column; the cell of a missing column is blank."""

    def __init__(self, header: TableHeader, cells: Sequence[str]) -> None:
        self._at = header.at
        self._cells = cells

    def __getitem__(self, column: str) -> str:
        """The cell without the spaces around its text; empty where it says that the value is missing."""
        text = self.raw(column).strip()
        return "" if is_missing(text) else text

    def raw(self, column: str) -> str:
        """The cell with the spaces around its text."""
        return self._cells[self._at[column]] if column in self._at else ""


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads the rows of a table.

    Parameters
    ----------
    header : TableHeader
        The columns.
    where : str
        The table, for messages.
    root : Path
        Folder that its paths start from.
    findings : Findings
        Receives every row and cell that cannot be read.
    """

    header: TableHeader
    where: str
    root: Path
    findings: Findings

    def read(self, cells: Sequence[str], line: int) -> Row | None:
        """The row; None for a blank one and, with a fault, for one with a wrong name or number of cells."""
        if not self.fits(cells, line):
            return None
        cell = _Cells(self.header, cells)
        names = self._names(cell, line)
        if names is None:
            return None
        start, end = self._times(cell, line)
        self._report_blank_labels(cell, line)
        return Row(
            line=line,
            id=names["id"],
            session=names["session"] or names["speaker"] or NO_SPEAKER,
            script=names["script"] or WHOLE_SESSION,
            speaker=names["speaker"] or NO_SPEAKER,
            sex=SEXES.get(cell["sex"].lower(), cell["sex"]) or None,
            partner=names["partner"] or None,
            start=start,
            end=end,
            # A blank cell is an utterance without words; only a column can be missing.
            text=(cell.raw("text") if cell["text"] else "") if "text" in self.header.at else None,
            text_file=self._path(cell, line, "text_file"),
            text_encoding=self._encoding(cell, line),
            audio=self._path(cell, line, "audio"),
            emotions=self._emotions(cell, line),
            labels={name: self._emotions(cell, line, name) for name in LABEL_COLUMNS if name in self.header.at},
            valence=self._number(cell, line, "valence"),
            arousal=self._number(cell, line, "arousal"),
            scripted=self._scripted(cell, line),
            recordings=self._recordings(cell, line),
            own=tuple(None if is_missing(cells[at]) else cells[at].strip() for at in self.header.own.values()),
            ratings=tuple(self._ratings(cells, line)),
        )

    def _ratings(self, cells: Sequence[str], line: int) -> Iterator[Rating]:
        for rater, columns in self.header.raters.items():
            at = {f"{rater}_{what}": place for what, place in columns.items()}
            own = replace(self, header=replace(self.header, at=at))
            found = own.rating(rater.removeprefix("rater"), {what: f"{rater}_{what}" for what in _LABELS}, cells, line)
            if found is not None:
                yield found

    def rating(self, rater: str, columns: Mapping[str, str], cells: Sequence[str], line: int) -> Rating | None:
        """What a rater said in the columns for emotion, valence and arousal; None where that is nothing."""
        cell = _Cells(self.header, cells)
        if not any(cell[column] for column in columns.values()):
            return None
        return Rating(
            rater,
            self._emotions(cell, line, columns["emotion"]),
            self._number(cell, line, columns["valence"]),
            self._number(cell, line, columns["arousal"]),
        )

    def _place(self, line: int, column: str) -> str:
        return f"{self.where}:{line} column {column}"

    def fits(self, cells: Sequence[str], line: int) -> bool:
        """Whether the row has the right number of cells; trailing blank cells are allowed."""
        if not any(map(str.strip, cells)):
            return False
        width = self.header.width
        if len(cells) >= width and not any(map(str.strip, cells[width:])):
            return True
        example = f"{self.where}:{line}: found {len(cells)} cells, expected {width} as in the header"
        self.findings.fault(MALFORMED_ROW, example, left_out=[f"{self.where}:{line}"])
        return False

    def _names(self, cell: _Cells, line: int) -> dict[str, str] | None:
        """Id, speaker, session, script and partner, empty where blank; None where one does not fit the grammar."""
        names = {column: unicodedata.normalize("NFC", cell[column]) for column in NAMES}
        for column, name in names.items():
            of_id = column == "id"
            if not (ID.fullmatch(name) if of_id else not name or is_label(name)):
                rule, expected = (MALFORMED_ID, ID_GRAMMAR) if of_id else (MALFORMED_NAME, LABEL_GRAMMAR)
                found = cell.raw(column).strip()[:40]
                example = f"{self._place(line, column)}: found {found!r}, expected {expected}"
                self.findings.fault(rule, example, left_out=[f"{self.where}:{line}"])
                return None
        if not names["speaker"] and "speaker" in self.header.at:
            self.findings.add(UNKNOWN_SPEAKER, f"{self._place(line, 'speaker')}: {names['id']}: blank cell")
        return names

    def _times(self, cell: _Cells, line: int) -> tuple[float, float]:
        start = self._number(cell, line, "start", within=_SECONDS, rule=BAD_TIME)
        end = self._number(cell, line, "end", within=_SECONDS, rule=BAD_TIME)
        if end <= start:
            example = f"{self._place(line, 'end')}: found end {end:g} s, expected more than the start {start:g} s"
            self.findings.fault(END_BEFORE_START, example)
            return math.nan, math.nan
        return start, end

    def _report_blank_labels(self, cell: _Cells, line: int) -> None:
        blank = [column for column in _LABELS if column in self.header.at and not cell[column]]
        if blank:
            self.findings.add(LABEL_MISSING, f"{self._place(line, blank[0])}: {cell['id']}: blank cell")

    def _emotions(self, cell: _Cells, line: int, column: str = "emotion") -> tuple[str, ...]:
        if not cell[column]:
            return ()
        try:
            return read_emotions(cell[column])
        except CorpusError as error:
            self.findings.fault(UNKNOWN_LABEL, f"{self._place(line, column)}: {error}")
            return ()

    def _encoding(self, cell: _Cells, line: int) -> str | None:
        encoding = cell["text_encoding"].lower()
        if not encoding or encoding in ENCODINGS:
            return encoding or None
        expected = f"expected one of {', '.join(ENCODINGS)}, or a blank cell"
        self.findings.fault(
            UNKNOWN_ENCODING, f"{self._place(line, 'text_encoding')}: found {encoding[:40]!r}, {expected}"
        )
        return None

    def _scripted(self, cell: _Cells, line: int) -> bool:
        text = cell["scripted"].lower()
        if text not in _FLAGS:
            example = f"{self._place(line, 'scripted')}: found {text[:40]!r}, expected yes or no"
            self.findings.fault(BAD_FLAG, example)
        return _FLAGS.get(text, False)

    def _path(self, cell: _Cells, line: int, column: str) -> str | None:
        text = cell[column]
        return relative_path(text, where=self._place(line, column), root=self.root) if text else None

    def _recordings(self, cell: _Cells, line: int) -> dict[str, SignalFile]:
        found: dict[str, SignalFile] = {}
        for medium in SIGNAL_MEDIA:
            path = self._path(cell, line, medium)
            if path is None:
                continue
            rate = self._rate(cell, line, f"{medium}_rate") if medium in UNIFORM else None
            unit = self._unit(cell, line, medium)
            if unit is not None and (rate is None or not math.isnan(rate)):  # without its rate it cannot be used
                found[medium] = SignalFile(path, rate, unit)
        return found

    def _unit(self, cell: _Cells, line: int, medium: str) -> str | None:
        text = cell[f"{medium}_unit"]
        unit = find_unit(medium, text)
        if unit is None:
            expected = f"expected one of {', '.join(CONVERSIONS[medium])}, or a blank cell"
            self.findings.fault(UNKNOWN_UNIT, f"{self._place(line, f'{medium}_unit')}: found {text[:40]!r}, {expected}")
        return unit

    def _rate(self, cell: _Cells, line: int, column: str) -> float:
        if not cell[column]:
            self.findings.fault(BAD_NUMBER, f"{self._place(line, column)}: blank cell, expected {_HERTZ.called}")
        return self._number(cell, line, column, within=_HERTZ)

    def _number(
        self, cell: _Cells, line: int, column: str, *, within: _Range = _FINITE, rule: Rule = BAD_NUMBER
    ) -> float:
        """The number in a cell; NaN when it is blank and, with a fault, when it is not a number or out of range."""
        text = cell[column]
        if not text:
            return math.nan
        value = number(text)
        if within.lowest <= value <= within.highest:
            return value
        self.findings.fault(rule, f"{self._place(line, column)}: found {text[:40]!r}, expected {within.called}")
        return math.nan
