"""``kemfeat config``: settings that are shown are those that a build takes, and every setting is explained."""

import json
import re

import pytest

from kemfeat import plugins
from kemfeat.config import thawed
from tests.e2e.command import build, kemfeat, sentence
from tests.e2e.test_cli import SETS


def test_what_is_shown_is_what_the_store_was_built_with(finished, tmp_path):
    where = ("config", "show", "--dataset", "kemdy20", "--root", finished.corpus.root)
    shown = kemfeat(*where, *SETS)
    assert (shown.code, shown.err) == (0, "")
    digest = kemfeat("info", finished.out, "--json").json["digest"]
    assert shown.out == kemfeat("log", finished.out, "--config", digest).out
    (tmp_path / "my.toml").write_text(shown.out)
    assert kemfeat(*where, "--config", tmp_path / "my.toml").out == shown.out


def test_a_build_from_what_is_shown_has_nothing_to_do(bench, tmp_path):
    shown = kemfeat("config", "show", "--dataset", "KEMDy20", "--root", bench.corpus.root, *SETS).out
    (tmp_path / "my.toml").write_text(shown)
    assert "up to date" in build(bench, "--config", tmp_path / "my.toml").out


def test_wrong_settings_are_refused_as_a_build_refuses_them(bench, tmp_path):
    where = ("config", "show", "--dataset", "KEMDy20", "--root", bench.corpus.root)
    assert "did you mean 'n_mels'?" in sentence(*where, "--set", "mel.nmels=3", code=2)
    assert "pass --dataset too" in sentence("config", "show", "--preset", "kor-2022", code=2)


@pytest.mark.parametrize("feature", plugins.names("features"))
def test_every_setting_of_a_feature_is_explained_with_its_default(feature):
    config = plugins.find("features", feature).config
    told = {each["key"].partition(".")[2]: each for each in kemfeat("config", "explain", feature, "--json").json}
    assert {name: each["default"] for name, each in told.items()} == {
        name: json.loads(json.dumps(thawed(field.default))) for name, field in config.model_fields.items()
    }
    for each in told.values():
        assert each["about"].isprintable()
        assert not re.search("``|:[a-z]+:`|^See ", each["about"])
        assert each["about"].endswith((".", "`"))
    for preset, values in config.PRESETS.items():
        assert {name: each["presets"][preset] for name, each in told.items() if preset in each["presets"]} == (
            json.loads(json.dumps(thawed(values)))
        )


def test_one_setting_is_explained_for_people():
    assert kemfeat("config", "explain", "mel.pad_value").out.splitlines() == [
        "mel.pad_value: What follows the last frame of a row; floor is -top_db.",
        'type: "floor" or float [dB]',
        'default: "floor"',
        "preset kor-2022: 0.0",
        "set it: --set mel.pad_value=VALUE, or mel.pad_value = VALUE in the file of --config",
    ]


@pytest.mark.parametrize("key", ["labels", "labels.map", "features", "rows_per_shard", "preset", "audio.channel"])
def test_settings_of_the_whole_build_are_explained(key):
    (told,) = kemfeat("config", "explain", key, "--json").json
    assert told["about"].endswith(".")


def test_an_unknown_setting_is_told_the_nearest_one():
    assert "did you mean 'mel.n_mels'?" in sentence("config", "explain", "mel.nmels", code=2)
    assert "did you mean 'rows_per_shard'?" in sentence("config", "explain", "rows_per_shrd", code=2)


def test_settings_for_all_commands_come_from_the_nearest_file(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    project, own = tmp_path / "pyproject.toml", tmp_path / "a" / "kemfeat.toml"

    def shown():
        return kemfeat("config", "show", cwd=inner).out.splitlines()

    project.write_text('[tool.kemfeat.cloud]\nprivate = ["s3://lab"]\n')
    assert shown() == [f"# {project} [tool.kemfeat]", 'cloud.private = ["s3://lab"]']
    own.write_text('[cloud]\nprivate = ["s3://mine"]\n')
    assert shown() == [f"# {own}", 'cloud.private = ["s3://mine"]']
    (inner / "pyproject.toml").write_text("[tool.other]\n")
    assert shown() == [f"# {own}", 'cloud.private = ["s3://mine"]']


@pytest.mark.parametrize(
    "content", ["[tool]\nkemfeat = 3\n", "[tool.kemfeat]\nprivate = []\n", '[tool.kemfeat.cloud]\nprivate = ["*"]\n']
)
def test_a_project_with_other_settings_is_refused(tmp_path, content):
    (tmp_path / "pyproject.toml").write_text(content)
    said = sentence("config", "show", code=2, cwd=tmp_path)
    assert str(tmp_path / "pyproject.toml") in said
    assert "expected" in said


def test_two_files_with_settings_are_one_too_many(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.kemfeat]\n")
    (tmp_path / "kemfeat.toml").write_text("")
    assert "keep one of the two" in sentence("config", "show", code=2, cwd=tmp_path)


def test_settings_for_all_commands_are_explained():
    *_, last = kemfeat("config", "explain", "cloud.private").out.splitlines()
    assert last == "set it: in kemfeat.toml, or below [tool.kemfeat] of pyproject.toml"
