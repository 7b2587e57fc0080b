"""What a user's table and the folders of its recordings mention; see :mod:`kemfeat.corpora.census`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from kemfeat.balance import Mention
from kemfeat.corpora.census import lines_of, media_mentions
from kemfeat.corpora.folder._workbook import is_workbook, raw_rows
from kemfeat.corpora.layout import read_file

_SOUND = (
    ".wav",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".mp3",
    ".aif",
    ".aiff",
    ".aifc",
    ".au",
    ".snd",
    ".caf",
    ".w64",
    ".rf64",
)


def folder_mentions(root: Path, table: str, folders: set[str], *, follow_links: bool) -> Iterator[Mention]:
    """Rows of the table with a cell that is not blank, lines that a cell swallowed, and recordings beside others.

    Parameters
    ----------
    root : Path
        Folder of the recordings.
    table : str
        Path of the table relative to it.
    folders : set of str
        Folders of the recordings that the table lists; those below them are not looked into.
    follow_links : bool
        Whether links may lead out of the root.

    Yields
    ------
    Mention
        One per row or recording.
    """
    yield from _rows(root, table)
    for folder in sorted(folders):
        yield from media_mentions(root, folder, suffixes=_SOUND, name=None, deepest=0, follow_links=follow_links)


def _rows(root: Path, table: str) -> Iterator[Mention]:
    content = read_file(root / table)
    if is_workbook(content):
        rows = raw_rows(content, where=table)
        header = [cell.strip().lower() for cell in next(rows, (1, []))[1]]
        at = header.index("id") if "id" in header else len(header)
        yield from (Mention(f"{table}:{number}", cells[at].strip() or None) for number, cells in rows)
        return
    lines = lines_of(root, table, encoding=_encoding(root / table))
    if lines is None:
        yield Mention(table)
        return
    delimiter = _delimiter(lines[0][1], table)
    reader = csv.reader(io.StringIO("\n".join(text for _, text in lines)), delimiter=delimiter)
    header = [cell.strip().lower() for cell in next(reader, [])]
    before = reader.line_num
    for cells in reader:
        first, before = before + 1, reader.line_num
        if any(map(str.strip, cells)):
            at = header.index("id") if "id" in header else len(cells)
            yield Mention(f"{table}:{before}", cells[at].strip() if at < len(cells) else None)
        for line in range(first + 1, before):  # whole lines inside a cell
            if _is_row(lines[line - 1][1], header, delimiter):
                yield Mention(f"{table}:{line}")


def _encoding(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    except OSError:
        return "utf-8-sig"


def _delimiter(header: str, table: str) -> str:
    """The separator that the name of the table suggests, unless the header has `id` and `audio` between others."""
    usual = "\t" if table.lower().endswith(".tsv") else ","
    cells = {each: {cell.strip(' "').lower() for cell in header.split(each)} for each in (usual, ",", ";", "\t")}
    return next((each for each, names in cells.items() if {"id", "audio"} <= names), usual)


def _is_row(text: str, header: list[str], delimiter: str) -> bool:
    """Whether a line inside a cell has as many cells as the header, and a recording where the header says so."""
    cells = text.split(delimiter)
    return len(cells) == len(header) and cells[header.index("audio")].strip().lower().endswith(_SOUND)
