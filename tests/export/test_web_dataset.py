"""Tar shards: read by tarfile, and by the library that they are for."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.export import _selection, export_store
from kemfeat.export.web_dataset import _key
from kemfeat.store.reader import Store

READ = """
import json, sys
import webdataset
shards = sys.argv[1:]
for sample in webdataset.WebDataset(shards, shardshuffle=False, empty_check=False).decode():
    arrays = {name: [str(array.dtype), list(array.shape)] for name, array in sample.items() if name.endswith(".npy")}
    print(json.dumps([sample["__key__"], sample["json"], arrays, float(sample["mel.npy"].sum())]))
"""


@pytest.fixture
def shards(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setattr(_selection, "SHARD_BYTES", 60_000)
    export_store(store, to="webdataset", out=tmp_path / "out")
    return sorted((tmp_path / "out").glob("shard-*.tar"))


def test_members_are_rows_cut_to_their_length(store: Store, shards: list[Path]) -> None:
    assert len(shards) > 1
    found: dict[str, bytes] = {}
    for shard in shards:
        with tarfile.open(shard) as tar:
            for member in tar:
                assert (member.mtime, member.uid, member.gid, member.uname, member.mode) == (0, 0, 0, "", 0o644)
                file = tar.extractfile(member)
                assert file is not None
                found[member.name] = file.read()
    names = ["json", *(f"{array}.npy" for array in sorted(store.arrays))]
    assert list(found) == [f"{key}.{name}" for key in store.utterances["id"] for name in names]
    for row, key in enumerate(store.utterances["id"]):
        length = store.utterances["mel_frames"][row]
        mel = np.load(io.BytesIO(found[f"{key}.mel.npy"]), allow_pickle=False)
        np.testing.assert_array_equal(mel, store.array("mel")[row, :length])
        assert np.load(io.BytesIO(found[f"{key}.mel_lengths.npy"])) == length
        record = json.loads(found[f"{key}.json"])
        assert (record["id"], record["text"]) == (key, store.utterances["text"][row])


def test_the_library_reads_them(store: Store, shards: list[Path]) -> None:
    command = [sys.executable, "-c", READ, *map(str, shards)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "No module named 'webdataset'" in done.stderr:
        pytest.skip("webdataset is not installed")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [key for key, *_ in rows] == store.utterances["id"].tolist()
    for row, (_, record, arrays, total) in enumerate(rows):
        assert record["emotion"] == store.utterances["emotion"][row]
        assert arrays["mel.npy"] == ["float32", [int(store.utterances["mel_frames"][row]), 16]]
        assert total == pytest.approx(float(store.array("mel")[row, : record["mel_length"]].sum()), rel=1e-4)
        assert set(arrays) == {f"{name}.npy" for name in store.arrays}


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.lists(NAMES, unique=True, min_size=1, max_size=5))
def test_a_key_has_no_dot_leaves_no_folder_and_belongs_to_one_id(names: list[str]) -> None:
    keys = [_key(name) for name in names]
    assert len(set(keys)) == len(names)
    assert not [key for key in keys if set(key) & set("./\\ \0") or not key.isascii()]


def test_a_usual_id_is_its_own_key() -> None:
    assert _key("Sess01_script01_User001F_001") == "Sess01_script01_User001F_001"
    assert _key("03a01Fa.wav") == "03a01Fa%2Ewav"
