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
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn import StoreDataset, run_folder
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models import build_model
from kemfeat.learn.models.linear import LinearConfig, choice_of, fit, summaries
from kemfeat.learn.run_facts import Choice
from kemfeat.learn.settings import TrainConfig
from kemfeat.learn.training.recipe import load_recipe
from kemfeat.learn.training.trainer import load_model, train
from kemfeat.learn.training.training_data import TrainingData
from kemfeat.store.reader import Store
from tests.learn.models import kit as models
from tests.learn.training import kit


def numbers(store: Store, ids: list[str], media: tuple[str, ...] = ("mel", "delta")) -> np.ndarray:
    rows = {name: row for row, name in enumerate(store.utterances["id"])}
    dataset = StoreDataset(store, [rows[name] for name in ids], media=media)
    return summaries(dataset.__getitems__(range(len(ids)))).double().numpy()


def standardised(store: Store, ids: list[str], fitted_on: list[str]) -> np.ndarray:
    known, wanted = (numbers(store, some) for some in (fitted_on, ids))
    spread = known.std(axis=0)
    return (wanted - known.mean(axis=0)) / np.where(spread > 1e-6, spread, 1.0)


def test_logistic_regression_is_that_of_scikit_learn(store: Store, tmp_path: Path) -> None:
    split = kit.session_split(store)
    train(load_recipe("baseline/logistic"), store=store, split=split, out=tmp_path / "run", options=kit.CPU)
    facts = json.loads((tmp_path / "run" / run_folder.RUN).read_text())
    strength = facts["outcome"]["choice"]["chosen"]
    labels = pd.Series(store.labels(split.facts["labels"]).to_numpy(), index=store.utterances["id"])
    fitted_on = [name for name in split.ids("train") if labels[name] in facts["emotions"]]
    x = standardised(store, fitted_on, fitted_on)
    other = LogisticRegression(C=1 / strength, class_weight="balanced", max_iter=2000).fit(x, labels[fitted_on])
    found = pd.read_parquet(tmp_path / "run" / run_folder.PREDICTIONS)
    found = found[found["part"] == "test"]
    chances = other.predict_proba(standardised(store, found["id"].tolist(), fitted_on))
    ours = found[[f"p_{name}" for name in other.classes_]].to_numpy()
    np.testing.assert_allclose(ours, chances, atol=2e-3)
    assert facts["outcome"]["epochs"] == 1
    assert not {"arousal_pred", "valence_pred"} & set(found), "nothing is predicted that was not fitted"


