"""The sessions with what was recorded in them: when they begin and end, and which are there twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

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
    """

    session: Session
    begin: float
    end: float
    rates: Mapping[str, float]
    digest: str = field(repr=False)

    @property
    def length(self) -> float:
        """How long it lasts [s]."""
        return self.end - self.begin


def recording_of(
    session: Session, medium: str, root: Path, findings: Findings, contents: list[bytes] | None = None
) -> Samples | Beats | None:
    """One recording of a session.

    Parameters
    ----------
    session : Session
        The session.
    medium : str
        ``eda``, ``temp`` or ``ibi``.
    root : Path
        Folder of the sessions.
    findings : Findings
        Receives what is wrong.
    contents : list of bytes, optional
        Receives the content of the file.

    Returns
    -------
    Samples, Beats or None
        None where the session has none, or none that can be read.

    Raises
    ------
    CorpusError
        It cannot be read, and ``findings`` is strict.
    """
    name = RECORDINGS[medium]
    where = session.where(name)
    try:
        content = session.read(root, name)
        if contents is not None:
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
    contents: list[bytes] = []
    read = {medium: recording_of(session, medium, root, findings, contents) for medium in RECORDINGS}
    there = {medium: each for medium, each in read.items() if each is not None}
    if not there:
        return None
    for medium in _of_other_times(there, findings):
        del there[medium]
    return Recorded(
        session,
        min(each.start for each in there.values()),
        max(each.end for each in there.values()),
        {medium: each.rate for medium, each in there.items() if isinstance(each, Samples)},
        hashlib.sha256(b"\0".join(contents)).hexdigest(),
    )


def _of_other_times(there: Mapping[str, Samples | Beats], findings: Findings) -> list[str]:
    """The media that were not recorded while the first was, each with a fault."""
    first = next(iter(there.values()))
    others = {name: each for name, each in there.items() if each.start > first.end or each.end < first.start}
    for each in others.values():
        runs = [f"from {clock_text(one.start)} to {clock_text(one.end)}" for one in (each, first)]
        example = f"{each.where}: runs {runs[0]}, but {first.where} {runs[1]}, expected recordings of one session"
        findings.fault(UNREADABLE_RECORDING, example)
    return [*others]
