"""What a folder of sessions is cut into, and how each session is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from kemfeat.corpora.e4._recorded import Recorded, recorded
from kemfeat.corpora.e4._sessions import Session, find_sessions
from kemfeat.corpora.e4._settings import FILE, Settings, read_settings
from kemfeat.corpora.e4._table import read_table
from kemfeat.corpora.e4._windows import Window, fixed_windows, named_once, table_windows, tag_windows
from kemfeat.corpora.layout import list_files, read_file
from kemfeat.errors import CorpusLayoutError
from kemfeat.findings import OVERLAPPING_SESSIONS, UNKNOWN_SPEAKER, UNUSED_SESSION, Findings

NO_PARTICIPANT = "unknown"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a folder of sessions is, and how it may be read.

    Parameters
    ----------
    root : Path
        Folder of the sessions.
    table : str
        Path of the table of windows relative to it; empty where there is none.
    follow_links : bool
        Whether links may lead out of it.
    """

    root: Path
    table: str
    follow_links: bool

    @property
    def settings_file(self) -> str:
        """``e4.toml`` where it is there, else empty."""
        listed = list_files(self.root, re.compile(re.escape(FILE)), root=self.root, follow_links=self.follow_links)
        return "".join(listed.fitting)

    def settings(self) -> Settings:
        """Content of ``e4.toml``; the defaults where it is not there."""
        return read_settings(self.root / FILE) if self.settings_file else Settings()

    def sessions(self, findings: Findings) -> dict[str, Session]:
        """The sessions by name.

        Parameters
        ----------
        findings : Findings
            Receives what cannot be read.

        Returns
        -------
        dict of str to Session
            In the order of their paths.
        """
        known = {self.table, self.settings_file} - {""}
        return find_sessions(self.root, known=known, findings=findings, follow_links=self.follow_links)


class Span(NamedTuple):
    """A window of a session: its id, its script, and when it begins and ends [s] since the session began."""

    id: str
    script: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Cut:
    """How one session is cut.

    Parameters
    ----------
    session : Session
        Its files.
    begin : float [s]
        When it began, since 1970 in UTC.
    participant : str
        Who wore the wristband.
    spans : tuple of Span
        Its windows.
    """

    session: Session
    begin: float
    participant: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The sessions, their windows, who wore the wristband, and the user's own columns."""

    sessions: Mapping[str, Recorded]
    windows: tuple[Window, ...]
    participants: Mapping[str, str]
    own: tuple[str, ...]
    has_text: bool

    def cuts(self) -> tuple[Cut, ...]:
        """How each session is cut that has any window."""
        spans: dict[str, list[Span]] = {}
        for each in self.windows:
            spans.setdefault(each.session, []).append(Span(each.id, each.script, each.start, each.end))
        return tuple(
            Cut(self.sessions[name].session, self.sessions[name].begin, self.participants[name], tuple(found))
            for name, found in spans.items()
        )


def read_plan(place: Place, findings: Findings) -> Plan:
    """Read the sessions and their windows.

    Parameters
    ----------
    place : Place
        The folder.
    findings : Findings
        Receives everything that is wrong.

    Returns
    -------
    Plan
        Windows in the order of the table, or else of the sessions.

    Raises
    ------
    CorpusLayoutError
        Nothing says how to cut, or two do.
    CorpusError
        Something cannot be read, and ``findings`` is strict.
    """
    settings = place.settings()
    _require_one_cut(place, settings)
    sessions = recorded(place.sessions(findings).values(), place.root, findings)
    own: tuple[str, ...] = ()
    has_text = False
    if place.table:
        content = read_file(place.root / place.table)
        table = read_table(content, where=place.table, zone=settings.zone, findings=findings)
        own, has_text = table.own, table.has_text
        windows = tuple(table_windows(table.rows, sessions, findings))
    elif settings.fixed:
        windows = tuple(named_once(fixed_windows(settings.fixed, sessions), findings))
    elif settings.tags:
        windows = tuple(named_once(tag_windows(settings.tags, sessions, place.root, findings), findings))
    participants = _participants(sessions, windows, settings)
    _report(sessions, windows, participants, findings)
    return Plan(sessions, windows, participants, own, has_text)


def _require_one_cut(place: Place, settings: Settings) -> None:
    ways = [name for name, given in (("tags", settings.tags), ("fixed", settings.fixed)) if given]
    if place.table and ways:
        raise CorpusLayoutError(
            f"{place.root}: found the table {place.table} and [{ways[0]}] in {FILE}, expected one way to cut the "
            "sessions; remove one"
        )
    if not place.table and not ways:
        raise CorpusLayoutError(
            f"{place.root}: found sessions, but nothing that says how to cut them; expected windows.csv with the "
            f"columns id, session or participant, start and end, or {FILE} with [fixed] or [tags]; write one of them"
        )


def _participants(sessions: Mapping[str, Recorded], windows: tuple[Window, ...], settings: Settings) -> dict[str, str]:
    """Who wore the wristband in each session: by the table, its files, or the folder where the settings say so."""
    folder = settings.participants == "folder"
    found = {
        name: each.wearer or (each.session.parts[0] if folder else NO_PARTICIPANT) for name, each in sessions.items()
    }
    return found | {each.session: each.row.participant for each in windows if each.row and each.row.participant}


def _report(
    sessions: Mapping[str, Recorded], windows: tuple[Window, ...], participants: Mapping[str, str], findings: Findings
) -> None:
    used = {window.session for window in windows}
    for name, each in sessions.items():
        if name not in used:
            findings.add(UNUSED_SESSION, each.session.path)
        elif participants[name] == NO_PARTICIPANT:
            findings.add(UNKNOWN_SPEAKER, f"{each.session.path}: nothing says who wore the wristband")
    for one, other in combinations(sorted(used), 2):
        first, second = sessions[one], sessions[other]
        same = participants[one] == participants[other] != NO_PARTICIPANT
        if same and first.begin < second.end and second.begin < first.end:
            paths = f"{first.session.path} and {second.session.path}"
            findings.add(OVERLAPPING_SESSIONS, f"{paths}: {participants[one]} wore a wristband in both at one time")
