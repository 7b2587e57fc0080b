"""What every analysis leaves on disk: one JSON, four kinds of tables, two of figures, and text that stays text."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kemfeat.analyses import Analysis, AnalysisResult
from kemfeat.analyses.output import SCHEMA_VERSION, default_folder, plain, write
from kemfeat.config import FrozenConfig
from kemfeat.errors import StoreCorruptError, StoreWriteError


class Settings(FrozenConfig):
    """A configuration."""

    seed: int = 3


HOSTILE = "<script>alert(1)</script> | 100% & $5_{}~^\\# *b* `c` [d](e)\n\n다음"


def _draw(stem: Path) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".svg", ".png"):
        stem.with_name(stem.name + suffix).write_bytes(b"x")


@pytest.fixture
def result() -> AnalysisResult:
    cells = pd.DataFrame({"code": ["001", "1e5", HOSTILE], "p_한글": [1e-9, 0.5, np.nan], "n": [1, 2, 3]})
    return AnalysisResult(
        summary=("one thing", "another"),
        tables={"cells": cells, "nothing": cells.head(0)},
        figures={"drawn": _draw},
        values={"x": np.float64(np.nan), "counts": {"a": np.int64(3)}},
        warnings=("beware",),
    )


@pytest.fixture
def written(result, store, tmp_path):
    return write(ANALYSIS, result, store=store, config=Settings(), out=tmp_path)


ANALYSIS = Analysis(name="demo", title="A demonstration", config=Settings, run=lambda store, config: None)


def test_result_json_holds_what_docs_promise(written, store, tmp_path):
    assert json.loads((tmp_path / "result.json").read_text()) == written
    assert written["schema_version"] == SCHEMA_VERSION
    assert written["analysis"] == "demo"
    assert written["config"] == {"seed": 3}
    assert written["summary"] == ["one thing", "another"]
    assert written["warnings"] == ["beware"]
    assert written["values"] == {"x": None, "counts": {"a": 3}}
    assert written["store"] == {"dataset": "KEMDy20", "digest": store.digest, "label_rule": "annotated"}
    assert set(written["provenance"]) == {"created", "command", "versions"}
    assert written["tables"]["cells"]["rows"] == 3
    assert written["tables"]["cells"]["columns"] == ["code", "p_한글", "n"]


def test_every_file_named_is_there(written, tmp_path):
    named = [file for table in written["tables"].values() for file in table["files"]]
    named += [file for files in written["figures"].values() for file in files]
    assert len(named) == 10
    assert all((tmp_path / file).stat().st_size for file in named)


def test_parquet_and_csv_give_the_table_back(written, result, tmp_path):
    cells = result.tables["cells"]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "tables/cells.parquet"), cells, check_dtype=False)
    read = pd.read_csv(tmp_path / "tables/cells.csv", dtype={"code": str})
    pd.testing.assert_frame_equal(read, cells, check_dtype=False, check_exact=True)
    assert len(pd.read_parquet(tmp_path / "tables/nothing.parquet")) == 0


def test_markdown_keeps_text_text(written, tmp_path):
    lines = (tmp_path / "tables/cells.md").read_text().splitlines()
    assert len(lines) == 5
    assert all(line.replace("\\|", "").count("|") == 4 for line in lines)
    assert "| 001 " in lines[2]
    assert "| 1e5 " in lines[3]
    assert "&lt;script&gt;" in lines[4]
    assert "\\*b\\* \\`c\\` \\[d\\]" in lines[4]
    assert len((tmp_path / "tables/nothing.md").read_text().splitlines()) == 2


def test_latex_escapes_what_latex_reads(written, tmp_path):
    text = (tmp_path / "tables/cells.tex").read_text()
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 4
    assert r"p\_한글" in rows[0]
    assert r"100\% \& \$5\_\{\}\textasciitilde \textasciicircum \textbackslash \#" in rows[3]
    assert "\n\n" not in text


def test_old_result_goes_before_new_tables_come(written, result, store, tmp_path):
    def fail(stem: Path) -> None:
        raise RuntimeError("no figure")

    broken = AnalysisResult(summary=(), tables=result.tables, figures={"drawn": fail})
    with pytest.raises(RuntimeError):
        write(ANALYSIS, broken, store=store, config=Settings(), out=tmp_path)
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize("name", ["../outside", "a/../../outside"])
def test_no_name_leaves_the_folder(store, tmp_path, name):
    result = AnalysisResult(summary=(), tables={}, figures={name: _draw})
    with pytest.raises(StoreCorruptError):
        write(ANALYSIS, result, store=store, config=Settings(), out=tmp_path / "out")


def test_refusal_of_the_disk_is_a_sentence(result, store, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreWriteError, match="a file stands where a folder must be"):
        write(ANALYSIS, result, store=store, config=Settings(), out=tmp_path / "file")


def test_default_folder_is_in_the_store(store):
    assert default_folder(store, ANALYSIS) == store.path / "analyses/demo"


def test_plain_is_json():
    value = {"a": np.arange(2), "b": (np.float32(0.5), float("inf"), None), "c": pd.Series([1.0, np.nan]), 3: True}
    assert plain(value) == {"a": [0, 1], "b": [0.5, None, None], "c": {"0": 1.0, "1": None}, "3": True}
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == plain(value)
