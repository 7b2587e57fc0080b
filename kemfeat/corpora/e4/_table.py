"""The user's table of windows: columns found by their names, one window per row."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from kemfeat.corpora.cells import ID, ID_GRAMMAR, LABEL_GRAMMAR, OWN_PREFIX, SEXES, is_label, meant_column, split_cells
from kemfeat.corpora.e4._times import Moment, read_moment
from kemfeat.corpora.own_labels import read_emotions
from kemfeat.corpora.text import is_missing, number
from kemfeat.errors import CorpusError
from kemfeat.findings import (
    BAD_NUMBER,
    DUPLICATE_ID,
    LABEL_MISSING,
    MALFORMED_ID,
    MALFORMED_NAME,
    MALFORMED_ROW,
    UNKNOWN_COLUMN,
    UNKNOWN_LABEL,
    WINDOW_TIME,
    Findings,
    Rule,
)

_REQUIRED = ("id", "start", "end")
_WHOSE = ("session", "participant")
_LABELS = ("emotion", "valence", "arousal")
KNOWN = (*_REQUIRED, *_WHOSE, "script", "sex", *_LABELS, "text")
"""Columns that have a meaning."""

_OTHER_NAMES = {
    **dict.fromkeys(("subject", "subject_id", "participant_id", "pid", "speaker", "person"), "participant"),
    **dict.fromkeys(("session_id", "recording", "file"), "session"),
    **dict.fromkeys(("begin", "onset", "start_time"), "start"),
    **dict.fromkeys(("stop", "offset", "end_time"), "end"),
    **dict.fromkeys(("window", "window_id", "utterance"), "id"),
    "gender": "sex",
    "label": "emotion",
}
"""Usual names that are not spelt like the column that is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table.

    Parameters
    ----------
    where : str
        Table and line, for messages and the ledger.
    id : str
        Name of the window.
    session, participant, script, sex : str
        As written; empty where blank.
    start, end : Moment
        When it begins and ends.
    emotions : tuple of str
        Words, see :func:`~kemfeat.corpora.own_labels.read_emotions`.
    valence, arousal : float
        On the user's own scale; NaN where blank.
    text : str or None
        What was said; None where the table has no such column.
    own : tuple of str or None
        Cells of the user's own columns.
    """

    where: str
    id: str
    session: str
    participant: str
    script: str
    sex: str
    start: Moment
    end: Moment
    emotions: tuple[str, ...]
    valence: float
    arousal: float
    text: str | None
    own: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a table and the names of its columns of the user's own."""

    rows: tuple[Row, ...]
    own: tuple[str, ...]
    has_text: bool


def read_table(content: bytes, *, where: str, zone: ZoneInfo | None, findings: Findings) -> Table:
    """Read a table of windows.

    Parameters
    ----------
    content : bytes
        Content of the file, see :func:`~kemfeat.corpora.cells.split_cells`.
    where : str
        The file, for messages.
    zone : ZoneInfo or None
        Time zone of times without an offset.
    findings : Findings
        Receives every row and cell that cannot be read.

    Returns
    -------
    Table
        Rows in the order of the file, each id once.

    Raises
    ------
    CorpusError
        The table cannot be split into cells, or lacks a column; or a row cannot be read and ``findings`` is strict.
    """
    lines = split_cells(content, where=where, known=KNOWN)
    names = _header(next(lines, (1, []))[1], where=where, findings=findings)
    reader = _RowReader(where, names, zone, findings)
    rows: dict[str, Row] = {}
    for line, cells in lines:
        row = reader.read(cells, line)
        if row is not None and row.id in rows:
            example = f"{row.where}: {row.id} again, first in {rows[row.id].where}"
            findings.fault(DUPLICATE_ID, example, left_out=[row.where])
        elif row is not None:
            rows[row.id] = row
    return Table(tuple(rows.values()), tuple(map(_own, reader.own)), "text" in names)


def _header(cells: Sequence[str], *, where: str, findings: Findings) -> dict[str, int]:
    """The place of every column by its name, in lower case where it is a known one."""
    names: dict[str, int] = {}
    for place, cell in enumerate(cells):
        name = cell.strip()
        if not name and (place == 0 or not any(map(str.strip, cells[place:]))):
            continue  # the index of a DataFrame, or commas after the last column
        if not 0 < len(name) <= 64 or not name.isprintable() or name.casefold() in map(str.casefold, names):
            raise CorpusError(
                f"{where}:1 column {place + 1}: found the name {name[:40]!r}, expected a printable one that no other "
                "column has; rename the column, or delete it"
            )
        names[name.lower() if name.lower() in KNOWN else name] = place
    _require(names, where)
    for name, place in names.items():
        meant = _meant(name)
        if meant and meant not in names:
            found = f"{where}:1 column {place + 1}: found {name!r}; did you mean {meant!r}?"
            findings.add(UNKNOWN_COLUMN, found)
    return names


