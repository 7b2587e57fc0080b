"""The wristbands of K-EmoCon, and which samples are in which window."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from kemfeat.arrays import Floats
from kemfeat.corpora.csv_rows import csv_rows, table_text
from kemfeat.corpora.k_emocon._annotation import WINDOW
from kemfeat.corpora.k_emocon._tree import NAME, SUBJECTS, Tree, window_id
from kemfeat.corpora.plausibility import check_beats, check_values
from kemfeat.corpora.text import is_missing, number
from kemfeat.errors import CorpusError
from kemfeat.findings import (
    BAD_PHYSIOLOGY_LINE,
    EMPTY_IBI,
    EMPTY_PHYSIOLOGY,
    MISSING_VALUE,
    NO_IBI,
    NO_PHYSIOLOGY,
    NOMINAL_RATE,
    PARTIAL_PHYSIOLOGY,
    UNANNOTATED_PHYSIOLOGY,
    UNREADABLE_RECORDING,
    Findings,
    Rule,
)
from kemfeat.manifest import SIGNALS
from kemfeat.plural import many
from kemfeat.records import Finding

RATE = 4.0
"""Samples of EDA and TEMP per second."""
_RATE_TOLERANCE = 0.01
_DEVICES = {(31, "ibi"): "A01525", (31, "eda"): "A013E1", (31, "temp"): "A013E1"}
_DEVICES |= {(32, medium): "A01A3A" for medium in ("eda", "temp", "ibi")}
"""Serial number of the wristband that counts where a file has several, by the authors' supplementary code."""
_SECONDS, _MILLISECONDS = (0.2, 4.0), (200.0, 4000.0)
"""Medians of intervals between beats that are in seconds or milliseconds, of 15 to 300 beats a minute."""


class Debate(NamedTuple):
    """When a person's debate began and ended, in milliseconds since 1970."""

    start: float
    end: float


def read_debates(root: Path) -> dict[int, Debate]:
    """When the debate of each person was.

    Parameters
    ----------
    root : Path
        Folder of the corpus.

    Returns
    -------
    dict of int to Debate
        By number of the person.

    Raises
    ------
    CorpusError
        The table is not one of people and times.
    """
    debates: dict[int, Debate] = {}
    for where, cells in _rows(root, SUBJECTS, ("pid", "startTime", "endTime"), Findings(strict=True)):
        pid, start, end = (number(cells[name]) for name in ("pid", "startTime", "endTime"))
        if not (1 <= pid <= 32 and pid == int(pid) and 0 < start < end):
            raise CorpusError(
                f"{where}: found pid {cells['pid']!r}, startTime {cells['startTime']!r} and endTime "
                f"{cells['endTime']!r}; expected a person of 1 to 32 and two times in milliseconds; copy the file again"
            )
        debates[int(pid)] = Debate(start, end)
    return debates


def report_unreadable(root: Path, tree: Tree, findings: Findings) -> None:
    """Leave a fault for every file of a wristband that cannot be read without a guess.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    tree : Tree
        Its files.
    findings : Findings
        Receives the faults.

    Raises
    ------
    CorpusError
        There is one and ``findings`` is strict.
    """
    for path, pid, medium in (file for files in tree.signals.values() for file in files):
        try:
            _samples(root, path, pid, medium, Findings())
        except CorpusError as error:
            findings.fault(UNREADABLE_RECORDING, str(error))


def read_signals(root: Path, session: str, tree: Tree) -> tuple[pa.Table, tuple[Finding, ...]]:
    """The wristbands of one debate; see :meth:`kemfeat.corpora.CorpusReader.read_signals`."""
    if session not in tree.signals:
        raise CorpusError(f"{session}: {NAME} has no wristband data of such a debate; expected one of its sessions")
    findings, debates = Findings(), read_debates(root)
    tables = [
        _table(root, path, pid, medium, debates.get(pid), findings) for path, pid, medium in tree.signals[session]
    ]
    return pa.concat_tables([SIGNALS.empty_table(), *tables]).combine_chunks(), findings.merged()


def _table(root: Path, path: str, pid: int, medium: str, debate: Debate | None, findings: Findings) -> pa.Table:
    """The rows of one file; none where it cannot be read without a guess."""
    try:
        times, values = _samples(root, path, pid, medium, findings)
    except CorpusError:  # reading the manifest left a fault
        return SIGNALS.empty_table()
    if not len(times):
        return SIGNALS.empty_table()
    beats = medium == "ibi"
    if not beats and len(times) > 1:
        _check_rate(times, path, findings)
    offsets = (times - times[0]) / 1000
    check_values(medium, values, where=path, findings=findings)
    if beats:
        check_beats(offsets, values, where=path, findings=findings)
    ids = _windows(times, pid, debate)
    if not any(ids):
        findings.add(UNANNOTATED_PHYSIOLOGY, f"{path}: {many(len(ids), 'row')}, none in the debate of P{pid}")
    count = len(times)
    return pa.Table.from_pydict(
        {
            "id": ids,
            "speaker": pa.repeat(f"P{pid}", count),
            "script": ["debate" if name else "" for name in ids],
            "medium": pa.repeat(medium, count),
            "time": pa.array(np.round(times).astype("datetime64[ms]"), pa.timestamp("ms")),
            "value": values,
            "offset": offsets if beats else pa.nulls(count, pa.float64()),
            "sampling_rate": pa.nulls(count, pa.float64()) if beats else pa.repeat(RATE, count),
        },
        schema=SIGNALS,
    )


