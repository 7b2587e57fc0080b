"""An open store is one version: right values or an error."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kemfeat.errors import StoreCorruptError, StoreError, StoreIncompleteError
from kemfeat.store import disk
from kemfeat.store.reader import Store, open_store

SHARD = "features.zarr/eda/eda/c/0/0"
READS: dict[str, Callable[[Store, str, slice], Any]] = {
    "array": lambda store, name, rows: store.array(name)[rows],
    "take": lambda store, name, rows: store.take(rows, (name,))[name],
}
FIRST = slice(0, 1)
every_read = pytest.mark.parametrize("read", READS.values(), ids=READS)


@every_read
def test_a_missing_shard_is_an_error_and_never_the_fill_value(copied: Store, read) -> None:
    for name in ("eda", "eda_mask"):
        (copied.path / f"features.zarr/eda/{name}/c/0/0").unlink()
        with pytest.raises(StoreCorruptError, match=f"{name}/c/0/0: is missing; run `kemfeat verify`"):
            read(copied, name, FIRST)
    assert np.asarray(read(copied, "eda", slice(8, 16))).shape[0] == 8


@every_read
def test_swapped_shards_are_not_believed(copied: Store, read) -> None:
    first, second = (copied.path / f"features.zarr/mel/mel/c/{number}/0/0" for number in (0, 1))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    with pytest.raises(StoreCorruptError, match="is not what was written"):
        read(copied, "mel", FIRST)


@every_read
def test_a_shard_that_changes_after_it_was_read_is_found(copied: Store, read) -> None:
    read(copied, "eda", FIRST)
    path = copied.path / SHARD
    path.write_bytes(b"\0" * path.stat().st_size)
    os.utime(path, ns=(0, 0))
    with pytest.raises(StoreCorruptError, match="is not what was written"):
        read(copied, "eda", FIRST)


def test_a_reordered_table_is_not_believed(copied: Store) -> None:
    table = copied.utterances
    disk.write_table(copied.path / "utterances.parquet", table.iloc[::-1])
    with pytest.raises(StoreCorruptError, match=r"utterances\.parquet: is not what was written"):
        _ = open_store(copied.path).utterances


def test_another_version_in_its_place_is_an_error_for_who_has_the_old_one_open(copied: Store) -> None:
    array = copied.array("mel")
    header = copied.path / "kemfeat.json"
    content = json.loads(header.read_bytes())
    disk.write_json(header, content)
    assert np.isfinite(np.asarray(array[0])).any()  # the same version, written again
    disk.write_json(header, content | {"digest": "0" * 64})
    for read in (lambda: array[0], lambda: copied.array("eda"), lambda: copied.ratings):
        with pytest.raises(StoreError, match="was built again since it was opened"):
            read()
    header.unlink()
    with pytest.raises(StoreIncompleteError, match=r"kemfeat\.json is missing since the store was opened"):
        _ = array[0]


def test_an_array_can_be_sent_to_another_process(finished: Store) -> None:
    array = finished.array("mel")
    sent = pickle.loads(pickle.dumps(array))  # noqa: S301 - made in the line itself
    assert np.array_equal(np.asarray(sent[:]), np.asarray(array[:]), equal_nan=True)


def test_a_relative_path_holds_after_chdir(copied: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copied.path.parent)
    store = open_store(copied.path.name)
    expected = np.asarray(copied.array("mel")[:])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert store.path == copied.path
    assert np.array_equal(np.asarray(store.array("mel")[:]), expected, equal_nan=True)
    assert len(store.ratings) == len(copied.ratings)
