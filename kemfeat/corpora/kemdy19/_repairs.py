"""The rows of KEMDy19's annotation that are known to have the id of another utterance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kemfeat.corpora._kemdy.annotation import AnnotationRow
from kemfeat.findings import STRAY_ROW, WRONG_ID, Findings


class WrongId(NamedTuple):
    """A row with the id of another row of its file; ``right`` is None where nobody knows what it judges.

    ``number`` is the row's position in the file as users of the corpus counted it, for comparison only: copies may
    count differently, so it decides nothing.
    """

    file: str
    id: str
    number: int
    right: str | None


WRONG_IDS = (
    WrongId("annotation/Session03_F_res.csv", "Sess03_impro02_M001", 345, "Sess03_impro02_F001"),
    WrongId("annotation/Session09_F_res.csv", "Sess09_script06_M001", 253, None),
    WrongId("annotation/Session09_F_res.csv", "Sess09_impro01_M001", 310, None),
)


def repaired(tables: Mapping[str, Sequence[AnnotationRow]], findings: Findings) -> dict[str, list[AnnotationRow]]:
    """Correct the known wrong ids in a session's files, or leave their rows out.

    Parameters
    ----------
    tables : mapping of str to sequence of AnnotationRow
        Per path of an annotation file its rows.
    findings : Findings
        Receives every repair.

    Returns
    -------
    dict of str to list of AnnotationRow
        The repaired rows per path.
    """
    made = {path: list(rows) for path, rows in tables.items()}
    for known in WRONG_IDS:
        row = _misnamed(known, made) if known.file in made else None
        if row is None:
            continue
        rows = made[known.file]
        place = rows.index(row)
        where = f"{known.file}:{row.line}: {known.id}"
        if known.right is None:
            del rows[place]
            example = f"{where} again (published as row {known.number})"
            findings.add(STRAY_ROW, example, left_out=[f"{known.file}:{row.line}"])
        else:
            rows[place] = row._replace(id=known.right)
            findings.add(WRONG_ID, f"{where} read as {known.right} (published as row {known.number})")
    return made


def _misnamed(known: WrongId, tables: Mapping[str, Sequence[AnnotationRow]]) -> AnnotationRow | None:
    """The wrong one of two rows of an id: the one whose start is farther from that in the other actor's file.

    None where the file does not have this defect: the id does not occur twice, or the right id occurs, too; or where
    the other file lacks one of the ids or does not decide between the rows.
    """
    inside = {row.id for row in tables[known.file]}
    elsewhere = {row.id: row.start for path, rows in tables.items() if path != known.file for row in rows}
    twice = [row for row in tables[known.file] if row.id == known.id]
    if len(twice) != 2 or known.id not in elsewhere:
        return None
    if known.right is not None and (known.right in inside or known.right not in elsewhere):
        return None
    first, second = (abs(row.start - elsewhere[known.id]) for row in twice)
    if first > second:
        return twice[0]
    # Of two equal rows either may be dropped, but neither may be renamed.
    return twice[1] if second > first or (known.right is None and first == second) else None
