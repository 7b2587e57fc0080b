"""Checkpoints: read back as written, no code run, damage and other settings said, never half a file."""

from __future__ import annotations

import pickle
import resource
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kemfeat.errors import ConfigError, RunError, StoreWriteError
from kemfeat.learn.models.frozen import Frozen
from kemfeat.learn.training import checkpoint
from kemfeat.learn.training.checkpoint import Checkpoint
from tests.learn import kit as run_kit


class Half(nn.Module):
    """One part trains, one does not."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Frozen(nn.Linear(2, 3))
        self.head = nn.Linear(3, 1)


def of(model: nn.Module, **changes: Any) -> Checkpoint:
    parts = {field.name: {} for field in fields(Checkpoint)}
    known = {
        "facts": checkpoint.identity(run_kit.facts()),
        "weights": checkpoint.weights_of(model, frozen=False),
        "frozen": "",
        "history": [{"epoch": 1, "train_loss": 0.5}],
        "position": {"epoch": 1, "best_loss": float("inf")},
        "rng": {"cpu": torch.get_rng_state()},
    }
    return Checkpoint(**{**parts, **known, **changes})


def test_a_checkpoint_reads_back_as_written(tmp_path: Path) -> None:
    model = Half()
    optimizer = torch.optim.Adam(model.head.parameters())
    model.head(torch.ones(3)).sum().backward()
    optimizer.step()
    written = of(model, optimizer=optimizer.state_dict())
    checkpoint.save(tmp_path / "last.pt", written)
    found = checkpoint.load(tmp_path / "last.pt")
    for name in ("facts", "history", "position", "frozen"):
        assert getattr(found, name) == getattr(written, name)
    assert all(torch.equal(value, written.weights[name]) for name, value in found.weights.items())
    assert found.weights.keys() == {"head.weight", "head.bias"}
    assert torch.equal(found.rng["cpu"], written.rng["cpu"])
    optimizer.load_state_dict(found.optimizer)


def test_what_does_not_train_is_beside_it_and_must_not_change(tmp_path: Path) -> None:
    model, other = Half(), Half()
    digest = checkpoint.save_frozen(tmp_path / "frozen.pt", model)
    found = of(model, frozen=digest)
    checkpoint.fill(other, found, where=tmp_path)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in other.state_dict().items())
    checkpoint.save_frozen(tmp_path / "frozen.pt", Half())
    with pytest.raises(RunError, match=r"frozen\.pt: is missing or was changed"):
        checkpoint.fill(other, found, where=tmp_path)
    (tmp_path / "frozen.pt").unlink()
    with pytest.raises(RunError, match="is missing"):
        checkpoint.fill(other, found, where=tmp_path)
    assert checkpoint.save_frozen(tmp_path / "none.pt", nn.Linear(2, 2)) == ""
    assert not (tmp_path / "none.pt").exists()


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="the weights of another model"):
        checkpoint.fill(nn.Linear(5, 5), of(Half()), where=tmp_path)


class Evil:
    """Would write a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return (Path.write_text, (self._path, "owned"))


def test_no_code_of_a_checkpoint_runs(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    torch.save({"format": 1, "evil": Evil(victim)}, tmp_path / "zip.pt")
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps(Evil(victim)))
    for name in ("zip.pt", "pickle.pt"):
        with pytest.raises(RunError, match="cannot be read"):
            checkpoint.load(tmp_path / name)
    assert not victim.exists()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 3000))
def test_half_a_checkpoint_is_a_sentence(tmp_path_factory: pytest.TempPathFactory, size: int) -> None:
    folder = tmp_path_factory.mktemp("half")
    checkpoint.save(folder / "last.pt", of(Half()))
    whole = (folder / "last.pt").read_bytes()
    (folder / "last.pt").write_bytes(whole[: min(size, len(whole) - 1)])
    with pytest.raises(RunError, match=r"last\.pt: cannot be read .*move it away"):
        checkpoint.load(folder / "last.pt")


@pytest.mark.parametrize("content", [[1, 2], {"format": 2}, {"format": 1, "weights": {}}])
def test_something_else_is_no_checkpoint(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "last.pt")
    with pytest.raises(RunError, match="not a checkpoint that this kemfeat wrote"):
        checkpoint.load(tmp_path / "last.pt")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"weights": {"head.weight": torch.zeros(1).expand(10**12)}},
            "1,000,000,000,000 numbers, more than are stored",
        ),
        ({"weights": {"head.weight": [0.5]}}, "not a checkpoint that this kemfeat wrote"),
        ({"history": {"epoch": 1}}, "not a checkpoint that this kemfeat wrote"),
        ({"frozen": 3}, "not a checkpoint that this kemfeat wrote"),
        ({"optimizer": [1]}, "not a checkpoint that this kemfeat wrote"),
    ],
)
def test_contents_of_another_kind_are_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    checkpoint.save(tmp_path / "last.pt", of(Half()))
    content = torch.load(tmp_path / "last.pt", weights_only=True)
    torch.save({**content, **changes}, tmp_path / "last.pt")
    with pytest.raises(RunError, match=said):
        checkpoint.load(tmp_path / "last.pt")


@pytest.mark.parametrize("limit", [1, 100, 1000, 20_000, 41_000])
def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(path, of(Half()))
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        with pytest.raises(StoreWriteError, match="the file would be larger"):
            checkpoint.save(path, replace(of(Half()), rng={"cpu": torch.zeros(10_000)}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


def test_other_settings_are_named(tmp_path: Path) -> None:
    ours = run_kit.facts()
    theirs = run_kit.facts(config={"model": {"layers": 5, "audio_run": "runs/audio-0"}}, fold=1)
    checkpoint.refuse_other(checkpoint.identity(ours), checkpoint.identity(ours), where=tmp_path)
    newer = ours.model_copy(update={"versions": {"kemfeat": "9"}})
    checkpoint.refuse_other(checkpoint.identity(ours), checkpoint.identity(newer), where=tmp_path)
    with pytest.raises(ConfigError) as caught:
        checkpoint.refuse_other(checkpoint.identity(theirs), checkpoint.identity(ours), where=tmp_path)
    said = str(caught.value)
    assert "config.model.layers is 5 there and 4 here; fold is 1 there and 0 here" in said
    assert "--out" in said
