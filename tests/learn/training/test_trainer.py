"""Training: the same under a seed and when resumed, chosen on validation, tested once, never on a leaking split."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from kemfeat.build import build_store
from kemfeat.errors import AnalysisError, ConfigError, RunError
from kemfeat.learn import run_folder
from kemfeat.learn.evaluation.evaluate import evaluate
from kemfeat.learn.run_folder import read_predictions, read_run
from kemfeat.learn.training import loop
from kemfeat.learn.training.audited_fold import audit_fold
from kemfeat.learn.training.predictions import predict, table_of
from kemfeat.learn.training.progress import Silent
from kemfeat.learn.training.session import TrainingSession, write_history
from kemfeat.learn.training.trainer import (
    Options,
    audited_of_run,
    conclude,
    fit,
    load_model,
    train,
    training_data_of_run,
)
from kemfeat.splits import Split
from kemfeat.store.reader import Store
from tests.learn.conftest import SETTINGS
from tests.learn.training import kit

pytestmark = pytest.mark.slow  # models are trained


@pytest.fixture(scope="module")
def split(store: Store) -> Split:
    return kit.session_split(store)


@pytest.fixture(scope="module")
def run(store: Store, split: Split, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of three epochs."""
    return kit.trained(kit.audio_recipe(train__epochs=3), store, split, tmp_path_factory.mktemp("runs") / "audio")


def test_a_run_has_all_its_files_and_says_what_it_is(run: Path, store: Store, split: Split) -> None:
    names = {path.name for path in run.iterdir()}
    assert {"run.json", "last.pt", "best.pt", "history.csv", "predictions.parquet", "metrics.json"} <= names
    assert not [name for name in names if name.endswith(".aside")]
    facts = read_run(run)
    assert (facts.store.digest, facts.split.digest, facts.fold) == (store.digest, split.digest, 0)
    assert facts.leakage.verdict == "clean"
    assert facts.config["train"]["epochs"] == 3
    assert sum(part.trainable for part in facts.parameters) == sum(
        value.numel() for value in kit.weights(run / "best.pt").values()
    )
    assert facts.versions["torch"] == torch.__version__
    assert facts.outcome is not None
    assert facts.outcome.epochs == 3


def test_the_same_seed_gives_the_same_run_and_another_one_does_not(
    run: Path, store: Store, split: Split, tmp_path: Path
) -> None:
    again = kit.trained(kit.audio_recipe(train__epochs=3), store, split, tmp_path / "again")
    other = kit.trained(kit.audio_recipe(train__epochs=3, train__seed=1), store, split, tmp_path / "other")
    pd.testing.assert_frame_equal(kit.losses(again), kit.losses(run), check_exact=True)
    pd.testing.assert_frame_equal(
        pd.read_parquet(again / run_folder.PREDICTIONS), pd.read_parquet(run / run_folder.PREDICTIONS)
    )
    assert not np.isclose(kit.losses(other)["train_loss"], kit.losses(run)["train_loss"]).any()


def test_training_leaves_the_generators_of_its_caller_alone(store: Store, split: Split, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    kit.trained(kit.audio_recipe(train__epochs=1), store, split, tmp_path / "run")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("step", "save_every"), [(2, 0.0), (4, 0.0), (10, 0.0), (10, 300.0)])
def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(
    run: Path, store: Store, split: Split, tmp_path: Path, step: int, save_every: float
) -> None:
    options, recipe = Options(device="cpu", save_every=save_every), kit.audio_recipe(train__epochs=3)
    out = tmp_path / "run"
    with pytest.raises(kit.StopError):
        train(recipe, store=store, split=split, out=out, options=options, progress=kit.StoppedAt(step))
    assert not (out / run_folder.PREDICTIONS).exists()
    train(recipe, store=store, split=split, out=out, options=options)
    pd.testing.assert_frame_equal(kit.losses(out), kit.losses(run), check_exact=True)
    for name, value in kit.weights(run / run_folder.LAST).items():
        assert torch.equal(kit.weights(out / run_folder.LAST)[name], value)


