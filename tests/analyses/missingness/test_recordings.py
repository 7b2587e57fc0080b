"""What a recording covers and where it is silent, on hand-made signals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.analyses.missingness._recordings import (
    HOLE,
    RecordingQuality,
    _in_conversations,
    _on_the_clock,
    media_of,
    recordings,
)


def beats(times: list[float], intervals: list[float], window: tuple[float, float] = (0.0, 20.0)) -> RecordingQuality:
    values, ends = np.array(intervals, dtype=float), np.array(times, dtype=float)
    return RecordingQuality("S", "a", "F", "ibi", window, values, ends - values, ends)


def test_beats_cover_their_intervals_and_pauses_are_between():
    found = beats([1, 2, 3, 7, 8], [1, 1, 1, 1, 1])
    assert found.holes.tolist() == [0, 0, 0, 3, 0, 12]
    assert found.covered == 5
    assert found.stretches(3).to_dict("list") == {"start": [3, 8], "end": [6, 20]}
    assert found.stretches(4).to_dict("list") == {"start": [8], "end": [20]}


def test_overlapping_beats_are_counted_once():
    found = beats([2, 2.5, 3], [2, 2, 1])
    assert found.covered == 3
    assert found.holes[:-1].max() == 0


def test_a_recording_without_samples_is_silent_all_the_time():
    found = beats([], [])
    assert found.covered == 0
    assert found.stretches(5).to_dict("list") == {"start": [0], "end": [20]}
    assert found.stretches(21).empty
    assert np.isnan(beats([], [], window=(3.0, 3.0)).share)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0.5, 9.5), st.floats(0.1, 2.0)), max_size=20),
    st.floats(0.2, 5),
)
def test_covered_and_silent_time_add_up_to_the_window(rows, least):
    rows = sorted(rows)
    found = beats([time for time, _ in rows], [interval for _, interval in rows], window=(0.0, 10.0))
    assert found.covered + found.holes.sum() == pytest.approx(10)
    assert -1e-9 <= found.covered <= 10
    stretches = found.stretches(least)
    assert ((stretches["end"] - stretches["start"]) >= least - 1e-9).all()
    assert (stretches["start"].to_numpy()[1:] >= stretches["end"].to_numpy()[:-1] - 1e-9).all()


def test_samples_last_until_the_next_and_bad_ones_do_not_count():
    signals = pd.DataFrame(
        {
            "time": pd.to_datetime(
                ["2020-01-01 00:00:00.250", "2020-01-01 00:00:00.000", "2020-01-01 00:00:02.000", None]
            ),
            "value": [1.0, 2.0, np.nan, 3.0],
            "sampling_rate": [4.0, 4.0, 4.0, 4.0],
        }
    )
    rows = _on_the_clock(signals)
    assert rows[["value", "begin", "end"]].to_numpy().tolist() == [[2, 0, 0.25], [1, 0.25, 0.5]]


def test_samples_outside_of_utterances_lie_in_the_conversation_around_them_or_in_none():
    scripts = ["", "a", "", "a", "", "b", "b", ""]
    rows = pd.DataFrame({"script": scripts, "begin": np.arange(8.0), "end": np.arange(8.0) + 1})
    placed = _in_conversations(rows)
    assert placed["script"].tolist() == ["a", "a", "a", "b", "b"]
    assert placed["begin"].tolist() == [1, 2, 3, 5, 6]
    assert _in_conversations(rows[rows["script"] == ""]).empty


def test_every_medium_of_every_speaker_of_every_conversation_has_one(store):
    media = media_of(store)
    assert media == ("eda", "temp", "ibi")
    found = list(recordings(store, media=media))
    conversations = store.utterances.groupby(["session", "script", "speaker"]).ngroups
    assert len(found) == 3 * conversations
    assert len({tuple(recording.key.values()) for recording in found}) == len(found)


def test_whole_recordings_of_the_synthetic_corpus_have_no_holes(store):
    whole = [
        recording
        for recording in recordings(store, media=("eda",))
        if recording.speaker == "User003F" and recording.values.size
    ]
    assert whole
    for recording in whole:
        assert (recording.holes[1:-1] < HOLE).all()
        assert recording.covered == pytest.approx(recording.values.size / 4)
