"""A user's table of utterances: CSV, as programs write it, one row per utterance, columns found by their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from kemfeat.corpora.cells import split_cells
from kemfeat.corpora.folder._columns import KNOWN, NAMES, TableHeader, read_header
from kemfeat.corpora.folder._rows import Row, RowReader
from kemfeat.corpora.folder._workbook import is_workbook, read_rows
from kemfeat.errors import CorpusError
from kemfeat.findings import DUPLICATE_ID, SHARED_SIGNAL, UNKNOWN_SPEAKER, Findings


@dataclass(frozen=True, slots=True)
class UtteranceTable:
    """A table as read: its header and its rows, in order."""

    header: TableHeader
    rows: tuple[Row, ...]


def read_table(content: bytes, *, where: str, root: Path, findings: Findings) -> UtteranceTable:
    """Read a table, whose cells are separated by commas, semicolons or tabs, whichever shows more known columns.

    Parameters
    ----------
    content : bytes
        Content of the file, UTF-8 with or without a byte order mark, or UTF-16 with one; LF or CR LF.
    where : str
        The file, for messages.
    root : Path
        Folder that its paths start from.
    findings : Findings
        Receives every row and cell that cannot be read; it is dropped or becomes missing unless the collector is
        strict.

    Returns
    -------
    UtteranceTable
        Columns and rows.

    Raises
    ------
    CorpusError
        The table has no header or no row, cannot be decoded or split into cells, or contains a path that leaves the
        root; or a cell cannot be read and ``findings`` is strict.
    """
    lines = split_table(content, where=where, findings=findings)
    header = read_header(next(lines, (1, []))[1], where=where, findings=findings)
    if "speaker" not in header.at:
        findings.add(UNKNOWN_SPEAKER, f"{where}: no column speaker")
    reader = RowReader(header, where, root, findings)
    rows: dict[str, Row] = {}
    for line, cells in lines:
        row = reader.read(cells, line)
        if row is not None and row.id in rows:
            example = f"{where}:{line}: {row.id} again, first in line {rows[row.id].line}"
            findings.fault(DUPLICATE_ID, example, left_out=[f"{where}:{line}"])
        elif row is not None:
            rows[row.id] = row
            findings.ledger.used[f"{where}:{line}"] = row.id
    if not rows:
        raise CorpusError(_without_rows(where, findings.faults))
    return UtteranceTable(header, _without_shared_signals(tuple(rows.values()), where=where, findings=findings))


@lru_cache(maxsize=1)
def read_kept(content: bytes, where: str, root: Path) -> UtteranceTable:
    """What a table contains when errors are skipped; cached, because the signals of every session need it."""
    return read_table(content, where=where, root=root, findings=Findings())


def _without_shared_signals(rows: tuple[Row, ...], *, where: str, findings: Findings) -> tuple[Row, ...]:
    """The rows without files of physiology that several have: nothing says which part belongs to which."""
    files = Counter((medium, file.path) for row in rows for medium, file in row.recordings.items())
    if max(files.values(), default=0) < 2:
        return rows
    kept = []
    for row in rows:
        shared = [medium for medium, file in row.recordings.items() if files[medium, file.path] > 1]
        for medium in shared:
            path = row.recordings[medium].path
            found = f"{where}:{row.line} column {medium}: {row.id}: {path} is the {medium.upper()} of"
            findings.fault(SHARED_SIGNAL, f"{found} {files[medium, path]} rows, expected a file of its own")
        own = {medium: file for medium, file in row.recordings.items() if medium not in shared}
        kept.append(replace(row, recordings=own) if shared else row)
    return tuple(kept)


def _without_rows(where: str, faults: Sequence[str]) -> str:
    if faults:
        return f"{where}: none of its rows can be read; correct them, first {faults[0]}"
    return f"{where}: no utterance; expected one row per utterance below the header; write them there"


def split_table(content: bytes, *, where: str, findings: Findings) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table as cells, each with the number of its last line.

    Parameters
    ----------
    content : bytes
        Content of the file.
    where : str
        The file, for messages.
    findings : Findings
        Receives what a workbook may have changed.

    Yields
    ------
    tuple of (int, list of str)
        Line, from 1, and cells.

    Raises
    ------
    CorpusError
        It is no text, or cannot be split into cells.
    """
    if is_workbook(content):
        yield from read_rows(content, where=where, known=KNOWN, names=NAMES, findings=findings)
        return
    yield from split_cells(content, where=where, known=KNOWN)
