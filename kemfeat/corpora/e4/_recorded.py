"""The sessions with what was recorded in them: when they begin and end, and which are there twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kemfeat.corpora.e4._embraceplus import Recording, Recordings, read_embraceplus
from kemfeat.corpora.e4._recordings import Beats, Samples, read_beats, read_samples
from kemfeat.corpora.e4._sessions import RECORDINGS, Session
from kemfeat.corpora.e4._times import clock_text
from kemfeat.errors import CorpusError
from kemfeat.findings import (
    EMPTY_IBI,
    EMPTY_PHYSIOLOGY,
    MISSING_PHYSIOLOGY_FILE,
    SECOND_SESSION,
    UNREADABLE_RECORDING,
    Findings,
    Rule,
)

_EMPTY: Mapping[str, Rule] = {"eda": EMPTY_PHYSIOLOGY, "temp": EMPTY_PHYSIOLOGY, "ibi": EMPTY_IBI}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A session and the time that it covers.

    Parameters
    ----------
    session : Session
        Its files.
    begin, end : float [s]
        When its first recording begins and its last ends, since 1970 in UTC.
    rates : mapping of str to float [Hz]
        Of ``eda`` and ``temp``, as far as they were recorded.
    digest : str
        Of the content of its recordings.
    fastest : mapping of str to float [Hz]
        The fastest rate that was measured, as ``rates``.
    wearer : str
        Who wore the wristband, as its files say; empty where they do not.
    tags : tuple of (str, float [s])
        Of an EmbracePlus, each press of the button: its place and its time since 1970 in UTC.
    """

    session: Session
    begin: float
    end: float
    rates: Mapping[str, float]
    digest: str = field(repr=False)
    fastest: Mapping[str, float]
    wearer: str
    tags: tuple[tuple[str, float], ...]

    @property
    def length(self) -> float:
        """How long it lasts [s]."""
        return self.end - self.begin


def recordings_of(session: Session, root: Path, findings: Findings) -> Recordings:
    """The recordings of a session.

    Parameters
    ----------
    session : Session
        The session.
    root : Path
        Folder of the sessions.
    findings : Findings
        Receives what is missing or wrong.

    Returns
    -------
    Recordings
        Those that can be read.

    Raises
    ------
    CorpusError
        Something cannot be read, and ``findings`` is strict.
    """
    if session.avros:
        return _of_embraceplus(session, root, findings)
    contents: list[bytes] = []
    read = {medium: _recording_of(session, medium, root, findings, contents) for medium in RECORDINGS}
    there = {medium: each for medium, each in read.items() if each is not None}
    return Recordings(there, hashlib.sha256(b"\0".join(contents)).hexdigest())


def _of_embraceplus(session: Session, root: Path, findings: Findings) -> Recordings:
    if len(session.avros) < len(session.files):
        other = next(name for name in session.files if name not in session.avros)
        findings.fault(
            UNREADABLE_RECORDING,
            f"{session.where(other)}: found a file of an E4 beside {session.avros[0]} of an EmbracePlus, expected one "
            "wristband in a folder; move one",
        )
    found = read_embraceplus(session, root, findings)
    for medium in RECORDINGS:
        if medium not in found.media:
            findings.add(_EMPTY[medium], f"{session.path}: no {medium.upper()} was recorded")
    return found


def _recording_of(
    session: Session, medium: str, root: Path, findings: Findings, contents: list[bytes]
) -> Samples | Beats | None:
    """One recording of an E4, None where there is none that can be read; ``contents`` receives that of the file."""
    name = RECORDINGS[medium]
    where = session.where(name)
    try:
        content = session.read(root, name)
        contents.append(content or b"")
        if content is None:
            findings.add(MISSING_PHYSIOLOGY_FILE, f"{where}: is missing")
            return None
        read = (
            read_beats(content, where=where, findings=findings)
            if medium == "ibi"
            else read_samples(content, where=where)
        )
    except CorpusError as error:
        findings.fault(UNREADABLE_RECORDING, str(error))
        return None
    if read is None:
        findings.add(_EMPTY[medium], f"{where}: nothing was recorded")
    return read


def recorded(sessions: Iterable[Session], root: Path, findings: Findings) -> dict[str, Recorded]:
    """Read when sessions begin and end.

    Parameters
    ----------
    sessions : iterable of Session
        The sessions, in order.
    root : Path
        Their folder.
    findings : Findings
        Receives recordings that cannot be read, and sessions that are there twice.

    Returns
    -------
    dict of str to Recorded
        By name, without those in which nothing was recorded and copies of others.

    Raises
    ------
    CorpusError
        Something cannot be read, or is there twice, and ``findings`` is strict.
    """
    found: dict[str, Recorded] = {}
    first: dict[str, str] = {}
    for session in sessions:
        made = _recorded(session, root, findings)
        if made is None:
            continue
        if made.digest in first:
            example = f"{session.path}: has the same recordings as {first[made.digest]}"
            findings.fault(SECOND_SESSION, example, left_out=[session.path])
        else:
            found[session.name], first[made.digest] = made, session.path
    return found


def _recorded(session: Session, root: Path, findings: Findings) -> Recorded | None:
    read = recordings_of(session, root, findings)
    there = dict(read.media)
    if not there:
        return None
    for medium in _of_other_times(there, findings):
        del there[medium]
    return Recorded(
        session,
        min(each.start for each in there.values()),
        max(each.end for each in there.values()),
        {medium: each.rate for medium, each in there.items() if not isinstance(each, Beats)},
        read.digest,
        {medium: each.fastest for medium, each in there.items() if not isinstance(each, Beats)},
        read.wearer,
        read.tags,
    )


def _of_other_times(there: Mapping[str, Recording], findings: Findings) -> list[str]:
    """The media that were not recorded while the first was, each with a fault."""
    first = next(iter(there.values()))
    others = {name: each for name, each in there.items() if each.start > first.end or each.end < first.start}
    for each in others.values():
        runs = [f"from {clock_text(one.start)} to {clock_text(one.end)}" for one in (each, first)]
        example = f"{each.where}: runs {runs[0]}, but {first.where} {runs[1]}, expected recordings of one session"
        findings.fault(UNREADABLE_RECORDING, example)
    return [*others]