def test_the_train_part_is_opened_once_for_its_loss(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def counted(self: TrainingData, part: str, *, _open: Any = TrainingData.loader, **options: Any) -> Any:
        opened.append(part)
        return _open(self, part, **options)

    monkeypatch.setattr(TrainingData, "loader", counted)
    run = kit.trained(load_recipe("baseline/logistic"), store, kit.session_split(store), tmp_path / "run")
    assert len(pd.read_csv(run / run_folder.HISTORY)) == 1
    assert opened.count("train") == 1


def test_ridge_regression_is_that_of_scikit_learn(store: Store, tmp_path: Path) -> None:
    split = kit.session_split(store)
    recipe = load_recipe("baseline/ridge", {"model": {"strengths": [10.0]}})
    train(recipe, store=store, split=split, out=tmp_path / "run", options=kit.CPU)
    ratings = store.utterances.set_index("id")["arousal"]
    fitted_on = [name for name in split.ids("train") if pd.notna(ratings[name])]
    other = Ridge(alpha=10.0).fit(standardised(store, fitted_on, fitted_on), ratings[fitted_on].astype(float))
    found = pd.read_parquet(tmp_path / "run" / run_folder.PREDICTIONS).set_index("id")["arousal_pred"]
    np.testing.assert_allclose(found, other.predict(standardised(store, found.index.tolist(), fitted_on)), atol=2e-3)


def test_a_class_that_train_lacks_is_never_predicted_and_two_classes_have_two_logits() -> None:
    batch = replace(models.batch((6, 9, 3, 7), (4, 2, 7, 3)), emotion=torch.tensor([0, 3, 0, 3]))
    model = build_model(LinearConfig(inputs=summaries(batch).shape[1]))
    fit(model, [batch], task="emotion", speakers=speakers(batch), train=TrainConfig(loss="cross-entropy", epochs=1))
    chances = model(batch).logits.softmax(dim=1).detach()
    assert chances[:, [1, 2, 4]].max() < 1e-6
    assert chances.argmax(dim=1).tolist() == [0, 3, 0, 3]


def speakers(batch: Batch) -> dict[str, str]:
    return {name: f"S{number % 2}" for number, name in enumerate(batch.ids)}


@pytest.mark.parametrize("task", ["emotion", "arousal", "valence"])
def test_the_penalty_is_chosen_on_train_rows_held_out_by_speaker_and_on_no_others(
    store: Store, tmp_path: Path, task: str
) -> None:
    """scikit-learn, given the train part alone, comes to the same losses, and so to the same strength."""
    split = kit.session_split(store)
    recipe = load_recipe("baseline/logistic" if task == "emotion" else "baseline/ridge", {"task": task})
    train(recipe, store=store, split=split, out=tmp_path / "run", options=kit.CPU)
    facts = json.loads((tmp_path / "run" / run_folder.RUN).read_text())
    choice = facts["outcome"]["choice"]
    table = store.utterances.set_index("id")
    wanted = pd.Series(store.labels(split.facts["labels"]).to_numpy(), index=table.index)
    wanted = wanted.where(wanted.isin(facts["emotions"])) if task == "emotion" else table[task].astype(float)
    ids = [name for name in split.ids("train") if pd.notna(wanted[name])]
    y, who = wanted[ids].to_numpy(), table.loc[ids, "speaker"].to_numpy()
    x = numbers(store, ids)
    folds = GroupKFold(n_splits=min(5, len(set(who))))
    expected = {}
    for strength in facts["config"]["model"]["strengths"]:
        if task == "emotion":
            last: Any = LogisticRegression(C=1 / strength, class_weight="balanced", max_iter=2000)
        else:
            last = Ridge(alpha=strength)
        losses = np.zeros(len(y))
        for inner, held_out in folds.split(x, y, who):
            assert not set(who[inner]) & set(who[held_out])
            model = make_pipeline(SimpleImputer(), VarianceThreshold(1e-12), StandardScaler(), last)
            model.fit(x[inner], y[inner])
            if task == "emotion":
                right = model.predict_proba(x[held_out]) * (model.classes_[None] == y[held_out][:, None])
                losses[held_out] = -np.log(np.maximum(right.sum(axis=1), 1e-6))
            else:
                losses[held_out] = (model.predict(x[held_out]) - y[held_out]) ** 2
        weights = compute_sample_weight("balanced", y) if task == "emotion" else np.ones(len(y))
        expected[str(strength)] = np.average(losses, weights=weights)
    assert choice["folds"] == min(5, len(set(who)))
    assert choice["losses"] == pytest.approx(expected, rel=1e-3)
    assert choice["chosen"] == float(min(expected, key=lambda name: expected[name]))


def test_other_validation_and_test_parts_choose_and_fit_the_same(store: Store, tmp_path: Path) -> None:
    split = kit.session_split(store)
    fewer = split.rows[(split.rows["part"] == "train") | (split.rows.index % 2 == 0)].reset_index(drop=True)
    weights, choices = [], []
    for number, each in enumerate((split, replace(split, rows=fewer))):
        run = kit.trained(load_recipe("baseline/logistic"), store, each, tmp_path / str(number))
        weights.append(load_model(run).state_dict())
        choices.append(json.loads((run / run_folder.RUN).read_text())["outcome"]["choice"])
    assert choices[0] == choices[1]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_one_strength_is_taken_and_one_speaker_has_none_to_hold_out() -> None:
    batch = replace(models.batch((6, 9, 3, 7), (4, 2, 7, 3)), emotion=torch.tensor([0, 3, 0, 3]))
    size, settings = summaries(batch).shape[1], TrainConfig(loss="cross-entropy", epochs=1)
    alone = dict.fromkeys(batch.ids, "S1")
    model = build_model(LinearConfig(inputs=size, strengths=(10.0,)))
    fit(model, [batch], task="emotion", speakers=alone, train=settings)
    assert choice_of(model) == Choice(setting="model.strengths", chosen=10.0, folds=0)
    with pytest.raises(AnalysisError, match="the train part has one speaker, expected two or more"):
        fit(build_model(LinearConfig(inputs=size)), [batch], task="emotion", speakers=alone, train=settings)
    with pytest.raises(ConfigError, match=r"train\.epochs is 6: linear is fitted at once, expected 1"):
        fit(model, [batch], task="emotion", speakers=alone, train=settings.model_copy(update={"epochs": 6}))


def test_what_an_utterance_lacks_is_as_the_mean_of_training() -> None:
    values = torch.tensor([[1.0], [3.0], [torch.nan], [8.0]])
    batch = replace(models.batch((6, 9, 3, 7), (4, 2, 7, 3)), mel=None, arrays={"hrv": values[:, None]}, lengths={})
    batch = replace(batch, arousal=torch.tensor([1.0, 3.0, 2.0, 4.0]))
    assert summaries(batch)[:, 0].isnan().tolist() == [False, False, True, False]
    model = build_model(LinearConfig(features=("hrv",), inputs=2, strengths=(1e-3,)))
    fit(model, [batch], task="arousal", speakers=dict.fromkeys(batch.ids, "S"), train=TrainConfig(loss="mse", epochs=1))
    assert model.mean[0] == 4.0, "of the three that have it"
    as_mean = replace(batch, arrays={"hrv": torch.full((4, 1, 1), 4.0)})
    torch.testing.assert_close(model(batch).arousal[2], model(as_mean).arousal[0])
    nobody = replace(batch, arrays={"hrv": torch.full((4, 1, 1), torch.nan)})
    fit(model, [nobody], task="arousal", speakers=speakers(batch), train=TrainConfig(loss="mse", epochs=1))
    torch.testing.assert_close(model(nobody).arousal, torch.full((4,), 2.5))


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