def _require(names: Mapping[str, int], where: str) -> None:
    missing = [name for name in _REQUIRED if name not in names]
    if not missing and not set(_WHOSE) & set(names):
        missing = ["session' or 'participant"]
    if missing:
        near = [f"rename {name!r} to {missing[0]!r}; " for name in names if _meant(name) == missing[0]]
        found = ", ".join(repr(name[:40]) for name in names) or "no column"
        raise CorpusError(
            f"{where}:1: found {found}, expected a column '{missing[0]}'; {''.join(near[:1])}a table of windows "
            "has the columns id, session or participant, start and end"
        )


def _meant(name: str) -> str:
    return "" if name in KNOWN else meant_column(name, columns=KNOWN, other_names=_OTHER_NAMES)


def _own(name: str) -> str:
    return f"{OWN_PREFIX}{name}"


class _UnusableRow(Exception):  # noqa: N818 - never leaves this module
    """A row that says no window: the rule that it breaks, and what was found, beginning with its column."""

    def __init__(self, rule: Rule, found: str) -> None:
        super().__init__(found)
        self.rule = rule


class _RowReader:
    """Reads the rows of a table."""

    def __init__(self, where: str, names: Mapping[str, int], zone: ZoneInfo | None, findings: Findings) -> None:
        self._where = where
        self._names = names
        self._zone = zone
        self._findings = findings
        self.own = [name for name in names if name not in KNOWN]

    def read(self, cells: Sequence[str], line: int) -> Row | None:
        """The row; None for a blank one and, with a fault, for one that says no window."""
        if not any(map(str.strip, cells)):
            return None
        where = f"{self._where}:{line}"
        try:
            return self._row(self._cells(cells), where)
        except _UnusableRow as problem:
            self._findings.fault(problem.rule, f"{where}{problem}", left_out=[where])
            return None

    def _cells(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells by column; empty where the value is missing."""
        width = max(self._names.values()) + 1
        if len(cells) < width or any(map(str.strip, cells[width:])):
            raise _UnusableRow(MALFORMED_ROW, f": found {len(cells)} cells, expected {width} as in the header")
        named = {name: "" if is_missing(cells[at]) else cells[at].strip() for name, at in self._names.items()}
        cell = {**dict.fromkeys(KNOWN, ""), **named}
        for column in ("id", *_WHOSE, "script"):
            cell[column] = unicodedata.normalize("NFC", cell[column])
        if not ID.fullmatch(cell["id"]):
            raise _UnusableRow(MALFORMED_ID, f" column id: found {cell['id'][:40]!r}, expected {ID_GRAMMAR}")
        for column in ("participant", "script"):
            if cell[column] and not is_label(cell[column]):
                found = f" column {column}: found {cell[column][:40]!r}, expected {LABEL_GRAMMAR}"
                raise _UnusableRow(MALFORMED_NAME, found)
        return cell

    def _row(self, cell: Mapping[str, str], where: str) -> Row:
        start, end = self._times(cell)
        blank = [column for column in _LABELS if column in self._names and not cell[column]]
        if blank:
            self._findings.add(LABEL_MISSING, f"{where} column {blank[0]}: {cell['id']}: blank cell")
        return Row(
            where=where,
            id=cell["id"],
            session=cell["session"],
            participant=cell["participant"],
            script=cell["script"],
            sex=SEXES.get(cell["sex"].lower(), cell["sex"]),
            start=start,
            end=end,
            emotions=self._emotions(cell["emotion"], where),
            valence=self._number(cell["valence"], f"{where} column valence"),
            arousal=self._number(cell["arousal"], f"{where} column arousal"),
            text=cell["text"] if "text" in self._names else None,
            own=tuple(cell[name] or None for name in self.own),
        )

    def _times(self, cell: Mapping[str, str]) -> tuple[Moment, Moment]:
        start, end = (self._moment(cell[column], column) for column in ("start", "end"))
        found = f": found start {cell['start']} and end {cell['end']}, expected"
        if start.is_clock != end.is_clock:
            raise _UnusableRow(WINDOW_TIME, f"{found} both on a clock, or both since the session began")
        if end.seconds <= start.seconds:
            raise _UnusableRow(WINDOW_TIME, f"{found} an end after the start")
        return start, end

    def _moment(self, text: str, column: str) -> Moment:
        try:
            return read_moment(text, zone=self._zone)
        except CorpusError as error:
            raise _UnusableRow(WINDOW_TIME, f" column {column}: {error}") from None

    def _emotions(self, text: str, where: str) -> tuple[str, ...]:
        try:
            return read_emotions(text) if text else ()
        except CorpusError as error:
            self._findings.fault(UNKNOWN_LABEL, f"{where} column emotion: {error}")
            return ()

    def _number(self, text: str, place: str) -> float:
        value = number(text)
        if text and math.isnan(value):
            self._findings.fault(BAD_NUMBER, f"{place}: found {text[:40]!r}, expected a finite number")
        return value
