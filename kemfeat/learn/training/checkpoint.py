"""A checkpoint: the weights, everything needed to continue training, and the facts of its run.

Read with ``weights_only=True``, so that a file from elsewhere runs no code. What does not train is written once, into
``frozen.pt``, and every checkpoint records its SHA-256: a run needs neither the runs it loaded nor the weights of the
text encoder.
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
from kemfeat.features.pretrained.archive import archive_problem
from kemfeat.learn import run_folder
from kemfeat.learn.models.frozen import Frozen
from kemfeat.learn.run_facts import RunFacts
from kemfeat.learn.torch_files import content_problem
from kemfeat.store import disk

FORMAT = 1

_NOT_IDENTITY = ("outcome", "versions", "synthetic", "store")
"""Facts in which a run may differ from its checkpoint."""

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
"""What torch raises on files that it did not write, or that were damaged."""

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """Contents of a checkpoint: only tensors, numbers, strings, lists and dicts.

    Parameters
    ----------
    facts : dict
        Facts of the run (:func:`identity`): configuration, classes, split and store among them.
    weights : dict of str to Tensor
        Weights of the parts that train.
    frozen : str
        SHA-256 of ``frozen.pt``; empty where every part trains.
    optimizer, scheduler, scaler, loader : dict
        Their states.
    position : dict
        How far training has got.
    history : list of dict
        Rows of ``history.csv``.
    rng : dict of str to Tensor
        States of torch's generators, by device.
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
    """Write a checkpoint in one step: if the process is killed, either the old one or the new one is there.

    Parameters
    ----------
    path : Path
        File to write.
    checkpoint : Checkpoint
        What to write.

    Raises
    ------
    StoreWriteError
        The file cannot be written.
    """
    content = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    _save(path, {"format": FORMAT, **content})


def load(path: Path) -> Checkpoint:
    """Read a checkpoint onto the CPU.

    Parameters
    ----------
    path : Path
        File to read.

    Returns
    -------
    Checkpoint
        Its contents.

    Raises
    ------
    RunError
        The file is damaged, or is not a checkpoint.
    """
    content = _load(path)
    if content.pop("format", None) != FORMAT or not _has_the_fields(content):
        raise RunError(f"{path}: is not a checkpoint that this kemfeat wrote; move it away to train from the beginning")
    return Checkpoint(**content)


def _has_the_fields(content: Mapping[str, Any]) -> bool:
    kinds = {field.name: dict for field in fields(Checkpoint)} | {"frozen": str, "history": list}
    if set(content) != set(kinds) or not all(isinstance(content[name], kind) for name, kind in kinds.items()):
        return False
    return all(isinstance(value, Tensor) for name in ("weights", "rng") for value in content[name].values())


def save_frozen(path: Path, model: nn.Module) -> str:
    """Write the weights that do not train, if there are any.

    Parameters
    ----------
    path : Path
        File to write.
    model : nn.Module
        The model.

    Returns
    -------
    str
        SHA-256 of the file; empty where every part trains.

    Raises
    ------
    StoreWriteError
        The file cannot be written.
    """
    frozen = weights_of(model, frozen=True)
    if not frozen:
        return ""
    _save(path, frozen)
    return disk.sha256(path)


def weights_of(model: nn.Module, *, frozen: bool) -> Weights:
    """Weights of either the frozen or the trained parts of a model.

    Parameters
    ----------
    model : nn.Module
        The model.
    frozen : bool
        True for the parts that do not train, False for those that do.

    Returns
    -------
    dict of str to Tensor
        Weights by name.
    """
    inside = tuple(f"{name}." for name, part in model.named_modules() if isinstance(part, Frozen))
    return {name: value for name, value in model.state_dict().items() if name.startswith(inside) == frozen}


def fill(model: nn.Module, found: Checkpoint, *, where: Path) -> None:
    """Load the weights of a checkpoint and the frozen ones beside it: all of them and no others.

    Parameters
    ----------
    model : nn.Module
        The model to fill.
    found : Checkpoint
        A checkpoint of the run.
    where : Path
        Folder of the run.

    Raises
    ------
    RunError
        The weights are damaged, or belong to another model.
    """
    frozen = _frozen(where / run_folder.FROZEN, found.frozen)
    try:
        model.load_state_dict({**found.weights, **frozen}, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(f"{where}: contains the weights of another model ({reason}); train the run again") from None


def identity(facts: RunFacts) -> dict[str, Any]:
    """The facts that make a run what it is.

    Parameters
    ----------
    facts : RunFacts
        Facts of the run.

    Returns
    -------
    dict
        All of them but the outcome, the versions and the store, whose part that matters is ``data``; as JSON values.
    """
    return facts.model_dump(mode="json", exclude=set(_NOT_IDENTITY))


def refuse_other(found: Mapping[str, Any], wanted: Mapping[str, Any], *, where: Path) -> None:
    """Refuse to continue a run under settings other than those it was begun with (K8).

    Parameters
    ----------
    found, wanted : mapping
        :func:`identity` of the run that exists and of the run that was asked for.
    where : Path
        Folder or file of the run, for the error message.

    Raises
    ------
    ConfigError
        They differ; the message gives the first keys that do.
    """
    theirs, ours = _flat(found), _flat(wanted)
    keys = [key for key in sorted(theirs.keys() | ours.keys()) if theirs.get(key) != ours.get(key)]
    if keys:
        shown = "; ".join(
            f"{key} is {_brief(theirs.get(key))} there and {_brief(ours.get(key))} here" for key in keys[:_SHOWN]
        )
        more = f"; and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        raise ConfigError(
            f"{where}: was begun with other settings ({shown}{more}); run it with those to continue, or choose "
            "another --out"
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
    """The values of nested tables and lists by their dotted names."""
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
    # Through a Python file object: its errors say what the disk refused, torch's own writer only cites a line of C++.
    with path.open("wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # of closing an archive of which the disk refused a part
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def _load(path: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of formats: the error below says enough
            problem = archive_problem(path)
            content = None if problem else torch.load(path, map_location="cpu", weights_only=True)
        if problem := problem or content_problem(content):
            raise ValueError(problem)
    except _DAMAGE as error:
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise RunError(f"{path}: cannot be read ({reason}); move it away to train from the beginning") from None
    if not isinstance(content, dict):
        raise RunError(f"{path}: is not a checkpoint that this kemfeat wrote; move it away to train from the beginning")
    return content
