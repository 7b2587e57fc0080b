"""``kemfeat list``: every name that an option takes, with one line, and nothing else."""

import pytest

from kemfeat import plugins
from kemfeat.learn.training.recipe import recipe_names
from tests.e2e.command import at_terminal, kemfeat, sentence

ROOMS = {
    "datasets": "corpora",
    "features": "features",
    "analyses": "analyses",
    "exports": "export",
    "lenses": "lenses",
    "models": "learn.models",
}


@pytest.mark.parametrize("kind", [*ROOMS, "recipes", "labels", "presets"])
def test_every_line_is_a_name_and_a_sentence(kind):
    listed = kemfeat("list", kind, "--json").json
    assert listed
    assert all(set(each) == {"name", "about"} and each["about"].isprintable() for each in listed)
    lines = kemfeat("list", kind, COLUMNS="20").out.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [[each["name"], each["about"]] for each in listed]


@pytest.mark.parametrize("kind", ROOMS)
def test_every_plugin_is_listed_by_a_name_that_finds_it(kind):
    listed = [each["name"] for each in kemfeat("list", kind, "--json").json]
    everything = [plugins.find(ROOMS[kind], name) for name in plugins.names(ROOMS[kind])]
    if kind == "exports":
        assert listed == [each.name for each in everything]
    else:
        assert [plugins.find(ROOMS[kind], name) for name in listed] == everything


def test_every_recipe_and_preset_is_listed():
    assert [each["name"] for each in kemfeat("list", "recipes", "--json").json] == list(recipe_names())
    presets = {each["name"]: each["about"] for each in kemfeat("list", "presets", "--json").json}
    assert presets["hangul"] == "settings of text"
    assert "mel" in presets["kor-2022"]


def test_a_label_rule_that_is_listed_is_one_that_is_taken(finished, tmp_path):
    listed = [each["name"] for each in kemfeat("list", "labels", "--json").json]
    refusal = sentence("export", finished.out, "--to", "tsv-npy", "--out", tmp_path / "x", "--labels", "no", code=2)
    assert refusal.partition("(known: ")[2].rstrip(")").split(", ") == sorted(listed)


def test_no_kind_names_the_kinds():
    assert "Choose from: datasets, features, presets" in sentence("list", code=2)


def test_a_terminal_wraps_what_is_long():
    code, shown = at_terminal("list", "recipes", columns=50)
    assert code == 0
    assert max(map(len, shown.splitlines())) <= 50
