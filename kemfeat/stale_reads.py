"""Reads a file of a network disk again where the disk lost its handle (ESTALE), which a second opening finds."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def asked_again(path: Path, read: Callable[[Path], T]) -> T:
    """What reading a file gives, at the second try where the first finds a stale handle.

    Parameters
    ----------
    path : Path
        The file.
    read : callable
        Opens and reads it.

    Returns
    -------
    object
        What ``read`` returns.

    Raises
    ------
    OSError
        It fails for another reason, or twice.
    """
    try:
        return read(path)
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
        return read(path)
