"""Utterances in time order, and what changes from one to the next."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kemfeat.analyses.correlation._conversations import CONVERSATION, SIGNALS, by_utterance, changes, trace


def test_means_are_those_of_the_stored_rows(store):
    """Against the arrays of the store, which hold the same samples by another way."""
    table = by_utterance(store, labels="annotated").set_index("id")
    for name in ("eda", "temp"):
        stored = store.array(name)[:].astype(float)
        mask = store.array(f"{name}_mask")[:]
        for row, name_ in enumerate(store.utterances["id"]):
            assert table.loc[name_, name] == pytest.approx(
                stored[row][mask[row]].mean() if mask[row].any() else np.nan, rel=1e-5, nan_ok=True
            )


def test_heart_rate_is_60_over_the_mean_interval(store):
    table = by_utterance(store, labels="annotated").set_index("id")["hr"].dropna()
    name = table.index[3]
    rows = store.signals(name[:6])
    beats = rows[(rows["id"] == name) & (rows["medium"] == "ibi") & (rows["speaker"] == name.split("_")[2])]
    assert table[name] == pytest.approx(60 / beats["value"].mean())
    assert table.between(30, 200).all()


def test_each_conversation_is_in_time_order(store):
    table = by_utterance(store, labels="7class").merge(store.utterances[["id", "start"]], on="id")
    for _, part in table.groupby(CONVERSATION):
        assert part["start"].is_monotonic_increasing


def test_changes_are_first_differences_within_a_conversation():
    utterances = pd.DataFrame(
        {
            "session": "S",
            "script": ["a", "a", "a", "a", "b", "b"],
            "speaker": ["F", "F", "M", "F", "F", "F"],
            "emotion": ["happy", "happy", "sad", "sad", None, "sad"],
            "arousal": [1.0, 3.0, 9.0, 2.0, 1.0, 5.0],
            "valence": 2.0,
            "eda": [0.5, np.nan, 1.0, 0.75, 1.0, 1.5],
            "temp": 30.0,
            "hr": 60.0,
        }
    )
    found = changes(utterances)
    assert found["conversation"].tolist() == ["S a F", "S a F", "S b F"]
    assert found["arousal"].tolist() == [2, -1, 4]
    assert found["eda"].isna().tolist() == [True, True, False]
    assert found["emotion"].tolist()[:2] == [0, 1]
    assert np.isnan(found["emotion"].iloc[2])
    assert (found[["valence", "temp", "hr"]] == 0).all().all()


def test_a_trace_is_one_speaker_in_one_conversation(store):
    found = trace(store, ("Sess02", "script01", "User003F"))
    assert set(found["signal"]) <= set(SIGNALS)
    assert found["seconds"].min() == 0
    assert found["seconds"].is_monotonic_increasing
    assert found.loc[found["signal"] == "hr", "value"].between(30, 200).all()
    assert set(found["id"].dropna().str[:24]) == {"Sess02_script01_User003F"}


def test_equal_means_up_to_rounding_have_not_changed() -> None:
    levels = [33.3, 33.3 * (1 + 1e-15), 33.3, 33.4]
    table = pd.DataFrame(
        {
            "session": "Sess01",
            "script": "script01",
            "speaker": "User001F",
            "emotion": "neutral",
            **dict.fromkeys(("arousal", "valence", "eda", "temp", "hr"), levels),
        }
    )
    steps = changes(table)["temp"].tolist()
    assert steps[:2] == [0.0, 0.0]
    assert steps[2] == pytest.approx(0.1)
