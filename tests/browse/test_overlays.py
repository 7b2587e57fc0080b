"""Predictions of runs and parts of splits, and what of them is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kemfeat.browse import Browser, parts_of, predictions_of
from kemfeat.errors import ConfigError, RunError
from kemfeat.learn.run_facts import RunFacts
from kemfeat.learn.run_folder import PREDICTIONS, read_run, write_run
from kemfeat.store.reader import Store, open_store
from tests.build.kit import Bench

CLASSES = ("happy", "neutral")


def write(folder: Path, store: Store, *, fold: int, tested: slice, **changes: Any) -> Path:
    """A finished run that tested some utterances, always predicts the first class, and was trained on the others."""
    folder.mkdir()
    facts = {
        "recipe": "mine",
        "variant": "mine",
        "task": "emotion",
        "emotions": CLASSES,
        "split": {"scheme": "session", "digest": "0"},
        "fold": fold,
        "store": {"digest": store.digest, "dataset": store.dataset},
        "leakage": {"verdict": "clean"},
        "train": {"classes": {}, "arousal": None, "valence": None},
    }
    write_run(folder, RunFacts(**{**facts, **changes}))
    names = changes.get("emotions", CLASSES)
    table = store.utterances[["id", "session", "speaker"]].assign(part="train", fold=fold, emotion_pred=names[0])
    table.loc[table.index[tested], "part"] = "test"
    table["emotion_true"] = [names[row % 2] for row in range(len(table))]
    table.loc[0, "emotion_true"] = None
    for name, chance in zip(names, (0.75, 0.25), strict=True):
        table[f"p_{name}"] = chance
    table.to_parquet(folder / PREDICTIONS)
    return folder


@pytest.fixture
def store(finished: Bench) -> Store:
    return open_store(finished.out)


def test_predictions_are_those_of_the_test_parts(store: Store, tmp_path: Path) -> None:
    runs = [
        write(tmp_path / "a", store, fold=0, tested=slice(0, 4)),
        write(tmp_path / "b", store, fold=1, tested=slice(4, 8)),
    ]
    found = predictions_of(runs)
    assert list(found) == ["id", "emotion", "predicted", "p_happy", "p_neutral", "fold", "run"]
    assert found["id"].tolist() == store.utterances["id"][:8].tolist()
    assert found["fold"].tolist() == [0] * 4 + [1] * 4
    assert set(found["run"]) == set(map(str, runs))


def test_the_page_says_what_is_right(store: Store, tmp_path: Path) -> None:
    page = Browser(store, runs=[write(tmp_path / "a", store, fold=0, tested=slice(0, 4))])
    outcome = page.columns["outcome"].values.to_pylist()
    assert outcome == [None, "wrong", "right", "wrong", *[None] * (len(store) - 4)]
    assert page.columns["chance"].values.to_pylist()[:4] == [None, 0.25, 0.75, 0.25]
    about = page.utterance(1)["prediction"]
    assert about["predicted"] == "happy"
    assert about["chances"] == {"happy": 0.75, "neutral": 0.25}
    assert page.utterance(9)["prediction"] is None


def test_a_leaking_split_is_said(store: Store, tmp_path: Path) -> None:
    leak = {"verdict": "leaking", "counts": {"speaker": 3}}
    page = Browser(store, runs=[write(tmp_path / "a", store, fold=0, tested=slice(0, 4), leakage=leak)])
    assert any("LEAKING SPLIT" in banner for banner in page.facts()["banners"])


def test_runs_that_do_not_belong_together_are_refused(store: Store, tmp_path: Path) -> None:
    first = write(tmp_path / "a", store, fold=0, tested=slice(0, 4))
    with pytest.raises(RunError, match="both tested"):
        predictions_of([first, write(tmp_path / "b", store, fold=0, tested=slice(3, 5))])
    other = write(tmp_path / "c", store, fold=1, tested=slice(4, 5), emotions=("sad", "fear"))
    with pytest.raises(RunError, match=r"predicts sad, fear, the first run happy, neutral"):
        predictions_of([first, other])
    with pytest.raises(RunError, match=r"found no run\.json"):
        predictions_of([tmp_path])


def test_a_run_without_emotions_is_refused(store: Store, tmp_path: Path) -> None:
    run = write(tmp_path / "a", store, fold=0, tested=slice(0, 4), task="arousal")
    table = pd.read_parquet(run / PREDICTIONS)
    table = table.drop(columns=["emotion_pred", "emotion_true"]).assign(arousal_pred=1.0, arousal_true=1.0)
    table.to_parquet(run / PREDICTIONS)
    assert read_run(run).task == "arousal"
    with pytest.raises(RunError, match="predicts arousal, expected emotions"):
        predictions_of([run])


def test_predictions_and_splits_of_another_store_are_refused(store: Store, tmp_path: Path) -> None:
    run = write(tmp_path / "a", store, fold=0, tested=slice(0, 4))
    table = pd.read_parquet(run / PREDICTIONS)
    table.assign(id="other" + table["id"]).to_parquet(run / PREDICTIONS)
    with pytest.raises(ConfigError, match="4 ids are not in this store, such as 'other"):
        Browser(store, runs=[run])
    split = tmp_path / "split.csv"
    split.write_text("id,part\nx,train\ny,test\n")
    with pytest.raises(ConfigError, match="2 ids are not in this store"):
        Browser(store, split=split)


def test_parts_of_one_fold_and_of_several(tmp_path: Path) -> None:
    split = tmp_path / "split.csv"
    split.write_text("id,part\na,train\nb,test\n")
    assert parts_of(split).to_dict() == {"a": "train", "b": "test"}
    split.write_text("id,part,fold\na,train,0\nb,test,0\na,test,1\nb,train,1\nc,train,1\n")
    assert parts_of(split).to_dict() == {"a": "test in fold 1", "b": "test in fold 0", "c": "never tested"}
    split.write_text("id,part\na,train\na,test\n")
    with pytest.raises(ConfigError, match="'a' is in two parts of a fold"):
        parts_of(split)


def test_the_page_shows_parts(store: Store, tmp_path: Path) -> None:
    ids = store.utterances["id"]
    split = tmp_path / "split.csv"
    split.write_text(f"id,part\n{ids[0]},train\n{ids[1]},test\n")
    page = Browser(store, split=split)
    assert page.columns["part"].values.to_pylist()[:3] == ["train", "test", None]
