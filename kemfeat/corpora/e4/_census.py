"""What a table of windows mentions; see :mod:`kemfeat.corpora.census`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from kemfeat.balance import Mention
from kemfeat.corpora.census import lines_of


def table_mentions(root: Path, table: str) -> Iterator[Mention]:
    """Rows of the table with a cell that is not blank.

    Parameters
    ----------
    root : Path
        Folder of the sessions.
    table : str
        Path of the table relative to it.

    Yields
    ------
    Mention
        One per row.
    """
    with (root / table).open("rb") as file:
        encoding = "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    lines = lines_of(root, table, encoding=encoding) or []
    text = "\n".join(line for _, line in lines)
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    header = [cell.strip().lower() for cell in next(reader, [])]
    at = header.index("id") if "id" in header else 0
    for cells in reader:
        if any(map(str.strip, cells)):
            yield Mention(f"{table}:{reader.line_num}", cells[at].strip() if at < len(cells) else None)
