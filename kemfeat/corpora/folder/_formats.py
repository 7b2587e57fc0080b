"""Recognises the format of a file of physiology: plain numbers, an Empatica export, or neither."""

from __future__ import annotations

import codecs
import math
import re
from typing import NamedTuple

from kemfeat.corpora.text import MISSING_WORDS, number
from kemfeat.errors import CorpusError
from kemfeat.file_kinds import foreign_kind, is_utf16

EARLIEST_CLOCK = 1e8
"""Seconds since 1970 (in 1973) from which a number is a clock and never a sample or a time in a conversation."""

MAX_RATE = 1e6
RATE_TOLERANCE = 0.01
_MISSING = frozenset(word.encode() for word in MISSING_WORDS) | {b"inf", b"-inf"}
_MONTH = rb"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_DATE_OR_TIME = re.compile(
    rb"[0-9]:[0-9]{2}|[0-9]{8}|[0-9][^0-9]+[0-9]+[^0-9]+[0-9]|[0-9]\W*" + _MONTH + rb"|" + _MONTH + rb"[a-z]*\W*[0-9]",
    re.IGNORECASE,
)
"""A date or a time of day in any spelling: ``9:17``, ``20220207``, three numbers, or a number beside a month."""

_STATED_RATE = re.compile(
    rb"(?P<hertz>[0-9]+(?:\.[0-9]+)?)\s*hz|(?:rate|freq|frequency|fs|sr)\b[^0-9]*(?P<named>[0-9]+(?:\.[0-9]+)?)",
    re.IGNORECASE,
)
"""What states a rate: ``Sample rate: 8``, ``fs=8`` or ``EDA 8 Hz``."""

_SAMPLES, _BEATS = "one number per line", "time,interval in seconds on each line"


class SignalBody(NamedTuple):
    """The lines after the header, and the number of the first."""

    lines: list[bytes]
    first: int


def sample_lines(content: bytes, *, where: str, rate: float | None = None) -> SignalBody:
    """The lines of samples: after a header of words, and after the start time and rate of an Empatica export.

    Parameters
    ----------
    content : bytes
        Content of the file.
    where : str
        The file, for messages.
    rate : float or None [Hz]
        Sampling rate that the table declares, compared with the file's own.

    Returns
    -------
    SignalBody
        One line per sample.

    Raises
    ------
    CorpusError
        The file has another format, several columns or another rate, or no line is a number.
    """
    lines = _lines(content, where, _SAMPLES)
    body = _after_words(lines)
    if body.first > 1:
        _refuse_rate(_stated_rate(lines[0]), rate, at=f"{where}:1")
    if body.lines and _has_clock(body.lines[0]):
        body = _after_rate(body, where=where, rate=rate)
    _refuse_columns(body, where)
    if body.lines and not any(map(_is_finite, body.lines)):
        raise _unreadable(where, body, _SAMPLES)
    return body


def beat_lines(content: bytes, *, where: str) -> SignalBody:
    """The lines of beats: after a header of words, or the ``start,IBI`` line of an Empatica export.

    Parameters
    ----------
    content : bytes
        Content of the file.
    where : str
        The file, for messages.

    Returns
    -------
    SignalBody
        One line per beat.

    Raises
    ------
    CorpusError
        The file has another format.
    """
    body = _after_words(_lines(content, where, _BEATS))
    if body.lines:
        head, *others = body.lines[0].split(b",")
        if _is_clock(head) and others and all(map(_is_word, others)):
            return SignalBody(body.lines[1:], body.first + 1)
    return body


def no_beats(where: str, body: SignalBody) -> CorpusError:
    """The error for a file without any line that is a beat."""
    return _unreadable(where, body, _BEATS)


def _lines(content: bytes, where: str, expected: str) -> list[bytes]:
    kind = "a UTF-16 text; save it as UTF-8" if is_utf16(content) else foreign_kind(content)
    if kind is not None:
        raise CorpusError(f"{where}: found {kind}; expected text, {expected}")
    text = content.removeprefix(codecs.BOM_UTF8)
    if b"\x00" in content:
        raise CorpusError(f"{where}: found a binary file; expected text, {expected}; export the signal as CSV first")
    return text.rstrip().splitlines()


