"""Empatica E4 exports as KEMDy20 ships them: stamped rows, some of them with the id of the utterance they fall in.

A file begins with the wristband's own header lines. Then come ``value,stamp`` (EDA, TEMP) or ``offset,value,stamp``
(IBI), with the utterance's id behind inside of utterances. Fields may be empty or missing, commas may trail, so the
stamp is what a row is recognised by.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kemfeat.corpora._kemdy import STAMP, parse_stamps
from kemfeat.findings import ASSUMED_RATE, BAD_PHYSIOLOGY_LINE, MISSING_VALUE, Findings

_AROUND_FIELDS = b' \t\r"'
DEFAULT_RATE = 4.0
MAX_RATE = 64.0  # Hz, that of the wristband's fastest sensor

Canonical = Callable[[str], str | None]
"""The utterance that an id as written names, or None when it is no id."""


@dataclass(frozen=True, slots=True)
class Medium:
    """One kind of file: its name in the table, its folder, fields before the stamp, most header lines, if uniform."""

    name: str
    folder: str
    lead: int
    header_lines: int
    uniform: bool


EDA = Medium("eda", "EDA", lead=1, header_lines=2, uniform=True)
TEMP = Medium("temp", "TEMP", lead=1, header_lines=2, uniform=True)
IBI = Medium("ibi", "IBI", lead=2, header_lines=1, uniform=False)
MEDIA = (EDA, TEMP, IBI)


@dataclass(frozen=True, slots=True)
class Rows:
    """The n rows of a file: ids as written (b"" outside of utterances), times, values, and offsets (NaN for none)."""

    ids: Sequence[bytes]
    times: NDArray[np.datetime64]
    values: NDArray[np.float64]
    offsets: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recording:
    """A file read: its rows, the id that each id as written stands for, and the rate [Hz] of a uniform signal."""

    rows: Rows
    names: dict[bytes, str | None]
    rate: float | None

    def __len__(self) -> int:
        return len(self.rows.ids)

    def columns(self) -> dict[str, pa.Array]:
        """The columns ``id``, ``time``, ``value``, ``offset`` and ``sampling_rate`` of the signals table."""
        offsets = self.rows.offsets
        return {
            "id": pa.array([self.names[name] for name in self.rows.ids], pa.string()),
            "time": pa.array(self.rows.times, pa.timestamp("ms")),
            "value": pa.array(self.rows.values, pa.float64()),
            "offset": pa.array(offsets, pa.float64(), mask=np.isnan(offsets)),
            "sampling_rate": pa.repeat(pa.scalar(self.rate, pa.float64()), len(self)),
        }


def read_recording(
    content: bytes, *, medium: Medium, canonical: Canonical, where: str, findings: Findings
) -> Recording:
    """Read one file; a line that is no row becomes a finding, never an error.

    Parameters
    ----------
    content : the bytes of the file; LF or CR LF, empty allowed.
    medium : what kind of file it is.
    canonical : names the utterance of an id; an id it does not know makes its line bad.
    where : the file, for the findings.
    findings : receives bad lines, missing values and an assumed rate.
    """
    lines = content.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").rstrip().split(b"\n")
    header = _header(lines, medium.header_lines)
    first = len(header) + 1
    body = lines[len(header) :]
    rows = _read_regular(body, medium, canonical)
    if rows is None:
        rows = _IrregularReader(medium, canonical, where, findings).read(body, first)
    names = {name: canonical(name.decode()) if name else None for name in set(rows.ids)}
    rate = _rate(header, where=where, findings=findings) if medium.uniform and rows.ids else None
    return Recording(rows, names, rate)


def _header(lines: Sequence[bytes], most: int) -> list[bytes]:
    """The lines before the first row, at most ``most``; a stamp that no value stands before is a start time, no row."""
    header: list[bytes] = []
    for line in lines[:most]:
        before, _, _ = line.partition(b",")
        if STAMP.search(line) and not STAMP.search(before):
            break
        header.append(line)
    return header


def _rate(header: Sequence[bytes], *, where: str, findings: Findings) -> float:
    """The second header line, which repeats the rate once per column; other text there is no rate."""
    fields = {_number(field) for field in header[1].split(b",") if field.strip()} if len(header) > 1 else set()
    rate = fields.pop() if len(fields) == 1 else math.nan
    if 0 < rate <= MAX_RATE:
        return rate
    findings.add(ASSUMED_RATE, f"{where}:2: no sampling rate, found {b''.join(header[1:2])[:40].decode('latin-1')!r}")
    return DEFAULT_RATE


def _read_regular(lines: Sequence[bytes], medium: Medium, canonical: Canonical) -> Rows | None:
    """All rows at once when every line is complete and clean, as nearly all files are; else None."""
    lead = medium.lead
    fields = [line.split(b",") for line in lines]
    if not {len(row) for row in fields} <= {lead + 1, lead + 2}:
        return None
    ids = [row[lead + 1] if len(row) > lead + 1 else b"" for row in fields]
    if not all(_is_known(name, canonical) for name in set(ids) - {b""}):
        return None
    try:
        numbers = np.array([[float(number) for number in row[:lead]] for row in fields], np.float64).reshape(-1, lead)
    except ValueError:
        return None
    times = parse_stamps([row[lead] for row in fields])
    if np.isnat(times).any() or not np.isfinite(numbers).all():
        return None
    values = numbers[:, -1]
    return Rows(ids, times, values, np.full(len(values), np.nan) if lead == 1 else numbers[:, 0])


def _is_known(name: bytes, canonical: Canonical) -> bool:
    return name.isascii() and canonical(name.decode()) is not None


@dataclass(frozen=True, slots=True)
class _IrregularReader:
    """Reads line by line what :func:`_read_regular` declines; on clean lines both agree."""

    medium: Medium
    canonical: Canonical
    where: str
    findings: Findings

    def read(self, lines: Sequence[bytes], first: int) -> Rows:
        kept = [parsed for number, line in enumerate(lines, first) if (parsed := self._line(line, number)) is not None]
        ids, stamps, values, offsets = zip(*kept, strict=True) if kept else ((), (), (), ())
        return Rows(ids, parse_stamps(stamps), np.array(values, np.float64), np.array(offsets, np.float64))

    def _line(self, line: bytes, number: int) -> tuple[bytes, bytes, float, float] | None:
        """Id, stamp, value and offset of a row; None for a blank line and, with a finding, for any other."""
        fields = [field.strip(_AROUND_FIELDS) for field in line.split(b",")]
        if not any(fields):
            return None
        parsed = self._row(fields, f"{self.where}:{number}")
        if parsed is None:
            self.findings.add(BAD_PHYSIOLOGY_LINE, f"{self.where}:{number}: {line[:60].decode('latin-1')!r}")
        return parsed

    def _row(self, fields: Sequence[bytes], where: str) -> tuple[bytes, bytes, float, float] | None:
        at = next((place for place, field in enumerate(fields) if STAMP.fullmatch(field)), None)
        if at is None or np.isnat(parse_stamps([fields[at]])[0]):
            return None
        offset = fields[0] if self.medium.lead > 1 and at > 0 else b""
        values = [field for field in fields[self.medium.lead - 1 : at] if field]
        ids = [field for field in fields[at + 1 :] if field] or [b""]
        if len(values) > 1 or len(ids) > 1 or (ids[0] and not _is_known(ids[0], self.canonical)):
            return None
        value = _number(values[0]) if values else math.nan
        if math.isnan(value):
            found = repr(values[0].decode("latin-1")) if values else "no value"
            self.findings.add(MISSING_VALUE, f"{where}: found {found}, expected a number")
        return ids[0], fields[at], value, _number(offset)


def _number(text: bytes) -> float:
    """The finite number that ``text`` is, else NaN."""
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
