"""Opening stores, and what is said when one does not open."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kemfeat.errors import ConfigError, StoreCorruptError, StoreError, StoreIncompleteError, StoreVersionError
from kemfeat.labels import FIVE_CLASSES
from kemfeat.store.reader import Store, open_store


def edit(store: Store, **changes: Any) -> None:
    """Write other members into the header; the digest stays."""
    path = store.path / "kemfeat.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes), encoding="utf-8")


def test_a_store_opens(finished: Store) -> None:
    store = open_store(str(finished.path))
    assert len(store) == 20
    assert store.dataset == "KEMDy20"
    assert len(store.digest) == 64
    assert store.arrays[:3] == ("mel", "mel_lengths", "delta")
    assert repr(store).startswith("<kemfeat.Store KEMDy20: 20 utterances, mel, mel_lengths, delta")
    assert repr(store).endswith(f"; {store.digest[:12]}>")


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreIncompleteError, match="does not exist; expected a store, as `kemfeat build` makes it"):
        open_store(tmp_path / "absent")


def test_a_folder_that_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreIncompleteError, match=r"is not a store \(kemfeat.json is missing\); expected a folder"):
        open_store(tmp_path)


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreIncompleteError, match="not a store"):
        open_store(tmp_path / "file")


@pytest.mark.parametrize("sign", [".building", "features.zarr"])
def test_an_unfinished_store_says_how_to_resume(tmp_path: Path, sign: str) -> None:
    (tmp_path / sign).mkdir()
    with pytest.raises(StoreIncompleteError) as caught:
        open_store(tmp_path)
    assert "this store was never finished" in str(caught.value)
    assert f"run the same `kemfeat build ... --out {tmp_path}` again: it resumes" in str(caught.value)


@pytest.mark.parametrize("version", [0, 3, "1", None, 1.5, True])
def test_another_format_version_is_refused(copied: Store, version: Any) -> None:
    edit(copied, format_version=version)
    with pytest.raises(
        StoreVersionError, match="this kemfeat reads 1 and 2; open it with the kemfeat that wrote it"
    ) as caught:
        open_store(copied.path)
    assert f"format_version {version!r}" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b'{"format_version": 1', b"\xff\xfe", b"[1, 2", b"\0" * 100])
def test_a_header_that_is_not_json_is_damaged(copied: Store, content: bytes) -> None:
    (copied.path / "kemfeat.json").write_bytes(content)
    with pytest.raises(StoreCorruptError, match=r"kemfeat.json: is not JSON; restore it or build"):
        open_store(copied.path)


@pytest.mark.parametrize("content", ["[]", "1", '"text"', "{}", "null"])
def test_json_that_is_no_header_has_no_version(copied: Store, content: str) -> None:
    (copied.path / "kemfeat.json").write_text(content)
    with pytest.raises(StoreVersionError, match="format_version None"):
        open_store(copied.path)


def test_a_header_deeper_than_anyone_writes_is_damaged(copied: Store) -> None:
    (copied.path / "kemfeat.json").write_text("[" * 200_000)
    with pytest.raises(StoreCorruptError, match="is not JSON"):
        open_store(copied.path)


def test_a_header_with_a_wrong_member_names_it(copied: Store) -> None:
    edit(copied, dataset=7)
    with pytest.raises(StoreCorruptError, match=r"kemfeat.json: dataset: expected a valid string; restore it or"):
        open_store(copied.path)


def test_a_header_without_a_member_names_it(copied: Store) -> None:
    path = copied.path / "kemfeat.json"
    content = json.loads(path.read_bytes())
    del content["parts"]
    path.write_text(json.dumps(content))
    with pytest.raises(StoreCorruptError, match="parts: is required"):
        open_store(copied.path)


def test_a_header_that_contradicts_itself_is_damaged(copied: Store) -> None:
    edit(copied, axes={"clip": {"rows": 20, "table": "utterances.parquet"}})
    with pytest.raises(StoreCorruptError, match=r"kemfeat.json: features are on axes \['utterance'\]"):
        open_store(copied.path)


def test_a_header_that_cannot_be_read_is_said(copied: Store) -> None:
    (copied.path / "kemfeat.json").unlink()
    (copied.path / "kemfeat.json").mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        open_store(copied.path)


def test_a_table_outside_of_the_store_is_refused(copied: Store) -> None:
    edit(copied, axes={"utterance": {"rows": 20, "table": "../utterances.parquet"}})
    with pytest.raises(StoreCorruptError, match="lists a file outside of the store"):
        open_store(copied.path).rows("utterance")


def test_a_session_outside_of_the_store_is_refused(copied: Store, tmp_path: Path) -> None:
    shutil.copy(copied.path / "signals" / "Sess01.parquet", tmp_path / "outside.parquet")
    edit(copied, sessions={"../../outside": copied.header.sessions["Sess01"].model_dump(mode="json")})
    with pytest.raises(StoreCorruptError, match="lists a file outside of the store"):
        open_store(copied.path).signals("../../outside")


def test_an_array_outside_of_the_store_is_refused(copied: Store, tmp_path: Path) -> None:
    shutil.copytree(copied.path / "features.zarr" / "mel" / "mel", tmp_path / "outside")
    arrays = copied.header.model_dump(mode="json")["arrays"]
    edit(copied, arrays={"../../../outside": arrays["mel"]})
    with pytest.raises(StoreCorruptError, match="lists a file outside of the store"):
        open_store(copied.path).array("../../../outside")


def test_an_unknown_array_suggests_the_nearest(finished: Store) -> None:
    with pytest.raises(ConfigError, match=r"no array 'mell'.*mel"):
        finished.array("mell")
    with pytest.raises(ConfigError, match=r"no session 'Sess1'.*Sess01"):
        finished.signals("Sess1")


def test_a_missing_table_is_said(copied: Store) -> None:
    (copied.path / "ratings.parquet").unlink()
    with pytest.raises(StoreCorruptError, match=r"ratings\.parquet is missing; run the same build again to restore it"):
        _ = copied.ratings


def test_a_damaged_table_is_said(copied: Store) -> None:
    (copied.path / "ratings.parquet").write_bytes(b"PAR1")
    with pytest.raises(StoreCorruptError, match=r"ratings\.parquet: is not what was written"):
        _ = copied.ratings


def test_the_html_shows_names_as_text(finished: Store) -> None:
    evil = "<script>alert(1)</script>"
    info = finished.header.arrays["mel"].model_copy(update={"description": evil, "unit": evil, "dtype": evil})
    header = finished.header.model_copy(update={"dataset": evil, "arrays": {evil: info}})
    shown = Store(finished.path, header)._repr_html_()
    assert "<script>" not in shown
    assert shown.count("&lt;script&gt;") == 6
    assert all(f"<td>{name}</td>" in finished._repr_html_() for name in finished.arrays)


def test_the_html_counts_what_covers_the_utterances(finished: Store) -> None:
    shown = finished._repr_html_()
    for medium in ("eda", "temp", "ibi"):
        count = int((finished.utterances[f"{medium}_coverage"] > 0).sum())
        assert f"<td>{medium.upper()}</td><td>{count}</td><td>{count / 20:.1%}</td>" in shown
    assert "<td>votes</td><td>20</td><td>100.0%</td>" in shown
    assert "<td>emotion happy</td><td>20</td>" in shown


def test_the_html_of_a_damaged_store_says_so(copied: Store) -> None:
    (copied.path / "ratings.parquet").write_bytes(b"<b>")
    assert "ratings.parquet: is not what was written" in copied._repr_html_()
    assert "ratings.parquet: is not what was written" in copied.utterance(copied.utterances["id"][0])._repr_html_()


def test_the_tables(finished: Store, corpus: Any) -> None:
    assert finished.utterances["id"].tolist() == list(corpus.ids)
    assert len(finished.ratings) == 200
    assert len(finished.keys) == 20
    assert len(finished.failures) == 0
    assert set(finished.signal_index["medium"]) == {"eda", "temp", "ibi"}
    assert finished.rows("utterance")["id"].tolist() == list(corpus.ids)
    assert finished.utterances is finished.utterances


def test_arrays_cannot_be_written(finished: Store) -> None:
    with pytest.raises(ValueError, match="read-only"):
        finished.array("mel")[0] = np.zeros((20, 128), dtype=np.float32)


@pytest.mark.parametrize("rule", ["annotated", "first", "7class", "5class", "votes"])
def test_labels_follow_a_rule(finished: Store, rule: str) -> None:
    labels = finished.labels(rule)
    assert labels.attrs == {"rule": rule, "dropped": int(labels.isna().sum())}
    # Every utterance of the corpus is a tie of happy and neutral.
    expected = {"annotated": "happy;neutral", "first": "happy"}.get(rule)
    assert set(labels) == {expected}


def test_a_rule_keeps_what_is_no_tie(finished: Store) -> None:
    store = Store(finished.path, finished.header)
    store.utterances["emotion"] = [*FIVE_CLASSES, "disgust", "fear", None, *["happy;sad"] * 12]
    assert store.labels("7class").tolist()[:8] == [*FIVE_CLASSES, "disgust", "fear", None]
    assert store.labels("5class").tolist()[:8] == [*FIVE_CLASSES, None, None, None]
    assert store.labels("5class").attrs["dropped"] == 15


def test_an_unknown_rule_is_refused(finished: Store) -> None:
    with pytest.raises(ConfigError, match=r"label rule '7clas'.*7class"):
        finished.labels("7clas")


def test_every_row_is_complete(finished: Store) -> None:
    assert finished.complete_rows("mel") == [True] * 20