@pytest.mark.parametrize(
    "values",
    [
        {"train__balance": "weights"},
        {"train__balance": "kor-2022", "train__reshuffle": False},
        {"train__augment": ["spec-augment"], "train__bucket_by_length": True},
        {"variant": "faithful", "train__frames": 24},
        {"train__accumulate": 3, "train__schedule_by": "step", "train__schedule": "cosine", "train__warmup": 0.2},
        {"train__optimizer": "adamw", "train__weight_decay": 0.1, "train__amp": "bfloat16"},
    ],
)
def test_every_way_to_make_batches_resumes_alike(
    store: Store, split: Split, tmp_path: Path, values: dict[str, object]
) -> None:
    recipe, options = kit.audio_recipe(**values), Options(device="cpu", save_every=0)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(recipe, store=store, split=split, out=whole, options=options)
    for step in (2, 6):
        with pytest.raises(kit.StopError):
            train(recipe, store=store, split=split, out=parts, options=options, progress=kit.StoppedAt(step))
    train(recipe, store=store, split=split, out=parts, options=options)
    pd.testing.assert_frame_equal(kit.losses(parts), kit.losses(whole), check_exact=True)


def test_a_run_killed_before_the_row_of_its_last_epoch_has_it_in_the_end(
    store: Store, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = kit.audio_recipe(train__epochs=2), tmp_path / "run"

    def killed(session: TrainingSession) -> None:
        if session.position.epoch == 2:
            raise kit.StopError
        write_history(session)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "write_history", killed)
        with pytest.raises(kit.StopError):
            train(recipe, store=store, split=split, out=out, options=kit.CPU)
    assert kit.losses(out)["epoch"].tolist() == [1]
    train(recipe, store=store, split=split, out=out, options=kit.CPU)
    assert kit.losses(out)["epoch"].tolist() == [1, 2]


def test_batches_that_are_added_up_are_one_larger_batch(store: Store, split: Split, tmp_path: Path) -> None:
    same = {"train__epochs": 1, "train__bucket_by_length": False, "model__dropout": 0.0, "train__drop_last": True}
    train(kit.audio_recipe(**same), store=store, split=split, out=tmp_path / "large", options=kit.CPU)
    parts = {"train__batch_size": 8, "train__accumulate": 2}
    train(kit.audio_recipe(**same, **parts), store=store, split=split, out=tmp_path / "parts", options=kit.CPU)
    large, small = (kit.weights(tmp_path / name / run_folder.LAST) for name in ("large", "parts"))
    for name, value in large.items():
        torch.testing.assert_close(small[name], value, rtol=0, atol=2e-3)  # Adam's first steps are of 0.01 each


def test_bfloat16_trains_on_a_cpu_to_nearly_the_same_losses(
    run: Path, store: Store, split: Split, tmp_path: Path
) -> None:
    train(
        kit.audio_recipe(train__epochs=3, train__amp="bfloat16"),
        store=store,
        split=split,
        out=tmp_path / "run",
        options=kit.CPU,
    )
    half, whole = kit.losses(tmp_path / "run"), kit.losses(run)
    assert not half.equals(whole)
    assert (half["train_loss"] - whole["train_loss"]).abs().max() < 0.1 * whole["train_loss"].max()


def test_a_feature_that_is_removed_or_added_voids_neither_split_nor_run(
    store: Store, split: Split, run: Path, tmp_path: Path
) -> None:
    settings = {**SETTINGS, "features": ["mel", "delta", "text"]}
    corpus = store.path.parent / "KEMDy20"
    few = build_store("KEMDy20", root=corpus, out=tmp_path / "store", settings=settings).store
    recipe, options = kit.audio_recipe(train__epochs=3), Options(device="cpu", save_every=0)
    with pytest.raises(kit.StopError):
        train(recipe, store=few, split=split, out=tmp_path / "run", options=options, progress=kit.StoppedAt(3))
    settings["features"].append("temp")
    more = build_store("KEMDy20", root=corpus, out=tmp_path / "store", settings=settings).store
    assert len({store.digest, few.digest, more.digest}) == 3
    train(recipe, store=more, split=split, out=tmp_path / "run", options=options)
    pd.testing.assert_frame_equal(kit.losses(tmp_path / "run"), kit.losses(run), check_exact=True)
    settings |= {"mel": {"n_mels": 16, "max_frames": 250}, "delta": {"max_frames": 250}}
    other = build_store("KEMDy20", root=corpus, out=tmp_path / "other", settings=settings).store
    with pytest.raises(ConfigError, match=r"was begun with other settings \(data\.features\.delta is"):
        train(recipe, store=other, split=split, out=tmp_path / "run", options=options)


