"""Parquet shards: read by pyarrow, and by the library that they are for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from kemfeat.export import _selection, export_store
from kemfeat.store.reader import Store

READ = """
import json, sys
import datasets
data = datasets.load_dataset(sys.argv[1], split="train").with_format("numpy")
assert data.num_rows == 12, data
for row in data:
    print(json.dumps([row["id"], row["text"], row["emotion"], list(row["mel"].shape), float(row["mel"].sum()),
                      data.features["input_ids"].feature.dtype, row["eda_mask"].tolist()]))
"""


@pytest.fixture
def out(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_selection, "SHARD_BYTES", 60_000)
    return export_store(store, to="datasets", out=tmp_path / "out").path


def test_shards_are_numbered_and_hold_the_store(store: Store, out: Path) -> None:
    shards = sorted((out / "data").iterdir())
    assert [path.name for path in shards] == [
        f"train-{number:05d}-of-{len(shards):05d}.parquet" for number in range(len(shards))
    ]
    assert len(shards) > 1
    rows = [row for path in shards for row in pq.read_table(path).to_pylist()]
    assert [row["id"] for row in rows] == store.utterances["id"].tolist()
    assert [row["text"] for row in rows] == store.utterances["text"].tolist()
    for name in store.arrays:
        stored = store.array(name)[:]
        for row, want in zip(rows, stored, strict=True):
            got = np.array(row[name], dtype=stored.dtype)
            ragged = stored.ndim > 1
            np.testing.assert_array_equal(got.reshape(-1), (want[: len(got)] if ragged else want).reshape(-1))
    assert [len(row["mel"]) for row in rows] == store.utterances["mel_frames"].tolist()


def test_a_missing_number_is_null(store: Store, tmp_path: Path) -> None:
    unrated = Store(store.path, store.header)
    unrated.utterances = store.utterances.assign(valence=np.nan)
    made = export_store(unrated, to="datasets", out=tmp_path / "out", arrays=["eda"])
    (shard,) = (made.path / "data").iterdir()
    assert pq.read_table(shard)["valence"].null_count == 12


def test_frames_are_lists_of_one_size_and_rows_as_long_as_they_are(out: Path) -> None:
    schema = pq.read_schema(next((out / "data").iterdir()))
    assert str(schema.field("mel").type) == "list<element: fixed_size_list<element: float>[16]>"
    assert str(schema.field("eda_mask").type) == "list<element: bool>"
    assert str(schema.field("mel_lengths").type) == "int32"


def test_the_library_reads_the_folder(store: Store, out: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", READ, str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if "No module named 'datasets'" in done.stderr:
        pytest.skip("datasets is not installed")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == store.utterances["id"].tolist()
    for at, (_, text, emotion, shape, total, dtype, mask) in enumerate(rows):
        length = int(store.utterances["mel_frames"][at])
        assert (text, emotion) == (store.utterances["text"][at], store.utterances["emotion"][at])
        assert shape == ([length, 16] if length else [0])
        assert total == pytest.approx(float(store.array("mel")[at, :length].sum()), rel=1e-4)
        assert dtype == "int32"
        assert mask == store.array("eda_mask")[at, : len(mask)].tolist()
