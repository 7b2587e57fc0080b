"""List and open the files of a corpus without ever leaving its root."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kemfeat.errors import CorpusError, CorpusLayoutError
from kemfeat.findings import NOT_A_FILE, STRAY_FILE, Findings
from kemfeat.stale_reads import asked_again

if TYPE_CHECKING:
    import pandas as pd

_Test = Callable[["os.DirEntry[str]"], bool]
_SHOWN = 5


class Listing(NamedTuple):
    """Names in one folder, sorted: those that fit the grammar, and all others."""

    fitting: tuple[str, ...]
    others: tuple[str, ...]


def list_files(folder: Path, pattern: re.Pattern[str], *, root: Path, follow_links: bool = False) -> Listing:
    """Names of the files in a folder that fit a pattern.

    Parameters
    ----------
    folder : Path
        The folder; it need not exist.
    pattern : re.Pattern
        Must match a whole name.
    root : Path
        Folder of the corpus, which no link may leave.
    follow_links : bool
        Whether links may leave it after all; those to anything but files or folders, and to themselves, never fit.

    Returns
    -------
    Listing
        Names that fit and names that do not; both empty when the folder does not exist.

    Raises
    ------
    CorpusError
        The folder cannot be listed, or a fitting name is a link out of ``root``.
    """
    return _list(folder, pattern, root=None if follow_links else root, wanted=os.DirEntry.is_file)


def list_folders(folder: Path, pattern: re.Pattern[str], *, root: Path, follow_links: bool = False) -> Listing:
    """Names of the folders in a folder that fit a pattern; parameters as :func:`list_files`."""
    return _list(folder, pattern, root=None if follow_links else root, wanted=os.DirEntry.is_dir)


def _list(folder: Path, pattern: re.Pattern[str], *, root: Path | None, wanted: _Test) -> Listing:
    """List a folder whose links may not leave ``root``, where there is one."""
    if not is_folder(folder):
        return Listing((), ())
    refuse_escape(folder, root=root)
    fitting, others = [], []
    for entry in entries(folder):
        if not (pattern.fullmatch(entry.name) and _passes(entry, wanted)):
            others.append(entry.name)
            continue
        if entry.is_symlink():
            refuse_escape(Path(entry.path), root=root)
        fitting.append(entry.name)
    return Listing(tuple(sorted(fitting)), tuple(sorted(others)))


def _passes(entry: os.DirEntry[str], wanted: _Test) -> bool:
    try:
        return wanted(entry)
    except OSError:  # a link that leads to itself
        return False


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; never raises.

    Parameters
    ----------
    path : Path
        Any path.

    Returns
    -------
    bool
        False, too, where the path cannot be looked at.
    """
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """Everything in a folder, in no order.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    list of os.DirEntry
        Files, folders and links.

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


def refuse_escape(path: Path, *, root: Path | None) -> None:
    """Refuse a path that leads out of a corpus, by a link or otherwise.

    Parameters
    ----------
    path : Path
        Any path.
    root : Path or None
        Folder of the corpus; None refuses nothing.

    Raises
    ------
    CorpusError
        It leads out of ``root``, or nowhere: a link to itself, or a name that no file can have.
    """
    if root is None:
        return
    try:
        target = path.resolve()
    except (OSError, RuntimeError, ValueError):  # RuntimeError: a link to itself, before Python 3.13
        raise CorpusError(f"{path}: leads nowhere; expected a file below {root}") from None
    if not target.is_relative_to(root.resolve()):
        raise CorpusError(
            f"{path}: a link to {target}, outside the corpus; expected a file below {root}; "
            "copy or hard-link the original here, or pass --follow-links to read it where it is"
        )


def source_file(root: Path, name: str, *, sources: pd.DataFrame) -> Path:
    """The file of a corpus that a store was built from, to be heard.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    name : str
        Path below it.
    sources : DataFrame
        ``path`` and ``size`` [bytes] of the files that the store was built from.

    Returns
    -------
    Path
        The file, below ``root`` and as long as it was.

    Raises
    ------
    CorpusError
        It leads out of ``root``, is absent, or has another size.
    """
    path = root / name
    refuse_escape(path, root=root)
    if kind := other_kind(path):
        raise CorpusError(
            f"{path}: found {kind}, expected the audio of an utterance; pass the folder of the corpus as --root"
        )
    size, known = path.stat().st_size, sources.loc[sources["path"] == name, "size"]
    if len(known) and int(known.iloc[0]) != size:
        raise CorpusError(
            f"{path}: has {size:,} bytes, the store was built from {int(known.iloc[0]):,}; pass that corpus as --root"
        )
    return path


def read_file(path: Path) -> bytes:
    """The content of a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bytes
        All of it.

    Raises
    ------
    CorpusError
        The file cannot be read.
    """
    try:
        return asked_again(path, Path.read_bytes)
    except OSError as error:
        raise CorpusError(
            f"{path}: cannot be read ({error.strerror}); expected a readable file; check its permissions and the disk"
        ) from None


def report_strays(strays: Iterable[str], *, root: Path, suffixes: tuple[str, ...], findings: Findings) -> None:
    """Report files and folders that are not part of the corpus.

    Parameters
    ----------
    strays : iterable of str
        Paths relative to ``root``.
    root : Path
        Folder of the corpus.
    suffixes : tuple of str
        Those of the corpus' files; what has one of them, but is not a file, stands where a file should be.
    findings : Findings
        Receives them.

    Raises
    ------
    CorpusError
        One is a folder, a pipe, a device or a broken link under the name of a file, and ``findings`` is strict.
    """
    for path in strays:
        name = path.rpartition("/")[2]
        kind = other_kind(root / path) if name.endswith(suffixes) and not name.startswith(".") else None
        if kind is None:
            findings.add(STRAY_FILE, path, left_out=[path])
        else:
            findings.fault(NOT_A_FILE, f"{path}: found {kind}, expected a file", left_out=[path])


def other_kind(path: Path) -> str | None:
    """What is at a path where a file is expected.

    Parameters
    ----------
    path : Path
        Any path.

    Returns
    -------
    str or None
        A phrase for messages; None for a file.

    Examples
    --------
    >>> from pathlib import Path
    >>> other_kind(Path())
    'a folder'
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return "a link that leads nowhere" if os.path.islink(path) else "no such file"  # noqa: PTH114 - never raises
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"


