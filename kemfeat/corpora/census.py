"""What the raw files of a corpus mention, for the balance of :mod:`kemfeat.balance`.

This is deliberately other code than that of the readers: it lists folders and splits lines itself, knows no grammar but
the form of an id, and so finds what a reader loses.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from kemfeat.balance import Mention
from kemfeat.corpora.text import decode

_PLAIN = ("latin-1", "utf-8-sig", "utf-16")
_LINE_END = re.compile(r"\r\n|\n|\r")


def media_mentions(
    root: Path,
    folder: str,
    *,
    suffixes: Sequence[str],
    name: re.Pattern[str] | None,
    deepest: int = 4,
    follow_links: bool = False,
) -> Iterator[Mention]:
    """Everything below a folder whose name has one of some suffixes, whatever it is.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    folder : str
        Folder below it, with ``/``; it need not exist. A folder that several links lead to is looked into once.
    suffixes : sequence of str
        In lower case, such as ``.wav``; names are compared without case. Hidden files are not mentions.
    name : re.Pattern or None
        Form of an id, to be found in the name; None where names say nothing of ids.
    deepest : int
        How many folders below ``folder`` to look into.
    follow_links : bool
        Whether links may lead out of the root.

    Yields
    ------
    Mention
        One per entry.
    """
    real, seen = os.path.realpath(root), set[str]()
    waiting = [(folder, 0)]
    while waiting:
        inside, depth = waiting.pop()
        path = os.path.realpath(root / inside)
        if path in seen or not (follow_links or os.path.commonpath((real, path)) == real):
            continue
        seen.add(path)
        for entry in _entries(path):
            below = f"{inside}/{entry.name}".removeprefix("./")
            if entry.name.startswith("."):
                continue
            if entry.name.lower().endswith(tuple(suffixes)):
                yield Mention(below, _id_in(entry.name, name))
            elif depth < deepest and os.path.isdir(entry.path):  # noqa: PTH112 - also of a link that cannot be read
                waiting.append((below, depth + 1))


def table_files(root: Path, folder: str, *, suffix: str) -> list[str]:
    """The entries of a folder with a suffix, in any case; hidden ones are left out.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    folder : str
        Folder below it, with ``/``; it need not exist.
    suffix : str
        In lower case, such as ``.csv``.

    Returns
    -------
    list of str
        Paths relative to the root, sorted.
    """
    names = (entry.name for entry in _entries(root / folder))
    return sorted(f"{folder}/{name}" for name in names if not name.startswith(".") and name.lower().endswith(suffix))


def lines_of(root: Path, path: str, *, encoding: str) -> list[tuple[int, str]] | None:
    """The numbered lines of a text file, each without its end.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    path : str
        The file, relative to it.
    encoding : str
        Encoding that its corpus declares, see :func:`~kemfeat.corpora.text.decode`; with ``latin-1`` or ``utf-8-sig``
        everything is text.

    Returns
    -------
    list of tuple of (int, str) or None
        From line 1; None where it is not a regular file, cannot be read or is not text.
    """
    try:
        if not stat.S_ISREG((root / path).stat().st_mode):
            return None
        content = (root / path).read_bytes()
    except OSError:
        return None
    if encoding in _PLAIN:
        text = content.decode(encoding, "replace")
    elif (decoded := decode(content, declared=encoding)) is not None:
        text = decoded[0]
    else:
        return None
    return list(enumerate(_LINE_END.split(text), start=1))


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []


def _id_in(text: str, name: re.Pattern[str] | None) -> str | None:
    found = name.search(text) if name is not None else None
    return found[0] if found else None
