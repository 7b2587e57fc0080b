from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kemfeat_cli.app import app
from typer.testing import CliRunner

from kemfeat.analyses.dtw import ANALYSIS
from kemfeat.errors import ConfigError
from kemfeat.store.reader import Store


def kemfeat(*arguments: Any) -> Any:
    return CliRunner().invoke(app, ["analyze", "dtw", *map(str, arguments)])


def test_the_command_writes_everything_and_prints_a_few_lines(store: Store, tmp_path: Path):
    out = tmp_path / "out"
    said = kemfeat(store.path, "--signal", "eda", "--k-range", "2:3", "--restarts", 2, "--out", out)
    assert said.exit_code == 0, said.output
    content = json.loads((out / "result.json").read_text())
    assert content["analysis"] == ANALYSIS.name
    assert set(content["tables"]) == {
        "indices", "clusters", "association", "cluster_by_emotion", "shapes", "starts", "bootstrap", "members"
    }  # fmt: skip
    assert set(content["figures"]) == {"silhouettes", "medoids", "distances", "indices_by_k"}
    named = [name for entry in content["tables"].values() for name in entry["files"]]
    named += [name for files in content["figures"].values() for name in files]
    assert [name for name in named if not (out / name).is_file()] == []
    assert content["config"]["k_range"] == [2, 3]
    assert not {"workers", "blocks"} & set(content["config"])
    assert said.output.startswith(content["summary"][0][:40])


def test_one_k_and_json(store: Store, tmp_path: Path):
    init = "--init", "0,40,80"
    said = kemfeat(store.path, "--k", 3, "--method", "tsclust", *init, "--normalize", "--json", "--out", tmp_path)
    assert said.exit_code == 0, said.output
    content = json.loads(said.output)
    assert content["values"]["k"] == 3
    assert content["config"]["init"] == [0, 40, 80]
    assert content["values"]["distance"]["normalize"] is True


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--k-range", "2-10"), "--k-range 2-10: expected whole numbers, for example --k-range 2:10"),
        (("--k-range", "5"), "k_range"),
        (("--init", "a,b"), "--init a,b: expected whole numbers"),
        (("--init", "1_0,3"), "--init 1_0,3: expected whole numbers"),
        (("--k", "3", "--k-range", "2:4"), "--k 3 and --k-range 2:4 are both given; give one of them"),
    ],
)
def test_options_that_do_not_fit_are_refused(store: Store, options: tuple[str, ...], message: str):
    error = kemfeat(store.path, *options).exception
    assert isinstance(error, ConfigError)
    assert message in str(error)
