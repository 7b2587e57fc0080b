"""The recipes of system 4, trained end to end on a small synthetic IEMOCAP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from kemfeat.build import build_store
from kemfeat.errors import ConfigError
from kemfeat.learn import run_folder
from kemfeat.learn.experiments.ablate import ablate
from kemfeat.learn.inference.predict import predict_recording, predict_store
from kemfeat.learn.models import build_model
from kemfeat.learn.run_folder import read_predictions, read_run
from kemfeat.learn.training.audited_fold import audit_fold
from kemfeat.learn.training.pretrained import fill_pretrained, resolved
from kemfeat.learn.training.recipe import Recipe, load_recipe
from kemfeat.learn.training.trainer import Options, audited_of_run, load_model, train, training_data_of_run
from kemfeat.splits import Split, make_split
from kemfeat.store.reader import Store
from kemfeat.synth.iemocap import SYNTH
from tests.learn.training import kit

pytestmark = pytest.mark.slow

TRAIN = {"train.epochs": 1, "train.batch_size": 16, "train.learning_rate": 0.001}
SMALL = {**TRAIN, "model.size": [24, 40]}
STREAMS = {**TRAIN, "model.audio.size": [24, 40], "model.video.size": [45, 51]}
IMAGES = ("av/cnn", "av/cnn-rnn", "av/cnn-lstm")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("iemocap")
    SYNTH.write(folder / "IEMOCAP", utterances=80, sessions=3, seed=2)
    settings = {"features": ("stft-image",), "rows_per_shard": 32}
    return build_store("IEMOCAP", root=folder / "IEMOCAP", out=folder / "store", settings=settings).store


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Store:
    pytest.importorskip("av", reason="the extra `video` is not installed")
    folder = tmp_path_factory.mktemp("filmed")
    SYNTH.write(folder / "IEMOCAP", utterances=60, sessions=3, seed=2, video=True)
    settings = {"features": ("stft-image", "video-frames"), "rows_per_shard": 32}
    return build_store("IEMOCAP", root=folder / "IEMOCAP", out=folder / "store", settings=settings).store


@pytest.fixture(scope="module")
def split(store: Store) -> Split:
    return split_of(store)


def split_of(store: Store) -> Split:
    return make_split(store.utterances, scheme="session", folds=3, store=store.digest, labels="4class")


def small(name: str, variant: str) -> Recipe:
    return load_recipe(name, {"variant": variant, **SMALL})


def streams(name: str, variant: str, **values: Any) -> Recipe:
    return load_recipe(name, {"variant": variant, **STREAMS, **kit.dotted(values)})


def test_every_clip_has_an_image_of_its_own_and_every_utterance_an_id(store: Store) -> None:
    assert store.utterances["id"].is_unique  # S9
    owners = store.owners("clip")
    assert set(owners) == set(store.utterances["id"])
    images = np.asarray(store.array("stft_image")[:])
    alike = {image.tobytes() for image in images}
    assert owners.duplicated().any(), "some utterance has several clips"
    assert len(alike) == len(images), "no clip has the image of another (S7)"


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


@pytest.mark.parametrize("name", IMAGES)
def test_a_recording_is_predicted_as_in_the_store(name: str, store: Store, split: Split, tmp_path: Path) -> None:
    run = kit.trained(small(name, "corrected"), store, split, tmp_path / "run")
    in_store = predict_store(run, store, device="cpu").set_index("id")
    chances = [column for column in in_store if column.startswith("p_")]
    audio = store.utterances.set_index("id")["audio"]
    for one in in_store.index[:2]:
        found = predict_recording(run, wav=store.path.with_name("IEMOCAP") / audio[one], text=None, device="cpu")
        assert found[chances].iloc[0].tolist() == pytest.approx(in_store.loc[one, chances].tolist(), abs=1e-5)


@pytest.mark.parametrize("variant", ["corrected", "faithful"])
def test_video_alone_is_trained_and_tested(variant: str, filmed: Store, tmp_path: Path) -> None:
    recipe = load_recipe("av/video", {"variant": variant, **TRAIN, "model.size": [45, 51]})
    run = kit.trained(recipe, filmed, split_of(filmed), tmp_path / "run")
    facts = read_run(run)
    assert facts.outcome is not None
    assert facts.outcome.determinism.batch_of_one < 1e-4
    assert read_predictions(run, facts)["id"].is_unique


@pytest.mark.parametrize("variant", ["corrected", "faithful"])
def test_two_streams_are_trained_and_each_carries_something(variant: str, filmed: Store, tmp_path: Path) -> None:
    run = kit.trained(streams("av/two-stream", variant), filmed, split_of(filmed), tmp_path / "run")
    facts = read_run(run)
    assert facts.outcome is not None
    assert facts.outcome.determinism.batch_of_one < 1e-4
    data = training_data_of_run(run, audited_of_run(run, store=filmed, split=split_of(filmed)))
    model = load_model(run).eval()
    (batch,) = data.loader("test", device=torch.device("cpu"), batch_size=1000)
    with torch.no_grad():
        whole = model(batch).logits
        for column in ("stft_image", "video_frames"):  # S1: a pair that is shuffled is predicted otherwise
            shuffled = batch.with_tensors({f"arrays.{column}": batch.arrays[column].roll(1, 0)})
            assert not torch.allclose(model(shuffled).logits, whole, atol=1e-6)
    fold = audited_of_run(run, store=filmed, split=split_of(filmed))
    found = ablate(run, fold, modalities=("audio", "video"), device="cpu")
    assert set(found["modality"]) == {"audio", "video"}


@pytest.mark.parametrize("variant", ["corrected", "faithful"])
def test_contrastive_epochs_come_first_and_are_never_kept(variant: str, filmed: Store, tmp_path: Path) -> None:
    recipe = streams("av/contrastive", variant, train__epochs=3, train__contrastive__epochs=1, train__patience=1)
    run = kit.trained(recipe, filmed, split_of(filmed), tmp_path / "run")
    history = pd.read_csv(run / run_folder.HISTORY)
    assert history["valid_matching"].notna().tolist()[:2] == [True, False]
    assert history["valid_uar"].notna().tolist()[:2] == [False, True]
    assert history["kept"].tolist()[:2] == [0, 1]
    assert history["valid_matching"][0] >= 0
    facts = read_run(run)
    assert facts.outcome is not None
    assert facts.outcome.best_epoch >= 2
    assert (run / f"{run_folder.CURVES}.svg").is_file(), "columns with gaps can be drawn"


def test_a_contrastive_run_that_was_killed_goes_on_as_if_it_had_not_been(filmed: Store, tmp_path: Path) -> None:
    recipe, split = (
        streams("av/contrastive", "corrected", train__epochs=2, train__contrastive__epochs=1),
        split_of(filmed),
    )
    whole = kit.trained(recipe, filmed, split, tmp_path / "whole")
    for step in (2, 4):
        with pytest.raises(kit.StopError):
            train(
                recipe,
                store=filmed,
                split=split,
                out=tmp_path / "killed",
                options=Options(device="cpu", save_every=0),
                progress=kit.StoppedAt(step),
            )
    killed = kit.trained(recipe, filmed, split, tmp_path / "killed")
    pd.testing.assert_frame_equal(kit.losses(killed), kit.losses(whole))


def test_a_model_of_one_stream_cannot_be_pretrained(store: Store, split: Split, tmp_path: Path) -> None:
    recipe = load_recipe("av/cnn", {**SMALL, "train.epochs": 2, "train.contrastive.epochs": 1})
    with pytest.raises(ConfigError, match="the model has no two streams to compare"):
        kit.trained(recipe, store, split, tmp_path / "run")


def test_a_stream_begins_with_the_weights_of_an_earlier_run(store: Store, split: Split, tmp_path: Path) -> None:
    sound = kit.trained(small("av/cnn-rnn", "corrected"), store, split, tmp_path / "sound")
    recipe = streams("av/two-stream", "corrected", model__audio_run=str(sound))
    fold = audit_fold(store, split)
    found = resolved(recipe, fold, allow_leakage=False)
    assert set(found.pretrained) == {"audio"}
    model = build_model(found.recipe.model, seed=9)
    fill_pretrained(model, found.pretrained)
    theirs, ours = kit.weights(sound / run_folder.BEST), model.state_dict()
    encoder = [name for name in theirs if "encoder" in name]
    assert encoder
    for name in encoder:
        assert torch.equal(ours[name.replace("encoder", "audio")], theirs[name])
    other = streams("av/two-stream", "corrected", model__audio_run=str(sound), model__audio__size=[32, 40])
    with pytest.raises(ConfigError, match=r"was trained with size \(24, 40\), but model\.audio\.size is \(32, 40\)"):
        resolved(other, fold, allow_leakage=False)
    other = streams("av/two-stream", "corrected", model__video_run=str(sound))
    with pytest.raises(ConfigError, match=r"was trained with the model 'spectrogram_image'; expected a run of 'video'"):
        resolved(other, fold, allow_leakage=False)
    elsewhere = audit_fold(store, split, fold=1)
    with pytest.raises(ConfigError, match="it may have learned from"):
        resolved(recipe, elsewhere, allow_leakage=False)
    assert resolved(recipe, elsewhere, allow_leakage=True).data.leakage.verdict != "clean"
