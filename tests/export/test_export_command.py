"""``kemfeat export`` as a person and a program meet it, and what ``kemfeat verify`` says of rows that are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

from kemfeat import plugins
from kemfeat.store import schema
from kemfeat.store.reader import Store, open_store
from tests.build.kit import ROWS, Bench
from tests.e2e.command import kemfeat, sentence
from tests.store.kit import vouch

pytestmark = pytest.mark.slow  # each runs the installed command


def test_it_says_what_it_made(store: Store, tmp_path: Path) -> None:
    said = kemfeat("export", store.path, "--to", "tsv-npy", "--out", tmp_path / "out", "--arrays", "mel, eda,")
    assert said.code == 0
    first, second = said.out.splitlines()
    assert first == f"{tmp_path}/out: 12 rows of the axis utterance, as tsv-npy; digest {store.digest[:12]}"
    assert second.startswith("5 files, 0.0 MB; arrays: mel, eda")
    assert "exporting: 12 of 12 rows (100 %)" in said.err
    assert sorted(path.name for path in (tmp_path / "out").glob("*.npy")) == ["eda.npy", "mel.npy"]


def test_for_programs_it_is_one_json_document(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "나가기"
    said = kemfeat("export", store.path, "--to", "WebDataset", "--out", out, "--labels", "5class", "--json")
    assert (said.code, said.err) == (0, "")
    facts = said.json
    assert facts.pop("bytes") > 0
    assert facts == {
        "store": str(store.path),
        "digest": store.digest,
        "path": str(out),
        "format": "webdataset",
        "axis": "utterance",
        "arrays": list(store.arrays),
        "rows": 1,
        "dropped": 11,
        "files": 3,
    }


def test_what_it_cannot_do_is_one_sentence(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out"
    where = ("export", store.path, "--out", out, "--to")
    assert "did you mean 'datasets'" in sentence(*where, "dataset", code=2).replace("data_sets", "datasets")
    assert "no array 'mell'; did you mean 'mel'?" in sentence(*where, "tsv-npy", "--arrays", "mell", code=2)
    assert "--arrays: no array is named; expected some of mel" in sentence(*where, "tsv-npy", "--arrays", ",", code=2)
    assert "label rule '3class'" in sentence(*where, "tsv-npy", "--labels", "3class", code=2)
    assert not out.exists()
    (tmp_path / "unfinished" / schema.BUILDING).mkdir(parents=True)
    said = sentence("export", tmp_path / "unfinished", "--out", out, "--to", "tsv-npy", code=4)
    assert "this store was never finished" in said
    assert not out.exists()


def test_verify_warns_of_some_rows_that_stand_still_and_refuses_many(bench: Bench) -> None:
    store = open_store(bench.out)
    mel = np.asarray(store.array("mel")[:])
    for still, code in ((2, 0), (ROWS, 4)):
        mel[:still] = mel[:still, :1]
        with zarr.config.set({"array.write_empty_chunks": True}):
            zarr.open_array(bench.out / schema.array_path("mel", "mel"), mode="r+")[:] = mel
        vouch(bench.out)
        says = f"mel: {still} of {ROWS} rows are constant over time, such as {bench.corpus.ids[0]}; "
        facts = kemfeat("verify", bench.out, "--json")
        assert facts.code == code
        assert [line[: len(says)] for line in facts.json["problems" if code else "warnings"]] == [says]
        assert facts.json["ok"] is not bool(code)
        said = kemfeat("verify", bench.out)
        assert said.code == code
        assert said.out.startswith(says if code else f"warning: {says}")


def test_help_names_every_format() -> None:
    said = kemfeat("export", "--help").out
    assert plugins.names("export")
    for name in plugins.names("export"):
        assert plugins.find("export", name).name in said
