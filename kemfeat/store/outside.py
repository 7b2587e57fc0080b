"""Whether a path is inside a store, where only a build may write."""

from __future__ import annotations

from pathlib import Path

from kemfeat.errors import ConfigError
from kemfeat.store import schema


def store_around(path: Path) -> Path | None:
    """The store that contains a path or is at it, whether or not the path exists yet.

    Parameters
    ----------
    path : Path
        A file or folder. Links are followed.

    Returns
    -------
    Path or None
        The innermost folder with a finished store or a build under way; None where there is none.
    """
    whole = path.resolve()
    marks = (schema.HEADER, schema.BUILDING)
    return next((each for each in (whole, *whole.parents) if any((each / mark).exists() for mark in marks)), None)


def refuse_in_store(out: Path) -> None:
    """Refuse a path inside a store.

    Parameters
    ----------
    out : Path
        A file or folder to be written.

    Raises
    ------
    ConfigError
        The path is inside a store.
    """
    with_store = store_around(out)
    if with_store is not None:
        raise ConfigError(f"{out}: lies in the store {with_store}; choose a path outside of it with --out")
