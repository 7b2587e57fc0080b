"""List and open the files of a corpus without ever leaving its root."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kemfeat.errors import CorpusError, CorpusLayoutError

_Test = Callable[["os.DirEntry[str]"], bool]
_SHOWN = 5


class Listing(NamedTuple):
    """Names in one folder, sorted: those that fit the grammar, and all others."""

    fitting: tuple[str, ...]
    others: tuple[str, ...]


def list_files(folder: Path, pattern: re.Pattern[str], *, root: Path) -> Listing:
    """Names of the files in ``folder`` that ``pattern`` matches in full; none when the folder does not exist.

    Raises
    ------
    CorpusError
        The folder cannot be listed, or a fitting name is a link that leads out of ``root``.
    """
    return _list(folder, pattern, root=root, wanted=os.DirEntry.is_file)


def list_folders(folder: Path, pattern: re.Pattern[str], *, root: Path) -> Listing:
    """As :func:`list_files`, for the folders in ``folder``."""
    return _list(folder, pattern, root=root, wanted=os.DirEntry.is_dir)


def _list(folder: Path, pattern: re.Pattern[str], *, root: Path, wanted: _Test) -> Listing:
    if not is_folder(folder):
        return Listing((), ())
    _refuse_escape(folder, root=root)
    fitting, others = [], []
    for entry in entries(folder):
        if not (pattern.fullmatch(entry.name) and _passes(entry, wanted)):
            others.append(entry.name)
            continue
        if entry.is_symlink():
            _refuse_escape(Path(entry.path), root=root)
        fitting.append(entry.name)
    return Listing(tuple(sorted(fitting)), tuple(sorted(others)))


def _passes(entry: os.DirEntry[str], wanted: _Test) -> bool:
    try:
        return wanted(entry)
    except OSError:  # a link that leads to itself
        return False


def is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder that can be looked at; never raises."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """Everything in a folder, in no order.

    Raises
    ------
    CorpusError
        The folder cannot be listed.
    """
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError as error:
        raise CorpusError(
            f"{folder}: cannot be listed ({error.strerror}); expected a readable folder; check its permissions"
        ) from None


def _refuse_escape(path: Path, *, root: Path) -> None:
    target = path.resolve()
    if not target.is_relative_to(root.resolve()):
        raise CorpusError(
            f"{path}: a link to {target}, outside of the corpus; expected a file below {root}; "
            "copy or hard-link the original here"
        )


def read_file(path: Path) -> bytes:
    """The whole content of a file.

    Raises
    ------
    CorpusError
        The file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorpusError(
            f"{path}: cannot be read ({error.strerror}); expected a readable file; check its permissions and the disk"
        ) from None


def require_folder(root: Path, *, corpus: str, holds: str) -> None:
    """Refuse a root that is no folder; ``holds`` names what the folder of the corpus holds.

    Raises
    ------
    CorpusLayoutError
        ``root`` is a file, or nothing.
    """
    if not is_folder(root):
        found = "a file" if root.exists() else "nothing"
        raise CorpusLayoutError(
            f"{root}: found {found}, expected the folder of {corpus}, which holds {holds}; pass it with --root"
        )


def show_contents(folder: Path) -> str:
    """The first names in a folder, for messages."""
    names = sorted(entry.name for entry in entries(folder))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more if names else "nothing"


def nearby(root: Path, *, is_corpus: Callable[[Path], bool], above: int) -> Path | None:
    """A corpus close to a wrong root, which was a folder too deep or one too high; None where there is none.

    Parameters
    ----------
    root : the folder that is no corpus.
    is_corpus : whether a folder is one.
    above : how many folders above ``root`` to look at, before those right below it.
    """
    below = sorted(root / entry.name for entry in entries(root))
    near = (*root.resolve().parents[:above], *below)
    return next((folder for folder in near if is_folder(folder) and is_corpus(folder)), None)
