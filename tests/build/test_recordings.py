"""kemfeat.build._recordings: what is around an utterance, and where its conversation ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kemfeat.build._recordings import recordings, session_recordings
from kemfeat.build._settings import resolve
from kemfeat.corpora.emodb import READER
from kemfeat.errors import ConfigError
from kemfeat.manifest import RECORDINGS, SIGNALS
from kemfeat.records import Recording
from kemfeat.store import disk
from kemfeat.store.reader import open_store
from tests.build.kit import Bench, with_settings

EDA = ("eda_recording",)


def signals(rows: Any, *, rate: float | None = 4.0, medium: str = "eda") -> pa.Table:
    """A session's table of (second, utterance or None, script, speaker); the value of a row is its number."""
    times, ids, scripts, speakers = zip(*rows, strict=True)
    columns = {
        "id": ids,
        "speaker": speakers,
        "script": scripts,
        "medium": [medium] * len(rows),
        "time": (1000 * np.array(times)).astype("datetime64[ms]"),
        "value": np.arange(len(rows), dtype=float),
        "offset": [None] * len(rows),
        "sampling_rate": [rate] * len(rows),
    }
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in SIGNALS})


def utterance(name: str = "b", script: str = "s2", start: float = 2.0) -> pd.DataFrame:
    clock = pd.Series([np.datetime64(round(1000 * start), "ms")], dtype="datetime64[ms]")
    return pd.DataFrame({"id": [name], "speaker": ["A"], "script": [script], "length": [1.5], "clock_start": clock})


def around(rows: Any, **of: Any) -> Recording:
    found = recordings(signals(rows), utterance(**of), EDA)["b", "eda_recording"]
    assert isinstance(found, Recording)
    return found


ROWS = (
    *((0.0, "a", "s1", "A"), (1.0, None, "s2", "A"), (2.0, "b", "s2", "A"), (3.0, "b", "s2", "A")),
    *((4.0, "c", "s2", "A"), (5.0, "d", "s3", "A"), (6.0, None, "s2", "A"), (2.5, "b", "s2", "B")),
)


def test_it_ends_where_another_conversation_begins() -> None:
    found = around(ROWS)
    assert found.values.tolist() == [1, 2, 3, 4], "not s1, not what follows s3, not the other speaker"
    assert found.times.tolist() == [-1.0, 0.0, 1.0, 2.0]
    assert found.own.tolist() == [False, True, True, False]
    assert (found.unit, found.sampling_rate, found.length) == ("uS", 4.0, 1.5)


def test_rows_outside_utterances_that_name_no_conversation_are_part_of_it() -> None:
    rows = [(time, name, script if name else "", who) for time, name, script, who in ROWS]
    assert around(rows).values.tolist() == [1, 2, 3, 4]


def test_without_a_clock_an_utterance_has_its_own_rows_alone() -> None:
    rows = [(0.0, "a", "s2", "A"), (1.0, "a", "s2", "A"), (0.0, "b", "s2", "A"), (1.0, "b", "s2", "A")]
    assert around(rows, start=0.0).values.tolist() == [2, 3]
    twice = [(0.0, "b", "s2", "A"), (0.0, "a", "s2", "A"), (1.0, "b", "s2", "A")]
    assert around(twice, start=0.0).values.tolist() == [0, 2]


def test_an_utterance_without_a_row_is_found_by_its_clock() -> None:
    rows = [row for row in ROWS if row[1] != "b"]
    found = around(rows)
    assert found.values.tolist() == [1, 2]
    assert not found.own.any()
    assert recordings(signals(ROWS), utterance().assign(clock_start=pd.NaT), EDA) == {}
    assert recordings(signals(ROWS), utterance().assign(speaker="C"), EDA) == {}


def test_beats_have_no_rate() -> None:
    table = signals(ROWS, rate=None, medium="ibi")
    found = recordings(table, utterance(), RECORDINGS)
    assert list(found) == [("b", "ibi_recording")]
    beats = found["b", "ibi_recording"]
    assert isinstance(beats, Recording)
    assert (beats.unit, beats.sampling_rate) == ("s", None)


def test_a_session_that_was_parsed_again_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "Sess01.parquet"
    assert session_recordings(path, utterance(), EDA) == {}
    for rows in (ROWS[:3], ROWS[:4]):
        disk.write_table(path, signals(rows))
        assert session_recordings(path, utterance(), ()) == {}
        found = session_recordings(path, utterance(), EDA)["b", "eda_recording"]
        assert isinstance(found, Recording)
        assert len(found.values) == len(rows) - 1


def test_a_beat_outside_the_utterances_makes_their_rows_anew(bench: Bench) -> None:
    settings = with_settings(features=("ibi", "hrv", "hrv@wide"), **{"hrv@wide": {"context": 30.0}})
    fresh = bench.fresh()
    fresh.build(settings=settings)
    before = open_store(fresh.out).utterances
    speaker = before["speaker"].iloc[0]
    path = next(bench.corpus.root.glob(f"IBI/Session01/*{speaker}*"))
    lines = path.read_text().splitlines()
    last = lines[-1].split(",")
    assert len(last) == 3, "the last beat of the file is outside of utterances"
    later = pd.to_datetime(last[2], format="%Y-%m%d-%H%M-%S-%f") + pd.Timedelta(seconds=0.8)
    stamp = f"{later:%Y-%m%d-%H%M-%S}-{later.microsecond // 1000:03}"
    path.write_text("\n".join([*lines, f"{float(last[0]) + 0.8:.6f},0.8,{stamp}"]) + "\n")
    report = fresh.build(settings=settings)
    after = open_store(fresh.out).utterances
    assert report.written > 0
    pd.testing.assert_series_equal(after["hrv.beats"], before["hrv.beats"])
    assert (after["hrv.beats@wide"] - before["hrv.beats@wide"]).max() == 1
    other = fresh.fresh("whole")
    other.build(settings=settings)
    pd.testing.assert_frame_equal(open_store(other.out).utterances, after)


def test_a_corpus_without_the_medium_is_refused_by_its_name(tmp_path: Path) -> None:

    with pytest.raises(ConfigError, match="hrv needs ibi and EmoDB has none; leave hrv out"):
        resolve({"features": ["hrv"]}, reader=READER, root=tmp_path)
