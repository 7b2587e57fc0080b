"""The rows of signals told apart by utterance, speaker and medium; and the reading of staged ones again."""

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.build._physiology import beat_seconds, index, media_of, session_media
from kemfeat.manifest import SIGNALS
from kemfeat.store import disk

UTTERANCES = pd.DataFrame(
    {"id": ["b", "a", "가", "absent"], "speaker": ["S2", "S1", "S1", "S1"], "clock_start": [np.datetime64(0, "ms")] * 4}
)


def signals(rows):
    """A session's table of (utterance or None, speaker, medium); a row's number is its clock [ms] and its value."""
    names, speakers, media = ([row[part] for row in rows] for part in range(3))
    numbers = np.arange(len(rows))
    columns = {
        "script": ["script01"] * len(rows),
        "speaker": speakers,
        "medium": media,
        "id": names,
        "time": numbers.astype("datetime64[ms]"),
        "value": numbers.astype("float64"),
        "offset": np.full(len(rows), np.nan),
        "sampling_rate": np.full(len(rows), 4.0),
    }
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in SIGNALS})


owned = st.tuples(
    st.sampled_from(["b", "a", "가", None]), st.sampled_from(["S1", "S2"]), st.sampled_from(["eda", "ecg"])
)


@given(st.lists(owned, max_size=30))
def test_rows_of_a_medium_of_an_utterance_keep_their_order(rows):
    wanted = {row: [n for n, other in enumerate(rows) if other == row] for row in sorted({r for r in rows if r[0]})}
    made = index(signals(rows), session="Sess01").to_pandas()
    assert list(zip(made["id"], made["speaker"], made["medium"], strict=True)) == list(wanted)
    assert made["samples"].tolist() == [len(numbers) for numbers in wanted.values()]
    media = media_of(signals(rows), UTTERANCES)
    own = dict(zip(UTTERANCES["id"], UTTERANCES["speaker"], strict=True))
    assert {who: medium.values.tolist() for who, medium in media.items()} == {
        (name, medium): numbers for (name, speaker, medium), numbers in wanted.items() if own[name] == speaker
    }


def test_a_session_that_was_parsed_again_is_read_again(tmp_path):
    path = tmp_path / "Sess01.parquet"
    assert session_media(path, UTTERANCES) == {}
    disk.write_table(path, signals([("a", "S1", "eda")] * 2))
    assert len(session_media(path, UTTERANCES)["a", "eda"].values) == 2
    disk.write_table(path, signals([("a", "S1", "eda")] * 3))
    assert len(session_media(path, UTTERANCES)["a", "eda"].values) == 3


milliseconds = st.integers(-3000, 9000)


@given(st.lists(st.tuples(milliseconds, st.integers(1, 4000)), max_size=8), st.integers(1, 5000))
def test_beats_cover_what_is_within_the_utterance_once(beats, length):
    table = signals([("a", "S1", "ibi")] * len(beats))
    times = pa.array(np.array([time for time, _ in beats]).astype("datetime64[ms]"), pa.timestamp("ms"))
    values = pa.array([interval / 1000 for _, interval in beats], pa.float64())
    rates = pa.nulls(len(beats), pa.float64())
    for name, column in (("time", times), ("value", values), ("sampling_rate", rates)):
        table = table.set_column(table.schema.names.index(name), name, column)
    inside = {at for time, interval in beats for at in range(max(time - interval, 0), min(time, length))}
    covered = beat_seconds(table, UTTERANCES.assign(length=length / 1000))
    assert list(covered) == ["a"] * bool(beats)
    assert round(1000 * covered.get("a", 0.0), 3) == len(inside)