def test_the_best_epoch_on_validation_is_what_is_tested(run: Path, store: Store, split: Split) -> None:
    history, facts = kit.losses(run), read_run(run)
    best = int(history["epoch"][history["valid_loss"].idxmin()])
    assert facts.outcome is not None
    assert facts.outcome.best_epoch == best == history.loc[history["kept"] == 1, "epoch"].max()
    data = audit_fold(store, split)
    training_data = training_data_of_run(run, data)
    predicted = predict(
        load_model(run), training_data.loader("test", device=torch.device("cpu"), batch_size=5), aggregate="mean-logit"
    )
    found = read_predictions(run, facts)
    said = found[found["part"] == "test"].set_index("id")["arousal_pred"]
    table = table_of(predicted, training_data, "test").set_index("id")
    np.testing.assert_allclose(table["arousal_pred"], said.loc[table.index], atol=1e-5)
    assert sorted(said.index) == sorted(split.ids("test"))


def test_patience_ends_training(store: Store, split: Split, tmp_path: Path) -> None:
    recipe = kit.audio_recipe(train__epochs=30, train__patience=1, train__learning_rate=0.3)
    facts = read_run(kit.trained(recipe, store, split, tmp_path / "run"))
    assert facts.outcome is not None
    assert facts.outcome.stopped == "patience"
    assert facts.outcome.epochs == facts.outcome.best_epoch + 1 < 30
    assert kit.losses(tmp_path / "run")["kept"].iloc[-1] == 0


def test_the_test_part_is_predicted_once(store: Store, split: Split, tmp_path: Path) -> None:
    data, recipe, out = audit_fold(store, split), kit.audio_recipe(train__epochs=1), tmp_path / "run"
    fit(recipe, data, out=out, options=kit.CPU, progress=Silent())
    assert not (out / run_folder.PREDICTIONS).exists()
    conclude(out, data, device="cpu")
    stamp = (out / run_folder.PREDICTIONS).stat().st_mtime_ns
    assert set(pd.read_parquet(out / run_folder.PREDICTIONS)["part"]) == {"valid", "test"}
    again = train(recipe, store=store, split=split, out=out, options=kit.CPU)
    assert again.part == "test"
    assert (out / run_folder.PREDICTIONS).stat().st_mtime_ns == stamp


def test_predictions_of_corrected_are_settled_and_those_of_faithful_are_not(
    run: Path, store: Store, split: Split, tmp_path: Path
) -> None:
    corrected = read_run(run).outcome
    faithful = read_run(
        kit.trained(
            kit.audio_recipe(variant="faithful", train__frames=24, train__epochs=1), store, split, tmp_path / "run"
        )
    ).outcome
    assert corrected is not None
    assert corrected.determinism.holds
    assert faithful is not None
    assert faithful.determinism.two_passes > 0
    assert not faithful.determinism.holds


def test_a_leaking_split_is_refused_or_said_everywhere(store: Store, tmp_path: Path) -> None:
    leaking = kit.session_split(store, scheme="kor-2022", folds=None, seed=None)
    recipe, out = kit.audio_recipe(train__epochs=1), tmp_path / "run"
    with pytest.raises(ConfigError, match=r"speaker .*session .*--allow-leakage"):
        train(recipe, store=store, split=leaking, out=out, options=kit.CPU)
    assert not out.exists()
    found = train(recipe, store=store, split=leaking, out=out, options=Options(device="cpu", allow_leakage=True))
    assert found.warning.startswith("LEAKING SPLIT")
    assert read_run(out).leakage.counts["speaker"] > 0
    assert json.loads((out / run_folder.METRICS).read_text())["warning"] == found.warning
    assert "LEAKING SPLIT" in (out / "curves.svg").read_text()


