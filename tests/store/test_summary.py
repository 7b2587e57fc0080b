"""Facts of a store as numbers; the data card's tests hold them against its text."""

from __future__ import annotations

import math

import pandas as pd

from kemfeat.store import layout, summary
from kemfeat.store.reader import Store
from kemfeat.store.summary import Cut


def test_physiology_by_medium() -> None:
    utterances = pd.DataFrame({"eda_coverage": [0.0, 0.5, 1.0], "temp_coverage": [0.0] * 3, "other": [1.0] * 3})
    assert summary.media(utterances) == ["eda", "temp"]
    assert summary.covered(utterances, "eda") == (2, 0.75)
    have, inside = summary.covered(utterances, "temp")
    assert (have, math.isnan(inside)) == (0, True)


def test_missing_rows_are_the_zeros_of_the_bitmap(finished: Store) -> None:
    complete = {**finished.header.complete, "mel": layout.bitmap([False] * 3 + [True] * 17)}
    header = finished.header.model_copy(update={"complete": complete})
    assert summary.missing_rows(header) == {name: 3 if name == "mel" else 0 for name in header.features}


def test_cuts_are_totals_less_what_is_stored(finished: Store) -> None:
    utterances = pd.DataFrame(
        {"mel_frames": [20, 5], "mel_frames_total": [24, 5], "lonely_total": [1, 1], "n_pieces": [10, 11]}
    )
    assert summary.cuts(finished.header, utterances) == [
        Cut(what="mel_frames", rows=1, amount=4),
        Cut(what="input_ids", rows=1, amount=None),
    ]


def test_a_label_rule_has_words(finished: Store) -> None:
    assert summary.label_rule(finished.header) == "the corpus' own final label"
