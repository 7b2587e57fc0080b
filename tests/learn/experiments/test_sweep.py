"""Sweeps: every combination, chosen on validation, and only the chosen one is tested."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from kemfeat.errors import ConfigError
from kemfeat.learn import run_folder
from kemfeat.learn.experiments.sweep import sweep, trials_of
from kemfeat.learn.training.audited_fold import audit_fold
from kemfeat.learn.training.progress import Silent
from kemfeat.store.reader import Store
from tests.learn.training import kit

RECIPE = "kor/audio-arousal"


def test_axes_make_every_combination() -> None:
    trials = trials_of(
        "kor/fusion",
        {"train": {"seed": 3}},
        {"model.audio_run": ["runs/a", "runs/b"], "model.text_run": ["x", "y", "z"]},
    )
    assert [trial.name for trial in trials] == [
        f"{number:02}-audio_run={audio}-text_run={text}"
        for number, (audio, text) in enumerate((audio, text) for audio in "ab" for text in "xyz")
    ]
    pairs = {(trial.recipe.model.audio_run, trial.recipe.model.text_run) for trial in trials}
    assert pairs == {(audio, text) for audio in ("runs/a", "runs/b") for text in "xyz"}
    assert all(trial.recipe.train.seed == 3 for trial in trials)


def test_no_axis_is_one_trial() -> None:
    (trial,) = trials_of(RECIPE, {"model": {"n_layers": 3}}, {})
    assert trial.recipe.model.n_layers == 3


@pytest.mark.parametrize("key", ["train.loss", "train.class_weights", "train.seed", "variant"])
def test_losses_that_cannot_be_compared_are_not_swept(key: str) -> None:
    with pytest.raises(ConfigError, match=f"--sweep {key}"):
        trials_of(RECIPE, {}, {key: [1, 2]})


def test_values_must_be_values() -> None:
    with pytest.raises(ConfigError, match="given twice"):
        trials_of(RECIPE, {}, {"model.n_layers": [3, 4, 3]})
    with pytest.raises(ConfigError, match="did you mean 'n_layers'"):
        trials_of(RECIPE, {}, {"model.n_layer": [3]})


def test_the_smallest_validation_loss_is_chosen_and_only_it_is_tested(store: Store, tmp_path: Path) -> None:
    data = audit_fold(store, kit.session_split(store))
    trials = trials_of(RECIPE, kit.AUDIO, {"model.n_layers": [1, 2], "train.learning_rate": [0.0001, 0.02]})
    found = sweep(trials, data, out=tmp_path / "sweep", options=kit.CPU, progress=Silent())
    table = pd.read_csv(tmp_path / "sweep" / "sweep.csv")
    assert list(zip(table["model.n_layers"], table["train.learning_rate"], strict=True)) == [
        (1, 0.0001), (1, 0.02), (2, 0.0001), (2, 0.02)
    ]  # fmt: skip
    best = table.loc[table["valid_loss"].idxmin()]
    assert table["chosen"].tolist() == (table["run"] == best["run"]).tolist()
    assert best["train.learning_rate"] == 0.02
    assert found.chosen == tmp_path / "sweep" / best["run"]
    for run in table["run"]:
        tested = (tmp_path / "sweep" / run / run_folder.PREDICTIONS).exists()
        assert tested == (run == best["run"])
        assert (tmp_path / "sweep" / run / run_folder.METRICS).exists() == tested
    assert not [name for name in table if "test" in name]
    for trial in trials:
        best_loss = kit.losses(tmp_path / "sweep" / trial.name)["valid_loss"].min()
        assert best_loss == table.loc[table["run"] == trial.name, "valid_loss"].item()


def test_a_sweep_does_not_go_into_a_run(store: Store, tmp_path: Path) -> None:
    (tmp_path / run_folder.RUN).write_text("{}")
    data = audit_fold(store, kit.session_split(store))
    trials = trials_of(RECIPE, kit.AUDIO, {"model.n_layers": [1, 2]})
    with pytest.raises(ConfigError, match="is the folder of a single run"):
        sweep(trials, data, out=tmp_path, options=kit.CPU, progress=Silent())
