"""The pair of a table and arrays: row i is row i, and every text comes back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.export import export_store
from kemfeat.export.tsv_npy import _cell
from kemfeat.store.reader import Store


def test_rows_of_table_and_arrays_are_those_of_the_store(store: Store, tmp_path: Path) -> None:
    export_store(store, to="tsv-npy", out=tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/utterance.tsv", sep="\t", quoting=3, keep_default_na=False)
    assert table["id"].tolist() == store.utterances["id"].tolist()
    assert [json.loads(f'"{text}"') for text in table["text"]] == store.utterances["text"].tolist()
    assert table["valence"].tolist() == store.utterances["valence"].tolist()
    assert table["mel_length"].tolist() == store.utterances["mel_frames"].tolist()
    for name in store.arrays:
        array = np.load(tmp_path / f"out/{name}.npy", mmap_mode="r")
        assert array.dtype == store.array(name).dtype
        np.testing.assert_array_equal(array, store.array(name)[:])


def test_rows_without_a_label_are_not_in_either(store: Store, tmp_path: Path) -> None:
    export_store(store, to="tsv-npy", out=tmp_path / "out", arrays=["mel"], labels="5class")
    (row,) = pd.read_csv(tmp_path / "out/utterance.tsv", sep="\t").to_dict("records")
    assert (row["index"], row["id"], row["emotion"]) == (0, store.utterances["id"][3], "sad")
    np.testing.assert_array_equal(np.load(tmp_path / "out/mel.npy"), store.array("mel")[3:4])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md",
        "export.json",
        "mel.npy",
        "utterance.tsv",
    ]


def test_ticks_name_their_utterance(ticks: Store, tmp_path: Path) -> None:
    export_store(ticks, to="tsv-npy", out=tmp_path / "out", arrays=["tick_eda"])
    table = pd.read_csv(tmp_path / "out/tick.tsv", sep="\t")
    assert table["id"].tolist() == ticks.rows("tick")["id"].tolist()
    assert table["parent"].tolist() == ticks.rows("tick")["parent"].tolist()
    np.testing.assert_array_equal(np.load(tmp_path / "out/tick_eda.npy"), ticks.array("tick_eda")[:])
    readme = (tmp_path / "out/README.md").read_text(encoding="utf-8")
    assert 'read_csv("tick.tsv"' in readme
    assert 'numpy.load("tick_eda.npy"' in readme


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_is_one_cell_and_comes_back(text: str) -> None:
    cell = _cell(text)
    assert "\t" not in cell
    assert cell.splitlines() in ([], [cell])
    assert json.loads(f'"{cell}"') == text


@pytest.mark.parametrize(("value", "cell"), [(None, ""), (0.1, "0.1"), (3, "3"), ("", ""), (1e-300, "1e-300")])
def test_numbers_come_back_and_nothing_is_empty(value: object, cell: str) -> None:
    assert _cell(value) == cell
