"""Checks of files that torch reads: what looks small on disk must not grow in memory, and must be what it says."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_DEEPEST = 32
"""Levels of nesting in a checkpoint; one that kemfeat writes has seven."""


def content_problem(content: Any) -> str:
    """Say why what torch read is not a tree of plain values.

    Parameters
    ----------
    content : object
        What ``torch.load`` returned.

    Returns
    -------
    str
        What is wrong; empty where nothing is.
    """
    waiting: list[tuple[Any, int]] = [(content, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST:
            return f"is nested more than {_DEEPEST} levels deep"
        if isinstance(value, Tensor):
            if problem := _tensor_problem(value):
                return problem
        elif isinstance(value, dict):
            waiting += [(cell, depth + 1) for cell in value.values()]
        elif isinstance(value, list | tuple):
            waiting += [(cell, depth + 1) for cell in value]
        elif not isinstance(value, str | int | float | None):
            return f"contains a {type(value).__name__}; expected tensors, numbers, texts, lists and tables"
    return ""


def _tensor_problem(value: Tensor) -> str:
    """A view may repeat one number a billion times, which a copy would write out."""
    if value.layout is not torch.strided or value.is_quantized or value.device.type != "cpu":
        return "contains a tensor that is not plain numbers"
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        return f"contains a tensor of {value.numel():,} numbers, more than are stored"
    return ""
