"""The Avro files of an EmbracePlus: many short ones, in order, are the recordings of a session."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kemfeat.arrays import Floats
from kemfeat.corpora.cells import is_label
from kemfeat.corpora.e4._pieces import STREAMS, Piece, Stretch, pieces_of
from kemfeat.corpora.e4._recordings import Beats, Samples, Timed
from kemfeat.corpora.e4._sessions import Session
from kemfeat.corpora.e4._times import clock_text
from kemfeat.errors import CorpusError
from kemfeat.findings import MISSING_VALUE, UNREADABLE_RECORDING, Findings

INTERVALS = (0.3, 2.4)
"""Least and greatest interval between beats [s]: 200 and 25 beats a minute, the limits of ``FilterNIHR`` of the R
package RHRV (Vila and others, IEEE Engineering in Medicine and Biology 16:119, 1997)."""

NEAR = 0.005
"""Share by which a measured rate may differ from the whole number that is its nominal one."""

MOST_SAMPLES = 31 * 86_400 * 4
"""Samples from the first file of a session to its last, with those that are missing between: a month of EDA."""

_OVERLAP = 0.5
"""Samples by which a file may begin before the one before it ends: starts and rates are rounded."""


@dataclass(frozen=True, slots=True)
class Stretches:
    """The samples of one signal in the files of a session.

    Parameters
    ----------
    where : str
        The folder and the signal, for messages.
    rate : float [Hz]
        The nominal rate.
    parts : tuple of Stretch
        In order of time, none over another.
    """

    where: str
    rate: float
    parts: tuple[Stretch, ...] = field(repr=False)

    @property
    def start(self) -> float:
        """When the first sample was taken [s]."""
        return self.parts[0].start

    @property
    def end(self) -> float:
        """When the last sample ends [s]."""
        return self.parts[-1].end

    @property
    def fastest(self) -> float:
        """The greatest rate that was measured [Hz]."""
        return max(each.rate for each in self.parts)

    def timed(self, findings: Findings) -> Timed:
        """The samples with their times, and NaN at the nominal rate between two files that are apart.

        Parameters
        ----------
        findings : Findings
            Receives samples that are not finite.

        Returns
        -------
        Timed
            By time.
        """
        times, values, filled = [], [], []
        for place, part in enumerate(self.parts):
            since = self.parts[place - 1].end if place else part.start
            missing = max(round((part.start - since) * self.rate), 0)
            own = part.start + np.arange(len(part.values)) / part.rate
            times += [np.linspace(since, part.start, missing, endpoint=False), own]
            values += [np.full(missing, np.nan), part.values]
            filled += [np.ones(missing, bool), np.zeros(len(own), bool)]
            for bad in np.flatnonzero(np.isnan(part.values)):
                findings.add(MISSING_VALUE, f"{self.where}: sample {bad} since {clock_text(part.start)} is not finite")
        at = np.concatenate(times)
        return Timed(at, np.concatenate(values), np.full(len(at), np.nan), np.concatenate(filled))


Recording = Samples | Beats | Stretches


class Recordings(NamedTuple):
    """The recordings of a session.

    Parameters
    ----------
    media : mapping of str to Samples, Beats or Stretches
        Those that are there, of ``eda``, ``temp`` and ``ibi``.
    digest : str
        Of the content of the files.
    wearer : str
        Who wore the wristband, as the files say; empty where they do not.
    tags : tuple of (str, float [s])
        Of an EmbracePlus, place and time since 1970 in UTC of each press of the button.
    """

    media: Mapping[str, Recording]
    digest: str
    wearer: str = ""
    tags: tuple[tuple[str, float], ...] = ()


def read_embraceplus(session: Session, root: Path, findings: Findings) -> Recordings:
    """Read the Avro files of a session, and put them together.

    Parameters
    ----------
    session : Session
        The session.
    root : Path
        Folder of the sessions.
    findings : Findings
        Receives files that cannot be read, of another person or device, or over the time of another.

    Returns
    -------
    Recordings
        Empty where nothing was recorded.

    Raises
    ------
    CorpusError
        Something is wrong with a file, and ``findings`` is strict.
    """
    digests: list[bytes] = []
    pieces = sorted(pieces_of(session, root, findings, digests), key=lambda each: (each.start, each.where))
    parts = [*_in_order(pieces, findings)]
    media = dict(_media(session.path, parts))
    if any(
        (each.end - each.start) * each.rate > MOST_SAMPLES for each in media.values() if not isinstance(each, Beats)
    ):
        runs = f"from {clock_text(parts[0].start)} to {clock_text(parts[-1].start)}"
        example = f"{session.path}: has files {runs}, expected those of a month at most; sort them into folders"
        findings.fault(UNREADABLE_RECORDING, example)
        parts, media = [], {}
    wearer = parts[0].owner[0] if parts else ""
    return Recordings(
        media,
        hashlib.sha256(b"".join(sorted(digests))).hexdigest(),
        wearer if is_label(wearer) else "",
        tuple((f"{each.where}:tag{number}", float(tag)) for each in parts for number, tag in enumerate(each.tags, 1)),
    )


def _in_order(pieces: list[Piece], findings: Findings) -> Iterator[Piece]:
    """The pieces that neither begin before another ends, nor have another rate."""
    last: dict[str, tuple[str, Stretch]] = {}
    for piece in pieces:
        try:
            for medium, part in piece.streams.items():
                if medium in last:
                    _require_after(part, piece.where, medium, *last[medium])
        except CorpusError as error:
            findings.fault(UNREADABLE_RECORDING, str(error))
            continue
        last |= {medium: (piece.where, part) for medium, part in piece.streams.items()}
        yield piece


def _require_after(part: Stretch, where: str, medium: str, before: str, previous: Stretch) -> None:
    if (part.start - previous.end) * previous.rate < -_OVERLAP:
        raise CorpusError(
            f"{where}: its {medium.upper()} begins at {clock_text(part.start)}, but that of {before} ends at "
            f"{clock_text(previous.end)}; expected files that follow one another; remove the copy"
        )
    if nominal(part.rate) != nominal(previous.rate):
        raise CorpusError(
            f"{where}: its {medium.upper()} has {part.rate:g} samples per second, but that of {before} "
            f"{previous.rate:g}; expected one rate in a session; move the file to a folder of its own"
        )


def nominal(rate: float) -> float:
    """The nominal rate of a rate that was measured.

    Parameters
    ----------
    rate : float, > 0 [Hz]
        As measured.

    Returns
    -------
    float
        The whole number that is within half a percent of it, or else the rate itself.

    Examples
    --------
    >>> nominal(3.9988773), nominal(0.9997099), nominal(3.9)
    (4.0, 1.0, 3.9)
    """
    return float(round(rate)) if abs(rate - round(rate)) <= NEAR * rate else rate


def _media(path: str, parts: list[Piece]) -> Iterator[tuple[str, Recording]]:
    for medium in STREAMS:
        found = tuple(each.streams[medium] for each in parts if medium in each.streams)
        if found:
            yield medium, Stretches(f"{path} ({medium.upper()})", nominal(found[0].rate), found)
    beats = [between(each.peaks) for each in parts]
    times, intervals = (np.concatenate([each[side] for each in beats] or [np.empty(0)]) for side in (0, 1))
    if len(times):
        start = parts[0].start
        yield "ibi", Beats(f"{path} (IBI)", start, times - start, intervals)


def between(peaks: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The intervals between the beats of one file.

    Parameters
    ----------
    peaks : ndarray, shape (n,), int64 [ns]
        Systolic peaks since 1970, ascending.

    Returns
    -------
    times, intervals : ndarray, shape (m,), float64 [s]
        Of each peak that comes after another by an interval within :data:`INTERVALS`, the time since 1970 and the
        interval. Whatever else lies between two peaks is a gap of the detector or a second peak of one beat.

    Examples
    --------
    >>> between(np.array([0, 800_000_000, 5_000_000_000, 5_750_000_000]))[1]
    array([0.8 , 0.75])
    """
    intervals = np.diff(peaks) / 1e9
    kept = (intervals >= INTERVALS[0]) & (intervals <= INTERVALS[1])
    return peaks[1:][kept] / 1e9, intervals[kept]
