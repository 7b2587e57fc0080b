"""Physiology in a user's folder: one file of numbers per utterance and medium, without a clock."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kemfeat.corpora.folder._formats import beat_lines, no_beats, sample_lines
from kemfeat.corpora.folder._paths import Files
from kemfeat.corpora.folder._rows import LATEST, Row, SignalFile
from kemfeat.corpora.folder._units import converted
from kemfeat.corpora.layout import read_file
from kemfeat.corpora.plausibility import check_beats, check_values
from kemfeat.corpora.text import number
from kemfeat.errors import CorpusError, MediaError
from kemfeat.findings import (
    BAD_PHYSIOLOGY_LINE,
    EMPTY_ECG,
    EMPTY_IBI,
    EMPTY_PHYSIOLOGY,
    MISSING_VALUE,
    SIGNAL_DURATION,
    Findings,
)
from kemfeat.manifest import SIGNALS
from kemfeat.media import scan_header

_SLACK = 1.0
"""Seconds that a signal may last longer or shorter, beside a factor of two: sensors are started by hand. It is never
less than a quarter as long, so that a wrong rate shows in short utterances, too."""

_EMPTY = {"eda": EMPTY_PHYSIOLOGY, "temp": EMPTY_PHYSIOLOGY, "ecg": EMPTY_ECG, "ibi": EMPTY_IBI}


def read_samples(content: bytes, *, where: str, findings: Findings, rate: float | None = None) -> NDArray[np.float64]:
    """One number per line, after a header of words, or the start time and rate of an Empatica export.

    Parameters
    ----------
    content : bytes
        Content of the file; LF or CR LF.
    where : str
        The file, for the findings.
    findings : Findings
        Receives every line that is not a finite number; its value is NaN, so that later samples keep their time.
    rate : float or None [Hz]
        Sampling rate that the table declares, compared with the file's own.

    Returns
    -------
    ndarray, shape (n,), float64
        One value per line.

    Raises
    ------
    CorpusError
        The file has another format; see :func:`~kemfeat.corpora.folder._formats.sample_lines`.
    """
    lines, first = sample_lines(content, where=where, rate=rate)
    values = np.array([number(line) for line in lines], np.float64)
    for place in np.flatnonzero(~np.isfinite(values)):
        example = f"{where}:{first + place}: found {_shown(lines[place])}, expected a number"
        findings.add(MISSING_VALUE, example)
        values[place] = np.nan
    return values


def read_beats(content: bytes, *, where: str, findings: Findings) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Heart beats, ``time,interval`` in seconds per line, after a header of words or ``start,IBI`` of an export.

    Parameters
    ----------
    content : bytes
        Content of the file; LF or CR LF.
    where : str
        The file, for the findings.
    findings : Findings
        Receives every line that is not such a pair; it is dropped.

    Returns
    -------
    tuple of (ndarray, ndarray), each shape (n,), float64 [s]
        Times since the utterance's physiology began, sorted, none below 0, and intervals, each above 0.

    Raises
    ------
    CorpusError
        The file has another format, or no line of it is a beat.
    """
    body = beat_lines(content, where=where)
    beats = []
    for place, line in enumerate(body.lines, start=body.first):
        fields = [number(field) for field in line.split(b",")]
        if len(fields) == 2 and 0 <= fields[0] <= LATEST and 0 < fields[1] <= LATEST:
            beats.append(fields)
        else:
            example = f"{where}:{place}: found {_shown(line)}, expected time,interval in seconds"
            findings.add(BAD_PHYSIOLOGY_LINE, example)
    if body.lines and not beats:
        raise no_beats(where, body)
    times, intervals = np.array(sorted(beats), np.float64).reshape(-1, 2).T
    return times, intervals


def _shown(line: bytes) -> str:
    return repr(line[:40].decode("latin-1"))


