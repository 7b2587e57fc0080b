"""A table in an Excel workbook (xlsx), as the same rows of text that CSV would have.

A sheet may show something else than it contains. What can be read in two ways is refused: dates, numbers that are
shown with zeros in front, merged cells, formulas without a value, several sheets.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterator
from typing import Any

from kemfeat.corpora.text import is_missing
from kemfeat.errors import ConfigError, CorpusError
from kemfeat.findings import NUMBER_AS_NAME, Findings

SHEET = "utterances"
"""Name of the sheet that is read where several have cells."""

MOST_BYTES = 1 << 28
"""Size that the parts of a workbook may have when they are unpacked."""

_MARK = b"xl/workbook.xml"
_PADDED = re.compile(r"0{2,}")
"""Formats in which a number is shown with zeros in front."""
_EXACT = 1e15
"""Whole numbers below it have at most 15 digits, as many as Excel keeps."""
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError, SyntaxError, NotImplementedError, RuntimeError),
    *(KeyError, ValueError, TypeError, AttributeError, IndexError),
)
"""What openpyxl raises for files that are no workbook."""


def is_workbook(content: bytes) -> bool:
    """Whether a file is a workbook, whatever its name.

    Parameters
    ----------
    content : bytes
        Content of the file.

    Returns
    -------
    bool
        True for xlsx.
    """
    return content.startswith(b"PK\x03\x04") and _MARK in content


def read_rows(
    content: bytes, *, where: str, known: Collection[str], names: Collection[str], findings: Findings
) -> Iterator[tuple[int, list[str]]]:
    """The rows of the sheet with the table, as text.

    Parameters
    ----------
    content : bytes
        Content of the file.
    where : str
        The file, for messages.
    known : collection of str
        Columns that kemfeat reads; in others a date is text.
    names : collection of str
        Those of them that are names.
    findings : Findings
        Receives names that are numbers, whose zeros in front are lost if there were any.

    Yields
    ------
    tuple of (int, list of str)
        Number of the row, from 1, and its cells.

    Raises
    ------
    CorpusError
        The file cannot be read, or a cell can be read in two ways.
    ConfigError
        openpyxl is not installed.
    """
    values, formulas = (_sheet(content, where, values=values) for values in (True, False))
    header: list[str] = []
    for number, (row, made) in enumerate(zip(values.iter_rows(), formulas.iter_rows(), strict=True), start=1):
        cells = []
        for place, (cell, formula) in enumerate(zip(row, made, strict=True)):
            column = header[place] if place < len(header) else ""
            at = f"{where}:{number} column {column or place + 1}"
            _refuse_unread(cell, formula, at)
            cells.append(_text(cell, at, is_known=column in known or not header))
            if column in names and isinstance(cell.value, int | float):
                findings.add(NUMBER_AS_NAME, f"{at}: found the number {cells[-1]}")
        header = header or [cell.strip().lower() for cell in cells]
        yield number, cells


def raw_rows(content: bytes, *, where: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of the sheet that have a cell, without any check, for the census.

    Parameters
    ----------
    content : bytes
        Content of the file.
    where : str
        The file, for messages.

    Yields
    ------
    tuple of (int, list of str)
        Number of the row, and its cells as Python writes them.
    """
    for number, row in enumerate(_sheet(content, where, values=True).iter_rows(values_only=True), start=1):
        cells = ["" if value is None else str(value) for value in row]
        if any(map(str.strip, cells)):
            yield number, cells


def _refuse_unread(cell: Any, formula: Any, at: str) -> None:
    """Refuse a formula without a value, or with an error for one."""
    if cell.value is None and formula.data_type == "f":
        raise CorpusError(
            f"{at}: found a formula whose value is not in the file; open it in Excel or LibreOffice, and save it"
        )
    if cell.data_type == "e" and not is_missing(str(cell.value)):
        raise CorpusError(f"{at}: found the error {cell.value} of a formula; correct the formula, or clear the cell")


def _text(cell: Any, at: str, *, is_known: bool) -> str:
    """A cell as CSV would have it."""
    value = cell.value
    if isinstance(value, dt.date | dt.time | dt.timedelta):
        if is_known:
            raise CorpusError(
                f"{at}: found a date or time ({value}), expected text or a number; format the column as text, and "
                "write the cell again"
            )
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, int | float):
        return "" if value is None else str(value)
    if _PADDED.fullmatch(cell.number_format or ""):
        raise CorpusError(
            f"{at}: found the number {value:g}, shown as {value:0{len(cell.number_format)}.0f}, which can be read in "
            "two ways; format the column as text, and write what it shows"
        )
    return str(int(value)) if value == int(value) and abs(value) < _EXACT else repr(value)


def _sheet(content: bytes, where: str, *, values: bool) -> Any:
    """The sheet with the table, with the values of formulas or the formulas themselves."""
    sheets = {sheet.title: sheet for sheet in _workbook(content, where, values=values).worksheets if _has_cells(sheet)}
    if len(sheets) > 1 and SHEET not in sheets:
        raise CorpusError(
            f"{where}: has several sheets ({', '.join(map(repr, sheets))}), expected one, or one called {SHEET!r}; "
            "rename the sheet with the utterances"
        )
    if not sheets:
        raise CorpusError(f"{where}: has no sheet with a cell; expected the table of utterances")
    sheet = sheets.get(SHEET, next(iter(sheets.values())))
    if merged := sorted(map(str, sheet.merged_cells.ranges)):
        raise CorpusError(f"{where}: the cells {merged[0]} are merged; unmerge them, and fill each")
    return sheet


def _has_cells(sheet: Any) -> bool:
    return any(value is not None for row in sheet.iter_rows(values_only=True) for value in row)


def _workbook(content: bytes, where: str, *, values: bool) -> Any:
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise ConfigError(
            f"{where}: a workbook needs the extra `xlsx`: pip install 'kemfeat[xlsx]'; or save it as CSV in UTF-8"
        ) from None
    try:
        _refuse_bomb(content, where)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that do not matter here
            return load_workbook(io.BytesIO(content), data_only=values, keep_links=False)
    except CorpusError:
        raise
    except _BROKEN as error:
        raise CorpusError(f"{where}: cannot be read as a workbook ({error}); save it as CSV in UTF-8") from None


def _refuse_bomb(content: bytes, where: str) -> None:
    """Refuse what unpacks, or expands as XML, to far more than a table of utterances."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        size = sum(part.file_size for part in parts.infolist())
        if size > MOST_BYTES:
            raise CorpusError(
                f"{where}: unpacks to {size / 1e6:,.0f} MB, expected at most {MOST_BYTES / 1e6:,.0f}; save it as CSV"
            )
        for part in parts.namelist():
            if b"<!DOCTYPE" in parts.read(part):
                raise CorpusError(f"{where}: {part} defines a type of document, as no workbook does; do not trust it")
