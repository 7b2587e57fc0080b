"""Tables that users write or their programs export: text of any usual encoding and separator, split into cells."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from kemfeat.errors import CorpusError
from kemfeat.file_kinds import foreign_kind, is_utf16

ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
"""Grammar of ids."""

ID_GRAMMAR = "1 to 128 letters a-z, digits and . _ -, without . at the beginning"
"""The grammar of ids in words."""

_LABEL = re.compile(r"[\w-](?:[\w .-]{0,126}[\w.-])?")
_MAX_BYTES = 200
"""Length of such a name in UTF-8: that of a session becomes the name of a file."""

LABEL_GRAMMAR = (
    f"letters, digits, spaces and . _ -, at most 128 and {_MAX_BYTES} bytes, . or a space not at the beginning"
)
"""The grammar of names of people, sessions and scripts in words."""

SEXES = {"f": "F", "female": "F", "m": "M", "male": "M"}
"""Usual spellings of the sex of a person, in lower case."""

OWN_PREFIX = "x_"
"""Prefix of a user's own column, so that it cannot clash with a column that kemfeat makes."""

_DELIMITERS = (",", ";", "\t")


def is_label(name: str) -> bool:
    """Whether a text may be the name of a speaker, partner, session or script, in any writing.

    Parameters
    ----------
    name : str
        The text, in Unicode's composed form.

    Returns
    -------
    bool
        See :data:`LABEL_GRAMMAR`.

    Examples
    --------
    >>> is_label("anna 2"), is_label("../anna")
    (True, False)
    """
    return _LABEL.fullmatch(name) is not None and len(name.encode()) <= _MAX_BYTES


def meant_column(name: str, *, columns: Iterable[str], other_names: Mapping[str, str]) -> str:
    """The known column of a table that a name of the user's own is probably meant to be.

    Parameters
    ----------
    name : str
        Name of a column that is not known.
    columns : iterable of str
        Those that are.
    other_names : mapping of str to str
        Usual other names of known columns, in lower case with ``_`` between words.

    Returns
    -------
    str
        The known column; empty where none is similar.

    Examples
    --------
    >>> meant_column("Start time", columns=["start", "end"], other_names={"start_time": "start"})
    'start'
    """
    plain = re.sub(r"[\s-]+", "_", name.casefold())
    near = difflib.get_close_matches(name.casefold(), sorted(columns), n=1)
    return other_names.get(plain, near[0] if near else "")


def delimiter_of(text: str, *, where: str, known: Collection[str]) -> str:
    """What separates the cells of a table.

    Parameters
    ----------
    text : str
        The table.
    where : str
        Name of the file.
    known : collection of str
        Names of the columns that kemfeat knows, in lower case.

    Returns
    -------
    str
        That of comma, semicolon and tab by which its first line has most of the columns that kemfeat knows; where that
        does not decide, a tab in a file whose name ends in ``.tsv``, else a comma.
    """
    usual = "\t" if where.lower().endswith(".tsv") else ","
    first = text.partition("\n")[0].rstrip("\r")

    def count(delimiter: str) -> int:
        return sum(cell.strip().strip('"').lower() in known for cell in first.split(delimiter))

    return max((usual, *_DELIMITERS), key=count)


def split_cells(content: bytes, *, where: str, known: Collection[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table, each with the number of its last line.

    Parameters
    ----------
    content : bytes
        Content of the file, UTF-8 with or without a byte order mark, or UTF-16 with one; LF or CR LF.
    where : str
        The file, for messages.
    known : collection of str
        Names of the columns that kemfeat knows, in lower case.

    Yields
    ------
    tuple of (int, list of str)
        Line and cells.

    Raises
    ------
    CorpusError
        The file is something else than text, cannot be decoded, or cannot be split into cells.
    """
    kind = foreign_kind(content)
    if kind is not None:
        raise CorpusError(f"{where}: found {kind}; expected a table as CSV in UTF-8")
    try:
        text = content.decode("utf-16" if is_utf16(content) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"{where}:{line}: found the byte {content[error.start]:#04x}, expected UTF-8 text; save the table as CSV "
            "in UTF-8"
        ) from None
    delimiter = delimiter_of(text, where=where, known=known)
    # Strict, because otherwise a quote that is never closed would silently swallow the rest of the table.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise CorpusError(
            f"{where}:{reader.line_num}: cannot be split into cells ({error}); expected CSV, where a cell with a quote "
            "in it is quoted and its quotes are doubled; correct the line"
        ) from None
