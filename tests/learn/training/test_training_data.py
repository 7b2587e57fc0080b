"""What is trained on: a audit_fold fold, rows that have what the model reads, and the loaders over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.training.audited_fold import audit_fold
from kemfeat.learn.training.recipe import load_recipe
from kemfeat.learn.training.training_data import training_data_of
from kemfeat.store.reader import Store
from tests.learn.training import kit

CPU = torch.device("cpu")


class Lacking:
    """A store of which some rows of mel could not be extracted."""

    def __init__(self, store: Store, rows: Sequence[int]) -> None:
        self._store, self._rows = store, rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def __len__(self) -> int:
        return len(self._store)

    def complete_rows(self, feature: str) -> list[bool]:
        return [row not in self._rows or feature != "mel" for row in range(len(self))]


def test_the_parts_are_those_of_the_split(store: Store) -> None:
    split = kit.session_split(store)
    training_data = training_data_of(kit.audio_recipe(), audit_fold(store, split, fold=2))
    for part in ("train", "valid", "test"):
        assert training_data.truth(part)["id"].tolist() == split.ids(part, fold=2)
    facts = training_data.train_facts()
    assert sum(facts.classes.values()) == len(split.ids("train", fold=2))
    assert facts.arousal == pytest.approx(store.utterances.loc[training_data.rows["train"], "arousal"].mean())
    assert training_data.left_out == {}


def test_rows_without_their_feature_are_left_out_and_counted(store: Store) -> None:
    split = kit.session_split(store)
    ids = store.utterances["id"].tolist()
    gone = [int(split.indices(ids, part)[0]) for part in ("train", "train", "test")]
    data = replace(audit_fold(store, split), store=Lacking(store, gone))
    training_data = training_data_of(kit.audio_recipe(), data)
    assert training_data.left_out == {"feature missing": 2}
    assert not set(gone) & set(np.concatenate(list(training_data.rows.values())).tolist())


def test_emotions_that_are_no_class_are_not_trained_on(store: Store) -> None:
    split = kit.session_split(store)
    recipe = load_recipe("kor/fusion", {"model.emotions": ["neutral", "sad"]})
    training_data = training_data_of(recipe, audit_fold(store, split))
    assert "happy" in set(store.labels("5class").iloc[split.indices(store.utterances["id"].tolist(), "train")])
    assert set(training_data.truth("train")["emotion"]) <= {"neutral", "sad"}
    assert training_data.left_out["label missing in train"] > 0
    assert len(training_data.rows["test"]) == len(split.ids("test"))


@pytest.mark.parametrize(("modalities", "media"), [("both", 3), ("audio", 2), ("text", 1)])
def test_a_loader_reads_what_the_model_reads(store: Store, modalities: str, media: int) -> None:
    recipe = load_recipe("kor/fusion", {"model.modalities": modalities})
    training_data = training_data_of(recipe, audit_fold(store, kit.session_split(store)))
    assert len(training_data.media) == media
    assert recipe.model.modalities_in_use == (("audio", "text") if modalities == "both" else (modalities,))
    batch = next(iter(training_data.loader("valid", device=CPU)))
    assert (batch.mel is None) == (modalities == "text")
    assert (batch.input_ids is None) == (modalities == "audio")


def test_an_epoch_has_the_train_part_alone_however_it_is_balanced(store: Store) -> None:
    split, emotions = kit.session_split(store), store.labels("5class")
    rare_ids = set(store.utterances["id"][emotions.isin(["surprise", "angry", "sad"])])
    fold = next(fold for fold in range(split.folds) if rare_ids & set(split.ids("train", fold=fold)))
    data = audit_fold(store, split, fold=fold)
    for balance, once in (("none", True), ("kor-2022", False), ("weights", False)):
        training_data = training_data_of(kit.audio_recipe(train__balance=balance, train__batch_size=7), data)
        rows = torch.cat([batch.rows for batch in training_data.training_loader(epoch=0, device=CPU)]).tolist()
        assert set(rows) <= set(training_data.rows["train"].tolist())
        assert (sorted(rows) == sorted(training_data.rows["train"].tolist())) == once
    kor = training_data_of(kit.audio_recipe(train__balance="kor-2022"), data)
    rare = len(rare_ids & set(split.ids("train", fold=fold)))
    assert len(kor.training_loader(epoch=0, device=CPU).dataset) == len(kor.rows["train"]) + 3 * rare


def test_drawn_rows_differ_from_epoch_to_epoch(store: Store) -> None:
    training_data = training_data_of(
        kit.audio_recipe(train__balance="weights"), audit_fold(store, kit.session_split(store))
    )
    first, second, again = (training_data.training_loader(epoch=epoch, device=CPU).dataset.rows for epoch in (0, 1, 0))
    assert first.tolist() == again.tolist() != second.tolist()


def test_the_gate(store: Store) -> None:
    leaking = kit.session_split(store, scheme="kfold", folds=3)
    with pytest.raises(ConfigError, match=r"kfold, fold 1: .*speaker"):
        audit_fold(store, leaking, fold=1)
    data = audit_fold(store, leaking, fold=1, allow_leakage=True)
    assert data.leakage.verdict == "leaking"
    assert data.leakage.counts["session"] > 0
    assert data.leaking("pretraining", 3).leakage.counts == {**data.leakage.counts, "pretraining": 3}


def test_a_feature_that_the_store_lacks_is_named(store: Store) -> None:
    class Deaf(Lacking):
        @property
        def header(self) -> Any:
            complete = {name: value for name, value in self._store.header.complete.items() if name != "delta"}
            return self._store.header.model_copy(update={"complete": complete})

    data = replace(audit_fold(store, kit.session_split(store)), store=Deaf(store, []))
    with pytest.raises(AnalysisError, match=r"the store has no delta .*--features mel,delta"):
        training_data_of(kit.audio_recipe(), data)
