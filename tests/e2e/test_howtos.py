"""Who follows a how-to adds one file and its test; the room's laws, the command line and the documentation know it.

Each test writes the blocks of a page into a copy of the package, runs the laws there, and uses the new thing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from kemfeat.build import build_store
from kemfeat.synth.kemdy20 import SYNTH

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
MAIN = "import sys; from kemfeat_cli.app import main; sys.exit(main())"
COPIED = ("kemfeat", "tests", "docs", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "pyproject.toml")
BLOCK = re.compile(r"^```(python|toml|markdown)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SETTINGS = {
    "features": ["mel", "delta", "eda"],
    "rows_per_shard": 16,
    "mel": {"n_mels": 16, "max_frames": 300},
    "delta": {"max_frames": 300},
}


class Corpus(NamedTuple):
    """A small KEMDy20 and a store of it."""

    root: Path
    store: Path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """120 utterances in 4 sessions; not to be changed."""
    folder = tmp_path_factory.mktemp("howtos")
    made = Corpus(folder / "KEMDy20", folder / "store")
    SYNTH.write(made.root, utterances=120, sessions=4, seed=1)
    build_store("KEMDy20", root=made.root, out=made.store, settings=SETTINGS)
    return made


class Copy:
    """A copy of the package in which somebody has followed a how-to."""

    def __init__(self, folder: Path, page: str, *places: str) -> None:
        self.folder = folder
        for name in COPIED:
            copied(ROOT / name, folder / name)
        copied(ROOT / "cli", folder / "kemfeat_cli")
        before = self.content()
        text = (ROOT / "docs/howto" / page).read_text(encoding="utf-8")
        for (language, block), place in zip(BLOCK.findall(text), places, strict=True):
            self.add(block, place, language=language)
            assert language == "markdown" or f"`{place}`" in text or f"`{Path(place).name}`" in text
        after = self.content()
        self.touched = {name for name in before | after if before.get(name) != after.get(name)}

    def add(self, block: str, place: str, *, language: str) -> None:
        """A new file, or a further section of a page."""
        path = self.folder / place
        assert path.exists() == (language == "markdown"), place
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{block}" if language == "markdown" else block)

    def content(self) -> dict[str, bytes]:
        found = (path for path in self.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}

    def run(self, *command: object) -> str:
        done = subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder), "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    def kemfeat(self, *arguments: object) -> str:
        return self.run("-c", MAIN, *arguments)

    def tested(self, files: Sequence[str], *, keyword: str) -> int:
        """How many tests of these files have the keyword in their name; all of them pass."""
        options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", keyword)
        where = "import kemfeat; print(kemfeat.__file__)"
        assert Path(self.run("-c", where).strip()).is_relative_to(self.folder)
        passed = re.search(r"(\d+) passed", self.run("-m", "pytest", *options, *files))
        assert passed
        return int(passed[1])


def copied(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def test_a_corpus_is_one_file_and_its_test(tmp_path):
    places = ("kemfeat/corpora/msp.py", "tests/corpora/test_msp.py")
    copy = Copy(tmp_path / "copy", "add-a-corpus.md", *places)
    assert copy.touched == set(places)
    assert copy.tested(["tests/laws/test_corpus_laws.py", places[1]], keyword="msp or restricted") > 16
    copy.run("-c", "import sys, pathlib, tests.corpora.test_msp as t; t.write_small(pathlib.Path(sys.argv[1]))", "MSP")
    assert "0 error," in copy.kemfeat("validate", "--dataset", "MSP", "--root", "MSP")
    copy.kemfeat("build", "--dataset", "msp", "--root", "MSP", "--out", "store", "--features", "mel")
    assert json.loads(copy.kemfeat("info", "store", "--json"))["dataset"] == "MSP"
    assert "CC0 1.0" in (copy.folder / "store/README.md").read_text(encoding="utf-8")


def test_a_feature_is_one_file_its_test_and_its_settings(tmp_path, corpus):
    places = ("kemfeat/features/loudness.py", "tests/features/test_loudness.py", "docs/configuration.md")
    copy = Copy(tmp_path / "copy", "add-a-feature.md", *places)
    assert copy.touched == set(places)
    files = ["tests/laws/test_feature_laws.py", "tests/test_docs.py", places[1]]
    assert copy.tested(files, keyword="loudness") > 12
    copy.kemfeat("build", "--dataset", "KEMDy20", "--root", corpus.root, "--out", "store", "--features", "loudness")
    read = (
        "import kemfeat; import numpy as np; a = kemfeat.open_store('store').array('loudness');"
        "print(*a.shape, np.nanmin(a[:]))"
    )
    rows, frames, lowest = copy.run("-c", read).split()
    assert (int(rows), int(frames)) == (120, 400)
    assert -120 <= float(lowest) < 0


def test_an_analysis_is_one_file_its_test_and_its_pages(tmp_path, corpus):
    places = (
        "kemfeat/analyses/speaking_time.py",
        "tests/analyses/test_speaking_time.py",
        "docs/analyses.md",
        "docs/cli.md",
    )
    copy = Copy(tmp_path / "copy", "add-an-analysis.md", *places)
    assert copy.touched == set(places)
    files = ["tests/laws/test_analysis_laws.py", "tests/test_docs.py", places[1]]
    assert copy.tested(files, keyword="speaking_time") > 12
    found = json.loads(
        copy.kemfeat("analyze", "speaking_time", corpus.store, "--shortest", 1, "--out", "found", "--json")
    )
    assert found["config"]["shortest"] == 1.0
    assert found["values"]["speakers"] == 8
    files = found["tables"]["speakers"]["files"]
    assert files
    assert all((copy.folder / "found" / name).is_file() for name in files)


def test_an_export_is_one_file_its_test_and_a_section(tmp_path, corpus):
    places = ("kemfeat/export/json_lines.py", "tests/export/test_json_lines.py", "docs/howto/export.md")
    copy = Copy(tmp_path / "copy", "add-an-export.md", *places)
    assert copy.touched == set(places)
    assert copy.tested(["tests/export/test_export.py", places[1]], keyword="json_lines") > 4
    copy.kemfeat("export", corpus.store, "--to", "json-lines", "--out", "lines", "--arrays", "eda")
    lines = (copy.folder / "lines/utterance.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 120
    assert "each line is a json object" in (copy.folder / "lines/README.md").read_text(encoding="utf-8").casefold()


def test_a_lens_is_one_file_and_its_test(tmp_path):
    places = ("kemfeat/lenses/shortest.py", "tests/lenses/test_shortest.py")
    copy = Copy(tmp_path / "copy", "add-a-lens.md", *places)
    assert copy.touched == set(places)
    assert copy.tested(["tests/laws/test_lens_laws.py", places[1]], keyword="shortest") > 6
    assert "shortest" in {each["name"] for each in json.loads(copy.kemfeat("list", "lenses", "--json"))}


def test_a_model_is_one_file_its_recipe_and_its_test(tmp_path, corpus):
    places = (
        "kemfeat/learn/models/band_means.py",
        "kemfeat/learn/recipes/band-means/arousal.toml",
        "tests/learn/models/test_band_means.py",
    )
    copy = Copy(tmp_path / "copy", "add-a-model.md", *places)
    assert copy.touched == set(places)
    assert copy.tested(["tests/laws/test_model_laws.py", places[2]], keyword="band_means") > 9
    copy.kemfeat("split", corpus.store, "--scheme", "session", "--folds", 4, "--out", "folds.parquet")
    options = ("--store", corpus.store, "--split", "folds.parquet", "--device", "cpu")
    quick = ("--set", "model.n_mels=16", "--set", "train.epochs=1")
    copy.kemfeat("train", "band-means/arousal", *options, *quick, "--out", "run")
    run = json.loads((copy.folder / "run/run.json").read_text(encoding="utf-8"))
    assert (run["config"]["model"]["name"], run["outcome"]["epochs"]) == ("band_means", 1)
    judged = json.loads(copy.kemfeat("evaluate", "run", "--json"))["runs"][0]
    assert (judged["task"], judged["recipe"]) == ("arousal", "band-means/arousal")
