"""What goes out: which rows and arrays, their table, and that blocks hold each row once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import ConfigError, StoreCorruptError
from kemfeat.export import _selection
from kemfeat.export._selection import select
from kemfeat.store.reader import Store


def test_every_row_goes_out_in_order_with_its_labels_and_lengths(store: Store) -> None:
    chosen = select(store)
    table, utterances = chosen.table, store.utterances
    assert chosen.arrays == store.arrays
    assert table["index"].tolist() == list(range(12))
    for column in ("id", "speaker", "session", "text", "text_clean", "emotion", "valence", "arousal"):
        assert table[column].equals(utterances[column]), column
    assert table["mel_length"].tolist() == utterances["mel_frames"].tolist()
    assert table["input_ids_length"].tolist() == store.array("attention_mask")[:].sum(axis=1).tolist()
    assert table["missing"].tolist() == ["", "", "mel;delta", *[""] * 9]
    assert not [name for name in table if name.endswith("mask_length")]


def test_rows_that_a_rule_drops_are_left_out(store: Store) -> None:
    chosen = select(store, labels="5class")
    assert chosen.rows.tolist() == [3]
    assert chosen.table[["index", "emotion"]].to_numpy().tolist() == [[0, "sad"]]
    assert chosen.table["id"].tolist() == [store.utterances["id"][3]]
    (block,) = chosen.blocks(0, 1)
    np.testing.assert_array_equal(block.values["mel"], store.array("mel")[3:4])
    assert len(select(store, labels="first")) == 12
    assert chosen.labels == "5class"


def test_rows_of_another_axis_bring_their_utterance(ticks: Store) -> None:
    chosen = select(ticks, arrays=["tick_eda", "tick_temp"])
    rows = ticks.rows("tick")
    assert (chosen.axis, len(chosen)) == ("tick", 36)
    assert list(chosen.table.columns[:5]) == ["index", "id", "parent", "number", "start"]
    assert chosen.table["id"].tolist() == rows["id"].tolist()
    emotion = dict(zip(ticks.utterances["id"], ticks.utterances["emotion"], strict=True))
    assert chosen.table["emotion"].tolist() == [emotion[parent] for parent in rows["parent"]]
    assert chosen.table["session"].tolist() == rows["session"].tolist()


def test_a_choice_of_several_axes_is_refused(ticks: Store) -> None:
    with pytest.raises(
        ConfigError, match=r"several row axes \(utterance: eda; tick: tick_eda\); export each axis into"
    ):
        select(ticks, arrays=["eda", "tick_eda"])
    assert select(ticks).axis == "utterance"


@pytest.mark.parametrize(
    ("arrays", "labels", "says"),
    [
        (["mell"], None, "no array 'mell'; did you mean 'mel'"),
        ([], None, "--arrays: no array is named; expected some of mel, "),
        (None, "6class", "label rule '6class'; did you mean"),
    ],
)
def test_what_is_unknown_is_refused_with_what_is_known(
    store: Store, arrays: list[str] | None, labels: str | None, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        select(store, arrays=arrays, labels=labels)


def test_a_table_that_has_an_id_twice_is_no_table_to_join_by(store: Store) -> None:
    twice = Store(store.path, store.header)
    ids = store.utterances["id"].tolist()
    twice.utterances = store.utterances.assign(id=[ids[0], *ids[:-1]])
    with pytest.raises(StoreCorruptError, match=f"id {ids[0]} occurs twice; run `kemfeat verify`"):
        select(twice)
    twice.utterances = store.utterances.iloc[:-1]
    with pytest.raises(StoreCorruptError, match="axis utterance has 11 rows in its table"):
        select(twice)


@settings(deadline=None, max_examples=20)
@given(kept=st.sets(st.integers(0, 11)), chunk=st.integers(1, 40_000))
def test_blocks_hold_every_chosen_row_once_whatever_their_size(store: Store, kept: set[int], chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_selection, "BLOCK_BYTES", chunk)
        labelled = Store(store.path, store.header)
        emotion = ["sad" if row in kept else "fear" for row in range(12)]
        labelled.utterances = store.utterances.assign(emotion=emotion)
        chosen = select(labelled, arrays=["mel", "eda"], labels="5class")
        blocks = list(chosen.blocks(0, len(chosen)))
    assert chosen.rows.tolist() == sorted(kept)
    ids = [name for block in blocks for name in block.table["id"]]
    assert ids == store.utterances["id"][sorted(kept)].tolist()
    for name in ("mel", "eda"):
        got = [row for block in blocks for row in block.values[name]]
        want = store.array(name)[:][sorted(kept)]
        np.testing.assert_array_equal(np.array(got).reshape(want.shape), want)


def test_shards_hold_every_row_once_and_blocks_stay_small(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    row = 32 * 16 * 4
    monkeypatch.setattr(_selection, "BLOCK_BYTES", 2 * row)
    monkeypatch.setattr(_selection, "SHARD_BYTES", 5 * row)
    seen: list[int] = []
    chosen = select(store, arrays=["mel"], progress=lambda done, total: seen.append(done))
    assert chosen.shards() == [(0, 5), (5, 10), (10, 12)]
    blocks = [block for start, stop in chosen.shards() for block in chosen.blocks(start, stop)]
    assert max(len(block.table) for block in blocks) == store.array("mel").chunks[0] == 4
    assert [row for block in blocks for row in block.table["index"]] == list(range(12))
    assert seen == sorted(seen)
    assert seen[-1] == 12


def test_rows_are_cut_behind_the_last_real_element(store: Store) -> None:
    (block,) = select(store).blocks(0, 12)
    assert [len(row) for row in block.real("mel")] == store.array("mel_lengths")[:].tolist()
    for row, mask in zip(block.real("ibi"), block.real("ibi_mask"), strict=True):
        assert len(row) == len(mask)
        assert len(mask) == 0 or mask[-1]
        assert np.array_equal(np.isfinite(row), mask)
    assert len(block.real("mel")[2]) == 0


def test_rows_of_chosen_utterances_in_the_order_of_the_store(store: Store, ticks: Store) -> None:
    ids = store.utterances["id"].tolist()
    chosen = select(store, ids=[ids[5], ids[3], ids[5]])
    assert chosen.rows.tolist() == [3, 5]
    assert (chosen.table["id"].tolist(), chosen.dropped) == ([ids[3], ids[5]], 0)
    both = select(store, ids=[ids[5], ids[3]], labels="5class")
    assert (both.rows.tolist(), both.dropped) == ([3], 1)
    of_ticks = select(ticks, arrays=["tick_eda"], ids=[ids[4]])
    assert set(of_ticks.table["parent"]) == {ids[4]}
    assert len(of_ticks) == ticks.rows("tick")["parent"].eq(ids[4]).sum() > 0
    with pytest.raises(ConfigError, match="ids: 1 of 1 ids are not in this store, such as 'nobody'"):
        select(store, ids=["nobody"])