def test_a_folder_of_something_else_is_refused(run: Path, store: Store, split: Split, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.train\.epochs is 3 there and 4 here.*--out"):
        kit.trained(kit.audio_recipe(train__epochs=4), store, split, run)
    with pytest.raises(ConfigError, match="fold is 0 there and 1 here"):
        kit.trained(kit.audio_recipe(train__epochs=3), store, split, run, fold=1)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file"):
        kit.trained(kit.audio_recipe(), store, split, tmp_path / "file")
    (tmp_path / "file").unlink()
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"not empty and is not a run \(found thesis\.txt\)"):
        kit.trained(kit.audio_recipe(), store, split, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_two_trainings_do_not_share_a_folder(store: Store, split: Split, tmp_path: Path) -> None:
    class Second(Silent):
        def stepped(self, done: int, total: int) -> None:  # noqa: ARG002 - as Progress has it
            with pytest.raises(RunError, match="another process is training there"):
                kit.trained(recipe, store, split, tmp_path)
            raise kit.StopError

    recipe = kit.audio_recipe(train__epochs=1)
    with pytest.raises(kit.StopError):
        train(recipe, store=store, split=split, out=tmp_path, options=kit.CPU, progress=Second())


def test_a_loss_that_is_no_number_stops_training_and_says_where(store: Store, split: Split, tmp_path: Path) -> None:
    recipe = kit.audio_recipe(train__learning_rate=1e36, train__epochs=3)
    with pytest.raises(RunError, match=r"of epoch 1, step \d, is (nan|inf).*train\.learning_rate"):
        kit.trained(recipe, store, split, tmp_path / "run")


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), RuntimeError("can't allocate memory")],
)
def test_memory_that_runs_out_is_a_sentence(store: Store, split: Split, tmp_path: Path, error: Exception) -> None:
    class Full(Silent):
        def stepped(self, done: int, total: int) -> None:  # noqa: ARG002 - as Progress has it
            raise error

    with pytest.raises(RunError, match=r"with batches of 16 .*train\.batch_size=8"):
        train(kit.audio_recipe(), store=store, split=split, out=tmp_path, options=kit.CPU, progress=Full())


def test_a_device_that_is_not_there_is_named(store: Store, split: Split, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="device 'xpu' cannot be used on this machine"):
        train(kit.audio_recipe(), store=store, split=split, out=tmp_path, options=Options(device="xpu"))


def test_what_the_store_or_split_lacks_is_said(store: Store, split: Split, tmp_path: Path) -> None:
    rows = split.rows
    unlabelled = Split(rows[rows["part"] != "valid"], split.facts)
    with pytest.raises(AnalysisError, match="no utterance of valid has an arousal"):
        kit.trained(kit.audio_recipe(), store, unlabelled, tmp_path / "run")
    with pytest.raises(ConfigError, match="it has 4, counted from 0"):
        kit.trained(kit.audio_recipe(), store, split, tmp_path / "run", fold=9)
    with pytest.raises(ConfigError, match=r"n_mels.*--set model.n_mels=16"):
        kit.trained(kit.audio_recipe(model__n_mels=32), store, split, tmp_path / "run")
    with pytest.raises(ConfigError, match="was made for other utterances"):
        kit.trained(kit.audio_recipe(), store, Split(rows, {**split.facts, "utterances": "0" * 64}), tmp_path / "run")


def test_an_unfinished_run_has_no_model(store: Store, split: Split, tmp_path: Path) -> None:
    with pytest.raises(kit.StopError):
        train(kit.audio_recipe(), store=store, split=split, out=tmp_path, options=kit.CPU, progress=kit.StoppedAt(6))
    with pytest.raises(RunError, match="is not finished"):
        load_model(tmp_path)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_trains_in_half_precision_and_resumes(store: Store, split: Split, tmp_path: Path) -> None:
    options, recipe = Options(device="cuda", save_every=0), kit.audio_recipe(train__epochs=3)
    with pytest.raises(kit.StopError):
        train(recipe, store=store, split=split, out=tmp_path, options=options, progress=kit.StoppedAt(6))
    found = train(recipe, store=store, split=split, out=tmp_path, options=options)
    assert np.isfinite(found.targets["arousal"].result.scores["rmse"].value)
    assert torch.load(tmp_path / run_folder.LAST, weights_only=True)["scaler"]["scale"] > 0


def test_a_run_without_some_utterances_remembers_them(run: Path, store: Store, split: Split, tmp_path: Path) -> None:
    gone = tuple(sorted([*split.ids("train")[:3], split.ids("test")[0]]))
    recipe = kit.audio_recipe(train__epochs=3)
    out = kit.trained(recipe, store, split, tmp_path / "run", excluded=gone)
    facts = read_run(out)
    assert (facts.excluded, facts.left_out) == (gone, {"excluded": 3})
    assert audited_of_run(out, store=store, split=split).excluded == gone
    assert "excluded from training and validation: 3 utterances" in evaluate(out).remarks
    table, whole = (pd.read_parquet(each / run_folder.PREDICTIONS) for each in (out, run))
    assert table["id"].tolist() == whole["id"].tolist()  # nothing of valid was excluded, and test never is
    assert not np.allclose(table["arousal_pred"], whole["arousal_pred"])
    with pytest.raises(ConfigError, match=r"was begun with other settings \(excluded\.0 is"):
        kit.trained(recipe, store, split, out)
