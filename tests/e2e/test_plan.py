"""``kemfeat plan`` as users run it."""

import json

import pytest
from kemfeat_cli import plan as command
from kemfeat_cli.app import app
from typer.testing import CliRunner

from tests.build.kit import SETTINGS
from tests.e2e.command import kemfeat, sentence


@pytest.fixture
def line(finished, tmp_path):
    """The options of a plan for the tiny corpus."""
    config = tmp_path / "config.toml"
    tables = {name: table for name, table in SETTINGS.items() if isinstance(table, dict)}
    lines = [f"features = {json.dumps(SETTINGS['features'])}", f"rows_per_shard = {SETTINGS['rows_per_shard']}"]
    lines += [f"{name}.{key} = {json.dumps(value)}" for name, table in tables.items() for key, value in table.items()]
    config.write_text("\n".join(lines))
    return ["plan", "--dataset", "kemdy20", "--root", finished.corpus.root, "--config", config, "--workers", 1]


def test_a_plan_says_what_the_build_then_does(line, tmp_path):
    out = tmp_path / "store"
    made = kemfeat(*line, "--out", out, "--json").json
    assert not out.exists()
    assert kemfeat("build", *line[1:], "--out", out).code == 0
    assert made["files"] == sum(path.is_file() and not path.is_symlink() for path in out.rglob("*"))
    assert (made["fits"], made["up_to_date"], made["utterances"], made["workers"]) == (True, False, 12, 1)
    parts = sum(array["bytes"] for array in made["arrays"].values())
    assert made["bytes"] == parts + made["bytes_signals"] + made["bytes_tables"]
    again = kemfeat(*line, "--out", out)
    assert f"{out}: is up to date; a build has nothing to do" in again.out


def test_a_plan_with_workers_is_for_people(line, tmp_path):
    out = tmp_path / "store"
    said = kemfeat(*line, "--workers", 2, "--out", out)
    assert said.code == 0
    assert f"{out}: yes, it fits: building writes" in said.out
    assert "with 1 worker" in said.out


def test_a_plan_that_does_not_fit_exits_with_the_code_of_the_build(line, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    said = CliRunner().invoke(app, [*map(str, line), "--out", str(tmp_path / "store")])
    assert said.exit_code == 4
    assert "no, it does not fit" in " ".join(said.output.split())


def test_a_plan_of_nothing_is_one_sentence(line, tmp_path):
    assert "melody" in sentence(*line, "--out", tmp_path / "store", "--set", "melody.x=1", code=2)
    missing = tmp_path / "nowhere"
    assert str(missing) in sentence("plan", "--dataset", "KEMDy20", "--root", missing, code=3)


@pytest.mark.parametrize(("seconds", "words"), [(36.4, "36 s"), (600, "10 min"), (10_000, "2.8 h")])
def test_durations_are_for_people(seconds, words):
    assert command._duration(seconds) == words
