"""The recipes of system 4, trained end to end on a small synthetic IEMOCAP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kemfeat.build import build_store
from kemfeat.learn import run_folder
from kemfeat.learn.run_folder import read_predictions, read_run
from kemfeat.learn.training.recipe import Recipe, load_recipe
from kemfeat.splits import Split, make_split
from kemfeat.store.reader import Store
from kemfeat.synth.iemocap import SYNTH
from tests.learn.training import kit

SMALL = {"model.size": [24, 40], "train.epochs": 1, "train.batch_size": 32, "train.learning_rate": 0.001}
IMAGES = ("av/cnn", "av/cnn-rnn", "av/cnn-lstm")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("iemocap")
    SYNTH.write(folder / "IEMOCAP", utterances=80, sessions=3, seed=2)
    settings = {"features": ("stft-image",), "rows_per_shard": 32}
    return build_store("IEMOCAP", root=folder / "IEMOCAP", out=folder / "store", settings=settings).store


@pytest.fixture(scope="module")
def split(store: Store) -> Split:
    return make_split(store.utterances, scheme="session", folds=3, store=store.digest, labels="4class")


def small(name: str, variant: str) -> Recipe:
    return load_recipe(name, {"variant": variant, **SMALL})


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("variant", ["corrected", "faithful"])
def test_a_recipe_of_images_is_trained_and_tested(
    name: str, variant: str, store: Store, split: Split, tmp_path: Path
) -> None:
    run = kit.trained(small(name, variant), store, split, tmp_path / "run")
    facts = read_run(run)
    assert facts.outcome is not None
    assert facts.outcome.determinism.two_passes == 0
    assert facts.outcome.determinism.batch_of_one < 1e-4
    assert len(pd.read_csv(run / run_folder.HISTORY)) == 1
    table = read_predictions(run, facts)
    assert table["id"].is_unique, "one prediction per utterance, whatever the number of its clips"
    parts = table.groupby("part")["speaker"].agg(set)
    assert not parts["test"] & parts["valid"], "no speaker of one part is in another (S8)"
    chances = table[[f"p_{emotion}" for emotion in ("neutral", "sad", "happy", "angry")]]
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-5)
