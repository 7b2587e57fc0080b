"""What each Avro file of an EmbracePlus has, checked field by field."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kemfeat.arrays import Floats
from kemfeat.corpora.e4._avro import member, read_records
from kemfeat.corpora.e4._recordings import EARLIEST, FASTEST
from kemfeat.corpora.e4._sessions import Session
from kemfeat.errors import CorpusError
from kemfeat.findings import UNREADABLE_RECORDING, Findings

STREAMS = {"eda": "eda", "temp": "temperature"}
"""Per medium the field of ``rawData``."""

_LATEST = 9e9
"""Seconds since 1970 that int64 holds as nanoseconds."""


class Stretch(NamedTuple):
    """Samples of one file: the start [s] since 1970, the rate that was measured [Hz], and the values."""

    start: float
    rate: float
    values: Floats

    @property
    def end(self) -> float:
        """When the last sample ends [s]."""
        return self.start + len(self.values) / self.rate


@dataclass(frozen=True, slots=True)
class Piece:
    """What one record of a file has.

    Parameters
    ----------
    where : str
        The file, for messages.
    owner : tuple of (str, str)
        Participant and device.
    streams : mapping of str to Stretch
        Of ``eda`` and ``temp``, those that are not empty.
    peaks : ndarray, shape (n,), int64 [ns]
        Systolic peaks since 1970, ascending.
    tags : ndarray, shape (m,), float64 [s]
        Presses of the button since 1970.
    """

    where: str
    owner: tuple[str, str]
    streams: Mapping[str, Stretch]
    peaks: NDArray[np.int64]
    tags: Floats

    @property
    def start(self) -> float:
        """When the first of its streams begins [s]."""
        return min(each.start for each in self.streams.values())


def pieces_of(session: Session, root: Path, findings: Findings, digests: list[bytes]) -> Iterator[Piece]:
    """What the files of a session have.

    Parameters
    ----------
    session : Session
        The session.
    root : Path
        Folder of the sessions.
    findings : Findings
        Receives files that cannot be read, and those of another person or device.
    digests : list of bytes
        Receives one of each file.

    Yields
    ------
    Piece
        File by file, those in which anything was recorded.
    """
    first: Piece | None = None
    for name in session.avros:
        where = session.where(name)
        try:
            content = session.read(root, name) or b""
            digests.append(hashlib.sha256(content).digest())
            for number, record in enumerate(read_records(content, where=where)):
                piece = _piece(record, f"{where}#{number}" if number else where)
                first = first or piece
                _require_owner(piece, first)
                if piece.streams:
                    yield piece
        except CorpusError as error:
            findings.fault(UNREADABLE_RECORDING, str(error))


def _require_owner(piece: Piece, first: Piece) -> None:
    if piece.owner != first.owner:
        raise CorpusError(
            f"{piece.where}: found the participant {piece.owner[0][:40]!r} and the device {piece.owner[1][:40]!r}, but "
            f"{first.owner[0][:40]!r} and {first.owner[1][:40]!r} in {first.where}; expected one in a folder; move it"
        )


def _piece(record: object, where: str) -> Piece:
    if not isinstance(member(record, "rawData"), Mapping):
        raise CorpusError(f"{where}: found a record without rawData, expected one of EmbracePlus; remove the file")
    owner = (member(record, "enrollment", "participantID"), member(record, "deviceSn"))
    streams = {medium: _stretch(record, name, where) for medium, name in STREAMS.items()}
    peaks = _whole(record, ("systolicPeaks", "peaksTimeNanos"), where, per_second=10**9)
    if (np.diff(peaks) < 0).any():
        raise CorpusError(f"{where}: found systolicPeaks that go back in time; download the file again")
    tags = _whole(record, ("tags", "tagsTimeMicros"), where, per_second=10**6) / 1e6
    there = {medium: each for medium, each in streams.items() if each is not None}
    return Piece(where, (str(owner[0] or ""), str(owner[1] or "")), there, peaks, tags)


def _stretch(record: object, name: str, where: str) -> Stretch | None:
    """The samples of a stream; None where it is missing or empty."""
    stream = member(record, "rawData", name)
    values = member(stream, "values") or []
    if not isinstance(values, list) or not all(isinstance(value, float) for value in values):
        raise CorpusError(f"{where}: {name}.values: found no array of floats, expected one; download the file again")
    if not values:
        return None
    start, rate = member(stream, "timestampStart"), member(stream, "samplingFrequency")
    _require_clock(start, f"{where}: {name}.timestampStart", per_second=10**6)
    if not isinstance(rate, int | float) or not 0 < rate <= FASTEST:
        raise CorpusError(
            f"{where}: {name}.samplingFrequency: found {str(rate)[:40]}, expected samples per second up to "
            f"{FASTEST:g}; download the file again"
        )
    found = np.array(values)
    return Stretch(start / 1e6, float(rate), np.where(np.isfinite(found), found, np.nan))


def _whole(record: object, path: tuple[str, str], where: str, *, per_second: int) -> NDArray[np.int64]:
    """Times in whole parts of a second since 1970, none where the field is missing."""
    times = member(record, "rawData", *path) or []
    for time in times if isinstance(times, list) else [times]:
        _require_clock(time, f"{where}: {'.'.join(path)}", per_second=per_second)
    return np.array(times, np.int64)


def _require_clock(time: object, where: str, *, per_second: int) -> None:
    if not isinstance(time, int) or not EARLIEST * per_second <= time < _LATEST * per_second:
        unit = {10**6: "microseconds", 10**9: "nanoseconds"}[per_second]
        raise CorpusError(f"{where}: found {str(time)[:40]}, expected {unit} since 1970; download the file again")
