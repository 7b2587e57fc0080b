"""Parse physiology once, one Parquet file per session, and index which utterance has what."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kemfeat.corpora import CorpusReader
from kemfeat.manifest import SIGNALS, UNITS
from kemfeat.records import Events, Medium, Signal
from kemfeat.store import disk, schema, writer
from kemfeat.store.schema import SessionReceipt

INDEX = pa.schema(
    [
        pa.field("session", pa.string()),
        pa.field("id", pa.string()),
        pa.field("speaker", pa.string()),
        pa.field("medium", pa.string()),
        pa.field("samples", pa.int64()),
        pa.field("covered", pa.float64()),
        pa.field("start", pa.timestamp("ms")),
        pa.field("digest", pa.string()),
    ]
)
"""One row per utterance, speaker and medium: how many samples or beats, how many seconds they cover, the clock of the
first, and the digest of them all."""


@dataclass(frozen=True, slots=True)
class SessionTask:
    """Parse one session into the store being built."""

    reader: CorpusReader
    root: Path
    store: Path
    session: str
    key: str


def parse_session(task: SessionTask) -> tuple[str, SessionReceipt, pa.Table]:
    """Stage one session's signals, its rows of the index and, last, its receipt; returns all but the signals."""
    table, _findings = task.reader.read_signals(task.root, task.session)
    signals, rows, receipt = _staged(task.store, task.session)
    entries = index(table, session=task.session)
    with disk.writing(task.store):
        disk.write_table(signals, table.cast(SIGNALS))
        disk.write_table(rows, entries)
        made = SessionReceipt(key=task.key, file=disk.receipt(signals))
        disk.write_json(receipt, made.model_dump(mode="json"))
    return task.session, made, entries


def staged_session(store: Path, session: str, *, key: str) -> tuple[SessionReceipt, pa.Table] | None:
    """What an interrupted build has staged of a session under the same key, or None."""
    signals, rows, receipt = _staged(store, session)
    try:
        made = SessionReceipt.model_validate_json(receipt.read_bytes())
        whole = made.key == key and signals.stat().st_size == made.file.bytes
        return (made, pq.read_table(rows, schema=INDEX)) if whole else None
    except (OSError, ValueError):
        return None


def _staged(store: Path, session: str) -> tuple[Path, Path, Path]:
    folder = writer.staging(store)
    return (
        folder / schema.session_path(session),
        folder / f"index/{session}.parquet",
        folder / f"sessions/{session}.json",
    )


class _Group(NamedTuple):
    """The rows of one medium of one utterance from one speaker's recording, in file order."""

    id: str
    speaker: str
    medium: str
    time: NDArray[np.datetime64]
    value: NDArray[np.float64]
    rate: NDArray[np.float64]


def index(table: pa.Table, *, session: str) -> pa.Table:
    """Rows of :data:`INDEX` for the signals of one session."""
    rows = [
        {
            "session": session,
            "id": group.id,
            "speaker": group.speaker,
            "medium": group.medium,
            "samples": len(group.value),
            "covered": _covered(group),
            "start": group.time.min().item(),
            "digest": hashlib.sha256(b"".join(part.tobytes() for part in group[3:])).hexdigest(),
        }
        for group in _groups(table)
    ]
    return pa.Table.from_pylist(rows, schema=INDEX)


def media_of(
    signals: pa.Table, *, speakers: Mapping[str, str], starts: Mapping[str, Any]
) -> dict[tuple[str, str], Medium]:
    """The signals of some utterances, each from its own speaker's recording.

    Parameters
    ----------
    signals : rows of a session's signals, at least those of the utterances wanted.
    speakers : per utterance wanted its speaker.
    starts : per utterance the clock from which beat times count.

    Returns
    -------
    dict
        Signal or Events by (utterance, medium).
    """
    return {
        (group.id, group.medium): _medium(group, starts[group.id])
        for group in _groups(signals)
        if speakers.get(group.id) == group.speaker
    }


def _groups(table: pa.Table) -> Iterator[_Group]:
    """The rows of each utterance, speaker and medium, in the order of those names."""
    rows = table.filter(pc.is_valid(table["id"])).sort_by([(name, "ascending") for name in _GROUP])
    names = [rows[name].to_numpy(zero_copy_only=False) for name in _GROUP]
    time, value, rate = (rows[name].to_numpy(zero_copy_only=False) for name in ("time", "value", "sampling_rate"))
    changes = np.zeros(max(len(rows) - 1, 0), dtype=bool)
    for column in names:
        changes |= column[1:] != column[:-1]
    edges = [0, *(np.flatnonzero(changes) + 1), len(rows)] if len(rows) else [0]
    for start, stop in pairwise(edges):
        name, speaker, medium = (column[start] for column in names)
        yield _Group(name, speaker, medium, time[start:stop], value[start:stop], rate[start:stop])


_GROUP = ("id", "speaker", "medium")


def _covered(group: _Group) -> float:
    """Seconds that finite samples (1 / rate each) or beats (their interval each) cover."""
    finite = np.isfinite(group.value)
    uniform = np.isfinite(group.rate)
    return float(np.sum(finite & uniform) / group.rate[0]) if uniform.all() else float(np.sum(group.value[finite]))


def _medium(group: _Group, start: Any) -> Medium:
    unit = UNITS[group.medium]
    if np.isfinite(group.rate[0]):
        return Signal(group.value, float(group.rate[0]), unit, group.time)
    times = (group.time - np.datetime64(start, "ms")) / np.timedelta64(1000, "ms")
    order = times.argsort(kind="stable")
    return Events(times[order], group.value[order], unit)
