"""kemfeat.learn.models.linear: what scikit-learn fits is what is predicted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn import StoreDataset, run_folder
from kemfeat.learn.models import build_model
from kemfeat.learn.models.linear import LinearConfig, fit, summaries
from kemfeat.learn.settings import TrainConfig
from kemfeat.learn.training.recipe import load_recipe
from kemfeat.learn.training.trainer import train
from kemfeat.learn.training.training_data import TrainingData
from kemfeat.store.reader import Store
from tests.learn.models import kit as models
from tests.learn.training import kit


def standardised(store: Store, ids: list[str], fitted_on: list[str]) -> np.ndarray:
    rows = {name: row for row, name in enumerate(store.utterances["id"])}
    known, wanted = (
        summaries(StoreDataset(store, [rows[name] for name in some], media=("mel", "delta")).__getitems__(
            range(len(some))
        )).double().numpy()
        for some in (fitted_on, ids)
    )  # fmt: skip
    spread = known.std(axis=0)
    return (wanted - known.mean(axis=0)) / np.where(spread > 1e-6, spread, 1.0)


def test_logistic_regression_is_that_of_scikit_learn(store: Store, tmp_path: Path) -> None:
    split = kit.session_split(store)
    train(load_recipe("baseline/logistic"), store=store, split=split, out=tmp_path / "run", options=kit.CPU)
    facts = json.loads((tmp_path / "run" / run_folder.RUN).read_text())
    strength = facts["config"]["model"]["strengths"][facts["outcome"]["best_epoch"] - 1]
    labels = pd.Series(store.labels(split.facts["labels"]).to_numpy(), index=store.utterances["id"])
    fitted_on = [name for name in split.ids("train") if labels[name] in facts["emotions"]]
    x = standardised(store, fitted_on, fitted_on)
    other = LogisticRegression(C=1 / strength, class_weight="balanced", max_iter=2000).fit(x, labels[fitted_on])
    found = pd.read_parquet(tmp_path / "run" / run_folder.PREDICTIONS)
    found = found[found["part"] == "test"]
    chances = other.predict_proba(standardised(store, found["id"].tolist(), fitted_on))
    ours = found[[f"p_{name}" for name in other.classes_]].to_numpy()
    np.testing.assert_allclose(ours, chances, atol=2e-3)
    assert facts["outcome"]["epochs"] == 6
    assert not {"arousal_pred", "valence_pred"} & set(found), "nothing is predicted that was not fitted"
    history = pd.read_csv(tmp_path / "run" / run_folder.HISTORY)
    assert history["valid_loss"].idxmin() + 1 == facts["outcome"]["best_epoch"]


def test_the_train_part_is_opened_once_for_its_loss(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def counted(self: TrainingData, part: str, *, _open: Any = TrainingData.loader, **options: Any) -> Any:
        opened.append(part)
        return _open(self, part, **options)

    monkeypatch.setattr(TrainingData, "loader", counted)
    recipe = load_recipe("baseline/logistic", {"train.epochs": 3})
    run = kit.trained(recipe, store, kit.session_split(store), tmp_path / "run")
    history = pd.read_csv(run / run_folder.HISTORY)
    assert len(history) == 3
    assert history["train_loss"].nunique() == 3
    assert opened.count("train") == 1


def test_ridge_regression_is_that_of_scikit_learn(store: Store, tmp_path: Path) -> None:
    split = kit.session_split(store)
    recipe = load_recipe("baseline/ridge", {"model": {"strengths": [10.0]}, "train.epochs": 1})
    train(recipe, store=store, split=split, out=tmp_path / "run", options=kit.CPU)
    ratings = store.utterances.set_index("id")["arousal"]
    fitted_on = [name for name in split.ids("train") if pd.notna(ratings[name])]
    other = Ridge(alpha=10.0).fit(standardised(store, fitted_on, fitted_on), ratings[fitted_on].astype(float))
    found = pd.read_parquet(tmp_path / "run" / run_folder.PREDICTIONS).set_index("id")["arousal_pred"]
    np.testing.assert_allclose(found, other.predict(standardised(store, found.index.tolist(), fitted_on)), atol=2e-3)


def test_a_class_that_train_lacks_is_never_predicted_and_two_classes_have_two_logits() -> None:
    batch = replace(models.batch((6, 9, 3, 7), (4, 2, 7, 3)), emotion=torch.tensor([0, 3, 0, 3]))
    model = build_model(LinearConfig(inputs=summaries(batch).shape[1]))
    fit(model, [batch], task="emotion", epoch=0, train=TrainConfig(loss="cross-entropy"))
    chances = model(batch).logits.softmax(dim=1).detach()
    assert chances[:, [1, 2, 4]].max() < 1e-6
    assert chances.argmax(dim=1).tolist() == [0, 3, 0, 3]


def test_padding_and_what_is_missing_do_not_count() -> None:
    batch = models.batch()
    torch.testing.assert_close(summaries(models.longer(batch, frames=5)), summaries(batch))
    values = batch.mel.transpose(1, 2).flatten(2)[1, : int(batch.mel_lengths[1])]
    expected = torch.cat([values.mean(dim=0), values.std(dim=0, unbiased=False)])
    torch.testing.assert_close(summaries(batch)[1, : len(expected)], expected)


def test_what_it_cannot_read_is_a_sentence() -> None:
    batch = replace(models.batch(), mel=None, arrays={}, lengths={})
    with pytest.raises(AnalysisError, match="the batch has no numbers"):
        summaries(batch)
    with pytest.raises(ConfigError, match="numbers, expected 3; read the features of its training"):
        build_model(LinearConfig(inputs=3))(models.batch())