def _after_words(lines: list[bytes]) -> SignalBody:
    """The lines after a first line of words; one with a date or a time, or without a letter, is none."""
    first = lines[0].strip() if lines else b""
    header = first != b"" and all(map(_is_word, first.split(b","))) and not _has_clock(first)
    header = header and not (re.search(rb"[0-9]", first) and not re.search(rb"[a-zA-Z\x80-\xff]", first))
    return SignalBody(lines[header:], 1 + header)


def _after_rate(body: SignalBody, *, where: str, rate: float | None) -> SignalBody:
    """The lines after the start time and the rate."""
    if b"," in body.lines[0]:
        raise _columns(where, body.lines[0], body.first)
    second = body.lines[1] if len(body.lines) > 1 else b""
    found = _stated_rate(second)
    if not 0 < found <= MAX_RATE:
        raise CorpusError(
            f"{where}:{body.first}: found {_shown(body.lines[0])}, a clock and not a sample, followed by "
            f"{_shown(second)}, which is not a rate; expected {_SAMPLES}, or first the start time and the rate of an "
            "Empatica export; remove what is not a sample"
        )
    _refuse_rate(found, rate, at=f"{where}:{body.first + 1}")
    rest = SignalBody(body.lines[2:], body.first + 2)
    for place, line in enumerate(rest.lines):
        if _has_clock(line):
            raise CorpusError(
                f"{where}:{rest.first + place}: found {_shown(line)}, a clock among the samples; expected {_SAMPLES}; "
                "keep one recording per file"
            )
    return rest


def _stated_rate(line: bytes) -> float:
    """The rate [Hz] in a line that is a number or states one in words, else NaN."""
    stated = _STATED_RATE.search(line)
    return number(stated["hertz"] or stated["named"]) if stated else number(line)


def _refuse_rate(found: float, rate: float | None, *, at: str) -> None:
    """Refuse a rate of the file other than that of the table; NaN is none."""
    if rate is not None and abs(found - rate) > RATE_TOLERANCE * found:
        raise CorpusError(
            f"{at}: found {found:g} samples per second in the file and {rate:g} in the table; expected the same rate"
        )


def _refuse_columns(body: SignalBody, where: str) -> None:
    """Refuse a file with several numbers in most of its lines, or with a column of clocks."""
    several = [place for place, line in enumerate(body.lines) if _width(line) > 1]
    if 2 * len(several) > len(body.lines):
        raise _columns(where, body.lines[several[0]], body.first + several[0])
    clocks = [line for line in body.lines if _has_clock(line)]
    if clocks:
        raise CorpusError(
            f"{where}: found {_shown(clocks[0])}, a clock and not a sample; expected {_SAMPLES}; keep only the column "
            "of samples"
        )


def _width(line: bytes) -> int:
    """How many fields a line has, whatever separates them."""
    for separator in (b";", b"\t", b","):
        if separator in line:
            return len(line.split(separator))
    return len(line.split())


def _columns(where: str, line: bytes, at: int) -> CorpusError:
    return CorpusError(
        f"{where}:{at}: found {_shown(line)}, several columns or a decimal comma; expected {_SAMPLES}; keep only the "
        "column of samples, with decimal points"
    )


def _unreadable(where: str, body: SignalBody, expected: str) -> CorpusError:
    return CorpusError(
        f"{where}:{body.first}: no line can be read, the first is {_shown(body.lines[0])}; expected {expected}; "
        "write the file in this form, or clear the cell"
    )


def _has_clock(line: bytes) -> bool:
    """Whether a field of a line is a clock."""
    return any(map(_is_clock, line.split(b",")))


def _is_clock(field: bytes) -> bool:
    """Whether a field is seconds (or finer) since 1970, or has a date or a time of day."""
    value = number(field.strip().strip(b'"'))
    if not math.isnan(value):
        return value >= EARLIEST_CLOCK
    parts = re.split(rb"[;\t ]+", field.strip())
    return _DATE_OR_TIME.search(field) is not None and any(math.isnan(number(part)) for part in parts)


def _is_finite(line: bytes) -> bool:
    return math.isfinite(number(line)) or line.strip().lower() in _MISSING


def _is_word(field: bytes) -> bool:
    """Whether a field is neither a number nor a missing value; a blank field may be part of a header."""
    return math.isnan(number(field)) and field.strip().lower() not in _MISSING - {b""}


def _shown(line: bytes) -> str:
    return repr(line[:40].decode("latin-1"))