def require_folder(root: Path, *, corpus: str, holds: str) -> None:
    """Refuse a root that is not a folder.

    Parameters
    ----------
    root : Path
        What the user gave as the folder of the corpus.
    corpus : str
        Name of the corpus, for the message.
    holds : str
        What its folder contains, for the message.

    Raises
    ------
    CorpusLayoutError
        ``root`` is a file or does not exist.
    """
    if not is_folder(root):
        found = "a file" if root.exists() else "nothing"
        raise CorpusLayoutError(
            f"{root}: found {found}, expected the folder of {corpus}, which contains {holds}; pass it with --root"
        )


def show_contents(folder: Path) -> str:
    """The first names in a folder, for messages.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    str
        Up to five names, sorted, and how many more there are.

    Raises
    ------
    CorpusError
        The folder cannot be listed.
    """
    names = sorted(entry.name for entry in entries(folder))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more if names else "nothing"


def nearby(root: Path, *, is_corpus: Callable[[Path], bool], above: int) -> Path | None:
    """A corpus near a wrong root, which may be some folders too deep or one too high.

    Parameters
    ----------
    root : Path
        The folder that is not the corpus.
    is_corpus : callable
        Says whether a folder is the corpus.
    above : int
        How many folders above ``root`` to try before those directly inside it.

    Returns
    -------
    Path or None
        The first that is the corpus.
    """
    below = sorted(root / entry.name for entry in entries(root))
    near = (*root.resolve().parents[:above], *below)
    return next((folder for folder in near if is_folder(folder) and is_corpus(folder)), None)
