"""Tables of corpora whose rows are one line each, as programs write CSV."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kemfeat.corpora.layout import read_file
from kemfeat.corpora.text import decode, not_text
from kemfeat.errors import CorpusError
from kemfeat.findings import DECODING_FALLBACK, MALFORMED_ROW, Findings

_LINE_END = re.compile(r"\r\n|\n|\r")


def table_text(root: Path, path: str, *, declared: str | None = None, findings: Findings) -> tuple[str, str]:
    """The text of a table.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    path : str
        The table, relative to it.
    declared : str or None
        The encoding of tables that are not Unicode, as the corpus documents it.
    findings : Findings
        Receives a finding where the table is not UTF-8.

    Returns
    -------
    tuple of (str, str)
        The text and the name of its encoding.

    Raises
    ------
    CorpusError
        The file cannot be read, or is not text.
    """
    content = read_file(root / path)
    decoded = decode(content, declared=declared)
    if decoded is None:
        raise CorpusError(f"{path}: {not_text(content, declared=declared)}; copy the file from the corpus again")
    if not decoded[1].startswith("utf-8"):
        findings.add(DECODING_FALLBACK, f"{path}: read as {decoded[1]}")
    return decoded


def csv_rows(
    text: str, *, columns: Sequence[str], where: str, findings: Findings
) -> Iterator[tuple[str, dict[str, str]]]:
    r"""The rows of a table, each with its place; a line that is no row costs no other one.

    Parameters
    ----------
    text : str
        The table; its cells are separated by commas and have no line breaks.
    columns : sequence of str
        Columns that it must have, in any order, beside others.
    where : str
        Name of the file.
    findings : Findings
        Receives every line that is not blank and has another number of cells, or a quote that is never closed.

    Yields
    ------
    tuple of (str, dict of str to str)
        Place such as ``table.csv:2``, and the cell of each column.

    Raises
    ------
    CorpusError
        A column is missing; or a line cannot be split and ``findings`` is strict.

    Examples
    --------
    >>> list(csv_rows("id,emotion\na1,sad\n", columns=["id"], where="t.csv", findings=Findings()))
    [('t.csv:2', {'id': 'a1', 'emotion': 'sad'})]
    """
    lines = _LINE_END.split(text)
    head = next(csv.reader(lines[:1]), [])
    if absent := [name for name in columns if name not in head]:
        raise CorpusError(
            f"{where}: has no column {absent[0]!r}, found {', '.join(head[:5]) or 'nothing'}; copy the file from the "
            "corpus again"
        )
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        place = f"{where}:{number}"
        try:
            [cells] = csv.reader([line], strict=True)
        except csv.Error as error:
            findings.fault(MALFORMED_ROW, f"{place}: cannot be split into cells ({error})", left_out=[place])
            continue
        if len(cells) == len(head):
            yield place, dict(zip(head, cells, strict=True))
        else:
            found = f"{place}: found {len(cells)} cells, expected {len(head)}"
            findings.fault(MALFORMED_ROW, found, left_out=[place])
