"""Examples are typical, deterministic, and drawn with what the store has."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.report.examples import EXAMPLES, examples, typical_rows
from kemfeat.store.reader import open_store
from tests.build.kit import Bench

utterance_tables = st.lists(
    st.tuples(st.sampled_from(["happy", "sad", None, "angry", "fear", "neutral"]), st.floats(0.1, 9), st.booleans()),
    max_size=25,
).map(
    lambda rows: pd.DataFrame(
        {
            "emotion_first": pd.Series([row[0] for row in rows], dtype="str"),
            "duration": [row[1] for row in rows],
            "eda_coverage": [float(row[2]) for row in rows],
        }
    )
)


@given(utterance_tables, st.integers(1, 20))
@settings(deadline=None, max_examples=60)
def test_no_emotion_comes_a_second_time_before_each_came_once(table: pd.DataFrame, count: int) -> None:
    rows = typical_rows(table, count)
    assert len(set(rows)) == len(rows) == min(count, int(table["emotion_first"].notna().sum()))
    taken = table.iloc[rows]["emotion_first"].value_counts()
    left = table["emotion_first"].value_counts().sub(taken, fill_value=0)
    open_emotions = [taken.get(name, 0) for name, more in left.items() if more > 0]
    assert not rows or not open_emotions or min(open_emotions) >= taken.max() - 1


@given(utterance_tables)
@settings(deadline=None, max_examples=60)
def test_rows_are_of_different_frequent_emotions_and_have_physiology_where_any_has(table: pd.DataFrame) -> None:
    different = min(EXAMPLES, table["emotion_first"].nunique())
    rows = typical_rows(table, different)
    chosen = table.iloc[rows]
    counts = table["emotion_first"].value_counts()
    assert len(rows) == min(EXAMPLES, len(counts))
    assert chosen["emotion_first"].is_unique
    assert counts[chosen["emotion_first"]].tolist() == counts.nlargest(len(rows)).tolist()
    best = table.groupby("emotion_first")["eda_coverage"].max()
    assert (chosen.set_index("emotion_first")["eda_coverage"] == best[chosen["emotion_first"]]).all()
    assert typical_rows(table, different) == rows


def test_a_picture_says_what_it_shows(finished: Bench) -> None:
    store = open_store(finished.out)
    (picture,) = examples(store)
    (row,) = typical_rows(store.utterances, 1)
    about = store.utterances.iloc[row]
    assert picture.uri.startswith("data:image/svg+xml;base64,")
    assert about["id"] in picture.caption
    assert picture.quote == about["text"]
    for name in ("mel", "delta", "eda", "temp"):
        assert f"{name}: {store.header.arrays[name].description}" in picture.alt
    assert "input_ids" not in picture.alt


def test_a_picture_shows_what_there_is_and_at_most_its_first_seconds(bench: Bench) -> None:
    store = bench.fresh().build(settings={"features": ("eda", "text")}).store
    store.utterances["duration"] = 30.0
    (picture,) = examples(store)
    assert picture.alt.endswith(f"12.0 s, from top to bottom: eda: {store.header.arrays['eda'].description}")
    assert picture.caption.endswith("The first 12 of 30.0 s.")
    store.utterances[["duration", "start", "end"]] = np.nan
    assert examples(store) == ()


def test_ratings_and_words_that_are_not_there_are_not_shown(finished: Bench) -> None:
    store = open_store(finished.out)
    store.utterances[["valence", "arousal"]] = np.nan
    store.utterances["text"] = None
    (picture,) = examples(store)
    assert "nan" not in picture.caption
    assert "valence" not in picture.caption
    assert picture.quote == ""
