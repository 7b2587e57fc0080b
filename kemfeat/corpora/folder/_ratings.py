"""What raters said, in a long table beside that of the utterances: one row for each utterance and rater."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from pathlib import Path

from kemfeat.config import suggest
from kemfeat.corpora.folder._columns import TableHeader
from kemfeat.corpora.folder._rows import Rating, RowReader
from kemfeat.corpora.folder._table import split_table
from kemfeat.corpora.text import is_missing
from kemfeat.errors import CorpusError
from kemfeat.findings import DUPLICATE_RATING, MALFORMED_NAME, UNKNOWN_UTTERANCE, Findings

RATINGS_TABLE = "ratings.csv"
"""Name of the table, in the folder of the table of utterances."""

_ID = ("id", "utterance")
_SAID = ("emotion", "valence", "arousal")


def read_ratings(
    content: bytes, *, where: str, root: Path, ids: Collection[str], findings: Findings
) -> dict[str, list[Rating]]:
    """Read the ratings of every utterance.

    Parameters
    ----------
    content : bytes
        Content of the file, as of a table of utterances.
    where : str
        The file, for messages.
    root : Path
        Folder of the recordings.
    ids : collection of str
        The utterances.
    findings : Findings
        Receives every row and cell that cannot be read.

    Returns
    -------
    dict of str to list of Rating
        By utterance, in the order of the table; a rater who said nothing is left out.

    Raises
    ------
    CorpusError
        The table has not the columns, or cannot be split into cells; or ``findings`` is strict.
    """
    lines = split_table(content, where=where, findings=findings)
    header = _header(next(lines, (1, []))[1], where=where)
    reader = RowReader(header, where, root, findings)
    found: dict[str, list[Rating]] = {}
    raters: set[tuple[str, str]] = set()
    for line, cells in lines:
        if not reader.fits(cells, line):
            continue
        name, rater = (unicodedata.normalize("NFC", cells[header.at[column]].strip()) for column in ("id", "rater"))
        place = f"{where}:{line}"
        if name not in ids:
            findings.fault(UNKNOWN_UTTERANCE, f"{place}: found {name[:40]!r}, not an id of the table of utterances")
        elif is_missing(rater) or not rater.isprintable():
            findings.fault(MALFORMED_NAME, f"{place}: found the rater {rater[:40]!r}, expected a name")
        elif (name, rater) in raters:
            findings.fault(DUPLICATE_RATING, f"{place}: {rater} rates {name} again, expected once")
        else:
            raters.add((name, rater))
            rating = reader.rating(rater, dict(zip(_SAID, _SAID, strict=True)), cells, line)
            found.setdefault(name, []).extend([] if rating is None else [rating])
    return found


def _header(cells: Sequence[str], *, where: str) -> TableHeader:
    """The places of the columns, that of the utterance as ``id``; others are not read."""
    names = [cell.strip().lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    at = {name: names.index(name) for name in ("rater", *_SAID) if name in names}
    if identifier := next((name for name in _ID if name in names), None):
        at["id"] = names.index(identifier)
    if not {"id", "rater"} <= set(at) or not set(_SAID) & set(at):
        raise CorpusError(
            f"{where}:1: found the columns {', '.join(map(repr, names[:9]))}, expected 'utterance', 'rater' and some "
            f"of {', '.join(map(repr, _SAID))}; name them so, or rename the file if it is not a table of ratings"
        )
    for name in names:
        hint = suggest(name, set(_SAID) - set(at)) if name not in (*at, *_ID) else ""
        if "did you mean" in hint:
            raise CorpusError(f"{where}:1: found the column {name[:40]!r}{hint.partition(' (known')[0]} rename it")
    return TableHeader(at, {}, len(names), {})
