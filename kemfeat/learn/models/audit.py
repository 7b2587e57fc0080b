"""What trains in a model and what does not: no loss curve shows a frozen head or an encoder that trains (J6, J9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
from torch import nn

from kemfeat.errors import ConfigError
from kemfeat.learn.models.frozen import Frozen


def trainable_audit(model: nn.Module) -> pd.DataFrame:
    """Count the parameters of each part of a model, and those that train.

    Parameters
    ----------
    model : nn.Module
        The model. Meant not to train are its parts of the class ``Frozen``, and those whose dotted names its attribute
        ``frozen`` has, if it has one.

    Returns
    -------
    DataFrame
        ``part`` (dotted name), ``parameters`` and ``trainable`` (counts), ``frozen`` (whether it is meant not to
        train).
    """
    rows = [(name, _count(part), _count(part, trainable=True), frozen) for name, part, frozen in _parts(model)]
    return pd.DataFrame(rows, columns=["part", "parameters", "trainable", "frozen"])


def check_trainable(model: nn.Module) -> pd.DataFrame:
    """Audit a model, and refuse one in which the wrong parts train.

    Parameters
    ----------
    model : nn.Module
        The model.

    Returns
    -------
    DataFrame
        :func:`trainable_audit`.

    Raises
    ------
    ConfigError
        A part that is meant to train does not, wholly or in part, or a frozen part would.
    """
    table = trainable_audit(model)
    expected = table["parameters"].where(~table["frozen"], 0)
    wrong = table[table["trainable"] != expected]
    if len(wrong) or not table["trainable"].sum():
        found = "; ".join(f"{row.part}: {row.trainable:,} of {row.parameters:,} train" for row in wrong.itertuples())
        raise ConfigError(
            f"{type(model).__name__}: {found or 'it has no part that trains'}; expected every parameter outside frozen "
            f"parts to train, and none inside; set requires_grad accordingly"
        )
    return table


def check_gradients(model: nn.Module, *, idle: Sequence[str] = ()) -> None:
    """Refuse a model in which a parameter that should train got no gradient.

    Parameters
    ----------
    model : nn.Module
        The model after a backward pass.
    idle : sequence of str
        Beginnings of the dotted names of parameters that are known to get none.

    Raises
    ------
    ConfigError
        A parameter that trains has no gradient, which means that no output depends on it.
    """
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    without = [name for name in trained if model.get_parameter(name).grad is None]
    missed = [name for name in without if not name.startswith(tuple(idle))]
    if missed:
        shown = ", ".join(missed[:3]) + (f" and {len(missed) - 3} more" if len(missed) > 3 else "")
        raise ConfigError(
            f"{type(model).__name__}: no prediction depends on {shown}, so {len(missed)} of {len(trained)} parameters "
            "would keep the values they were drawn with; expected a gradient for every parameter that trains; use "
            "them in forward, or freeze or remove them"
        )


def _parts(model: nn.Module) -> Iterator[tuple[str, list[nn.Parameter], bool]]:
    """The parameters of each part by its name, and whether they are meant not to train."""
    declared = tuple(getattr(model, "frozen", ()))
    inside = {name for name, part in model.named_modules() if isinstance(part, Frozen)} | set(declared)
    yield from _within(model, "", inside)


def _within(model: nn.Module, prefix: str, frozen: set[str]) -> Iterator[tuple[str, list[nn.Parameter], bool]]:
    for name, part in model.named_children():
        whole = prefix + name
        if whole in frozen:
            yield whole, list(part.parameters()), True
        elif any(other.startswith(f"{whole}.") for other in frozen):
            if own := list(part.parameters(recurse=False)):
                yield whole, own, False
            yield from _within(part, f"{whole}.", frozen)
        elif parameters := list(part.parameters()):
            yield whole, parameters, False


def _count(parameters: Sequence[nn.Parameter], *, trainable: bool = False) -> int:
    return sum(one.numel() for one in parameters if one.requires_grad or not trainable)
