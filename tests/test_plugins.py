import importlib
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import get_args

import grimp
import pytest

from kemfeat import plugins
from kemfeat.errors import UnknownPluginError
from kemfeat.features.eda import EXTRACTOR

ROOMS = ("corpora", "features", "synth")


@pytest.fixture
def extra_room(tmp_path, monkeypatch):
    """A room of its own in place of ``features``: a file, a folder, shared API without the object, a private file."""
    (tmp_path / "log_mel.py").write_text("EXTRACTOR = 'good'\n")
    (tmp_path / "shared.py").write_text("raise RuntimeError('imported')\n")
    (tmp_path / "wide").mkdir()
    (tmp_path / "wide" / "__init__.py").write_text("from kemfeat.features.wide._own import EXTRACTOR\n")
    (tmp_path / "wide" / "_own.py").write_text("EXTRACTOR: str = 'wide'\n")
    (tmp_path / "_shared.py").write_text("raise RuntimeError('imported')\n")
    package = importlib.import_module("kemfeat.features")
    monkeypatch.setattr(package, "__path__", [str(tmp_path)])
    for known in (plugins.names, plugins._own):
        known.cache_clear()
    yield SimpleNamespace(folder=tmp_path)
    for known in (plugins.names, plugins._own):
        known.cache_clear()
    for name in ("log_mel", "wide", "wide._own"):
        sys.modules.pop(f"kemfeat.features.{name}", None)
        if hasattr(package, name):
            delattr(package, name)


@pytest.mark.parametrize("room", ROOMS)
def test_names_are_sorted_public_and_each_is_found(room):
    names = plugins.names(room)
    assert list(names) == sorted(set(names))
    assert not [name for name in names if name.startswith("_")]
    for name in names:
        assert plugins.find(room, name).name.lower() == name


def test_physiology_is_there():
    assert {"eda", "temp", "ibi"} <= set(plugins.names("features"))


@pytest.mark.parametrize("name", ["eda", "EDA", "e-d_a", " Eda "])
def test_case_and_punctuation_do_not_matter(name):
    assert plugins.find("features", name) is EXTRACTOR


@pytest.mark.parametrize("name", ["", "../eda", "_uniform", "uniform", "os", "eda.EXTRACTOR", "edaa"])
def test_an_unknown_name_is_refused_with_the_known_ones(name):
    with pytest.raises(UnknownPluginError, match=r"unknown feature .*known: .*eda") as refusal:
        plugins.find("features", name)
    assert repr(name) in str(refusal.value)


def test_the_nearest_name_is_suggested():
    with pytest.raises(UnknownPluginError, match="did you mean 'temp'"):
        plugins.find("features", "tmep")


def test_a_file_or_a_folder_with_the_object_is_a_plug_in_and_nothing_else(extra_room):
    assert plugins.names("features") == ("log_mel", "wide")
    assert plugins.find("features", "Log-Mel") == "good"
    assert plugins.find("features", "wide") == "wide"


def test_shared_api_of_a_room_is_not_a_plug_in(extra_room):
    with pytest.raises(UnknownPluginError, match=r"unknown feature .shared. \(known: log_mel, wide\)"):
        plugins.find("features", "shared")


def test_several_threads_may_ask_at_once():
    """As the first tasks of a worker of several threads do; here they take turns at every chance."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: plugins.names.__wrapped__("features"), range(64)))
    finally:
        sys.setswitchinterval(interval)
    assert found == [plugins.names("features")] * 64


@pytest.fixture(scope="module")
def graph():
    """Who imports whom."""
    return grimp.build_graph("kemfeat")


# A fusion is made of other models, so models may import one another.
@pytest.mark.parametrize("room", [room for room in get_args(plugins.Room) if room != "learn.models"])
def test_plugins_import_no_other_plugin_of_their_room(room, graph):
    known = {f"kemfeat.{room}.{name}" for name in plugins.names(room)}
    for plugin in known:
        inside = {plugin} | graph.find_descendants(plugin)
        imported = set().union(*(graph.find_modules_directly_imported_by(module) for module in inside))
        others = {other for other in known - {plugin} for module in imported if f"{module}.".startswith(f"{other}.")}
        assert not others, f"{plugin} imports {others}"
