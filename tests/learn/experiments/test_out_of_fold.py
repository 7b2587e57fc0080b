"""kemfeat.learn.experiments.out_of_fold: no model predicts an utterance of the train part that it has seen."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from kemfeat.build import build_store
from kemfeat.errors import ConfigError
from kemfeat.learn import run_folder
from kemfeat.learn.experiments.ensemble import ensemble
from kemfeat.learn.experiments.out_of_fold import out_of_fold
from kemfeat.learn.run_folder import read_run
from kemfeat.learn.training.inner_folds import INNER
from kemfeat.learn.training.recipe import load_recipe
from kemfeat.learn.training.trainer import audited_of_run, training_data_of_run
from kemfeat.splits import Split, write_split
from kemfeat.store.reader import Store
from kemfeat.synth.kemdy20 import SYNTH
from tests.e2e.command import kemfeat
from tests.learn.conftest import SETTINGS
from tests.learn.training import kit

pytestmark = pytest.mark.slow  # models are trained


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Enough sessions for folds within a train part."""
    folder = tmp_path_factory.mktemp("sessions")
    SYNTH.write(folder / "KEMDy20", utterances=128, sessions=8, seed=1)
    return build_store("KEMDy20", root=folder / "KEMDy20", out=folder / "store", settings=SETTINGS).store


@pytest.fixture(scope="module")
def split(store: Store) -> Split:
    return kit.session_split(store)


@pytest.fixture(scope="module")
def runs(store: Store, split: Split, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    made = []
    for name in ("mel", "eda"):
        recipe = load_recipe("baseline/logistic", {"model.features": [name], "model.strengths": [1.0]})
        made.append(kit.trained(recipe, store, split, folder / name))
    return made


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ensemble") / "out"


@pytest.fixture(scope="module")
def tables(runs: list[Path], store: Store, split: Split, out: Path) -> list[pd.DataFrame]:
    return out_of_fold(runs, store=store, split=split, out=out, folds=2, device="cpu")


def test_the_train_part_is_predicted_once_by_models_that_did_not_see_it(
    runs: list[Path], tables: list[pd.DataFrame], store: Store, split: Split, out: Path
) -> None:
    """J1."""
    people = store.utterances.set_index("id")
    for place, (run, table) in enumerate(zip(runs, tables, strict=True), start=1):
        whole = training_data_of_run(run, audited_of_run(run, store=store, split=split))
        assert set(table["part"]) == {"train"}
        assert sorted(table["id"]) == sorted(whole.truth("train")["id"])
        for number in (1, 2):
            facts = read_run(out / INNER / str(place) / str(number))
            assert facts.outcome is not None
            assert sum(facts.train.classes.values()) < len(table)
        assert people.loc[table["id"], "session"].nunique() >= 2


def test_a_stacker_is_fitted_on_them_and_validation_is_predicted_too(
    runs: list[Path], tables: list[pd.DataFrame], out: Path
) -> None:
    facts = ensemble(runs, method="stacking", out=out, out_of_fold=tables)
    assert facts.ensemble is not None
    assert (facts.ensemble.fitted_part, facts.ensemble.fitted_on) == ("train", len(tables[0]))
    assert set(pd.read_parquet(out / run_folder.PREDICTIONS)["part"]) == {"valid", "test"}
    assert facts.leakage.verdict == "clean"


def test_a_fusion_cannot_be_trained_within_its_train_part(store: Store, split: Split, tmp_path: Path) -> None:
    """Its runs have seen all of it."""
    encoder = kit.saved_bert(tmp_path / "bert", store)
    audio = kit.trained(kit.audio_recipe(train__epochs=1), store, split, tmp_path / "audio")
    text = kit.trained(kit.text_recipe(encoder, train__epochs=1), store, split, tmp_path / "text")
    fusion = kit.trained(kit.fusion_recipe(audio, text, train__epochs=1), store, split, tmp_path / "fusion")
    with pytest.raises(ConfigError, match="trained on"):
        out_of_fold([fusion], store=store, split=split, out=tmp_path / "out", folds=2, device="cpu")


def test_the_command_and_inner_runs_that_are_finished_are_not_trained_again(
    runs: list[Path], store: Store, split: Split, tmp_path: Path
) -> None:
    write_split(tmp_path / "split.parquet", split)
    options = ("--method", "stacking", "--inner", "2", "--store", store.path, "--split", tmp_path / "split.parquet")
    said = kemfeat("ensemble", *runs, *options, "--out", tmp_path / "out", "--device", "cpu", "--json")
    assert said.code == 0, said
    assert json.loads(said.out)["ensemble"]["fitted_part"] == "train"
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / INNER).rglob(run_folder.BEST)}
    assert len(times) == 4
    for path in (tmp_path / "out").iterdir():
        if path.is_file():
            path.unlink()
    said = kemfeat("ensemble", *runs, *options, "--out", tmp_path / "out", "--device", "cpu")
    assert said.code == 0, said
    assert "each predicted by a model that did not see it" in " ".join(said.out.split())
    assert {path: path.stat().st_mtime_ns for path in times} == times
