"""The files of a session: samples after a start time and a rate, beats after a start time, presses of the button."""

from __future__ import annotations

import codecs
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kemfeat.arrays import Floats
from kemfeat.corpora.text import number
from kemfeat.errors import CorpusError
from kemfeat.file_kinds import foreign_kind, is_utf16
from kemfeat.findings import BAD_PHYSIOLOGY_LINE, MALFORMED_LINE, MISSING_VALUE, Findings

EARLIEST, LATEST = 1e8, 1e11
"""Seconds since 1970 that are a clock: a smaller number counts from the beginning of a session, a larger one has
milliseconds."""

FASTEST = 1024.0
"""Hz; the fastest sensor of the wristband has 64."""


class Timed(NamedTuple):
    """What was recorded, by time.

    Parameters
    ----------
    times : ndarray, shape (n,), float64 [s]
        Since 1970 in UTC, ascending.
    values : ndarray, shape (n,), float64
        Samples, or the interval before each beat [s]; NaN where a value is missing.
    offsets : ndarray, shape (n,), float64 [s]
        Of beats since the recording began; NaN for samples.
    filled : ndarray, shape (n,), bool
        True where nothing was recorded, and the row stands for a missing sample.
    """

    times: Floats
    values: Floats
    offsets: Floats
    filled: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Samples:
    """The lines of a signal of one rate.

    Parameters
    ----------
    where : str
        The file, for messages.
    start : float [s]
        When the first sample was taken, since 1970 in UTC.
    rate : float [Hz]
        Samples per second.
    lines : tuple of bytes
        One per sample.
    """

    where: str
    start: float
    rate: float
    lines: tuple[bytes, ...]

    @property
    def end(self) -> float:
        """When the last sample ends [s]."""
        return self.start + len(self.lines) / self.rate

    def values(self, findings: Findings) -> Floats:
        """The samples.

        Parameters
        ----------
        findings : Findings
            Receives every line that is not a finite number.

        Returns
        -------
        ndarray, shape (n,), float64
            NaN for such a line, so that later samples keep their time.
        """
        values = np.array([number(line) for line in self.lines], np.float64)
        for place in np.flatnonzero(np.isnan(values)):
            findings.add(MISSING_VALUE, f"{self.where}:{place + 3}: found {_shown(self.lines[place])}, not a number")
        return values

    @property
    def fastest(self) -> float:
        """The rate."""
        return self.rate

    def timed(self, findings: Findings) -> Timed:
        """The samples with their times; ``findings`` as for :meth:`values`."""
        values = self.values(findings)
        times = self.start + np.arange(len(values)) / self.rate
        return Timed(times, values, np.full(len(values), np.nan), np.zeros(len(values), bool))


@dataclass(frozen=True, slots=True)
class Beats:
    """Heart beats.

    Parameters
    ----------
    where : str
        The file, for messages.
    start : float [s]
        When the recording began, since 1970 in UTC.
    offsets, intervals : ndarray, shape (n,), float64 [s]
        Time of each beat since then, and the interval before it, in file order.
    """

    where: str
    start: float
    offsets: Floats
    intervals: Floats

    @property
    def end(self) -> float:
        """When the last beat was [s]."""
        return self.start + float(self.offsets.max())

    def timed(self, _findings: Findings) -> Timed:
        """The beats by time."""
        order = np.argsort(self.offsets, kind="stable")
        offsets = self.offsets[order]
        return Timed(self.start + offsets, self.intervals[order], offsets, np.zeros(len(offsets), bool))


