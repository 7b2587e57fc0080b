"""A checkpoint says what it is of: weights, everything that training goes on from, and the facts of its run.

Read with ``weights_only=True``, so that a file from elsewhere runs no code. What does not train is written once, into
``frozen.pt``, whose SHA-256 every checkpoint names: a run needs neither the runs it loaded nor the weights of the text
encoder.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kemfeat.errors import ConfigError, RunError
from kemfeat.learn import run_folder
from kemfeat.learn.models.frozen import Frozen
from kemfeat.learn.run_folder import RunFacts
from kemfeat.store import disk

FORMAT = 1

_NOT_IDENTITY = ("outcome", "versions", "synthetic")
"""RowMetadata in which a run may differ from its checkpoint."""

_SHOWN = 3

_DAMAGE = (
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    AttributeError,
    pickle.UnpicklingError,
)
"""What torch raises on reading what it did not write, or not like this."""

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """What a file holds; tensors, numbers, texts, lists and tables alone.

    Parameters
    ----------
    facts : of the run (:func:`identity`): configuration, classes, split and store among them.
    weights : of the parts that train.
    frozen : SHA-256 of ``frozen.pt``; empty where every part trains.
    optimizer, scheduler, scaler, loader : their states.
    position : where training stands.
    history : rows of ``history.csv``.
    rng : states of torch's generators by device.
    """

    facts: dict[str, Any]
    weights: Weights
    frozen: str
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    scaler: dict[str, Any]
    loader: dict[str, Any]
    position: dict[str, Any]
    history: list[dict[str, float]]
    rng: Weights


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in one step: whoever is killed leaves the old one or the new one.

    Raises
    ------
    StoreWriteError
        The disk refuses.
    """
    content = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    _save(path, {"format": FORMAT, **content})


def load(path: Path) -> Checkpoint:
    """Read a checkpoint, onto the CPU.

    Raises
    ------
    RunError
        It is damaged, or no checkpoint.
    """
    content = _load(path)
    if content.pop("format", None) != FORMAT or set(content) != {field.name for field in fields(Checkpoint)}:
        raise RunError(f"{path}: is no checkpoint that this kemfeat wrote; remove it to train from the beginning")
    return Checkpoint(**content)


def save_frozen(path: Path, model: nn.Module) -> str:
    """Write the weights that do not train, where there are any; returns the SHA-256 of the file, or nothing."""
    frozen = weights_of(model, frozen=True)
    if not frozen:
        return ""
    _save(path, frozen)
    return disk.sha256(path)


def weights_of(model: nn.Module, *, frozen: bool) -> Weights:
    """Weights of the parts that do not train, or of those that do."""
    inside = tuple(f"{name}." for name, part in model.named_modules() if isinstance(part, Frozen))
    return {name: value for name, value in model.state_dict().items() if name.startswith(inside) == frozen}


def fill(model: nn.Module, found: Checkpoint, *, where: Path) -> None:
    """Load the weights of a checkpoint, with what is frozen beside it; all of them and no others.

    Parameters
    ----------
    where : folder of the run.

    Raises
    ------
    RunError
        They are damaged, or those of another model.
    """
    frozen = _frozen(where / run_folder.FROZEN, found.frozen)
    try:
        model.load_state_dict({**found.weights, **frozen}, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(f"{where}: holds the weights of another model ({reason}); train the run again") from None


def identity(facts: RunFacts) -> dict[str, Any]:
    """The facts that make a run what it is, as JSON has them."""
    return facts.model_dump(mode="json", exclude=set(_NOT_IDENTITY))


def refuse_other(found: Mapping[str, Any], wanted: Mapping[str, Any], *, where: Path) -> None:
    """Refuse to go on with a run under other settings than it was begun with (K8).

    Parameters
    ----------
    found, wanted : :func:`identity` of what lies there and of what was asked for.

    Raises
    ------
    ConfigError
        They differ; the message names the first keys that do.
    """
    theirs, ours = _flat(found), _flat(wanted)
    keys = [key for key in sorted(theirs.keys() | ours.keys()) if theirs.get(key) != ours.get(key)]
    if keys:
        shown = "; ".join(
            f"{key} is {_brief(theirs.get(key))} there and {_brief(ours.get(key))} here" for key in keys[:_SHOWN]
        )
        more = f"; and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        raise ConfigError(
            f"{where}: was begun with other settings ({shown}{more}); run it with those to go on, or choose another "
            "--out"
        )


def _frozen(path: Path, digest: str) -> Weights:
    if not digest:
        return {}
    if not path.is_file() or disk.sha256(path) != digest:
        raise RunError(
            f"{path}: is missing or was changed since the checkpoints beside it were written; train the run again"
        )
    return _load(path)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """The cells of nested tables and lists by their dotted names."""
    if isinstance(value, Mapping):
        items = [(str(key), cell) for key, cell in value.items()]
    elif isinstance(value, list | tuple):
        items = [(str(at), cell) for at, cell in enumerate(value)]
    else:
        return {prefix: value}
    return {
        name: cell for key, inner in items for name, cell in _flat(inner, f"{prefix}.{key}" if prefix else key).items()
    }


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _save(path: Path, content: Any) -> None:
    with disk.writing(path.parent):
        disk.atomic_write(path, lambda aside: _write(aside, content))


def _write(path: Path, content: Any) -> None:
    # Through a file of Python's: its errors name what the disk refused, torch's own writer tells a line of C++.
    with path.open("wb") as file:
        torch.save(content, file)


def _load(path: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's about formats: what follows says enough
            content = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGE as error:
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise RunError(f"{path}: cannot be read ({reason}); remove it to train from the beginning") from None
    if not isinstance(content, dict):
        raise RunError(f"{path}: is no checkpoint that this kemfeat wrote; remove it to train from the beginning")
    return content
