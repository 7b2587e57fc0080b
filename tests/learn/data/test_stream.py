import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import StoreCorruptError
from kemfeat.learn import StoreDataset, StoreLoader
from kemfeat.learn.data import stream
from kemfeat.learn.data.batch_sampler import WINDOW
from kemfeat.learn.data.packed import Packed, lay_out, parts
from kemfeat.learn.data.stream import read_ahead, read_all
from kemfeat.store.reader import open_store
from tests.learn.data.kit import all_same

MANY = np.tile(np.arange(120), 30)
"""Every row thirty times: 3,600 rows, four windows."""


def batches_of(rows, size):
    return np.split(np.arange(len(rows)), range(size, len(rows), size))


def packs_of(dataset, size, settle=lambda: None):
    """Each batch beside the packed rows that hold it."""
    batches = batches_of(dataset.rows, size)
    options = {"columns": dataset.columns, "rows": dataset.rows, "rows_per_shard": dataset.rows_per_shard}
    yield from zip(batches, read_ahead(batches, **options, pinned=False, settle=settle), strict=True)


@pytest.fixture(scope="module")
def dataset(store):
    return StoreDataset(store, MANY, media=("mel", "eda"))


@settings(deadline=None, max_examples=25)
@given(rows=st.sets(st.integers(0, 999), min_size=1), per_shard=st.integers(1, 200))
def test_parts_cover_the_rows_and_none_crosses_a_shard(rows, per_shard):
    ordered = np.array(sorted(rows))
    cut = parts(ordered, rows_per_shard=per_shard)
    assert np.concatenate([ordered[part] for part in cut]).tolist() == ordered.tolist()
    assert all(len(set((ordered[part] // per_shard).tolist())) == 1 for part in cut)


def test_several_windows_are_the_same_as_all_at_once(store):
    options = {"batch_size": 100, "shuffle": "blocks", "media": ("mel", "delta", "eda")}
    assert all_same(
        StoreLoader(store, MANY, resident="stream", **options), StoreLoader(store, MANY, resident="host", **options)
    )


def test_packs_come_in_order_and_hold_their_rows(dataset):
    for number, (places, packed) in enumerate(packs_of(dataset, 50)):
        assert places.tolist() == list(range(50 * number, 50 * number + 50))
        assert set(MANY[places].tolist()) <= set(packed.rows.tolist())
        if number % 20 == 0:
            read = read_all(dataset.columns, packed.rows, rows_per_shard=8, allocate=on_host, threads=1)
            assert all(content(read.values[name]) == content(packed.values[name]) for name in read.values)


def content(tensor):
    """Its bytes, as NaN does not equal itself."""
    return tensor.numpy().tobytes()


def on_host(name, shape, dtype):
    return torch.empty(shape, dtype=dtype)


def test_at_most_two_windows_are_held_and_the_third_takes_the_memory_of_the_first(dataset, monkeypatch):
    begun, packs = [], []

    def counting(*args):
        packed = lay_out(*args)
        begun.append(packed.values["mel"].data_ptr())
        return packed

    monkeypatch.setattr(stream, "lay_out", counting)
    sizes = []
    for _, packed in packs_of(dataset, 64):
        if not packs or packs[-1] is not packed:
            packs.append(packed)
        sizes.append(len(begun) - len(packs))
    assert len(packs) == len(begun) == -(-len(MANY) // WINDOW)
    assert max(sizes) == 1
    assert begun[0] == begun[2] != begun[1] == begun[3]


def test_rows_are_only_overwritten_after_everybody_has_read_them(dataset):
    """``settle`` is called after the last batch of a window was taken, before a thread fills it anew."""
    events = []
    packs = packs_of(dataset, 64, lambda: events.append("settle"))
    events.extend(id(packed) for _, packed in packs)
    order = [event for number, event in enumerate(events) if number == 0 or events[number - 1] != event]
    assert order[:1] == ["settle"]
    assert [event == "settle" for event in order] == [True, False, True, False, True, False, False]


def test_a_consumer_that_leaves_leaves_no_thread(store):
    batches = iter(StoreLoader(store, MANY, resident="stream", media=("mel",), batch_size=32))
    next(batches)
    assert any(thread.name.startswith("kemfeat-read") for thread in threading.enumerate())
    batches.close()
    assert not any(thread.name.startswith("kemfeat-read") for thread in threading.enumerate())


def test_what_a_thread_stumbles_over_reaches_the_consumer(store, tmp_path):
    import shutil

    shutil.copytree(store.folder, tmp_path / "store")
    (tmp_path / "store/features.zarr/mel/mel/c/14/0/0").unlink()
    for mode in ("host", "stream"):
        with pytest.raises(StoreCorruptError, match=r"mel/c/14/0/0: is missing"):
            list(StoreLoader(open_store(tmp_path / "store"), resident=mode))


def test_packed_rows_have_no_padding(store, dataset):
    packed: Packed = read_all(dataset.columns, MANY, rows_per_shard=8, allocate=on_host, threads=2)
    lengths = store.array("mel_lengths")[:]
    assert packed.values["mel"].shape == (lengths.sum(), 16)
    assert packed.values["eda"].shape == (120, 160)
    np.testing.assert_array_equal(np.diff(packed.starts["mel"]), lengths)
