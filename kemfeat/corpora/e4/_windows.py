"""The windows into which sessions are cut: those of a table, those around presses of the button, or of one length."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kemfeat.corpora.cells import ID, ID_GRAMMAR
from kemfeat.corpora.e4._recorded import Recorded
from kemfeat.corpora.e4._recordings import read_tags
from kemfeat.corpora.e4._sessions import TAGS
from kemfeat.corpora.e4._settings import FixedWindows, TagWindows
from kemfeat.corpora.e4._table import Row
from kemfeat.corpora.e4._times import clock_text
from kemfeat.errors import CorpusError
from kemfeat.findings import (
    DUPLICATE_ID,
    MALFORMED_ID,
    UNKNOWN_SESSION,
    UNREADABLE_RECORDING,
    WINDOW_CUT,
    WINDOW_OUTSIDE,
    Findings,
)

WHOLE_SESSION = "all"
"""Script of a window whose table names none."""

_SLACK = 1.0
"""Seconds by which a window may begin before a session or end after it without a word."""
_QUARTER, _FURTHEST = 900, 14 * 3600
"""Seconds: offsets of time zones are multiples of the first, at most the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window within a session.

    Parameters
    ----------
    where : str
        Place that says so, for messages and the ledger.
    id, session : str
        Names.
    start, end : float [s]
        Since the session began.
    row : Row or None
        The row of the table that says so.
    """

    where: str
    id: str
    session: str
    start: float
    end: float
    row: Row | None = field(default=None, repr=False)

    @property
    def script(self) -> str:
        """The part of the session that it belongs to."""
        return (self.row.script if self.row else "") or WHOLE_SESSION


def table_windows(rows: Sequence[Row], sessions: Mapping[str, Recorded], findings: Findings) -> Iterator[Window]:
    """The windows of a table, each in its session.

    Parameters
    ----------
    rows : sequence of Row
        The table.
    sessions : mapping of str to Recorded
        The sessions by name.
    findings : Findings
        Receives rows without a session, of two people in one session, and outside of their session.

    Yields
    ------
    Window
        In the order of the table.
    """
    wearers: dict[str, Row] = {}
    for row in rows:
        try:
            found = _session_of(row, sessions)
            name = found.session.name
            _require_wearer(row, wearers.setdefault(name, row), name)
        except CorpusError as error:
            findings.fault(UNKNOWN_SESSION, f"{row.where}: {row.id}: {error}", left_out=[row.where])
            continue
        since = found.begin if row.start.is_clock else 0.0
        window = Window(
            where=row.where,
            id=row.id,
            session=name,
            start=row.start.seconds - since,
            end=row.end.seconds - since,
            row=row,
        )
        if _is_within(window, found, findings, clock=row.start.is_clock):
            yield window


def _require_wearer(row: Row, first: Row, session: str) -> None:
    if first.participant != row.participant:
        raise CorpusError(
            f"found the participant {row.participant!r}, but {first.participant!r} wore the wristband of {session} by "
            f"{first.where}; expected one participant in a session"
        )


def _session_of(row: Row, sessions: Mapping[str, Recorded]) -> Recorded:
    """The session that a row names, or else the only one of its participant that fits its times."""
    wanted = row.session or row.participant
    if not wanted:
        raise CorpusError("found neither a session nor a participant, expected one of them")
    if row.session:
        plain = row.session.removesuffix(".zip").replace("\\", "/").strip("/")
        whole = [each for name, each in sessions.items() if plain in (name, "/".join(each.session.parts))]
        found = whole or [each for each in sessions.values() if each.session.parts[-1] == plain]
    else:
        found = [each for each in sessions.values() if row.participant in (*each.session.parts, each.wearer)]
    if len(found) > 1 and row.start.is_clock:
        found = [each for each in found if row.start.seconds < each.end and row.end.seconds > each.begin] or found
    if len(found) == 1:
        return found[0]
    names = ", ".join(each.session.name for each in found[:3]) or f"none of {', '.join([*sessions][:3])}"
    many = f"{len(found)} sessions ({names})" if found else names
    raise CorpusError(f"found {many} for {wanted!r}, expected one; write the path of its folder or archive as session")


def _is_within(window: Window, found: Recorded, findings: Findings, *, clock: bool) -> bool:
    """Whether any of a window is in its session, with a finding where not all of it is."""
    length = found.length
    if window.end <= 0 or window.start >= length:
        runs = (
            f"the session runs from {clock_text(found.begin)} to {clock_text(found.end)}{_zone_guess(window, length)}"
            if clock
            else f"the session lasts {length:g} s"
        )
        example = f"{window.where}: {window.id}: {window.start:g} to {window.end:g} s after the session began; {runs}"
        findings.fault(WINDOW_OUTSIDE, example, left_out=[window.where])
        return False
    if window.start < -_SLACK or window.end > length + _SLACK:
        example = f"{window.where}: {window.id}: {window.start:g} to {window.end:g} s, the session lasts {length:g} s"
        findings.add(WINDOW_CUT, example)
    return True


def _zone_guess(window: Window, length: float) -> str:
    """A hint where the window would be inside of the session in another time zone."""
    least, most = max(window.end - length, 0.0), window.start  # seconds by which its clock is ahead of UTC
    if window.start < 0:
        least, most = window.end - length, min(window.start, 0.0)
    if math.ceil(least / _QUARTER) > math.floor(most / _QUARTER) or max(abs(least), abs(most)) > _FURTHEST:
        return ""
    return "; it would be in it if its times were local, so give time_zone in e4.toml, or the offset of each time"


def fixed_windows(cut: FixedWindows, sessions: Mapping[str, Recorded]) -> Iterator[Window]:
    """Windows of one length.

    Parameters
    ----------
    cut : FixedWindows
        Their length and step.
    sessions : mapping of str to Recorded
        The sessions by name.

    Yields
    ------
    Window
        Session by session, in order of time.
    """
    step = cut.step or cut.length
    for name, found in sessions.items():
        count = math.floor((found.length - cut.length) / step + 1e-9) + 1
        for place in range(count):
            at = place * step
            yield Window(
                where=f"{found.session.path}@{at:g}",
                id=_id(name, f"{place + 1:04}"),
                session=name,
                start=at,
                end=at + cut.length,
            )


def tag_windows(cut: TagWindows, sessions: Mapping[str, Recorded], root: Path, findings: Findings) -> Iterator[Window]:
    """Windows around the presses of the button.

    Parameters
    ----------
    cut : TagWindows
        How much of them is before and after a press.
    sessions : mapping of str to Recorded
        The sessions by name.
    root : Path
        Folder of the sessions.
    findings : Findings
        Receives tags that cannot be read, and windows outside of their session.

    Yields
    ------
    Window
        Session by session, in the order of its tags.
    """
    for name, found in sessions.items():
        for number, (where, time) in enumerate(_tags(found, root, findings), start=1):
            window = Window(
                where=where,
                id=_id(name, f"tag{number:02}"),
                session=name,
                start=time - cut.before - found.begin,
                end=time + cut.after - found.begin,
            )
            if _is_within(window, found, findings, clock=True):
                yield window


def _tags(found: Recorded, root: Path, findings: Findings) -> Sequence[tuple[str, float]]:
    """Place and time [s] of each press of the button."""
    if found.session.avros:
        return found.tags
    where = found.session.where(TAGS)
    try:
        tags = read_tags(found.session.read(root, TAGS) or b"", where=where, findings=findings)
    except CorpusError as error:
        findings.fault(UNREADABLE_RECORDING, str(error))
        return ()
    return [(f"{where}:{line}", time) for line, time in tags]


def _id(session: str, number: str) -> str:
    """The id of a window that no table names."""
    return f"{re.sub('[^A-Za-z0-9._-]', '-', session)}_{number}"


def named_once(windows: Iterator[Window], findings: Findings) -> Iterator[Window]:
    """The windows whose ids fit the grammar and are there once.

    Parameters
    ----------
    windows : iterator of Window
        Windows that no table names.
    findings : Findings
        Receives the others.

    Yields
    ------
    Window
        In order.
    """
    seen: dict[str, str] = {}
    for window in windows:
        if not ID.fullmatch(window.id):
            example = f"{window.where}: the id is {window.id[:40]!r}, expected {ID_GRAMMAR}; rename its session"
            findings.fault(MALFORMED_ID, example, left_out=[window.where])
        elif window.id in seen:
            example = f"{window.where}: {window.id} again, first in {seen[window.id]}; rename its session"
            findings.fault(DUPLICATE_ID, example, left_out=[window.where])
        else:
            seen[window.id] = window.where
            yield window
