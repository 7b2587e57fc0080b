"""The examples in docstrings run as they stand, in a folder that has a corpus and a store."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import kemfeat
from kemfeat import build_store
from kemfeat.synth.kemdy20 import SYNTH

SOURCE = Path(kemfeat.__file__).parent
MODULES = [
    ".".join(("kemfeat", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
    for path in sorted(SOURCE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the corpus ``corpora/KEMDy20`` and its store ``stores/KEMDy20``."""
    made = tmp_path_factory.mktemp("examples")
    (made / "stores").mkdir()
    SYNTH.write(made / "corpora/KEMDy20", utterances=36, sessions=4, seed=1)
    build_store("KEMDy20", root=made / "corpora/KEMDy20", out=made / "stores/KEMDy20")
    return made


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
