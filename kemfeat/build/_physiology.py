"""Parse physiology once, one Parquet file per session, and index which utterance has what."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from kemfeat import plugins
from kemfeat.manifest import SIGNALS
from kemfeat.records import Events, Medium, Signal
from kemfeat.store import disk, schema, writer
from kemfeat.store.schema import FileReceipt, SessionReceipt

if TYPE_CHECKING:
    import pandas as pd

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

UNITS = {"eda": "uS", "temp": "degC", "ibi": "s", "ecg": "mV"}


@dataclass(frozen=True, slots=True)
class SessionTask:
    """Parse one session into the store being built."""

    dataset: str
    root: Path
    store: Path
    session: str
    key: str


def parse_session(task: SessionTask) -> tuple[str, SessionReceipt, pa.Table]:
    """Stage one session's signals, its rows of the index and, last, its receipt; returns all but the signals."""
    table, _findings = plugins.find("corpora", task.dataset).read_signals(task.root, task.session)
    signals, rows, receipt = _staged(task.store, task.session)
    entries = index(table, session=task.session)
    with disk.writing(task.store):
        disk.write_table(signals, table.cast(SIGNALS))
        disk.write_table(rows, entries)
        file = FileReceipt(sha256=disk.sha256(signals), bytes=signals.stat().st_size)
        made = SessionReceipt(key=task.key, file=file)
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


def index(table: pa.Table, *, session: str) -> pa.Table:
    """Rows of :data:`INDEX` for the signals of one session."""
    rows = [
        {
            "session": session,
            "id": name,
            "speaker": speaker,
            "medium": medium,
            "samples": len(group),
            "covered": _covered(group),
            "start": group["time"].min(),
            "digest": _digest(group),
        }
        for (name, speaker, medium), group in _groups(table.to_pandas())
    ]
    return pa.Table.from_pylist(rows, schema=INDEX)


def _groups(frame: pd.DataFrame) -> Iterator[tuple[Any, pd.DataFrame]]:
    inside = frame[frame["id"].notna()]
    yield from inside.groupby(["id", "speaker", "medium"], sort=True, observed=True)


def _covered(group: pd.DataFrame) -> float:
    """Seconds that finite samples (1 / rate each) or beats (their interval each) cover."""
    finite = group["value"].notna()
    rates = group.loc[finite, "sampling_rate"]
    seconds = (1.0 / rates).where(rates.notna(), group.loc[finite, "value"])
    return float(seconds.sum())


def _digest(group: pd.DataFrame) -> str:
    total = hashlib.sha256()
    for column in ("time", "value", "sampling_rate"):
        total.update(group[column].to_numpy().tobytes())
    return total.hexdigest()


def media_of(
    signals: pd.DataFrame, *, speakers: Mapping[str, str], starts: Mapping[str, Any]
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
    wanted = signals[signals["id"].isin(list(speakers))]
    return {
        (name, medium): _medium(group, medium, starts[name])
        for (name, speaker, medium), group in _groups(wanted)
        if speaker == speakers[name]
    }


def _medium(group: pd.DataFrame, medium: str, start: Any) -> Medium:
    values = group["value"].to_numpy(dtype="float64")
    rate = group["sampling_rate"].iloc[0]
    if rate == rate:
        return Signal(values, float(rate), UNITS[medium])
    times = (group["time"] - start).dt.total_seconds().to_numpy(dtype="float64")
    order = times.argsort(kind="stable")
    return Events(times[order], values[order], UNITS[medium])
