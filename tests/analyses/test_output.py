"""What every analysis leaves on disk: one JSON, four kinds of tables, two of figures, and text that stays text."""

from __future__ import annotations

import errno
import json
import os
import shutil
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kemfeat.analyses import Analysis, AnalysisResult
from kemfeat.analyses._place import made_aside
from kemfeat.analyses.output import SCHEMA_VERSION, default_folder, plain, prepare, write
from kemfeat.config import FrozenConfig
from kemfeat.errors import ConfigError, StoreCorruptError, StoreWriteError


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
    return write(ANALYSIS, result, store=store, config=Settings(), out=tmp_path / "out")


ANALYSIS = Analysis(name="demo", title="A demonstration", config=Settings, run=lambda store, config: None)


def test_result_json_holds_what_docs_promise(written, store, tmp_path):
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == written
    assert written["schema_version"] == SCHEMA_VERSION
    assert written["analysis"] == "demo"
    assert written["config"] == {"seed": 3}
    assert written["summary"] == ["one thing", "another"]
    assert written["warnings"] == ["beware"]
    assert written["values"] == {"x": None, "counts": {"a": 3}}
    said = {"dataset": "KEMDy20", "digest": store.digest, "label_rule": "annotated", "synthetic": True}
    assert written["store"] == said
    assert set(written["provenance"]) == {"created", "command", "versions"}
    assert written["tables"]["cells"]["rows"] == 3
    assert written["tables"]["cells"]["columns"] == ["code", "p_한글", "n"]


def test_every_file_named_is_there(written, tmp_path):
    named = [file for table in written["tables"].values() for file in table["files"]]
    named += [file for files in written["figures"].values() for file in files]
    assert len(named) == 10
    assert all((tmp_path / "out" / file).stat().st_size for file in named)


def test_parquet_and_csv_give_the_table_back(written, result, tmp_path):
    cells = result.tables["cells"]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out" / "tables/cells.parquet"), cells, check_dtype=False)
    read = pd.read_csv(tmp_path / "out" / "tables/cells.csv", dtype={"code": str})
    pd.testing.assert_frame_equal(read, cells, check_dtype=False, check_exact=True)
    assert len(pd.read_parquet(tmp_path / "out" / "tables/nothing.parquet")) == 0


def test_markdown_keeps_text_text(written, tmp_path):
    lines = (tmp_path / "out" / "tables/cells.md").read_text().splitlines()
    assert len(lines) == 5
    assert all(line.replace("\\|", "").count("|") == 4 for line in lines)
    assert "| 001 " in lines[2]
    assert "| 1e5 " in lines[3]
    assert "&lt;script&gt;" in lines[4]
    assert "\\*b\\* \\`c\\` \\[d\\]" in lines[4]
    assert len((tmp_path / "out" / "tables/nothing.md").read_text().splitlines()) == 2


def test_latex_escapes_what_latex_reads(written, tmp_path):
    text = (tmp_path / "out" / "tables/cells.tex").read_text()
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 4
    assert r"p\_한글" in rows[0]
    assert r"100\% \& \$5\_\{\}\textasciitilde \textasciicircum \textbackslash \#" in rows[3]
    assert "\n\n" not in text


def test_an_old_result_stays_whole_until_the_new_one_is(written, result, store, tmp_path):
    def fail(stem: Path) -> None:
        raise RuntimeError("no figure")

    broken = AnalysisResult(summary=(), tables=result.tables, figures={"drawn": fail})
    with pytest.raises(RuntimeError):
        write(ANALYSIS, broken, store=store, config=Settings(), out=tmp_path / "out")
    assert json.loads((tmp_path / "out/result.json").read_text()) == written
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_new_result_replaces_the_old_one_and_keeps_blocks(written, result, store, tmp_path):
    blocks = tmp_path / "out/distances-0123"
    blocks.mkdir()
    (blocks / "0.npy").write_bytes(b"x")
    fewer = AnalysisResult(summary=("new",), tables={"other": result.tables["cells"]})
    write(ANALYSIS, fewer, store=store, config=Settings(), out=tmp_path / "out")
    assert (blocks / "0.npy").read_bytes() == b"x"
    files = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert files == {"result.json", "other.parquet", "other.csv", "other.tex", "other.md", "0.npy"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("place", ["notes.txt", "tables/mine.csv", "result.json", "tables"])
def test_what_no_analysis_wrote_is_left_alone(result, store, tmp_path, place):
    mine = tmp_path / "out" / place
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("{}")
    with pytest.raises(ConfigError, match=f"contains {place}, which no analysis wrote"):
        write(ANALYSIS, result, store=store, config=Settings(), out=tmp_path / "out")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]


def test_a_file_added_to_a_result_is_left_alone(written, result, store, tmp_path):
    mine = tmp_path / "out/tables/mine.csv"
    mine.write_text("a,b")
    with pytest.raises(ConfigError, match=r"contains tables/mine\.csv"):
        write(ANALYSIS, result, store=store, config=Settings(), out=tmp_path / "out")
    assert mine.read_text() == "a,b"


@pytest.mark.parametrize("place", ["", "features", "features/new", "analyses", "analyses/a/b", "signals/../new"])
def test_no_result_is_written_into_a_store(result, copied, tmp_path, place):
    before = {path: path.stat().st_mtime_ns for path in copied.path.rglob("*")}
    (tmp_path / "link").symlink_to(copied.path)
    for out in (copied.path / place, tmp_path / "link" / place):
        with pytest.raises(ConfigError, match="is inside the store"):
            write(ANALYSIS, result, store=copied, config=Settings(), out=out)
    assert {path: path.stat().st_mtime_ns for path in copied.path.rglob("*")} == before


