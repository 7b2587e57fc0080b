"""The recipes of system 2: as published, and trained end to end on a small KEMDy19."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from kemfeat.learn import run_folder
from kemfeat.learn.inference.predict import predict_recording, predict_store
from kemfeat.learn.training.audited_fold import audit_fold
from kemfeat.learn.training.recipe import Recipe, load_recipe
from kemfeat.learn.training.training_data import TrainingData, training_data_of
from kemfeat.splits import Split
from kemfeat.store.reader import Store
from tests.learn.training import kit

NAMES = ("audio", "text", "cross-modal")
VARIANTS = ("faithful", "corrected")
PUBLISHED_IDS = ("neutral", "angry", "happy", "surprise", "sad", "fear", "disgust")
every_variant = pytest.mark.parametrize("variant", VARIANTS)


@pytest.fixture(scope="module")
def split(kemdy19: Store) -> Split:
    return kit.session_split(kemdy19, labels="first")


def recipe(name: str, variant: str, folder: Path, store: Store, **values: Any) -> Recipe:
    text = {} if name == "audio" else {"model.text_encoder": str(kit.saved_bert(folder, store))}
    audio = {"model.n_mfcc": 16, "model.frames": 40} if name == "cross-modal" else {}
    small = {"train.epochs": 1, "variant": variant, **text, **audio}
    return load_recipe(f"stacked/{name}", small | kit.dotted(values))


def data_of(made: Recipe, store: Store, split: Split) -> TrainingData:
    return training_data_of(made, audit_fold(store, split, fold=0))


@every_variant
@pytest.mark.parametrize("name", NAMES)
def test_what_was_published_is_in_both_variants(name: str, variant: str) -> None:
    made = load_recipe(f"stacked/{name}", {"variant": variant})
    published: dict[str, tuple[Any, ...]] = {
        "audio": ("adamw", 2e-4, 0.0, "linear", "step", 16, 1.0),
        "text": ("adamw", 5e-5, 0.01, "cosine", "step", 16, 1.0),
        "cross-modal": ("adamw", 2e-5, 0.01, "linear", "step", 3, 1.0),
    }
    keys = ("optimizer", "learning_rate", "weight_decay", "schedule", "schedule_by", "epochs", "clip")
    assert tuple(getattr(made.train, key) for key in keys) == published[name]
    assert made.model.classes == PUBLISHED_IDS
    assert made.train.shuffle is (variant == "corrected" or name == "cross-modal")  # J11


@every_variant
@pytest.mark.parametrize("name", NAMES)
def test_a_run_trains_and_predicts(name: str, variant: str, kemdy19: Store, split: Split, tmp_path: Path) -> None:
    made = recipe(name, variant, tmp_path / "encoder", kemdy19)
    run = kit.trained(made, kemdy19, split, tmp_path / "run")
    table = pd.read_parquet(run / run_folder.PREDICTIONS)
    chances = table[[f"p_{name}" for name in PUBLISHED_IDS]]
    assert set(table["part"]) == {"valid", "test"}
    assert (chances.sum(axis=1) - 1).abs().max() < 1e-5
    assert chances.std().min() > 0, "utterances are predicted alike"


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_and_its_text_are_predicted_as_in_the_store(
    name: str, kemdy19: Store, split: Split, tmp_path: Path
) -> None:
    run = kit.trained(recipe(name, "corrected", tmp_path / "encoder", kemdy19), kemdy19, split, tmp_path / "run")
    in_store = predict_store(run, kemdy19, device="cpu").set_index("id")
    rows, chances = kemdy19.utterances.set_index("id"), [f"p_{name}" for name in PUBLISHED_IDS]
    for one in in_store.index[:2]:
        wav = kemdy19.path.with_name("KEMDy19") / rows["audio"][one]
        given = {"wav": None if name == "text" else wav, "text": None if name == "audio" else rows["text_clean"][one]}
        found = predict_recording(run, **given, device="cpu")
        assert found[chances].iloc[0].tolist() == pytest.approx(in_store.loc[one, chances].tolist(), abs=1e-5)


def test_faithful_reads_the_rows_in_the_order_of_the_split_in_every_epoch(
    kemdy19: Store, split: Split, tmp_path: Path
) -> None:
    def orders(variant: str) -> list[list[str]]:
        data = data_of(recipe("audio", variant, tmp_path, kemdy19), kemdy19, split)
        loader = data.training_loader(epoch=0, device=torch.device("cpu"))
        return [[one for batch in loader for one in batch.ids] for _ in range(2)]

    first, second = orders("faithful")
    trained = data_of(recipe("audio", "faithful", tmp_path, kemdy19), kemdy19, split).truth("train")["id"].tolist()
    assert first == second == trained  # J11
    shuffled, again = orders("corrected")
    assert sorted(shuffled) == sorted(again) == sorted(trained)
    assert len({tuple(shuffled), tuple(again), tuple(trained)}) == 3
