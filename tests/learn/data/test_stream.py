import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import StoreCorruptError
from kemfeat.learn import StoreDataset, StoreLoader
from kemfeat.learn.data.batch_sampler import WINDOW
from kemfeat.learn.data.packed import Packed, parts
from kemfeat.learn.data.stream import Turn, Windows, read_all
from kemfeat.store.reader import open_store
from tests.learn.loader_kit import all_same

MANY = np.tile(np.arange(120), 30)
"""Every row thirty times: 3,600 rows, four windows."""


def turns(rows, size):
    places = np.split(np.arange(len(rows)), range(size, len(rows), size))
    return [Turn(part, torch.from_numpy(part)) for part in places]


def windows(dataset):
    return Windows(dataset.columns, dataset.rows, rows_per_shard=dataset.rows_per_shard, pinned=False)


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
    options = {"batch_size": 100, "shuffle": True, "media": ("mel", "delta", "eda")}
    assert all_same(
        StoreLoader(store, MANY, resident="stream", **options), StoreLoader(store, MANY, resident="host", **options)
    )


def test_loads_come_in_order_and_hold_their_rows(dataset):
    for number, load in enumerate(windows(dataset).loads(turns(MANY, 50), settle)):
        assert load.places.tolist() == list(range(50 * number, 50 * number + 50))
        assert set(MANY[load.places].tolist()) <= set(load.packed.rows.tolist())
        read = read_all(dataset.columns, load.packed.rows, rows_per_shard=8, allocate=on_host, threads=1)
        if number % 20 == 0:
            assert all(content(read.values[name]) == content(load.packed.values[name]) for name in read.values)


def settle():
    """Nothing to wait for."""


def content(tensor):
    """Its bytes, as NaN does not equal itself."""
    return tensor.numpy().tobytes()


def on_host(name, shape, dtype):
    return torch.empty(shape, dtype=dtype)


def test_at_most_two_windows_are_held_and_the_third_takes_the_memory_of_the_first(dataset, monkeypatch):
    begun, packs = [], []
    begin = Windows._begin

    def counting(self, section, tensors, pool):
        window = begin(self, section, tensors, pool)
        begun.append(window.packed.values["mel"].data_ptr())
        return window

    monkeypatch.setattr(Windows, "_begin", counting)
    sizes = []
    for load in windows(dataset).loads(turns(MANY, 64), settle):
        if not packs or packs[-1] is not load.packed:
            packs.append(load.packed)
        sizes.append(len(begun) - len(packs))
    assert len(packs) == len(begun) == -(-len(MANY) // WINDOW)
    assert max(sizes) == 1
    assert begun[0] == begun[2] != begun[1] == begun[3]


def test_rows_are_only_overwritten_after_everybody_has_read_them(dataset):
    """``settle`` is called after the last load of a window was taken, before a thread fills it anew."""
    events = []
    loads = windows(dataset).loads(turns(MANY, 64), lambda: events.append("settle"))
    events.extend(id(load.packed) for load in loads)
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

    shutil.copytree(store.path, tmp_path / "store")
    (tmp_path / "store/features.zarr/mel/mel/c/14/0/0").unlink()
    for mode in ("host", "stream"):
        with pytest.raises(StoreCorruptError, match="array mel: row 112 is not there"):
            list(StoreLoader(open_store(tmp_path / "store"), resident=mode))


def test_packed_rows_have_no_padding(store, dataset):
    packed: Packed = read_all(dataset.columns, MANY, rows_per_shard=8, allocate=on_host, threads=2)
    lengths = store.array("mel_lengths")[:]
    assert packed.values["mel"].shape == (lengths.sum(), 16)
    assert packed.values["eda"].shape == (120, 160)
    np.testing.assert_array_equal(np.diff(packed.starts["mel"]), lengths)
