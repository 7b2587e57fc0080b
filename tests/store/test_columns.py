"""What the columns of the tables mean."""

from __future__ import annotations

from kemfeat.store import columns
from kemfeat.store.reader import Store


def test_every_described_column_is_one_that_is_made(finished: Store) -> None:
    assert set(columns.UTTERANCES) <= set(finished.utterances.columns)
    assert set(columns.RATINGS) == set(finished.ratings.columns)
    assert columns.describe("a_column_of_a_later_feature", {}) == ""


def test_a_corpus_describes_its_own_columns() -> None:
    own = {"scripted": "whether the words were given"}
    assert columns.describe("scripted", own) == own["scripted"]
    assert columns.describe("scripted", {}) == ""
    assert columns.describe("eda_length_total", {}) == columns.UTTERANCES["eda_length_total"]
    assert columns.describe("x_room", {}) == "column room of the user's own table"