def utterance_tables(row: Row, files: Files, *, findings: Findings) -> Iterator[pa.Table]:
    """The rows of every file of physiology of an utterance, with a finding where one does not last as long.

    Parameters
    ----------
    row : Row
        The utterance.
    files : Files
        Looks up the files of the table.
    findings : Findings
        Receives what is wrong.

    Yields
    ------
    pyarrow.Table
        See :func:`recording_table`.
    """
    seconds = math.nan
    for medium, recording in row.recordings.items():
        path = files.find(recording.path, line=row.line, column=medium)
        if path is None:
            continue
        table = recording_table(row, medium, read_file(files.root / path), findings=findings)
        if math.isnan(seconds):
            seconds = _duration(row, files)
        _check_duration(recording, medium, table, seconds=seconds, findings=findings)
        yield table


def _duration(row: Row, files: Files) -> float:
    """Seconds of an utterance, by its times or else its audio; NaN where neither says."""
    if not math.isnan(row.end - row.start) or row.audio is None:
        return row.end - row.start
    path = files.find(row.audio, line=row.line, column="audio")
    if path is None:
        return math.nan
    try:
        header = scan_header(files.root / path)
    except MediaError:  # reported with the audio
        return math.nan
    return header.frames / header.sampling_rate


def _check_duration(recording: SignalFile, medium: str, table: pa.Table, *, seconds: float, findings: Findings) -> None:
    if not len(table):
        return
    rate = recording.rate
    lasts = pa.compute.max(table["offset"]).as_py() if rate is None else len(table) / rate
    if lasts > 2 * seconds + _SLACK or (rate is not None and lasts < seconds / 2 - min(_SLACK, seconds / 4)):
        at = "" if rate is None else f" at {rate:g} Hz"
        findings.add(
            SIGNAL_DURATION,
            f"{recording.path}: {lasts:.3g} s of {medium.upper()}{at}, but the utterance lasts {seconds:.3g} s",
        )


def recording_table(row: Row, medium: str, content: bytes, *, findings: Findings) -> pa.Table:
    """The rows of one file in the table of signals.

    There is no clock: a conversation begins at 1970-01-01 00:00, and an utterance's signals begin at its ``start``, or
    with the conversation where it has none. Times are rounded to milliseconds.

    Parameters
    ----------
    row : Row
        The utterance.
    medium : str
        A key of ``row.recordings``.
    content : bytes
        Content of the file.
    findings : Findings
        Receives lines that cannot be read, and an empty file.

    Returns
    -------
    pyarrow.Table
        Rows of :data:`kemfeat.manifest.SIGNALS`; none where the file has another format.
    """
    path, rate, unit = row.recordings[medium]
    offsets: NDArray[np.float64] | None = None
    try:
        if rate is None:
            times, values = read_beats(content, where=path, findings=findings)
            seconds = offsets = converted(times, medium=medium, unit=unit)
        else:
            values = read_samples(content, where=path, findings=findings, rate=rate)
            seconds = np.arange(len(values)) / rate
    except CorpusError:  # reading the manifest refused it or left a fault
        return SIGNALS.empty_table()
    values = converted(values, medium=medium, unit=unit)
    check_values(medium, values, where=path, findings=findings)
    if offsets is not None:
        check_beats(offsets, values, where=path, findings=findings)
    if not len(values):
        findings.add(_EMPTY[medium], f"{path}: no row")
    began = 0.0 if math.isnan(row.start) else row.start
    constant = {"id": row.id, "speaker": row.speaker, "script": row.script, "medium": medium}
    columns = {name: pa.repeat(text, len(values)) for name, text in constant.items()}
    columns["time"] = pa.array(np.round(1000 * (began + seconds)).astype("datetime64[ms]"), pa.timestamp("ms"))
    columns["value"] = pa.array(values)
    columns["offset"] = pa.nulls(len(values), pa.float64()) if offsets is None else pa.array(offsets)
    columns["sampling_rate"] = pa.repeat(pa.scalar(rate, pa.float64()), len(values))
    return pa.Table.from_pydict(columns, schema=SIGNALS)


def unusable(content: bytes, recording: SignalFile) -> str | None:
    """Why a file cannot be read as the signal that the table says it is; None where it can."""
    try:
        if recording.rate is None:
            read_beats(content, where=recording.path, findings=Findings())
        else:
            sample_lines(content, where=recording.path, rate=recording.rate)
    except CorpusError as error:
        return str(error)
    return None
