"""Paths as text do wherever a path does: in the annotations, for mypy, and when the functions are called."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import kemfeat
from kemfeat import plugins
from kemfeat.analyses import output
from kemfeat.errors import ConfigError
from kemfeat.paths import to_path, to_path_or_none
from tests.build.kit import Bench

ROOT = Path(__file__).resolve().parents[1]
NAMES = re.findall(r"^::: (\S+)$", (ROOT / "docs/api.md").read_text(encoding="utf-8"), re.MULTILINE)


def _public() -> dict[str, Callable[..., Any]]:
    """Every function of ``docs/api.md``, and the options that users make themselves."""
    found = {}
    for name in NAMES:
        module, _, attribute = name.rpartition(".")
        one = getattr(importlib.import_module(module), attribute)
        if inspect.isfunction(one) or one is kemfeat.BuildOptions:
            found[name] = one
    return found


PUBLIC = _public()


def test_the_law_has_something_to_hold_for() -> None:
    taking = [name for name, one in PUBLIC.items() if "StrPath" in str(inspect.signature(one))]
    assert {"kemfeat.build_store", "kemfeat.open_store", "kemfeat.BuildOptions"} < set(taking)


@pytest.mark.parametrize("name", PUBLIC)
def test_no_public_function_takes_a_path_alone(name: str) -> None:
    for parameter in inspect.signature(PUBLIC[name]).parameters.values():
        assert not re.search(r"\bPath\b", str(parameter.annotation)), f"{name}: {parameter}"


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_function_has_an_example(name: str) -> None:
    assert ">>> " in (PUBLIC[name].__doc__ or "")


def test_settings_take_text_for_a_path() -> None:
    config = plugins.find("analyses", "dtw").config
    assert config(blocks="blocks").blocks == config(blocks=Path("blocks")).blocks == Path("blocks")
    with pytest.raises(ValidationError, match="a path is empty"):
        config(blocks="")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_text_and_path_are_the_same_place(text: str) -> None:
    if "://" not in text:
        assert to_path(text) == to_path(Path(text)) == Path(text)
        assert to_path_or_none(text) == Path(text)


def test_nothing_and_addresses_are_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"a path is empty; expected a file or folder; pass '\.'"):
        to_path("")
    with pytest.raises(ConfigError, match=r"^s3://: an address is not used here; pass a file") as caught:
        to_path("s3://key:secret@bucket/store")
    assert "secret" not in str(caught.value)
    assert to_path_or_none(None) is None


def test_an_empty_path_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for call in (lambda: kemfeat.open_store(""), lambda: kemfeat.build_store("KEMDy20", root="", out="store")):
        with pytest.raises(ConfigError, match="a path is empty"):
            call()
    assert list(tmp_path.iterdir()) == []


def test_an_address_makes_no_folder_of_that_name(
    finished: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kemfeat.export import export_store
    from kemfeat.report import write_report

    monkeypatch.chdir(tmp_path)
    store = kemfeat.open_store(finished.out)
    for call in (
        lambda: write_report(store, out="s3://bucket/report.html"),
        lambda: export_store(store, to="tsv-npy", out="gs://bucket/export"),
    ):
        with pytest.raises(ConfigError, match="an address is not used here"):
            call()
    assert list(tmp_path.iterdir()) == []


def test_functions_take_text_from_corpus_to_report(finished: Bench, tmp_path: Path) -> None:
    from kemfeat.build import forecast, recompute
    from kemfeat.export import export_store
    from kemfeat.report import write_report
    from kemfeat.splits import make_split, read_split, write_split

    root, out = str(finished.corpus.root), str(tmp_path / "store")
    settings = {"features": ["mel"], "mel": {"max_frames": 32, "n_mels": 16}}
    assert kemfeat.validate_corpus("KEMDy20", root=root).root == Path(root)
    assert forecast("KEMDy20", root=root, out=out, settings=settings).utterances == 12
    options = kemfeat.BuildOptions(cache=str(tmp_path / "cache"))
    store = kemfeat.build_store("KEMDy20", root=root, out=out, settings=settings, options=options).store
    assert store.path == kemfeat.open_store(out).path == Path(out)
    assert recompute(store, root=root, rows=2) == []
    split = make_split(store.utterances, scheme="speaker", folds=2, labels="annotated")
    write_split(str(tmp_path / "split.parquet"), split)
    assert read_split(str(tmp_path / "split.parquet")).digest == split.digest
    assert write_report(store, out=str(tmp_path / "report.html")).path == tmp_path / "report.html"
    assert export_store(store, to="tsv-npy", out=str(tmp_path / "export")).path == tmp_path / "export"
    analysis = plugins.find("analyses", "balance")
    config = analysis.config()
    output.write(analysis, analysis.run(store, config), store=store, config=config, out=str(tmp_path / "balance"))
    assert (tmp_path / "balance/result.json").is_file()


def test_a_path_of_another_library_does(finished: Bench) -> None:
    class Place:
        def __fspath__(self) -> str:
            return str(finished.out)

    assert kemfeat.open_store(Place()).path == finished.out


SCRIPT = """
import os
from pathlib import Path

import kemfeat
from kemfeat.export import export_store
from kemfeat.figures.balance import class_counts
from kemfeat.learn import load_model, load_recipe, train
from kemfeat.report import write_report
from kemfeat.splits import make_split, read_split, write_split

options = kemfeat.BuildOptions(workers=2, cache="cache")
report = kemfeat.build_store("KEMDy20", root="corpora/KEMDy20", out="stores/KEMDy20", options=options)
kemfeat.validate_corpus("KEMDy20", root="corpora/KEMDy20", table="table.csv")
store = kemfeat.open_store("stores/KEMDy20", cache=Path("cache"))
split = make_split(store.utterances, scheme="speaker", folds=2)
write_split("split.parquet", split)
recipe = load_recipe("kor/audio-arousal")
train(recipe, store=store, split=read_split("split.parquet"), out="run")
model = load_model("run")
write_report(store, out="report.html")
export_store(store, to="webdataset", out=os.path.join("exports", "web"))
"""


@pytest.mark.slow
def test_mypy_accepts_a_script_with_text_and_refuses_what_is_no_path(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "wrong.py").write_text("import kemfeat\n\nkemfeat.open_store(7)\n", encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml")]
    command += ["script.py", "wrong.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    found = [line for line in done.stdout.splitlines() if line.startswith(("script.py", "wrong.py"))]
    assert [line.partition(": error")[0] for line in found] == ["wrong.py:3"], done.stdout
