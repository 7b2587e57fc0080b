"""Paths as users give them: text, or anything that the standard library takes for a path."""

from __future__ import annotations

import os
import re
from pathlib import Path

from kemfeat.errors import ConfigError

StrPath = str | os.PathLike[str]
"""A path: ``"stores/KEMDy20"``, ``Path("stores/KEMDy20")``, or another object with ``__fspath__``."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def to_path(path: StrPath) -> Path:
    """A path on this machine, as every public function takes it.

    Parameters
    ----------
    path : str or PathLike
        What the user gave.

    Returns
    -------
    Path
        The same place.

    Raises
    ------
    ConfigError
        It is empty, which would be the current folder, or the address of something that is not on this machine.

    Examples
    --------
    >>> to_path("stores/KEMDy20") == to_path(Path("stores") / "KEMDy20")
    True
    """
    text = os.fspath(path)
    if not text:
        raise ConfigError("a path is empty; expected a file or folder; pass '.' for the current folder")
    if address := _ADDRESS.match(text):  # what comes after it may be secret
        raise ConfigError(f"{address[0]}: an address is not used here; pass a file or folder on this machine")
    return Path(path)


def to_path_or_none(path: StrPath | None) -> Path | None:
    """A path on this machine, where there is one.

    Parameters
    ----------
    path : str, PathLike or None
        What the user gave.

    Returns
    -------
    Path or None
        As :func:`to_path`; None stays None.

    Raises
    ------
    ConfigError
        As :func:`to_path`.
    """
    return None if path is None else to_path(path)
