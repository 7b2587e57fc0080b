"""Makes the manifests of KEMDy19 and KEMDy20 from annotated utterances and their media."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from kemfeat.corpora._kemdy.annotation import AnnotationRow
from kemfeat.corpora._kemdy.formats import ENCODING, Rater
from kemfeat.corpora._kemdy.tree import Tree, session_of
from kemfeat.corpora.layout import read_file
from kemfeat.corpora.text import decode, not_text, report_text
from kemfeat.findings import (
    DECODING_FAILED,
    DECODING_FALLBACK,
    LABEL_NOT_MAJORITY,
    MISSING_TXT,
    MISSING_WAV,
    UNANNOTATED_MEDIA,
    Findings,
)
from kemfeat.labels import count_votes, join_emotions, majority, parse_emotions
from kemfeat.manifest import RATINGS, READ_COLUMNS, Manifest

_emotions = lru_cache(maxsize=1024)(parse_emotions)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One annotated utterance under its corrected id, with the evaluators of its file.

    ``place`` is the path where its audio and transcript belong, without the suffix.
    """

    id: str
    session: str
    script: str
    speaker: str
    sex: str
    partner: str | None
    place: str
    row: AnnotationRow
    raters: tuple[Rater, ...]


class Clips(NamedTuple):
    """Per utterance the path of its audio and of its transcript."""

    audio: Mapping[str, str]
    transcript: Mapping[str, str]


def make_manifest(
    corpus: str, root: Path, utterances: Sequence[Utterance], *, clips: Clips, findings: Findings
) -> Manifest:
    """Make the tables, with findings on missing media and labels that are not the majority.

    Parameters
    ----------
    corpus : str
        Name of the corpus.
    root : Path
        Its folder.
    utterances : sequence of Utterance
        The annotated utterances, in order.
    clips : Clips
        Paths of audio and transcripts.
    findings : Findings
        Receives what is wrong.

    Returns
    -------
    Manifest
        The utterances, their ratings and all findings so far.

    Raises
    ------
    CorpusError
        A transcript cannot be opened; or it cannot be decoded and ``findings`` is strict.
    """
    _report_unannotated(clips, utterances, findings)
    _note_clips(clips, utterances, findings)
    _report_other_majorities(utterances, findings)
    columns: dict[str, Sequence[object]] = _annotation_columns(utterances)
    columns["audio"] = [_audio(utterance, clips.audio, findings) for utterance in utterances]
    texts = [_text(root, utterance, clips.transcript, findings) for utterance in utterances]
    columns["text"], columns["text_encoding"] = ([text[part] for text in texts] for part in (0, 1))
    return Manifest(
        corpus,
        pa.Table.from_pydict(columns, schema=READ_COLUMNS).to_pandas(),
        pa.Table.from_pydict(_rating_columns(utterances), schema=RATINGS).to_pandas(),
        findings.merged(),
        tuple(findings.faults),
        ledger=findings.ledger,
    )


def clips_without_annotation(tree: Tree) -> dict[str, int]:
    """Per session without annotation its number of clips: such a session was copied only in part."""
    annotated = {session_of(path) for path in tree.annotation}
    sessions = [session_of(path) for path in tree.audio]
    return {session: sessions.count(session) for session in sorted(set(sessions) - annotated)}


def _report_unannotated(clips: Clips, utterances: Sequence[Utterance], findings: Findings) -> None:
    media = {**clips.transcript, **clips.audio}
    for name in sorted(set(media) - {utterance.id for utterance in utterances}):
        paths = [group[name] for group in clips if name in group]
        findings.add(UNANNOTATED_MEDIA, f"{media[name]}: no annotation row", left_out=paths)


def _note_clips(clips: Clips, utterances: Sequence[Utterance], findings: Findings) -> None:
    for utterance in utterances:
        for group in clips:
            if utterance.id in group:
                findings.ledger.used[group[utterance.id]] = utterance.id


def _report_other_majorities(utterances: Sequence[Utterance], findings: Findings) -> None:
    for utterance in utterances:
        votes = [_emotions(vote.emotion) for vote in utterance.row.votes if vote.emotion]
        most = join_emotions(majority(count_votes(votes)))
        label = utterance.row.total.emotion
        if votes and label and label != most:
            findings.add(LABEL_NOT_MAJORITY, f"{utterance.id}: labelled {label}, most votes for {most}")


def _annotation_columns(utterances: Sequence[Utterance]) -> dict[str, Sequence[object]]:
    names = ("id", "session", "script", "speaker", "sex", "partner")
    return {
        **{name: [getattr(utterance, name) for utterance in utterances] for name in names},
        "start": [utterance.row.start for utterance in utterances],
        "end": [utterance.row.end for utterance in utterances],
        "emotion": [utterance.row.total.emotion for utterance in utterances],
        "valence": [utterance.row.total.valence for utterance in utterances],
        "arousal": [utterance.row.total.arousal for utterance in utterances],
    }


def _rating_columns(utterances: Sequence[Utterance]) -> dict[str, list[object]]:
    rows = [
        (utterance.id, rater.name, rater.sex, *vote)
        for utterance in utterances
        for rater, vote in zip(utterance.raters, utterance.row.votes, strict=True)
    ]
    return {name: [row[place] for row in rows] for place, name in enumerate(RATINGS.names)}


def _audio(utterance: Utterance, audio: Mapping[str, str], findings: Findings) -> str | None:
    if utterance.id not in audio:
        findings.add(MISSING_WAV, f"{utterance.place}.wav: no such file")
    return audio.get(utterance.id)


def _text(
    root: Path, utterance: Utterance, transcripts: Mapping[str, str], findings: Findings
) -> tuple[str | None, str | None]:
    """The text as written, without the final line break, and its encoding."""
    path = transcripts.get(utterance.id)
    if path is None:
        findings.add(MISSING_TXT, f"{utterance.place}.txt: no such file")
        return None, None
    content = read_file(root / path)
    decoded = decode(content, declared=ENCODING)
    if decoded is None:
        findings.fault(DECODING_FAILED, f"{path}: {not_text(content, declared=ENCODING)}")
        return None, None
    text, encoding = decoded
    if not encoding.startswith("utf-8"):
        findings.add(DECODING_FALLBACK, f"{path}: {encoding}")
    report_text(text, where=path, findings=findings)
    return text.removesuffix("\n").removesuffix("\r"), encoding
