"""Checks of files that torch reads: what looks small on disk must not grow in memory, and must be what it says."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_DEEPEST = 32
"""Levels of nesting in a checkpoint; one that kemfeat writes has seven."""


def archive_problem(path: Path) -> str:
    """Say why a file that torch would unpack may take more memory than it has bytes.

    ``torch.save`` stores its records uncompressed, one after another; a compressed record or one whose size is not that
    of the file is no work of torch.

    Parameters
    ----------
    path : Path
        File to check.

    Returns
    -------
    str
        What is wrong; empty where nothing is, and for files that are not ZIP archives.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    if not zipfile.is_zipfile(path):
        return ""
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        return f"is not an archive of torch ({error})"
    compressed = [record.filename for record in records if record.compress_type != zipfile.ZIP_STORED]
    if compressed:
        return f"has the compressed record {compressed[0]!r}, and torch writes none"
    if sum(record.file_size for record in records) > path.stat().st_size:
        return "its records are larger than the file"
    return ""


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
