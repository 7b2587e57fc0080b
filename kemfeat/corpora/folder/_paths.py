"""Paths in a user's table: relative to the root, with ``/``, and never out of it."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

from kemfeat.errors import CorpusError


def relative_path(text: str, *, where: str) -> str:
    """A cell as a path below the root, without ``.`` and doubled ``/``.

    Parameters
    ----------
    text : str
        The cell, not blank.
    where : str
        Table, line and column, for messages.

    Returns
    -------
    str
        The path, with ``/``.

    Raises
    ------
    CorpusError
        It is absolute, contains ``..`` or a backslash, or a character that is not printable.
    """
    path = PurePosixPath(text)
    # A drive letter is absolute on the machine that the table may have come from.
    if path.is_absolute() or PureWindowsPath(text).anchor or ".." in path.parts:
        raise CorpusError(
            f"{where}: found the path {text[:80]!r}, expected one below the root, such as wav/a.wav; "
            "write it without '..' and relative to the root, and copy files from elsewhere into the root"
        )
    if "\\" in text or not text.isprintable():
        raise CorpusError(
            f"{where}: found the path {text[:80]!r}, expected printable characters with '/' between folders; rewrite it"
        )
    return path.as_posix()


class Files:
    """Looks up the files that a table lists.

    Parameters
    ----------
    root : Path
        Folder that its paths start from.
    table : str
        The table, for messages.
    """

    def __init__(self, root: Path, table: str) -> None:
        self.root = root
        self._real = os.path.realpath(root)
        self._table = table

    def place(self, line: int, column: str) -> str:
        """A cell, as messages give it."""
        return f"{self._table}:{line} column {column}"

    def has(self, path: str, *, line: int, column: str) -> bool:
        """Whether the path in a cell is a file.

        Parameters
        ----------
        path : str
            What :func:`relative_path` made of the cell.
        line : int
            Line of the table, for messages.
        column : str
            Column of the table, for messages.

        Returns
        -------
        bool
            False where there is nothing or a folder.

        Raises
        ------
        CorpusError
            A link on the way leads out of the root.
        """
        target = os.path.realpath(f"{self._real}/{path}")
        if os.path.commonpath((self._real, target)) != self._real:
            raise CorpusError(
                f"{self.place(line, column)}: {path} leads by a link to {target}, outside {self.root}; expected a "
                "file below the root; copy or hard-link the original there"
            )
        return os.path.isfile(target)  # noqa: PTH113 - a Path per file costs more than the call
