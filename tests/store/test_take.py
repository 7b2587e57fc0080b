"""Rows taken from a store are those of its arrays, in any order and from any layout; or an error."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kemfeat.build import build_store
from kemfeat.errors import ConfigError, StoreCorruptError, StoreError
from kemfeat.store import array_metadata, disk, layout, schema, take
from kemfeat.store.chunks import ChunkReader
from kemfeat.store.reader import Store, open_store
from kemfeat.store.shard_files import ShardFiles

ARRAYS = ("mel", "mel_lengths", "delta", "input_ids", "attention_mask", "eda", "eda_mask", "ibi")
ROW_BYTES = 20 * 128 * 4
"""Of mel."""


@pytest.fixture(scope="module", params=[layout.CHUNK_BYTES, 2 * ROW_BYTES, 1], ids=["8 rows", "2 rows", "1 row"])
def store(request, corpus, settings, tmp_path_factory) -> Store:
    """The same store with other chunks of mel."""
    out = tmp_path_factory.mktemp("chunks") / "KEMDy20"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(layout, "CHUNK_BYTES", request.param)
        return build_store("KEMDy20", root=corpus.root, out=out, settings=settings).store


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    rows=st.lists(st.integers(-20, 19), max_size=40),
    arrays=st.lists(st.sampled_from(ARRAYS), min_size=1, unique=True),
    frames=st.none() | st.integers(1, 30),
)
def test_taken_rows_are_those_of_the_array(store: Store, rows, arrays, frames) -> None:
    found = store.take(rows, arrays, frames=frames)
    assert list(found) == arrays
    for name in arrays:
        whole = np.asarray(store.array(name)[:])[np.array(rows, int)]
        expected = whole[:, :frames] if frames is not None and whole.ndim > 1 else whole
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected)


def test_many_rows_are_shared_by_threads(store: Store, monkeypatch) -> None:
    monkeypatch.setattr(take, "_PART_BYTES", ROW_BYTES)
    monkeypatch.setattr(take, "default_workers", lambda: 3)
    rows = np.random.default_rng(0).integers(0, 20, 200)
    np.testing.assert_array_equal(store.take(rows)["mel"], np.asarray(store.array("mel")[:])[rows])


def test_threads_take_from_one_store(store: Store) -> None:
    whole = np.asarray(store.array("mel")[:])
    orders = [np.random.default_rng(seed).permutation(20) for seed in range(12)]
    with ThreadPoolExecutor(4) as pool:
        for order, found in zip(orders, pool.map(store.take, orders), strict=True):
            np.testing.assert_array_equal(found["mel"], whole[order])


def test_rows_are_chosen_by_number_slice_mask_or_id(finished: Store) -> None:
    ids = finished.utterances["id"]
    mask = np.arange(20) % 3 == 0
    for rows, numbers in (
        (slice(None, None, -4), range(19, -1, -4)),
        (mask, np.flatnonzero(mask)),
        (mask.tolist(), np.flatnonzero(mask)),
        (ids.iloc[[4, 0, 4]], [4, 0, 4]),
        (ids.iloc[[4, 0]].tolist(), [4, 0]),
        ([], []),
        (np.array([-1, 3], np.int8), [19, 3]),
        (np.array([7], np.uint64), [7]),
    ):
        found = finished.take(rows, ("mel_lengths", "ibi"))
        assert found["mel_lengths"].tolist() == [finished.array("mel_lengths")[row] for row in numbers]
        assert len(found["ibi"]) == len(numbers)


@pytest.mark.parametrize(
    ("rows", "arrays", "frames", "said"),
    [
        ([20], ("mel",), None, "row 20 does not exist: there are 20 rows"),
        ([-21], ("mel",), None, "row -21 does not exist"),
        ([True] * 19, ("mel",), None, "19 booleans, and there are 20 rows"),
        (["nobody"], ("mel",), None, "no row has the id 'nobody'"),
        ([0.5], ("mel",), None, "type float64; expected numbers of rows"),
        ([[0, 1]], ("mel",), None, r"shape \(1, 2\)"),
        ([None], ("mel",), None, "type object"),
        ([0], ("mell",), None, "no array 'mell'; did you mean 'mel'"),
        ([0], "mel", None, r"arrays is the text 'mel'; expected a list of names, such as \('mel',\)"),
        ([0], ("mel",), 0, "frames is 0; expected a whole number from 1 on"),
        ([0], ("mel",), 1.5, "frames is 1.5"),
    ],
)
def test_what_cannot_be_taken_is_a_sentence(finished: Store, rows, arrays, frames, said) -> None:
    with pytest.raises(ConfigError, match=said):
        finished.take(rows, arrays, frames=frames)


def test_a_store_that_was_built_again_is_not_read(copied: Store) -> None:
    copied.take([0])
    header = copied.path / schema.HEADER
    header.write_text(header.read_text().replace(copied.digest, "0" * 64))
    with pytest.raises(StoreError, match="was built again since it was opened"):
        copied.take([0])


def test_a_store_can_be_sent_after_rows_were_taken(finished: Store) -> None:
    expected = finished.take([3])["mel"]
    sent = pickle.loads(pickle.dumps(finished))  # noqa: S301 - made in the line itself
    np.testing.assert_array_equal(sent.take([3])["mel"], expected)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_a_damaged_shard_with_a_right_receipt_is_found_by_its_checksums(store: Store, tmp_path_factory, data) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    whole = (store.path / "features.zarr/mel/mel/c/1/0/0").read_bytes()
    content = bytearray(whole)
    kind = data.draw(st.sampled_from(["flip", "cut", "zero", "insert"]))
    at = data.draw(st.integers(0, len(content) - 1) | st.integers(len(content) - 140, len(content) - 1))
    if kind == "flip":
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    elif kind == "cut":
        del content[at:]
    elif kind == "zero":
        content[at : at + 64] = bytes(len(content[at : at + 64]))
    else:
        content[at:at] = b"x"
    shard = folder / "c/1/0/0"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(content)
    info = store.header.arrays["mel"]
    metadata = array_metadata.read_array(store.path / schema.array_path("mel", "mel"), info)
    reader = ChunkReader(metadata, ShardFiles(folder, {"c/1/0/0": disk.receipt(shard)}, lambda: None))
    try:
        rows = [row.copy() for row in reader.rows(np.arange(8, 16))]
    except StoreCorruptError:
        return
    np.testing.assert_array_equal(rows, np.asarray(store.array("mel")[8:16]))


def test_rows_of_clips_are_taken_by_their_own_ids(corpus, tmp_path) -> None:
    settings = {"features": ("mel", "clip_audio"), "mel": {"max_frames": 20}, "rows_per_shard": 8}
    out = tmp_path / "store"
    store = build_store("KEMDy20", root=corpus.root, out=out, settings=settings).store
    ids = store.rows("clip")["id"]
    found = open_store(out).take(ids.iloc[[2, 0]], ("clip_audio",))["clip_audio"]
    np.testing.assert_array_equal(found, np.asarray(store.array("clip_audio")[:])[[2, 0]])
    with pytest.raises(ConfigError, match="rows of clip and utterance; take those of one axis at a time"):
        store.take([0], ("mel", "clip_audio"))
