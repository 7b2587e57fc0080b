"""Avro files of an EmbracePlus in the shape that is public, written by tests."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import fastavro
import numpy as np

from tests.corpora.e4_sessions import START

RATES = {"eda": 3.9988773, "temperature": 0.9997099}
"""Hz, as the clock of a phone measures 4 and 1."""

FOLDER = "2019-06-11/{}-3YK3K152F2/raw_data/v6"
"""Of a participant, below participant_data."""

_STREAM = [
    {"name": "timestampStart", "type": "long"},
    {"name": "samplingFrequency", "type": "float"},
    {"name": "values", "type": {"type": "array", "items": "float"}},
]


def _record(name: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": fields}


def _times(name: str, field: str) -> dict[str, Any]:
    return _record(name, [{"name": field, "type": {"type": "array", "items": "long"}}])


SCHEMA = _record(
    "test.format.Session",
    [
        {
            "name": "schemaVersion",
            "type": _record("Version", [{"name": part, "type": "int"} for part in ("major", "minor", "patch")]),
        },
        {"name": "fwVersion", "type": "test.format.Version"},
        {"name": "timezone", "type": "int"},
        {"name": "enrollment", "type": _record("Enrollment", [{"name": "participantID", "type": "string"}])},
        {"name": "deviceSn", "type": "string"},
        {
            "name": "rawData",
            "type": _record(
                "RawData",
                [
                    {"name": "eda", "type": _record("Stream", _STREAM)},
                    {"name": "temperature", "type": "Stream"},
                    {"name": "bvp", "type": "Stream"},
                    {"name": "tags", "type": _times("Tags", "tagsTimeMicros")},
                    {"name": "systolicPeaks", "type": _times("SystolicPeaks", "peaksTimeNanos")},
                ],
            ),
        },
    ],
)
EMPTY: Mapping[str, Any] = {"timestampStart": 0, "samplingFrequency": 0.0, "values": []}


def record(
    *,
    start: float = START,
    seconds: float = 60.0,
    seed: int = 0,
    tags: Iterable[float] = (),
    participant: str = "1-1-100",
    device: str = "3YK3K152F2",
) -> dict[str, Any]:
    """What a file has; ``tags`` are seconds after its start."""
    rng = np.random.default_rng(seed)
    values = {
        name: (base + np.cumsum(rng.normal(0, 0.01, round(seconds * rate)))).astype(np.float32).tolist()
        for (name, rate), base in zip(RATES.items(), (2.0, 32.0), strict=True)
    }
    peaks = start + 0.5 + np.cumsum(np.round(rng.normal(0.8, 0.05, int(seconds / 0.9)) * 64) / 64)
    streams = {
        name: {"timestampStart": round(start * 1e6), "samplingFrequency": RATES[name], "values": found}
        for name, found in values.items()
    }
    version = {"major": 6, "minor": 5, "patch": 0}
    return {
        "schemaVersion": version,
        "fwVersion": version,
        "timezone": 32_400,
        "enrollment": {"participantID": participant},
        "deviceSn": device,
        "rawData": {
            **streams,
            "bvp": EMPTY,
            "tags": {"tagsTimeMicros": [round((start + at) * 1e6) for at in tags]},
            "systolicPeaks": {"peaksTimeNanos": [round(at * 64) * 15_625_000 for at in peaks if at < start + seconds]},
        },
    }


def avro(*records: Mapping[str, Any], schema: Any = SCHEMA, codec: str = "deflate") -> bytes:
    """The bytes of an Avro file, always the same."""
    made = io.BytesIO()
    fastavro.writer(made, schema, records, codec=codec, sync_marker=b"0123456789abcdef")
    return made.getvalue()


def write_files(folder: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write records as files of their own, named as Empatica does."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in records:
        start = each["rawData"]["eda"]["timestampStart"] // 10**6
        (folder / f"{each['enrollment']['participantID']}_{start}.avro").write_bytes(avro(each))
