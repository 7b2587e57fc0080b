"""KEMDy20's annotation and transcripts as one Manifest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import pyarrow as pa

from kemfeat.corpora._e4 import MEDIA
from kemfeat.corpora._kemdy import Rater, decode
from kemfeat.corpora._kemdy20_tree import UTTERANCE, Tree, in_session, scan, script_and_speaker, session_of
from kemfeat.corpora._kemdy_annotation import Annotation, AnnotationRow, read_annotation
from kemfeat.corpora._layout import read_file
from kemfeat.errors import CorpusError
from kemfeat.findings import (
    DECODING_FAILED,
    DECODING_FALLBACK,
    DUPLICATE_ID,
    EMPTY_ANNOTATION,
    EMPTY_TXT,
    LABEL_NOT_MAJORITY,
    MALFORMED_ID,
    MISSING_ANNOTATION,
    MISSING_PHYSIOLOGY_FILE,
    MISSING_TXT,
    MISSING_WAV,
    SESSION_PREFIX,
    STRAY_FILE,
    UNANNOTATED_MEDIA,
    Findings,
)
from kemfeat.labels import count_votes, join_emotions, majority, parse_emotions
from kemfeat.manifest import RATINGS, READ_COLUMNS, Manifest

CORPUS = "KEMDy20"
GROUPS = {"Numb": 1, "WAV": 2, "Segment ID": 1, "Total Evaluation": 3}
"""The first annotation header row up to the evaluators: names, and how many cells each spans."""

_emotions = lru_cache(maxsize=1024)(parse_emotions)


@dataclass(frozen=True, slots=True)
class _Utterance:
    """One annotated utterance under its corrected id, with the evaluators of its file."""

    id: str
    session: str
    script: str
    speaker: str
    sex: str
    row: AnnotationRow
    raters: tuple[Rater, ...]

    @property
    def conversation(self) -> str:
        return f"{self.session}_{self.script}_{self.speaker}"


def read_manifest(root: Path, *, on_error: str) -> Manifest:
    """Read annotation and transcripts; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`."""
    findings = Findings(strict=on_error != "skip")
    tree = scan(root)
    for path in tree.strays:
        findings.add(STRAY_FILE, path)
    utterances = _read_utterances(root, tree, findings)
    audio = _by_id(tree.audio, findings)
    transcripts = _by_id(tree.transcript, findings)
    _report_unannotated({**transcripts, **audio}, utterances, findings)
    _report_missing_annotation(tree, findings)
    _report_missing_recordings(tree, utterances, findings)
    _report_other_majorities(utterances, findings)
    columns: dict[str, Sequence[object]] = _annotation_columns(utterances, _partners(tree, utterances))
    columns["audio"] = [_audio(utterance, audio, findings) for utterance in utterances]
    texts = [_text(root, utterance, transcripts, findings) for utterance in utterances]
    columns["text"], columns["text_encoding"] = ([text[part] for text in texts] for part in (0, 1))
    return Manifest(
        CORPUS,
        pa.Table.from_pydict(columns, schema=READ_COLUMNS).to_pandas(),
        pa.Table.from_pydict(_rating_columns(utterances), schema=RATINGS).to_pandas(),
        findings.merged(),
        tuple(findings.faults),
    )


def _read_utterances(root: Path, tree: Tree, findings: Findings) -> list[_Utterance]:
    """The annotated utterances, sessions by number, each in the order of its file."""
    utterances: dict[str, _Utterance] = {}
    for path in tree.annotation:
        annotation = read_annotation(read_file(root / path), groups=GROUPS, where=path, findings=findings)
        if not annotation.rows:
            findings.fault(EMPTY_ANNOTATION, f"{path}: no row behind the two header rows")
        for utterance in _identified(annotation, path, findings):
            where = f"{path}:{utterance.row.line}"
            if utterance.id in utterances:
                first = utterances[utterance.id]
                findings.fault(
                    DUPLICATE_ID, f"{where}: {utterance.id} again, first in {first.session}_eval.csv:{first.row.line}"
                )
            else:
                utterances[utterance.id] = utterance
    if not utterances:
        raise CorpusError(f"{root}: the annotation holds no utterance; copy annotation/ from the corpus again")
    return list(utterances.values())


def _identified(annotation: Annotation, path: str, findings: Findings) -> Iterable[_Utterance]:
    session = session_of(path)
    for row in annotation.rows:
        parts = UTTERANCE.fullmatch(row.id)
        if parts is None:
            example = (
                f"{path}:{row.line} column 4: found id {row.id!r}, expected such as {session}_script01_User001F_001"
            )
            findings.fault(MALFORMED_ID, example)
            continue
        name = in_session(row.id, session)
        if name != row.id:
            findings.add(SESSION_PREFIX, f"{path}:{row.line}: {row.id} read as {name}")
        yield _Utterance(name, session, parts[2], parts[3], parts[4], row, annotation.raters)


def _by_id(paths: Sequence[str], findings: Findings) -> dict[str, str]:
    """Path per utterance id; a file whose own name carries another session gives way to one that does not."""
    named: dict[str, str] = {}
    for path in paths:
        stem = PurePosixPath(path).stem
        name = in_session(stem, session_of(path))
        if name == stem:
            named[name] = path
        else:
            findings.add(SESSION_PREFIX, f"{path}: read as {name}")
            named.setdefault(name, path)
    return named


def _report_unannotated(media: Mapping[str, str], utterances: Sequence[_Utterance], findings: Findings) -> None:
    for name in sorted(set(media) - {utterance.id for utterance in utterances}):
        findings.add(UNANNOTATED_MEDIA, f"{media[name]}: no annotation row")


def _report_missing_annotation(tree: Tree, findings: Findings) -> None:
    """A session with audio and without an annotation file was copied by half."""
    annotated = {session_of(path) for path in tree.annotation}
    for session in sorted({session_of(path) for path in tree.audio} - annotated):
        clips = sum(session_of(path) == session for path in tree.audio)
        findings.fault(
            MISSING_ANNOTATION, f"annotation/{session}_eval.csv: no such file, but wav/ has {clips} clips of {session}"
        )


def _report_missing_recordings(tree: Tree, utterances: Sequence[_Utterance], findings: Findings) -> None:
    there = {
        (path.split("/")[0], in_session(PurePosixPath(path).stem, session))
        for session, paths in tree.signals.items()
        for path in paths
    }
    for conversation in sorted({utterance.conversation for utterance in utterances}):
        for medium in MEDIA:
            if (medium.folder, conversation) not in there:
                path = f"{medium.folder}/Session{conversation[4:6]}/{conversation}.csv"
                findings.add(MISSING_PHYSIOLOGY_FILE, f"{path}: no such file")


def _report_other_majorities(utterances: Sequence[_Utterance], findings: Findings) -> None:
    for utterance in utterances:
        votes = [_emotions(vote.emotion) for vote in utterance.row.votes if vote.emotion]
        most = join_emotions(majority(count_votes(votes)))
        label = utterance.row.total.emotion
        if votes and label and label != most:
            findings.add(LABEL_NOT_MAJORITY, f"{utterance.id}: labelled {label}, most votes for {most}")


def _partners(tree: Tree, utterances: Sequence[_Utterance]) -> dict[tuple[str, str], str]:
    """Per session and speaker the other speaker; where a session does not show exactly two, nobody has one."""
    speakers: dict[str, set[str]] = defaultdict(set)
    for utterance in utterances:
        speakers[utterance.session].add(utterance.speaker)
    for session, known in speakers.items():
        # A session in which one speaker was never annotated still has the other's physiology.
        if len(known) < 2:
            known |= {script_and_speaker(path)[1] for path in tree.signals.get(session, ())}
    return {
        (session, speaker): other
        for session, known in speakers.items()
        if len(known) == 2
        for speaker, other in (sorted(known), sorted(known, reverse=True))
    }


def _annotation_columns(
    utterances: Sequence[_Utterance], partners: Mapping[tuple[str, str], str]
) -> dict[str, Sequence[object]]:
    return {
        "id": [utterance.id for utterance in utterances],
        "session": [utterance.session for utterance in utterances],
        "script": [utterance.script for utterance in utterances],
        "speaker": [utterance.speaker for utterance in utterances],
        "sex": [utterance.sex for utterance in utterances],
        "partner": [partners.get((utterance.session, utterance.speaker)) for utterance in utterances],
        "start": [utterance.row.start for utterance in utterances],
        "end": [utterance.row.end for utterance in utterances],
        "emotion": [utterance.row.total.emotion for utterance in utterances],
        "valence": [utterance.row.total.valence for utterance in utterances],
        "arousal": [utterance.row.total.arousal for utterance in utterances],
    }


def _rating_columns(utterances: Sequence[_Utterance]) -> dict[str, list[object]]:
    rows = [
        (utterance.id, rater.name, rater.sex, *vote)
        for utterance in utterances
        for rater, vote in zip(utterance.raters, utterance.row.votes, strict=True)
    ]
    return {name: [row[place] for row in rows] for place, name in enumerate(RATINGS.names)}


def _audio(utterance: _Utterance, audio: Mapping[str, str], findings: Findings) -> str | None:
    if utterance.id not in audio:
        findings.add(MISSING_WAV, f"{_expected(utterance)}.wav: no such file")
    return audio.get(utterance.id)


def _text(
    root: Path, utterance: _Utterance, transcripts: Mapping[str, str], findings: Findings
) -> tuple[str | None, str | None]:
    """Text as it stands, without the final line break, and its encoding."""
    path = transcripts.get(utterance.id)
    if path is None:
        findings.add(MISSING_TXT, f"{_expected(utterance)}.txt: no such file")
        return None, None
    decoded = decode(read_file(root / path))
    if decoded is None:
        findings.fault(DECODING_FAILED, f"{path}: found bytes that are neither UTF-8 nor cp949, expected text")
        return None, None
    text, encoding = decoded
    if not encoding.startswith("utf-8"):
        findings.add(DECODING_FALLBACK, f"{path}: {encoding}")
    if not text.strip():
        findings.add(EMPTY_TXT, f"{path}: no text")
    return text.removesuffix("\n").removesuffix("\r"), encoding


def _expected(utterance: _Utterance) -> str:
    return f"wav/Session{utterance.session[4:]}/{utterance.id}"
