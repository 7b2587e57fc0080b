"""The examples in docstrings run as they stand, in a folder that has a corpus and a store."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import ModuleType

import pytest

import kemfeat
from kemfeat import build_store
from kemfeat.store.reader import Store
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
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for found in (*doctest.DocTestFinder().find(module), *_cached_properties(module)):
        runner.run(found)
    assert runner.tries > 0
    assert runner.failures == 0


def _cached_properties(module: ModuleType) -> Iterator[doctest.DocTest]:
    """Their examples; doctest finds them from Python 3.13 on."""
    if sys.version_info >= (3, 13):
        return
    parser = doctest.DocTestParser()
    for name, one in vars(module).items():
        if inspect.isclass(one) and one.__module__ == module.__name__:
            for attribute, value in vars(one).items():
                if isinstance(value, cached_property):
                    yield parser.get_doctest(
                        value.__doc__ or "", vars(module).copy(), f"{name}.{attribute}", None, None
                    )


def _public_functions(path: Path) -> list[str]:
    """Functions of a file that have no underscore, with their place."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    place = path.relative_to(SOURCE).as_posix()
    return [f"{place}:{node.name}" for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]


STATISTICS = [
    name
    for path in sorted((SOURCE / "stats").rglob("*.py"))
    if path.name == "__init__.py" or not path.name.startswith("_")
    for name in _public_functions(path)
]


@pytest.mark.parametrize("name", STATISTICS)
def test_every_statistic_has_an_example(name: str) -> None:
    path, function = name.split(":")
    module = ".".join(("kemfeat", *Path(path).with_suffix("").parts)).removesuffix(".__init__")
    assert ">>> " in (getattr(importlib.import_module(module), function).__doc__ or "")


@pytest.mark.parametrize("name", sorted(set(kemfeat.__all__) - {"__version__"}))
def test_every_public_name_has_an_example(name: str) -> None:
    assert ">>> " in (getattr(kemfeat, name).__doc__ or "")


@pytest.mark.parametrize("name", sorted(name for name in dir(Store) if not name.startswith("_")))
def test_every_method_of_a_store_has_an_example(name: str) -> None:
    member = inspect.getattr_static(Store, name)
    assert not (callable(member) or isinstance(member, property | cached_property)) or ">>> " in (member.__doc__ or "")
