"""Only arrays that the format page describes are opened; nothing that came with a store runs."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest

from kemfeat.errors import StoreCorruptError
from kemfeat.store import disk
from kemfeat.store.reader import Store, open_store

MEL = "features.zarr/mel/mel"


class Evil:
    """Creates a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.mark), "w"))


def change(store: Store, **members: Any) -> None:
    """Write other members into the metadata of mel."""
    path = store.path / MEL / "zarr.json"
    disk.write_json(path, json.loads(path.read_bytes()) | members)


def inner(store: Store, **members: Any) -> list[Any]:
    """The codecs of mel with other members in the sharding codec."""
    (codec,) = json.loads((store.path / MEL / "zarr.json").read_bytes())["codecs"]
    return [codec | {"configuration": codec["configuration"] | members}]


@pytest.mark.parametrize("codec", [*sorted(numcodecs.registry.codec_registry), "pickle"])
def test_no_codec_of_the_registry_is_let_in(copied: Store, codec: str) -> None:
    for codecs in (
        [{"name": codec}],
        [{"name": f"numcodecs.{codec}", "configuration": {}}],
        inner(
            copied, codecs=[{"name": "bytes", "configuration": {"endian": "little"}}, {"name": f"numcodecs.{codec}"}]
        ),
        inner(copied, index_codecs=[{"name": codec}]),
    ):
        change(copied, codecs=codecs)
        with pytest.raises(StoreCorruptError, match=r"zarr\.json: ") as caught:
            copied.array("mel")
        assert caught.value.exit_code == 4


def test_an_array_of_zarr_version_2_runs_nothing(copied: Store, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    folder = copied.path / MEL
    shutil.rmtree(folder)
    folder.mkdir()
    told = {"zarr_format": 2, "shape": [20, 20, 128], "chunks": [20, 20, 128], "dtype": "|O", "fill_value": None}
    (folder / ".zarray").write_text(json.dumps(told | {"compressor": {"id": "pickle"}, "filters": None, "order": "C"}))
    (folder / "0.0.0").write_bytes(pickle.dumps(Evil(mark)))
    with pytest.raises(StoreCorruptError, match="the file is missing; only arrays of Zarr version 3 are read"):
        open_store(copied.path).array("mel")
    assert not mark.exists()


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"data_type": "object"}, "data_type is 'object', expected 'float32'"),
        ({"zarr_format": 2}, "zarr_format is 2, expected 3"),
        ({"shape": [2**40, 20, 128]}, "shape is "),
        (
            {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [8, 20, 2**40]}}},
            "its shards have shape",
        ),
        ({"chunk_grid": {"name": "rectilinear"}}, "its shards have shape None"),
        ({"storage_transformers": [{"name": "x"}]}, "storage_transformers is "),
        ({"extension": {"must_understand": True}}, "member 'extension'"),
        ({"fill_value": {"a": 1}}, "its metadata cannot be read"),
    ],
)
def test_other_metadata_are_refused(copied: Store, members: dict[str, Any], says: str) -> None:
    change(copied, **members)
    with pytest.raises(StoreCorruptError, match=r"zarr\.json: |cannot be read") as caught:
        copied.array("mel")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({}, "its padding is None, expected a number or NaN"),
        ({"pad": "-80"}, "its padding is '-80'"),
        ({"pad": [0]}, r"its padding is \[0\]"),
        ({"pad": 0.0, "frame_rate_hz": "31"}, "its frame_rate_hz is '31', expected a number above 0"),
        ({"pad": 0.0, "frame_rate_hz": 0}, "its frame_rate_hz is 0"),
        ({"pad": 0.0, "frame_rate_hz": True}, "its frame_rate_hz is True"),
        ([], "its padding is None"),
    ],
)
def test_attributes_that_are_calculated_with_are_checked(copied: Store, attributes: Any, says: str) -> None:
    change(copied, attributes=attributes)
    for read in (copied.array, copied.chunks):
        with pytest.raises(StoreCorruptError, match=says):
            read("mel")


@pytest.mark.parametrize("shape", [[8, 20, 2**40], [3, 20, 128], [0, 20, 128], [8, 20], "8", [True, 20, 128]])
def test_inner_chunks_divide_a_shard(copied: Store, shape: Any) -> None:
    change(copied, codecs=inner(copied, chunk_shape=shape))
    with pytest.raises(StoreCorruptError, match="its inner chunks have shape"):
        copied.array("mel")


@pytest.mark.parametrize("content", [b"", b"[]", b"{" * 5000, b" " * (2 << 20)])
def test_what_is_not_an_object_is_refused(copied: Store, content: bytes) -> None:
    (copied.path / MEL / "zarr.json").write_bytes(content)
    with pytest.raises(StoreCorruptError, match="is not a JSON object of at most 1048576 bytes"):
        copied.array("mel")


def test_what_was_written_opens(finished: Store) -> None:
    for name, info in finished.header.arrays.items():
        assert np.asarray(finished.array(name)[:]).shape == info.shape
