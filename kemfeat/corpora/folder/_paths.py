"""Paths that stand in a user's table: relative to the root, with ``/``, and never out of it."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

from kemfeat.errors import CorpusError


def relative_path(text: str, *, where: str) -> str:
    """A cell as a path below the root, without ``.`` and doubled ``/``.

    Raises
    ------
    CorpusError
        It is absolute, leads upwards, or holds a backslash or a character that is not printable.
    """
    path = PurePosixPath(text)
    # A drive letter is absolute on the machine that the table may have come from.
    if path.is_absolute() or PureWindowsPath(text).anchor or ".." in path.parts:
        raise CorpusError(
            f"{where}: found the path {text[:80]!r}, expected one below the root, such as wav/a.wav; "
            "write it without '..' and from the root on, and move files that lie elsewhere there"
        )
    if "\\" in text or not text.isprintable():
        raise CorpusError(
            f"{where}: found the path {text[:80]!r}, expected printable characters with '/' between folders; rewrite it"
        )
    return path.as_posix()


class Files:
    """Looks up what a table names.

    Parameters
    ----------
    root : folder that its paths start from.
    table : the table, for messages.
    """

    def __init__(self, root: Path, table: str) -> None:
        self._root = root
        self._real = os.path.realpath(root)
        self._table = table

    def place(self, line: int, column: str) -> str:
        """How messages call a cell."""
        return f"{self._table}:{line} column {column}"

    def has(self, path: str, *, line: int, column: str) -> bool:
        """Whether there is a file at the path in a cell.

        Raises
        ------
        CorpusError
            A link on the way leads out of the root.
        """
        target = os.path.realpath(f"{self._real}/{path}")
        if os.path.commonpath((self._real, target)) != self._real:
            raise CorpusError(
                f"{self.place(line, column)}: {path} leads by a link to {target}, outside of {self._root}; expected a "
                "file below the root; copy or hard-link the original there"
            )
        return os.path.isfile(target)  # noqa: PTH113 - a Path per file costs more than the call