def test_the_folder_of_another_store_is_refused_and_the_own_one_is_not(result, store, copied):
    with pytest.raises(ConfigError, match="is inside the store"):
        write(ANALYSIS, result, store=store, config=Settings(), out=copied.path / "analyses/demo")
    for _ in range(2):
        write(ANALYSIS, result, store=copied, config=Settings(), out=copied.path / "analyses/other")
    assert (copied.path / "analyses/other/result.json").is_file()


@pytest.mark.parametrize("call", ["mkdir", "rename"])
@pytest.mark.parametrize("code", [errno.EMLINK, errno.EBUSY, errno.EXDEV, errno.ENOSPC, errno.ESTALE])
def test_whatever_the_system_refuses_is_a_sentence(written, result, store, tmp_path, monkeypatch, call, code):
    def refuse(*_arguments, **_options):
        raise OSError(code, "refused")

    monkeypatch.setattr(Path, call, refuse)
    with pytest.raises(StoreWriteError, match="refused"):
        write(ANALYSIS, result, store=store, config=Settings(), out=tmp_path / "out")
    monkeypatch.undo()
    assert json.loads((tmp_path / "out/result.json").read_text()) == written


class Killed(BaseException):
    """Stands for SIGKILL: from this moment on the process changes nothing on the disk."""


CHANGES = ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync")


def _run_until(change: int, run, monkeypatch) -> bool:
    """Run up to a change of the disk, counted from 0; whether it was killed there."""
    done = count()

    def killed_at(change_disk):
        def call(*arguments, **options):
            if next(done) >= change:
                raise Killed
            return change_disk(*arguments, **options)

        return call

    with monkeypatch.context() as patched:
        for name in CHANGES:
            patched.setattr(os, name, killed_at(getattr(os, name)))
        try:
            run()
        except Killed:
            return True
    return False


def _summary_of_whole(out: Path) -> list[str] | None:
    """The summary of the result in a folder, whose files must all be there; None where there is no result."""
    if not (out / "result.json").exists():
        return None
    content = json.loads((out / "result.json").read_text())
    named = [file for table in content["tables"].values() for file in table["files"]]
    assert all((out / file).stat().st_size for file in named)
    return content["summary"]


@pytest.mark.parametrize("earlier", [False, True], ids=["first", "replacing"])
def test_killed_before_any_change_of_the_disk_a_result_is_whole_and_the_next_run_tidies(
    store, tmp_path, monkeypatch, earlier
):
    table, out = pd.DataFrame({"n": [1]}), tmp_path / "parent/out"
    old, new, last = (AnalysisResult(summary=(name,), tables={name: table}) for name in ("old", "new", "last"))

    def put(result: AnalysisResult) -> None:
        write(ANALYSIS, result, store=store, config=Settings(), out=out)

    for change in count():
        shutil.rmtree(out.parent, ignore_errors=True)
        if earlier:
            put(old)
            (out / "distances-01").mkdir()
            (out / "distances-01/0.npy").write_bytes(b"x")
        if not _run_until(change, lambda: put(new), monkeypatch):
            break
        assert _summary_of_whole(out) in ([["old"], ["new"], None] if earlier else [["new"], None])
        prepare(out, store=store)
        assert _summary_of_whole(out) in ([["old"], ["new"]] if earlier else [["new"], None])
        put(last)
        assert _summary_of_whole(out) == ["last"]
        assert [path.name for path in out.parent.iterdir()] == ["out"]
        assert not earlier or (out / "distances-01/0.npy").read_bytes() == b"x"
    assert change > 30


def test_a_run_that_still_goes_on_is_left_alone(result, store, tmp_path):
    out = tmp_path / "out"
    with made_aside(out, store=store) as folder:
        write(ANALYSIS, result, store=store, config=Settings(), out=out)
        assert folder.is_dir()
        (folder / "result.json").write_text("{}")
    assert (out / "result.json").read_text() == "{}"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_disk_without_locks_is_enough(result, store, tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    (tmp_path / f".out.{'0' * 32}.aside").mkdir()
    write(ANALYSIS, result, store=store, config=Settings(), out=tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"out", f".out.{'0' * 32}.aside"}  # it may still be filled


@pytest.mark.parametrize("name", ["../outside", "a/../../outside"])
def test_no_name_leaves_the_folder(store, tmp_path, name):
    result = AnalysisResult(summary=(), tables={}, figures={name: _draw})
    with pytest.raises(StoreCorruptError):
        write(ANALYSIS, result, store=store, config=Settings(), out=tmp_path / "out")


def test_refusal_of_the_disk_is_a_sentence(result, store, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreWriteError, match="is a file, expected a folder"):
        write(ANALYSIS, result, store=store, config=Settings(), out=tmp_path / "file")


def test_default_folder_is_in_the_store(store):
    assert default_folder(store, ANALYSIS) == store.path / "analyses/demo"


def test_plain_is_json():
    value = {"a": np.arange(2), "b": (np.float32(0.5), float("inf"), None), "c": pd.Series([1.0, np.nan]), 3: True}
    assert plain(value) == {"a": [0, 1], "b": [0.5, None, None], "c": {"0": 1.0, "1": None}, "3": True}
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == plain(value)
