"""kemfeat.store.shards: the bytes are those that zarr writes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.buffer import cpu
from zarr.storage import MemoryStore

from kemfeat.records import FeatureSpec
from kemfeat.store import layout, shards

DTYPES = ("bool", "int8", "uint8", "int16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64")


def metadata_of(spec: FeatureSpec, *, rows: int, rows_per_shard: int) -> bytes:
    held: dict[str, Any] = {}
    store = MemoryStore(held)
    zarr.create_group(store)
    layout.create_array(store, "f", spec, axis="row", rows=rows, rows_per_shard=rows_per_shard, further={})
    content: bytes = held[f"f/{spec.name}/zarr.json"].to_bytes()
    return content


def by_zarr(metadata: bytes, block: np.ndarray) -> bytes:
    held: dict[str, Any] = {"zarr.json": cpu.Buffer.from_bytes(metadata)}
    with shards.every_chunk_written():
        array = zarr.open_array(MemoryStore(held), mode="r+", zarr_format=3)
    array[: len(block)] = block
    (shard,) = held.keys() - {"zarr.json"}
    content: bytes = held[shard].to_bytes()
    return content


@settings(deadline=None, max_examples=60)
@given(
    dtype=st.sampled_from(DTYPES),
    shape=st.lists(st.integers(1, 40), max_size=2),
    rows=st.integers(1, 24),
    rows_per_shard=st.sampled_from([1, 4, 24]),
    constant=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_shard_has_the_bytes_of_zarr(
    dtype: str, shape: list[int], rows: int, rows_per_shard: int, constant: bool, seed: int
) -> None:
    fill: Any = float("nan") if dtype.startswith("float") else False if dtype == "bool" else 7
    spec = FeatureSpec(
        name="x",
        dims=tuple("abc"[: len(shape)]),
        shape=tuple(shape),
        dtype=dtype,
        pad=0,
        fill=fill,
        unit="1",
        description="an example",
    )
    metadata = metadata_of(spec, rows=rows, rows_per_shard=rows_per_shard)
    rng = np.random.default_rng(seed)
    block = rng.normal(0, 50, (min(rows, rows_per_shard), *shape)).astype(np.float64)
    block = np.full_like(block, 3) if constant else block
    values = np.clip(block, 0, None).astype(dtype) if dtype.startswith("u") else block.astype(dtype)
    assert shards.encode(metadata, values) == by_zarr(metadata, values)


@pytest.mark.parametrize("rows", [1, 5, 8])
def test_rows_of_a_chunk_that_are_not_there_have_the_fill_value(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "CHUNK_BYTES", 4 * 3 * 4)
    spec = FeatureSpec(
        name="x", dims=("a",), shape=(3,), dtype="float32", pad=0, fill=float("nan"), unit="1", description="x"
    )
    metadata = metadata_of(spec, rows=rows, rows_per_shard=8)
    block = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)
    assert shards.encode(metadata, block) == by_zarr(metadata, block)
    assert shards.encode(metadata, block[::-1]) == by_zarr(metadata, block[::-1])
