"""A checkpoint whose state does not fit the run is a sentence, and the file stays for whoever wants to look at it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from kemfeat.errors import RunError
from kemfeat.learn import run_folder
from kemfeat.learn.models import build_model
from kemfeat.learn.run_folder import read_run
from kemfeat.learn.training.audited_fold import audit_fold
from kemfeat.learn.training.session import TrainingSession, begin, resume
from kemfeat.learn.training.trainer import Options, train
from kemfeat.learn.training.training_data import TrainingData, training_data_of
from kemfeat.splits import Split
from kemfeat.store.reader import Store
from tests.learn.training import kit

Content = dict[str, Any]


@pytest.fixture(scope="module")
def split(store: Store) -> Split:
    return kit.session_split(store)


@pytest.fixture(scope="module")
def stopped(store: Store, split: Split, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped in its second epoch."""
    out = tmp_path_factory.mktemp("session") / "run"
    options = Options(device="cpu", save_every=0.0)
    with pytest.raises(kit.StopError):
        train(kit.audio_recipe(), store=store, split=split, out=out, options=options, progress=kit.StoppedAt(6))
    return out


@pytest.fixture(scope="module")
def training_data(store: Store, split: Split) -> TrainingData:
    return training_data_of(kit.audio_recipe(), audit_fold(store, split))


def session_of(training_data: TrainingData, out: Path) -> TrainingSession:
    model = build_model(training_data.recipe.model)
    return begin(training_data, model, read_run(out), out=out, device=torch.device("cpu"))


def shrink_moments(content: Content) -> None:
    content["optimizer"]["state"][0]["exp_avg"] = torch.zeros(1)


def drop_moments(content: Content) -> None:
    del content["optimizer"]["state"][0]["exp_avg_sq"]


def change_position(**values: Any) -> Callable[[Content], None]:
    return lambda content: content["position"].update(values)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (shrink_moments, "exp_avg of shape"),
        (drop_moments, "exp_avg_sq"),
        (lambda content: content["optimizer"].clear(), "does not fit this run"),
        (lambda content: content["scheduler"].update(_last_lr=["x"]), "found 'x', expected a value like"),
        (lambda content: content["optimizer"]["param_groups"][0].update(lr="x"), "found 'x', expected a value like"),
        (change_position(epoch="1"), "position: epoch is '1'"),
        (change_position(step=-1), "position: step is -1"),
        (change_position(best_loss="low"), "position: best_loss is 'low'"),
        (change_position(extra=1), "extra"),
        (lambda content: content["history"].clear(), "history: 0 rows for 1 epochs"),
        (lambda content: content["history"].append("row"), "a row is not a table of numbers"),
        (lambda content: content["rng"].update(cpu=torch.zeros(3)), "does not fit this run"),
        (lambda content: content["rng"].clear(), "does not fit this run"),
        (lambda content: content["loader"].clear(), "does not fit this run"),
    ],
)
def test_a_state_that_does_not_fit_is_a_sentence(
    stopped: Path, training_data: TrainingData, tmp_path: Path, change: Callable[[Content], Any], said: str
) -> None:
    out = shutil.copytree(stopped, tmp_path / "run")
    assert resume(session_of(training_data, out))
    last = out / run_folder.LAST
    content = torch.load(last, weights_only=True)
    change(content)
    torch.save(content, last)
    with pytest.raises(RunError, match=said) as caught:
        resume(session_of(training_data, out))
    assert "move it away to train from the beginning" in str(caught.value)
    last.rename(tmp_path / "last.pt")
    assert not resume(session_of(training_data, out))
