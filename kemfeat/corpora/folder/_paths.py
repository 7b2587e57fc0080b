"""Paths in a user's table: relative to the root, with ``/``, and never out of it."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

from kemfeat.corpora.layout import entries, is_folder
from kemfeat.errors import CorpusError


def relative_path(text: str, *, where: str, root: Path) -> str:
    r"""A cell as a path below the root, in Unicode's composed form, without ``.`` and doubled ``/``.

    An absolute path below the root becomes relative, and ``\`` counts as ``/``, as in tables from Windows.

    Parameters
    ----------
    text : str
        The cell, not blank.
    where : str
        Table, line and column, for messages.
    root : Path
        Folder of the recordings.

    Returns
    -------
    str
        The path, with ``/``.

    Raises
    ------
    CorpusError
        It is absolute and not below the root, or contains ``..`` or a character that is not printable.
    """
    path = PurePosixPath(unicodedata.normalize("NFC", text if PureWindowsPath(text).drive else text.replace("\\", "/")))
    for above in dict.fromkeys((Path(os.path.abspath(root)), Path(os.path.realpath(root)))):  # noqa: PTH100 - `..`
        if path.is_absolute() and path.is_relative_to(above):
            path = path.relative_to(above)
    # A drive letter is absolute on the machine that the table may have come from.
    if path.is_absolute() or PureWindowsPath(text).drive or ".." in path.parts:
        raise CorpusError(
            f"{where}: found the path {text[:80]!r}, expected one below the root, such as wav/a.wav; "
            "write it without '..' and relative to the root, and copy files from elsewhere into the root"
        )
    if not text.isprintable():
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
    follow_links : bool
        Whether links may lead out of the root.
    """

    def __init__(self, root: Path, table: str, *, follow_links: bool = False) -> None:
        self.root = root
        self._real = os.path.realpath(root)
        self._table = table
        self._follow_links = follow_links
        self._names: dict[str, dict[str, str]] = {}
        self._folded: dict[str, dict[str, str]] = {}

    def place(self, line: int, column: str) -> str:
        """A cell, as messages give it."""
        return f"{self._table}:{line} column {column}"

    def beside(self, name: str) -> str | None:
        """A file in the folder of the table.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        str or None
            Its path relative to the root, with ``/``; None where there is none.

        Raises
        ------
        CorpusError
            It is a link that leads out of that folder.
        """
        path = PurePosixPath(self._table).with_name(name).as_posix()
        place = self.root / path
        if not place.is_file():
            return None
        target, folder = (os.path.realpath(each) for each in (place, place.parent))
        if not self._follow_links and os.path.commonpath((folder, target)) != folder:
            raise CorpusError(
                f"{path}: leads by a link to {target}, outside the folder of {self._table}; expected the file itself; "
                "copy it there, or pass --follow-links to read it where it is"
            )
        return path

    def find(self, path: str, *, line: int, column: str) -> str | None:
        """The file at the path in a cell.

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
        str or None
            The path as it is spelt on disk, which may be in Unicode's decomposed form, as macOS writes it; None where
            there is nothing or a folder.

        Raises
        ------
        CorpusError
            A link on the way leads out of the root.
        """
        if self._is_file(path, line=line, column=column):
            return path
        if path.isascii():
            return None
        spelt = self._spelt(path)
        return spelt if self._is_file(spelt, line=line, column=column) else None

    def alike(self, path: str) -> str | None:
        """The name on disk that differs from that of a path in upper and lower case alone."""
        folder, _, name = path.rpartition("/")
        if folder not in self._folded:
            self._folded[folder] = {known.casefold(): spelt for known, spelt in self._composed(folder).items()}
        found = self._folded[folder].get(name.casefold())
        return None if found == name else found

    def _spelt(self, path: str) -> str:
        """The path as its names are spelt on disk, whatever their form in Unicode."""
        found = PurePosixPath()
        for part in PurePosixPath(path).parts:
            names = self._composed(str(found)) if not part.isascii() else {}
            found /= names.get(part, part)
        return found.as_posix()

    def _composed(self, folder: str) -> dict[str, str]:
        """Per name in a folder, in Unicode's composed form, the name as it is spelt; remembered."""
        if folder not in self._names:
            path = Path(self._real, folder)
            names = sorted(entry.name for entry in entries(path)) if is_folder(path) else []
            self._names[folder] = {unicodedata.normalize("NFC", name): name for name in names}
        return self._names[folder]

    def _is_file(self, path: str, *, line: int, column: str) -> bool:
        target = os.path.realpath(f"{self._real}/{path}")
        if not self._follow_links and os.path.commonpath((self._real, target)) != self._real:
            raise CorpusError(
                f"{self.place(line, column)}: {path} leads by a link to {target}, outside {self.root}; expected a "
                "file below the root; copy or hard-link the original there, pass --root a folder that contains both, "
                "or pass --follow-links to read it where it is"
            )
        return os.path.isfile(target)  # noqa: PTH113 - a Path per file costs more than the call
