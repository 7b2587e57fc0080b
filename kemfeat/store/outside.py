"""What may be written over: nothing inside a store, where only a build writes, and no file of somebody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kemfeat.errors import ConfigError
from kemfeat.store import schema
from kemfeat.store.address import refuse_address
from kemfeat.store.header import store_of


def store_around(path: Path) -> Path | None:
    """The store that contains a path or is at it, whether or not the path exists yet.

    Parameters
    ----------
    path : Path
        A file or folder. Links are followed.

    Returns
    -------
    Path or None
        The innermost store, finished or being built, a version of which is not one of its own; None where there is
        none.

    Raises
    ------
    ConfigError
        It was meant as an address.
    """
    refuse_address(path, "write into a folder, then `kemfeat push` it")
    whole = path.resolve()
    marks = (schema.HEADER, schema.BUILDING)
    around = next((each for each in (whole, *whole.parents) if any((each / mark).exists() for mark in marks)), None)
    return None if around is None else store_of(around)


def refuse_in_store(out: Path, *, but_itself: bool = False) -> None:
    """Refuse a path inside a store.

    Parameters
    ----------
    out : Path
        A file or folder to be written.
    but_itself : bool
        Whether the path may be a store.

    Raises
    ------
    ConfigError
        The path is inside a store.
    """
    around = store_around(out.resolve().parent if but_itself else out)
    if around is not None:
        raise ConfigError(f"{out}: is inside the store {around}; choose a path outside it with --out")


def refuse_foreign(out: Path, *, command: str, is_ours: Callable[[Path], bool]) -> None:
    """Refuse to write a file inside a store, or over what the same command did not write.

    Parameters
    ----------
    out : Path
        A file to be written.
    command : str
        Name of the command.
    is_ours : callable
        Whether a file was written by that command; it may raise ``OSError`` or ``ValueError`` where it was not.

    Raises
    ------
    ConfigError
        The path is inside a store, is a folder, or is another file.
    """
    refuse_in_store(out)
    if out.is_dir():
        raise ConfigError(f"{out}: is a folder, expected a file; pass another --out")
    if (out.exists() or out.is_symlink()) and not _holds(is_ours, out):
        raise ConfigError(f"{out}: exists and was not made by kemfeat {command}; pass another --out")


def _holds(is_ours: Callable[[Path], bool], out: Path) -> bool:
    try:
        return is_ours(out)
    except (OSError, ValueError):
        return False


def refuse_other_corpus(
    before: schema.Header | None, dataset: str, *, where: object, advice: str = "choose another place"
) -> None:
    """Refuse to put a store in the place of one of another corpus.

    Parameters
    ----------
    before : Header or None
        Header of what is there.
    dataset : str
        Corpus of the store that is to be there.
    where : object
        Folder or address, for messages.
    advice : str
        What to do.

    Raises
    ------
    ConfigError
        Another corpus is there.
    """
    if before is not None and before.dataset != dataset:
        raise ConfigError(f"{where}: is a store of {before.dataset}, this one is of {dataset}; {advice}")