def read_samples(content: bytes, *, where: str) -> Samples | None:
    """Read ``EDA.csv`` or ``TEMP.csv``: start time, rate, then one sample per line.

    Parameters
    ----------
    content : bytes
        Content of the file; LF or CR LF, with or without a byte order mark.
    where : str
        The file, for messages.

    Returns
    -------
    Samples or None
        None where there is no sample.

    Raises
    ------
    CorpusError
        The file has another format.
    """
    lines = _lines(content, where)
    start = _start(lines[0], where) if lines else math.nan
    if len(lines) < 3:
        return None
    rate = number(lines[1])
    if not 0 < rate <= FASTEST:
        raise CorpusError(f"{where}:2: found {_shown(lines[1])}, expected samples per second up to {FASTEST:g}")
    samples = lines[2:]
    several = [place for place, line in enumerate(samples, start=3) if b"," in line or b";" in line]
    if 2 * len(several) > len(samples):
        found = _shown(lines[several[0] - 1])
        raise CorpusError(f"{where}:{several[0]}: found {found}, several columns or a decimal comma; {_SAMPLE}")
    if all(math.isnan(number(line)) for line in samples):
        raise CorpusError(f"{where}:3: found {_shown(samples[0])}, and no line is a number; {_SAMPLE}")
    return Samples(where, start, rate, tuple(samples))


def read_beats(content: bytes, *, where: str, findings: Findings) -> Beats | None:
    """Read ``IBI.csv``: ``start, IBI``, then the time of a beat since then and the interval before it.

    Parameters
    ----------
    content : bytes
        Content of the file, as for :func:`read_samples`.
    where : str
        The file, for messages.
    findings : Findings
        Receives every line that is no beat; it is dropped.

    Returns
    -------
    Beats or None
        None where no beat was detected.

    Raises
    ------
    CorpusError
        The file has another format, or no line of it is a beat.
    """
    lines = _lines(content, where)
    if not lines:
        return None
    head, *words = lines[0].split(b",")
    start = _start(head, where)
    if not words or not math.isnan(number(words[0])):
        raise CorpusError(f"{where}:1: found {_shown(lines[0])}, expected a start time and IBI; export the file again")
    if len(lines) < 2:
        return None
    beats = []
    for place, line in enumerate(lines[1:], start=2):
        fields = [number(field) for field in line.split(b",")]
        if len(fields) == 2 and fields[0] >= 0 and fields[1] > 0:
            beats.append(fields)
        else:
            findings.add(BAD_PHYSIOLOGY_LINE, f"{where}:{place}: found {_shown(line)}, {_BEAT}")
    if not beats:
        raise CorpusError(f"{where}:2: found {_shown(lines[1])}, and no line is a beat; {_BEAT}, with decimal points")
    offsets, intervals = np.array(beats, np.float64).T
    return Beats(where, start, offsets, intervals)


def read_tags(content: bytes, *, where: str, findings: Findings) -> list[tuple[int, float]]:
    """Read ``tags.csv``: the time of each press of the button.

    Parameters
    ----------
    content : bytes
        Content of the file, as for :func:`read_samples`.
    where : str
        The file, for messages.
    findings : Findings
        Receives every line that is no time; it is dropped.

    Returns
    -------
    list of tuple of (int, float)
        Line and time [s] since 1970 in UTC.

    Raises
    ------
    CorpusError
        The file is not text; or a line is no time, and ``findings`` is strict.
    """
    tags = []
    for place, line in enumerate(_lines(content, where), start=1):
        try:
            tags.append((place, _start(line, where, place)))
        except CorpusError as error:
            findings.fault(MALFORMED_LINE, str(error))
    return tags


_SAMPLE = "expected one number per line, with decimal points; export the file again"
_BEAT = "expected offset,interval in seconds"


def _lines(content: bytes, where: str) -> list[bytes]:
    kind = "a UTF-16 text; save it as UTF-8" if is_utf16(content) else foreign_kind(content)
    if kind is None and b"\x00" in content:
        kind = "a binary file"
    if kind is not None:
        raise CorpusError(f"{where}: found {kind}; expected the text that E4 connect gives")
    return content.removeprefix(codecs.BOM_UTF8).rstrip().splitlines()


def _start(field: bytes, where: str, line: int = 1) -> float:
    """A time in seconds since 1970; one with an exponent was rounded by a spreadsheet."""
    value = number(field)
    if EARLIEST <= value < LATEST and b"e" not in field.lower():
        return value
    raise CorpusError(
        f"{where}:{line}: found {_shown(field)}, expected a time in seconds since 1970 such as 1560279825.0, not "
        "rounded; export the file again"
    )


def _shown(line: bytes) -> str:
    return repr(line[:40].decode("latin-1"))
