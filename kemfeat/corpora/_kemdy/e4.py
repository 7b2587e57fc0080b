"""Physiology as KEMDy19 and KEMDy20 ship it: rows with a clock stamp and, during an utterance, its id.

Files of an Empatica E4 in KEMDy20 begin with the wristband's own header lines; those of KEMDy19 have none. Then come
rows such as ``value,stamp`` (EDA, TEMP) or ``offset,value,stamp`` (IBI), followed by the id of the utterance. Fields
may be empty or missing and commas may trail, so a row is recognised by its stamp.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kemfeat.corpora._kemdy.formats import STAMP, STAMP_LENGTH, is_time, parse_stamps
from kemfeat.corpora.text import number
from kemfeat.findings import ASSUMED_RATE, BAD_PHYSIOLOGY_LINE, MISSING_VALUE, NOMINAL_RATE, Findings

_AROUND_FIELDS = b' \t\r"'
DEFAULT_RATE = 4.0
MAX_RATE = 64.0  # Hz, that of the wristband's fastest sensor
RATE_TOLERANCE = 0.01
_BLOCK, _SMALL_BLOCK = 8192, 64  # lines parsed at once, and lines parsed one by one where one of them is bad

Canonical = Callable[[str], str | None]
"""Gives the utterance that an id as written means, or None when it is not an id."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """One kind of recording: its folder, and the form of its files.

    Parameters
    ----------
    name : str
        Name of the medium in the table of signals.
    folder : str
        Folder of the corpus with its files.
    lead : int, >= 1
        Number of fields before the stamp.
    value : int, >= 0
        Position of the value among them; in files of beats it follows their offset.
    header_lines : int, >= 0
        Most lines before the first row.
    uniform : bool
        Whether the samples have a rate; beats have none.
    rate : float or None [Hz]
        Nominal rate of files that do not state it.
    has_unit : bool
        Whether the unit of the values is known.
    """

    name: str
    folder: str
    lead: int
    value: int
    header_lines: int
    uniform: bool = True
    rate: float | None = None
    has_unit: bool = True


EDA = Sensor("eda", "EDA", lead=1, value=0, header_lines=2)
TEMP = Sensor("temp", "TEMP", lead=1, value=0, header_lines=2)
IBI = Sensor("ibi", "IBI", lead=2, value=1, header_lines=1, uniform=False)
SENSORS = (EDA, TEMP, IBI)


@dataclass(frozen=True, slots=True)
class RecordingRows:
    """The n rows of a file: ids as written (b"" outside of utterances), times, values, and offsets (NaN for none)."""

    ids: Sequence[bytes]
    times: NDArray[np.datetime64]
    values: NDArray[np.float64]
    offsets: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recording:
    """A file as read: its rows, the utterance that each id as written means, and the rate [Hz] of a uniform signal."""

    rows: RecordingRows
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
    content: bytes, *, medium: Sensor, canonical: Canonical, where: str, findings: Findings
) -> Recording:
    """Read one file; a line that is not a row becomes a finding, never an error.

    Parameters
    ----------
    content : bytes
        Content of the file; LF or CR LF, may be empty.
    medium : Sensor
        The kind of recording.
    canonical : callable
        Gives the utterance of an id; a line with an id that it does not know is bad.
    where : str
        The file, for the findings.
    findings : Findings
        Receives bad lines, missing values and an assumed or contradicted rate.

    Returns
    -------
    Recording
        Rows in the order of the file.
    """
    lines = content.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").rstrip().split(b"\n")
    header = _header(lines, medium.header_lines)
    first = len(header) + 1
    body = lines[len(header) :]
    rows = _read_blocks(body, first, _IrregularReader(medium, canonical, where, findings))
    names = {name: canonical(name.decode()) if name else None for name in set(rows.ids)}
    if not (medium.uniform and rows.ids):
        rate = None
    elif medium.rate is None:
        rate = _rate(header, where=where, findings=findings)
    else:
        rate = _nominal_rate(medium.rate, rows.times, where=where, findings=findings)
    return Recording(rows, names, rate)


def _header(lines: Sequence[bytes], most: int) -> list[bytes]:
    """The lines before the first row, at most ``most``; a stamp without a value before it is a start time."""
    header: list[bytes] = []
    for line in lines[:most]:
        before, _, _ = line.partition(b",")
        if STAMP.search(line) and not STAMP.search(before):
            break
        header.append(line)
    return header


def _rate(header: Sequence[bytes], *, where: str, findings: Findings) -> float:
    """The rate in the second header line, which repeats it once per column."""
    fields = {number(field) for field in header[1].split(b",") if field.strip()} if len(header) > 1 else set()
    rate = fields.pop() if len(fields) == 1 else math.nan
    if 0 < rate <= MAX_RATE:
        return rate
    findings.add(ASSUMED_RATE, f"{where}:2: no sampling rate, found {b''.join(header[1:2])[:40].decode('latin-1')!r}")
    return DEFAULT_RATE


def _nominal_rate(rate: float, times: NDArray[np.datetime64], *, where: str, findings: Findings) -> float:
    """The nominal rate, with a finding where the mean distance of neighbouring stamps contradicts it."""
    steps = np.diff(times).astype(np.int64) / 1000
    near = steps[(steps >= 0) & (steps <= 10 / rate)]  # a longer step is a gap in the recording
    expected = near.sum() * rate
    if len(near) < len(steps) / 2 or abs(len(near) - expected) > RATE_TOLERANCE * expected:
        seconds = near.mean() if len(near) else np.median(steps)
        findings.add(NOMINAL_RATE, f"{where}: stamps {seconds:.6f} s apart on average, expected {1 / rate:g} s")
    return rate


def _read_blocks(lines: Sequence[bytes], first: int, reader: _IrregularReader) -> RecordingRows:
    """The rows of all lines, block by block."""
    blocks = [
        rows
        for start in range(0, max(len(lines), 1), _BLOCK)
        for rows in _read_block(lines[start : start + _BLOCK], first + start, reader)
    ]
    if len(blocks) == 1:
        return blocks[0]
    return RecordingRows(
        list(chain.from_iterable(block.ids for block in blocks)),
        np.concatenate([block.times for block in blocks]),
        np.concatenate([block.values for block in blocks]),
        np.concatenate([block.offsets for block in blocks]),
    )


def _read_block(lines: Sequence[bytes], first: int, reader: _IrregularReader) -> Iterator[RecordingRows]:
    """The rows, all at once or else half by half, so that only few are read line by line."""
    rows = _read_regular(lines, reader.medium, reader.canonical)
    half = len(lines) // 2
    if rows is not None:
        yield rows
    elif len(lines) <= _SMALL_BLOCK:
        yield reader.read(lines, first)
    else:
        yield from _read_block(lines[:half], first, reader)
        yield from _read_block(lines[half:], first + half, reader)


def _read_regular(lines: Sequence[bytes], medium: Sensor, canonical: Canonical) -> RecordingRows | None:
    """All rows at once when every line is complete and clean, as in nearly all files; else None."""
    if not lines:
        return RecordingRows([], parse_stamps([]), np.empty(0), np.empty(0))
    table = _columns(lines, medium)
    if table is None:
        return None
    ids = table["id"].to_pylist()
    times = parse_stamps(np.frombuffer(table["stamp"].chunk(0).buffers()[1], f"S{STAMP_LENGTH}", len(lines)))
    values, offsets = table["value"].to_numpy(), np.full(len(lines), np.nan)
    if not medium.uniform:
        offsets = table["offset"].to_numpy()
    if np.isnat(times).any() or not np.isfinite(values).all() or not (medium.uniform or np.isfinite(offsets).all()):
        return None
    return (
        RecordingRows(ids, times, values, offsets)
        if all(_is_known(name, canonical) for name in set(ids) - {b""})
        else None
    )


def _columns(lines: Sequence[bytes], medium: Sensor) -> pa.Table | None:
    """The columns of complete lines as text and numbers; an absent id is empty."""
    from pyarrow import csv

    names = [f"before {place}" for place in range(medium.lead)] + ["stamp", "id"]
    names[medium.value] = "value"
    types = {"value": pa.float64(), "stamp": pa.binary(STAMP_LENGTH), "id": pa.binary()}
    if not medium.uniform:
        names[0], types["offset"] = "offset", pa.float64()
    short = medium.lead
    commas = [line.count(b",") for line in lines]
    if not set(commas) <= {short, short + 1}:
        return None
    text = b"\n".join([line + b"," if found == short else line for line, found in zip(lines, commas, strict=True)])
    try:
        table = csv.read_csv(
            pa.py_buffer(text + b"\n"),
            read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
            parse_options=csv.ParseOptions(quote_char=False),
            convert_options=csv.ConvertOptions(column_types=types, include_columns=list(types), null_values=[]),
        )
    except pa.ArrowInvalid:
        return None
    return table.combine_chunks() if len(table) == len(lines) else None


def _is_known(name: bytes, canonical: Canonical) -> bool:
    return name.isascii() and canonical(name.decode()) is not None


@dataclass(frozen=True, slots=True)
class _IrregularReader:
    """Reads line by line what :func:`_read_regular` cannot; on clean lines both agree."""

    medium: Sensor
    canonical: Canonical
    where: str
    findings: Findings

    def read(self, lines: Sequence[bytes], first: int) -> RecordingRows:
        kept = [parsed for number, line in enumerate(lines, first) if (parsed := self._line(line, number)) is not None]
        ids, stamps, values, offsets = zip(*kept, strict=True) if kept else ((), (), (), ())
        return RecordingRows(ids, parse_stamps(stamps), np.array(values, np.float64), np.array(offsets, np.float64))

    def _line(self, line: bytes, number: int) -> tuple[bytes, bytes, float, float] | None:
        """Id, stamp, value and offset of a row; None for a blank line and, with a finding, for a bad one."""
        fields = [field.strip(_AROUND_FIELDS) for field in line.split(b",")]
        if not any(fields):
            return None
        parsed = self._row(fields, f"{self.where}:{number}")
        if parsed is None:
            self.findings.add(BAD_PHYSIOLOGY_LINE, f"{self.where}:{number}: {line[:60].decode('latin-1')!r}")
        return parsed

    def _row(self, fields: Sequence[bytes], where: str) -> tuple[bytes, bytes, float, float] | None:
        at = next((place for place, field in enumerate(fields) if STAMP.fullmatch(field)), None)
        if at is None or not is_time(fields[at]):
            return None
        after = self.medium.lead - 1 - self.medium.value
        offset = fields[0] if not self.medium.uniform and at > 0 else b""
        values = [field for field in fields[self.medium.value : max(at - after, 0)] if field]
        ids = [field for field in fields[at + 1 :] if field] or [b""]
        if len(values) > 1 or len(ids) > 1 or (ids[0] and not _is_known(ids[0], self.canonical)):
            return None
        value = number(values[0]) if values else math.nan
        if math.isnan(value):
            found = repr(values[0].decode("latin-1")) if values else "no value"
            self.findings.add(MISSING_VALUE, f"{where}: found {found}, expected a number")
        return ids[0], fields[at], value, number(offset)