def _windows(times: Floats, pid: int, debate: Debate | None) -> list[str | None]:
    """The window that each time is in; None outside the debate."""
    if debate is None:
        return [None] * len(times)
    ends = WINDOW * (np.floor((times - debate.start) / (1000 * WINDOW)).astype(np.int64) + 1)
    inside = (times >= debate.start) & (times < debate.end)
    return [window_id(pid, int(end)) if there else None for end, there in zip(ends, inside, strict=True)]


def _samples(root: Path, path: str, pid: int, medium: str, findings: Findings) -> tuple[Floats, Floats]:
    """Times [ms] and values of one wristband."""
    devices: dict[str, list[tuple[float, float]]] = {}
    for where, cells in _rows(root, path, ("timestamp", "value"), findings):
        time, value = number(cells["timestamp"]), number(cells["value"])
        if math.isnan(time) or (math.isnan(value) and not is_missing(cells["value"])):
            found = f"found {cells['timestamp']!r}, {cells['value']!r}, expected a time in milliseconds and a value"
            findings.add(BAD_PHYSIOLOGY_LINE, f"{where}: {found}")
            continue
        if math.isnan(value):
            findings.add(MISSING_VALUE, f"{where}: no value")
        devices.setdefault(cells.get("device_serial", ""), []).append((time, value))
    if not devices:
        findings.add(EMPTY_IBI if medium == "ibi" else EMPTY_PHYSIOLOGY, f"{path}: no row")
    chosen = _DEVICES.get((pid, medium), "") if len(devices) > 1 else next(iter(devices), "")
    if devices and chosen not in devices:
        serials = ", ".join(sorted(devices))
        raise CorpusError(f"{path}: found rows of {len(devices)} wristbands ({serials}), expected one")
    times, values = np.array(devices.get(chosen, []), np.float64).reshape(-1, 2).T
    return (times, _in_seconds(values, path)) if medium == "ibi" and len(values) else (times, values)


def _in_seconds(values: Floats, path: str) -> Floats:
    """Intervals between beats in seconds.

    Raises
    ------
    CorpusError
        It is not clear in which unit they are.
    """
    middle = float(np.median(values[np.isfinite(values)])) if np.isfinite(values).any() else math.nan
    if _MILLISECONDS[0] <= middle <= _MILLISECONDS[1]:
        return values / 1000
    if not _SECONDS[0] <= middle <= _SECONDS[1]:
        expected = "expected one of 0.2 to 4 s or of 200 to 4,000 ms"
        raise CorpusError(f"{path}: found intervals with a median of {middle:g}, {expected}")
    return values


def _check_rate(times: Floats, path: str, findings: Findings) -> None:
    step = float(np.median(np.diff(times))) / 1000
    if abs(step * RATE - 1) > _RATE_TOLERANCE:
        findings.add(NOMINAL_RATE, f"{path}: samples {step:g} s apart (median), expected {1 / RATE:g} s")


def _rows(root: Path, path: str, columns: tuple[str, ...], findings: Findings) -> Iterator[tuple[str, dict[str, str]]]:
    text, _ = table_text(root, path, findings=findings)
    yield from csv_rows(text, columns=columns, where=path, findings=findings)


def check_signals(signals: pa.Table, *, known_ids: Mapping[str, str], session: str) -> tuple[Finding, ...]:
    """Windows without signals; see :meth:`kemfeat.corpora.CorpusReader.check_signals`."""
    findings = Findings()
    there = set(zip(signals["id"].to_pylist(), signals["medium"].to_pylist(), strict=True))
    people = {f"P{number[1:]}" for number in session.split(".")}
    for name, person in known_ids.items():
        if person in people:
            for rule, example in _absent(
                name, {medium for medium in ("eda", "temp", "ibi") if (name, medium) in there}
            ):
                findings.add(rule, example)
    return findings.merged()


def _absent(name: str, there: set[str]) -> Iterator[tuple[Rule, str]]:
    lacking = [medium.upper() for medium in ("eda", "temp") if medium not in there]
    if lacking:
        yield NO_PHYSIOLOGY if len(lacking) == 2 else PARTIAL_PHYSIOLOGY, f"{name}: no {' and no '.join(lacking)} row"
    if "ibi" not in there:
        yield NO_IBI, f"{name}: no beat"
