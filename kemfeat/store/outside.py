"""Whether a path lies in a store: nothing but a build writes there."""

from __future__ import annotations

from pathlib import Path

from kemfeat.errors import ConfigError
from kemfeat.store import schema


def store_around(path: Path) -> Path | None:
    """The store that a path lies in or is, whether or not the path exists yet.

    Parameters
    ----------
    path : Path
        A file or folder. Links are followed.

    Returns
    -------
    Path or None
        The innermost folder that has, or is being given, the header of a store; None where there is none.
    """
    whole = path.resolve()
    marks = (schema.HEADER, schema.BUILDING)
    return next((each for each in (whole, *whole.parents) if any((each / mark).exists() for mark in marks)), None)


def refuse_in_store(out: Path) -> None:
    """Refuse a path that lies in a store.

    Raises
    ------
    ConfigError
        It does.
    """
    with_store = store_around(out)
    if with_store is not None:
        raise ConfigError(f"{out}: lies in the store {with_store}; choose a path outside of it with --out")
