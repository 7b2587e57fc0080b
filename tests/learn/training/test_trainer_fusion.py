"""The fusion: takes two runs as they were trained, never trains them, and refuses what they may not be."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
import torch

from kemfeat.errors import ConfigError, RunError
from kemfeat.learn import run_folder
from kemfeat.learn.models import FusionClassifier
from kemfeat.learn.run_facts import Leakage
from kemfeat.learn.run_folder import read_run
from kemfeat.learn.training.audited_fold import audit_fold
from kemfeat.learn.training.pretrained import resolved
from kemfeat.learn.training.trainer import load_model, train
from kemfeat.splits import Split
from kemfeat.store.reader import Store
from tests.learn.training import kit

pytestmark = pytest.mark.slow  # models are trained


class Stages(NamedTuple):
    """Finished runs of the three stages, and the text encoder."""

    audio: Path
    text: Path
    fusion: Path
    encoder: Path


@pytest.fixture(scope="module")
def split(store: Store) -> Split:
    return kit.session_split(store)


@pytest.fixture(scope="module")
def stages(store: Store, split: Split, tmp_path_factory: pytest.TempPathFactory) -> Stages:
    folder = tmp_path_factory.mktemp("stages")
    encoder = kit.saved_bert(folder / "bert", store)
    audio = kit.trained(kit.audio_recipe(train__epochs=1), store, split, folder / "audio")
    text = kit.trained(kit.text_recipe(encoder, train__epochs=1), store, split, folder / "text")
    return Stages(audio, text, kit.trained(kit.fusion_recipe(audio, text), store, split, folder / "fusion"), encoder)


def test_the_fusion_reads_the_models_of_its_runs_as_they_are(stages: Stages) -> None:
    fusion = load_model(stages.fusion)
    assert isinstance(fusion, FusionClassifier)
    assert fusion.audio is not None
    assert fusion.text is not None
    for run, part in ((stages.audio, fusion.audio), (stages.text, fusion.text)):
        ours, theirs = part.inner.state_dict(), load_model(run).state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    facts = read_run(stages.fusion)
    assert {name: one.run for name, one in facts.pretrained.items()} == {
        "audio": str(stages.audio),
        "text": str(stages.text),
    }
    assert [part.part for part in facts.parameters if part.frozen] == ["audio", "text"]
    assert not any(name.startswith(("audio.", "text.")) for name in kit.weights(stages.fusion / run_folder.BEST))


def test_it_passes_arousal_and_valence_on(stages: Stages) -> None:
    fused = pd.read_parquet(stages.fusion / run_folder.PREDICTIONS).set_index(["part", "id"])
    for target, run in (("arousal", stages.audio), ("valence", stages.text)):
        own = pd.read_parquet(run / run_folder.PREDICTIONS).set_index(["part", "id"])[f"{target}_pred"]
        pd.testing.assert_series_equal(fused[f"{target}_pred"], own.loc[fused.index], rtol=1e-4)
    chances = fused[[name for name in fused if name.startswith("p_")]]
    assert ((chances.sum(axis=1) - 1).abs() < 1e-5).all()
    assert (chances.idxmax(axis=1).str.removeprefix("p_") == fused["emotion_pred"]).all()


def test_a_finished_fusion_needs_neither_its_runs_nor_the_weights_of_the_encoder(
    stages: Stages, store: Store, split: Split, tmp_path: Path
) -> None:
    encoder, audio, text = (tmp_path / name for name in ("bert", "audio", "text"))
    shutil.copytree(stages.encoder, encoder)
    shutil.copytree(stages.audio, audio)
    kit.trained(kit.text_recipe(encoder, train__epochs=1), store, split, text)
    out = kit.trained(kit.fusion_recipe(audio, text, train__epochs=1), store, split, tmp_path / "fusion")
    before = load_model(out).state_dict()
    shutil.rmtree(audio)
    shutil.rmtree(text)
    _scramble(encoder)
    after = load_model(out).state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def _scramble(encoder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = encoder / "model.safetensors"
    save_file({name: value + 1 for name, value in load_file(path).items()}, path, metadata={"format": "pt"})


def test_it_resumes_alike(stages: Stages, store: Store, split: Split, tmp_path: Path) -> None:
    recipe = kit.fusion_recipe(stages.audio, stages.text)
    with pytest.raises(kit.StopError):
        train(recipe, store=store, split=split, out=tmp_path, options=kit.CPU, progress=kit.StoppedAt(6))
    kit.trained(recipe, store, split, tmp_path)
    pd.testing.assert_frame_equal(kit.losses(tmp_path), kit.losses(stages.fusion), check_exact=True)


def test_a_run_of_another_fold_may_have_seen_what_is_tested(
    stages: Stages, store: Store, split: Split, tmp_path: Path
) -> None:
    recipe = kit.fusion_recipe(stages.audio, stages.text, train__epochs=1)
    with pytest.raises(ConfigError, match=r"audio_run .*fold 0 .*not on fold 1 .*--allow-leakage"):
        kit.trained(recipe, store, split, tmp_path, fold=1)
    kit.trained(recipe, store, split, tmp_path, fold=1, allow_leakage=True)
    leakage = read_run(tmp_path).leakage
    assert leakage.verdict == "leaking"
    assert leakage.counts["pretraining"] == len(split.ids("test", fold=1))


def test_a_run_on_another_split_that_set_aside_what_is_tested_here_is_no_leak(
    stages: Stages, store: Store, split: Split, tmp_path: Path
) -> None:
    recipe = kit.fusion_recipe(stages.audio, stages.text)
    trained_on = split.rows[(split.rows["fold"] == 0) & (split.rows["part"] == "train")]
    other = Split(split.rows.drop(trained_on.index[0]), split.facts)
    assert other.digest != split.digest
    found = resolved(recipe, audit_fold(store, other), allow_leakage=False)
    assert found.data.leakage.verdict == "clean"
    assert set(found.pretrained) == {"audio", "text"}
    with pytest.raises(ConfigError, match=r"may have learned from 1 of the utterances that are tested here"):
        resolved(recipe, audit_fold(store, _one_more_tested(split)), allow_leakage=False)
    leaking = tmp_path / "leaking"
    shutil.copytree(stages.audio, leaking)
    facts = read_run(leaking)
    run_folder.write_run(leaking, facts.model_copy(update={"leakage": Leakage(verdict="leaking")}))
    tested = len(other.ids("test"))
    with pytest.raises(ConfigError, match=rf"may have learned from {tested} of the utterances that are tested here"):
        resolved(kit.fusion_recipe(leaking, stages.text), audit_fold(store, other), allow_leakage=False)


def _one_more_tested(split: Split) -> Split:
    """One session of a single utterance moves from train to test; the rest of that session is left out."""
    rows = split.rows[split.rows["fold"] == 0].copy()
    session = rows.loc[rows["part"] == "train", "id"].str.split("_").str[0].iloc[0]
    of_session = rows.index[rows["id"].str.startswith(f"{session}_") & (rows["part"] == "train")]
    rows.loc[of_session[0], "part"] = "test"
    return Split(rows.drop(of_session[1:]).reset_index(drop=True), split.facts)


def test_a_run_that_does_not_fit_is_refused(stages: Stages, store: Store, split: Split, tmp_path: Path) -> None:
    def refused(**values: object) -> str:
        with pytest.raises((ConfigError, RunError)) as caught:
            kit.trained(kit.fusion_recipe(stages.audio, stages.text, **values), store, split, tmp_path / "out")
        return str(caught.value)

    assert "reads the tokens of a trained audio model" in refused(model__audio_run="")
    assert "was trained for arousal; expected a run for valence" in refused(model__text_run=str(stages.audio))
    assert "is not a folder" in refused(model__audio_run=str(tmp_path / "none"))
    assert "trained with n_heads 2, but model.audio.n_heads is 4" in refused(model__audio={"n_heads": 4})
    unfinished = tmp_path / "unfinished"
    shutil.copytree(stages.audio, unfinished)
    run_folder.write_run(unfinished, read_run(unfinished).model_copy(update={"outcome": None}))
    assert "is not finished" in refused(model__audio_run=str(unfinished))
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(stages.audio, elsewhere)
    facts = read_run(elsewhere)
    assert facts.data is not None
    other = facts.data.model_copy(update={"features": {**facts.data.features, "mel": "f" * 64}})
    run_folder.write_run(elsewhere, facts.model_copy(update={"data": other}))
    assert "mel differ in this store" in refused(model__audio_run=str(elsewhere))
    run_folder.write_run(elsewhere, facts.model_copy(update={"data": None}))
    assert "the utterances or their labels differ" in refused(model__audio_run=str(elsewhere))
    another = tmp_path / "another"
    shutil.copytree(stages.audio, another)
    run_folder.write_run(another, facts.model_copy(update={"config": read_run(stages.text).config}))
    assert "another: was trained with TextConfig, expected AudioConfig" in refused(model__audio_run=str(another))


def test_one_modality_alone_is_the_unimodal_baseline(
    stages: Stages, store: Store, split: Split, tmp_path: Path
) -> None:
    recipe = kit.fusion_recipe(stages.audio, Path(), model__modalities="audio", train__epochs=1)
    table = pd.read_parquet(kit.trained(recipe, store, split, tmp_path) / run_folder.PREDICTIONS)
    assert "arousal_pred" in table
    assert "valence_pred" not in table
