"""KEMDy19's annotation, two files per session, and transcripts as one Manifest."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa

from kemfeat.corpora._kemdy.annotation import AnnotationRow, Judgement, read_annotation
from kemfeat.corpora._kemdy.formats import Rater
from kemfeat.corpora._kemdy.manifest import Clips, Utterance, clips_without_annotation, make_manifest
from kemfeat.corpora._kemdy.signals import report_unreadable
from kemfeat.corpora._kemdy.tree import SUFFIXES, Tree, session_of
from kemfeat.corpora.kemdy19._repairs import repaired
from kemfeat.corpora.kemdy19._tree import ORIGINAL, SENSORS, UTTERANCE, place_of, scan
from kemfeat.corpora.layout import read_file, report_strays
from kemfeat.corpora.text import is_missing
from kemfeat.errors import CorpusError
from kemfeat.findings import (
    BLANK_ID,
    DUPLICATE_ID,
    EMPTY_ANNOTATION,
    HALF_ANNOTATION,
    MALFORMED_ID,
    MISSING_ANNOTATION,
    MISSING_PHYSIOLOGY_FILE,
    NO_LISTENER_ROW,
    NO_SPEAKER_ROW,
    REPEATED_ROW,
    UNMATCHED_ROW,
    Findings,
)
from kemfeat.manifest import Manifest
from kemfeat.plural import many

CORPUS = "KEMDy19"
GROUPS = {
    "Numb": 1, "Wav": 2, "ECG": 2, "E4-EDA": 2, "E4-TEMP": 2, "Segment ID": 1, "Total Evaluation": 3,
}  # fmt: skip
"""The first annotation header row up to the evaluators: names, and the number of cells of each."""
SPANS = {"ecg": "ecg", "e4-eda": "eda", "e4-temp": "temp"}
"""Per group of two cells that may be blank its medium."""
PARTNERS = {"F": "M", "M": "F"}

EXTRA_COLUMNS = pa.schema(
    [
        *(pa.field(f"{medium}_{side}", pa.float64()) for medium in SPANS.values() for side in ("start", "end")),
        pa.field("listener_emotion", pa.string()),
        pa.field("listener_valence", pa.float64()),
        pa.field("listener_arousal", pa.float64()),
        pa.field("listener_votes", pa.list_(pa.string())),
        pa.field("scripted", pa.bool_()),
    ]
)
"""The columns after those of every corpus: six cells of the speaker's row, what the listener's row says, and whether
the words were given. ``listener_votes`` has one emotion per rater, in their order, None where the cell is missing."""

_NO_LABEL = Judgement(None, math.nan, math.nan)
_NO_SPANS = (math.nan,) * (2 * len(SPANS))


@dataclass(frozen=True, slots=True)
class _Table:
    """One annotation file: its evaluators, and its rows, one per utterance."""

    path: str
    raters: tuple[Rater, ...]
    rows: tuple[AnnotationRow, ...]


class _Judged(NamedTuple):
    """An utterance as in its speaker's file, and the listener's row."""

    utterance: Utterance
    heard: AnnotationRow | None


def read_manifest(root: Path, *, on_error: str, follow_links: bool = False) -> Manifest:
    """Read annotation and transcripts; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`."""
    findings = Findings(strict=on_error != "skip")
    tree = scan(root, follow_links=follow_links)
    report_strays(tree.strays, root=root, suffixes=SUFFIXES, findings=findings)
    clips = Clips(_by_id(tree.audio), _by_id(tree.transcript))
    sessions = _read_tables(root, tree, findings)
    judged = [one for tables in sessions.values() for one in _judged(tables, clips, findings)]
    if not judged:
        raise CorpusError(f"{root}: the annotation contains no utterance; copy annotation/ from the corpus again")
    _report_missing_annotation(tree, sessions, findings)
    _report_missing_recordings(tree, sessions, findings)
    report_unreadable(root, (path for paths in tree.signals.values() for path in paths), findings=findings)
    manifest = make_manifest(CORPUS, root, [one.utterance for one in judged], clips=clips, findings=findings)
    return replace(manifest, utterances=manifest.utterances.join(_extra_columns(judged).to_pandas()))


def _by_id(paths: Sequence[str]) -> dict[str, str]:
    return {PurePosixPath(path).stem: path for path in paths}


def _read_tables(root: Path, tree: Tree, findings: Findings) -> dict[str, dict[str, _Table]]:
    """Per session, by number, the files of its actors by their sex."""
    paths: dict[str, list[str]] = defaultdict(list)
    for path in tree.annotation:
        paths[session_of(path)].append(path)
    return {session: _read_session(root, files, findings) for session, files in paths.items()}


def _read_session(root: Path, paths: Sequence[str], findings: Findings) -> dict[str, _Table]:
    raters: dict[str, tuple[Rater, ...]] = {}
    rows: dict[str, list[AnnotationRow]] = {}
    for path in paths:
        annotation = read_annotation(
            read_file(root / path), groups=GROUPS, where=path, findings=findings, spans=tuple(SPANS)
        )
        if not annotation.rows:
            findings.fault(EMPTY_ANNOTATION, f"{path}: no row after the two header rows")
        raters[path] = annotation.raters
        rows[path] = [row for row in annotation.rows if _is_named(row, path, findings)]
    rows = repaired(rows, findings)
    return {
        _sex_of(path): _Table(path, raters[path], _each_once(some, path, _starts(rows, path), findings))
        for path, some in rows.items()
    }


def _sex_of(path: str) -> str:
    """The actor of an annotation file: ``F`` for ``annotation/Session01_F_res.csv``."""
    return path.split("_")[1]


def _is_named(row: AnnotationRow, path: str, findings: Findings) -> bool:
    if is_missing(row.id):
        findings.add(BLANK_ID, f"{path}:{row.line} column 10: found no id", left_out=[f"{path}:{row.line}"])
        return False
    session, parts = session_of(path), UTTERANCE.fullmatch(row.id)
    if parts is None or parts[1] != session:
        example = f"{path}:{row.line} column 10: found id {row.id!r}, expected such as {session}_impro01_F001"
        findings.fault(MALFORMED_ID, example, left_out=[f"{path}:{row.line}"])
        return False
    return True


def _starts(tables: Mapping[str, Sequence[AnnotationRow]], path: str) -> dict[str, float]:
    """Per id the start that the other actor's file gives."""
    return {row.id: row.start for other, rows in tables.items() if other != path for row in reversed(rows)}


def _each_once(
    rows: Sequence[AnnotationRow], path: str, starts: Mapping[str, float], findings: Findings
) -> tuple[AnnotationRow, ...]:
    by_id: dict[str, list[AnnotationRow]] = defaultdict(list)
    for row in rows:
        by_id[row.id].append(row)
    return tuple(_one_of(some, path, starts.get(name, math.nan), findings) for name, some in by_id.items())


def _one_of(rows: Sequence[AnnotationRow], path: str, start: float, findings: Findings) -> AnnotationRow:
    """Of the rows of an id the one whose start is nearest to ``start``, or the first where several are.

    Some rows of the corpus belong to no utterance, and no source says which. A listener's row gives no label, so it may
    not stop a build; the wrong one of two speaker's rows would be a wrong label, unless their starts decide.
    """
    far = [math.inf if math.isnan(row.start - start) else abs(row.start - start) for row in rows]
    kept = rows[far.index(min(far))]
    decided = sum(one == min(far) for one in far) == 1
    for row in rows:
        if row is kept:
            continue
        example = f"{path}:{row.line}: {row.id} again, line {kept.line} is kept"
        if decided or _speaker_sex(row.id) != _sex_of(path):
            findings.add(REPEATED_ROW, example, left_out=[f"{path}:{row.line}"])
        else:
            findings.fault(DUPLICATE_ID, example, left_out=[f"{path}:{row.line}"])
    return kept


def _judged(tables: Mapping[str, _Table], clips: Clips, findings: Findings) -> Iterator[_Judged]:
    """The utterances of a session in the order of the first file, then those that only the other file has."""
    rows: dict[str, dict[str, tuple[_Table, AnnotationRow]]] = defaultdict(dict)
    for sex, table in tables.items():
        for row in table.rows:
            rows[row.id][sex] = (table, row)
    for name, by_sex in rows.items():
        if _is_kept(name, by_sex, clips, findings):
            sex = _speaker_sex(name)
            _, heard = by_sex.get(PARTNERS[sex], (None, None))
            yield _Judged(_utterance(name, by_sex), heard)


def _is_kept(name: str, by_sex: Mapping[str, tuple[_Table, AnnotationRow]], clips: Clips, findings: Findings) -> bool:
    """Whether an utterance has more than one row, or audio, or a transcript."""
    sex = _speaker_sex(name)
    table, row = next(iter(by_sex.values()))
    where = f"{table.path}:{row.line}: {name}"
    if len(by_sex) < len(PARTNERS) and name not in clips.audio and name not in clips.transcript:
        findings.add(UNMATCHED_ROW, where, left_out=[f"{table.path}:{row.line}"])
        return False
    for other, own in by_sex.values():
        findings.ledger.used[f"{other.path}:{own.line}"] = name
    if len(by_sex) < len(PARTNERS):
        findings.add(NO_LISTENER_ROW if sex in by_sex else NO_SPEAKER_ROW, where)
    return True


def _speaker_sex(name: str) -> str:
    return name[-4]


def _utterance(name: str, by_sex: Mapping[str, tuple[_Table, AnnotationRow]]) -> Utterance:
    """The utterance by the speaker's row; without one, only the times of the listener's row are used."""
    session, script, _ = name.split("_")
    sex = _speaker_sex(name)
    if sex in by_sex:
        table, row = by_sex[sex]
        raters = table.raters
    else:
        _, heard = by_sex[PARTNERS[sex]]
        row, raters = heard._replace(total=_NO_LABEL, votes=(), spans=_NO_SPANS), ()
    return Utterance(
        id=name,
        session=session,
        script=script,
        speaker=f"{session}{sex}",
        sex=sex,
        partner=f"{session}{PARTNERS[sex]}",
        place=place_of(name),
        row=row,
        raters=raters,
    )


def _extra_columns(judged: Sequence[_Judged]) -> pa.Table:
    spans = zip(*(one.utterance.row.spans for one in judged), strict=True)
    totals = [one.heard.total if one.heard else _NO_LABEL for one in judged]
    votes = [[vote.emotion for vote in one.heard.votes] if one.heard else None for one in judged]
    scripted = [one.utterance.script.startswith("script") for one in judged]
    columns = [*spans, *zip(*totals, strict=True), votes, scripted]
    return pa.Table.from_pydict(dict(zip(EXTRA_COLUMNS.names, columns, strict=True)), schema=EXTRA_COLUMNS)


def _report_missing_annotation(tree: Tree, sessions: Mapping[str, Collection[str]], findings: Findings) -> None:
    """Report the sessions with audio that lack an annotation file: they were copied only in part."""
    for session, number in clips_without_annotation(tree).items():
        example = f"annotation/Session{session[4:]}_F_res.csv: no such file, and none of the other actor"
        findings.fault(MISSING_ANNOTATION, f"{example}, but wav/ has {many(number, 'clip')} of {session}")
    for session, sexes in sessions.items():
        for sex in sorted(set(PARTNERS) - set(sexes)):
            found = f"annotation/Session{session[4:]}_{PARTNERS[sex]}_res.csv is there"
            findings.fault(HALF_ANNOTATION, f"annotation/Session{session[4:]}_{sex}_res.csv: no such file, but {found}")


def _report_missing_recordings(tree: Tree, sessions: Mapping[str, Collection[str]], findings: Findings) -> None:
    there = {path for paths in tree.signals.values() for path in paths}
    for session in sessions:
        for medium in SENSORS:
            for sex in PARTNERS:
                path = f"{medium.folder}/Session{session[4:]}/{ORIGINAL}/{session}{sex}.csv"
                if path not in there:
                    findings.add(MISSING_PHYSIOLOGY_FILE, f"{path}: no such file")
