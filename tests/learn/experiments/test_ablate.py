"""Ablations: what another utterance's sound or text does to the test part, and what none does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from kemfeat.errors import ConfigError
from kemfeat.learn.data.modality import emptied, modalities_of
from kemfeat.learn.experiments import ablate as ablation
from kemfeat.learn.experiments.ablate import ablate
from kemfeat.learn.training.audited_fold import audit_fold
from kemfeat.learn.training.trainer import load_model, training_data_of_run
from kemfeat.store.reader import Store
from tests.learn.training import kit


@pytest.fixture(scope="module")
def run(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ablate") / "run"
    return kit.trained(kit.audio_recipe(train__epochs=3), store, kit.session_split(store), out)


def test_both_ways_are_measured_against_the_run_itself(run: Path, store: Store) -> None:
    found = ablate(run, audit_fold(store, kit.session_split(store)), modalities=("audio",), device="cpu")
    assert set(zip(found["modality"], found["way"], strict=True)) == {("audio", "shuffled"), ("audio", "gone")}
    written = json.loads((run / "ablation.json").read_text())
    assert len(written["ablations"]) == len(found)
    metrics = json.loads((run / "metrics.json").read_text())["targets"]["arousal"]["scores"]
    for row in written["ablations"]:
        assert row["mine"] == metrics[row["score"]]["value"]
        if row["ablated"] is not None and row["difference"] is not None:
            assert row["difference"] == pytest.approx(row["mine"] - row["ablated"])
    gone = found[(found["way"] == "gone") & (found["score"] == "ccc")]
    assert gone["ablated"].item() == pytest.approx(0, abs=1e-6)  # everybody sounds alike, so everybody gets one number
    assert (found.loc[found["way"] == "shuffled", "difference"] != 0).any()


def test_the_same_run_is_ablated_alike(run: Path, store: Store) -> None:
    data = audit_fold(store, kit.session_split(store))
    first, second = (ablate(run, data, modalities=("audio",), device="cpu") for _ in range(2))
    assert first.equals(second)


def test_a_modality_that_is_not_read_is_refused(run: Path, store: Store) -> None:
    with pytest.raises(ConfigError, match="does not read 'text'"):
        ablate(run, audit_fold(store, kit.session_split(store)), modalities=("text",), device="cpu")


def test_another_split_is_refused(run: Path, store: Store) -> None:
    with pytest.raises(ConfigError, match=r"split\.digest"):
        ablate(run, audit_fold(store, kit.session_split(store, seed=1)), modalities=("audio",), device="cpu")


def test_shuffling_leaves_nobody_in_place() -> None:
    for count in (2, 3, 50):
        rows = np.arange(count) * 3
        moved = ablation._elsewhere(rows, seed=0)
        assert sorted(moved) == rows.tolist()
        assert (moved != rows).all()


def test_the_words_of_a_text_leave_no_trace(store: Store, tmp_path: Path) -> None:
    """Two texts without their words are predicted alike, whatever stood there."""
    split = kit.session_split(store)
    encoder = kit.saved_bert(tmp_path / "bert", store)
    run = kit.trained(kit.text_recipe(encoder, train__epochs=1), store, split, tmp_path / "run")
    training_data = training_data_of_run(run, audit_fold(store, split))
    (batch,) = training_data.rows_loader(training_data.rows["test"][:6], device=torch.device("cpu"))
    columns = training_data.loader("test", device=torch.device("cpu")).dataset.columns
    empty = emptied(batch, modalities_of(columns)["text"])
    said = load_model(run)(empty).valence
    assert said is not None
    torch.testing.assert_close(said, said[:1].expand(6), rtol=0, atol=1e-6)
    assert batch.attention_mask is not None
    assert empty.attention_mask is not None
    assert (batch.attention_mask.sum(dim=1) > 2).any()
    assert (empty.attention_mask.sum(dim=1) == 2).all()
