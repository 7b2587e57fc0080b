"""IEMOCAP, the Interactive Emotional Dyadic Motion Capture database of 2008.

Size
    Ten actors in five sessions of one woman and one man, about twelve hours in English: 151 dialogs, improvised or from
    scripts, cut into 10,039 utterances (1,819, 1,811, 2,136, 2,103 and 2,170 by session). 16 kHz
    mono speech per utterance, 16 kHz stereo per dialog with a microphone per actor, video of 720 x 480 pixels and about
    30 frames per second with the actors side by side, motion capture of one actor at a time, transcript.
Labels
    Observers, mostly three, saw and heard each utterance and named one or more of ten emotions; others, mostly two,
    rated valence (1 negative to 5 positive), activation, here ``arousal`` (1 calm to 5 excited), and dominance (1 weak
    to 5 strong). The final emotion is the majority, the final ratings are means. Frustrated 1,849, neutral 1,708,
    angry 1,103, sad 1,084, excited 1,041, happy 595, surprise 107, fear 40; about 2,507 have no majority (``xxx``) or
    are rare: other 3, disgust 2. The usual subset of four, where excited counts as happy, has 5,531: label rule
    ``4class``.
Licence
    Restricted: the Signal Analysis and Interpretation Laboratory of the University of Southern California (SAIL, USC)
    provides it under a signed release for research. Neither the corpus nor a store may be passed on.
Citation
    C. Busso et al., IEMOCAP: Interactive emotional dyadic motion capture database, Language Resources and Evaluation
    42(4), 335-359, 2008, https://sail.usc.edu/iemocap
Versions
    The full release (``IEMOCAP_full_release``). Any of its sessions may be absent.

Folders: ``SessionN/dialog/EmoEvaluation/<dialog>.txt`` and ``SessionN/dialog/transcriptions/<dialog>.txt``, which are
latin-1; ``SessionN/sentences/wav/<dialog>/<utterance>.wav``. ``SessionN/dialog/avi/DivX/<dialog>.avi`` is read by the
feature ``video_frames`` alone. ``SessionN/dialog/wav/<dialog>.wav`` is listed in the manifest and never read. All other
files are ignored.

A dialog is ``Ses0NG_improMM`` or ``Ses0NG_scriptMM_P``, some followed by a letter; G is the sex of the actor who *wears
the markers*. An utterance is ``<dialog>_SKKK``; S is the sex of the actor who *speaks*: ``Ses01F_impro01_M002`` is said
by ``Ses01M``. The dialogs ``Ses01F_impro01`` and ``Ses01M_impro01`` both exist, each with its own clock, so the
manifest's ``script`` is ``F_impro01`` or ``M_impro01``: session and script together are one dialog, as in every corpus.

Columns after the common ones
    ``dialog``; ``emotion_code`` as written, such as ``exc``; ``dominance``; ``self_emotion``, ``self_valence``,
    ``self_arousal`` and ``self_dominance``, the speaker's own judgement; ``dialog_audio`` and ``video``, paths or None;
    ``video_side``, ``left`` or ``right``, the half of the picture that shows the speaker; ``scripted``, whether the
    dialog was read from a script: its sentences recur in every session.
Ratings
    One row per observer (``E1``, ``E2``, ...) and utterance, with ``dominance`` as the last column; an observer who
    gave only emotions or only ratings has blanks for the others. Speakers' judgements of themselves (``F1``, ``M1``)
    are not rows, so they never count as votes; the final label and means leave them out, too.

Known defects, and what is done
    - Files ``._*`` that macOS left in the archive are beside the real ones: never opened (``stray-file``).
    - A quarter of the utterances have no majority: ``emotion`` is missing (``no-majority``); ``--set labels=votes``
      takes the emotions with the most votes instead, including ties.
    - Some ratings are said to be half a point outside the scale, 0.5 or 5.5: kept (``rating-beyond-scale``).
    - Observers may have typed a word of their own instead of an emotion: it is left out of the vote
      (``unknown-vote``). The final label never depends on it; the label rule ``votes`` does.
    - Transcriptions have speech without a number, ids such as ``MXXX`` or a bare ``M:``: left out.
    - Where final ratings are not the observers' means, the final ratings are used (``vad-not-mean``).
    - The corpus does not say who is on which side. Users of the corpus found the actor with the markers on the left in
      every dialog; this must be verified on the pictures. A dialog that differs goes into the setting ``left`` of
      ``video_frames``, or, for the column ``video_side``, into ``side_overrides`` in Python.
    - Which channel of a dialog's audio is whose microphone is not known, so no column says it.
    - Videos may be a few frames longer or shorter than the sound, and are letterboxed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from statistics import fmean
from typing import Any

import pyarrow as pa

from kemfeat.balance import Mention
from kemfeat.corpora import CorpusReader
from kemfeat.corpora.iemocap._annotation import ENCODING, EmoEvaluation, read_evaluations, read_transcription
from kemfeat.corpora.iemocap._annotation import VOCABULARY as VOCABULARY
from kemfeat.corpora.iemocap._census import iemocap_mentions
from kemfeat.corpora.iemocap._tree import (
    CORPUS,
    DIALOG,
    DIALOG_AUDIO,
    EVALUATION,
    SENTENCES,
    TRANSCRIPTION,
    VIDEO,
    Tree,
    scan,
)
from kemfeat.corpora.layout import read_file, report_strays
from kemfeat.corpora.text import report_text
from kemfeat.errors import ConfigError, CorpusError
from kemfeat.findings import (
    LABEL_NOT_MAJORITY,
    MISSING_DIALOG_AUDIO,
    MISSING_EVALUATION,
    MISSING_TXT,
    MISSING_VIDEO,
    MISSING_WAV,
    UNANNOTATED_MEDIA,
    VAD_NOT_MEAN,
    Findings,
)
from kemfeat.labels import count_votes, join_emotions, majority, parse_emotions
from kemfeat.manifest import RATINGS, READ_COLUMNS, SIGNALS, Manifest
from kemfeat.plural import many
from kemfeat.records import Finding, Terms

SIDE_OVERRIDES: Mapping[str, str] = {}
"""Per dialog that differs the side of the actor who wears the markers; to be filled in from the pictures."""

_TOLERANCE = 0.01
"""By how much a final rating may differ from the observers' mean; it is written with four decimals."""
_OTHER_SIDE = {"left": "right", "right": "left"}
_OTHER_SEX = {"F": "M", "M": "F"}
_EXTRA = {
    "dialog": pa.string(),
    "emotion_code": pa.string(),
    "dominance": pa.float64(),
    "self_emotion": pa.string(),
    "self_valence": pa.float64(),
    "self_arousal": pa.float64(),
    "self_dominance": pa.float64(),
    "dialog_audio": pa.string(),
    "video": pa.string(),
    "video_side": pa.string(),
    "scripted": pa.bool_(),
}
_UTTERANCES = pa.schema([*READ_COLUMNS, *(pa.field(name, kind) for name, kind in _EXTRA.items())])
_RATINGS = pa.schema([*RATINGS, pa.field("dominance", pa.float64())])


TERMS = Terms(
    title="IEMOCAP, the Interactive Emotional Dyadic Motion Capture database",
    licence="Restricted: USC SAIL provides IEMOCAP under a signed release for research. "
    "Neither the corpus nor anything derived from it, such as this store, may be passed on to others. ",
    citation="C. Busso et al., IEMOCAP: Interactive emotional dyadic motion capture database, "
    "Language Resources and Evaluation 42(4), 335-359, 2008",
    collection="Ten actors, in five sessions of two, play scripted and improvised scenes",
    annotation="Several observers gave each utterance emotion categories, valence, activation and dominance",
    restricted=True,
)

COLUMNS = {
    "dominance": "mean of the raters, 1 weak to 5 strong",
    "emotion_code": "the corpus' own code of the final emotion, xxx where no emotion has a majority",
    "dialog": "name of the recording the utterance is cut from",
    "dialog_audio": "path of that recording's sound below the corpus",
    "video": "path of that recording's picture below the corpus",
    "video_side": "half of the picture that shows the speaker, left or right",
    "scripted": "whether the words were given, as in a scene of a play",
}


@dataclass(frozen=True, slots=True)
class IemocapReader:
    """Reads IEMOCAP; see :class:`kemfeat.corpora.CorpusReader`.

    Parameters
    ----------
    name, version, media, tokenizer, settings, terms, columns : as in CorpusReader
        What the reader declares; not meant to be changed.
    side_overrides : mapping of str to str
        Per dialog, such as ``Ses01F_impro01``, the side of the actor who wears the markers, where it is not ``left``.
    follow_links : bool
        Whether links may lead out of the folder of the corpus.

    Raises
    ------
    ConfigError
        ``side_overrides`` has a key that is not a dialog, or a value that is not a side.
    """

    name: str = CORPUS
    version: int = 1
    media: tuple[str, ...] = ("audio", "transcript", "video")
    tokenizer: str = "google-bert/bert-base-uncased"
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"text": {"preset": "none"}})
    terms: Terms = TERMS
    columns: Mapping[str, str] = field(default_factory=lambda: COLUMNS)
    side_overrides: Mapping[str, str] = field(default_factory=lambda: SIDE_OVERRIDES)
    follow_links: bool = False

    def __post_init__(self) -> None:
        for dialog, side in self.side_overrides.items():
            if not DIALOG.fullmatch(dialog) or side not in _OTHER_SIDE:
                raise ConfigError(
                    f"side_overrides: found {dialog!r}: {side!r}; expected a dialog such as 'Ses01F_impro01' and "
                    "'left' or 'right'"
                )

    def sources(self, root: Path) -> Mapping[str, tuple[str, ...]]:
        """Files in groups; see :meth:`kemfeat.corpora.CorpusReader.sources`.

        A transcript file covers a whole dialog, and so does a film, which a build reads where a feature needs it. Audio
        of whole dialogs is not a source: no build reads it.
        """
        tree = scan(root, follow_links=self.follow_links)
        groups = {"annotation": tree.evaluations, "audio": tree.audio, "transcript": tree.transcriptions}
        groups["video"] = tree.videos
        return {group: tuple(sorted(paths)) for group, paths in groups.items()}

    def read_manifest(self, root: Path, *, on_error: str = "raise") -> Manifest:
        """Read annotation and transcripts; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`."""
        findings = Findings(strict=on_error != "skip")
        corpus = _Corpus.read(root, findings, follow_links=self.follow_links)
        corpus.report(root, findings)
        rows = [self._row(utterance, corpus) for utterance in corpus.utterances]
        ratings = [row for utterance in corpus.utterances for row in _rating_rows(utterance)]
        return Manifest(
            self.name,
            pa.Table.from_pylist(rows, schema=_UTTERANCES).to_pandas(),
            pa.Table.from_pylist(ratings, schema=_RATINGS).to_pandas(),
            findings.merged(),
            tuple(findings.faults),
            VOCABULARY,
            ledger=findings.ledger,
        )

    def mentions(self, root: Path) -> Iterable[Mention]:
        """What the raw files mention; see :meth:`kemfeat.corpora.CountedReader.mentions`."""
        return iemocap_mentions(root, follow_links=self.follow_links)

    def read_signals(self, root: Path, session: str) -> tuple[pa.Table, tuple[Finding, ...]]:  # noqa: ARG002
        """No rows, since IEMOCAP has no physiology; see :meth:`kemfeat.corpora.CorpusReader.read_signals`."""
        return SIGNALS.empty_table(), ()

    def check_signals(self, signals: pa.Table, *, known_ids: Mapping[str, str], session: str) -> tuple[Finding, ...]:  # noqa: ARG002
        """No findings, since IEMOCAP has no physiology; see :meth:`kemfeat.corpora.CorpusReader.check_signals`."""
        return ()

    def _row(self, utterance: EmoEvaluation, corpus: _Corpus) -> dict[str, object]:
        dialog, text = utterance.dialog, corpus.texts.get(utterance.id)
        return {
            "id": utterance.id,
            "session": utterance.session,
            "script": dialog.removeprefix(utterance.session),
            "speaker": utterance.session + utterance.sex,
            "sex": utterance.sex,
            "partner": utterance.session + _OTHER_SEX[utterance.sex],
            "start": utterance.start,
            "end": utterance.end,
            "text": text,
            "text_encoding": None if text is None else ENCODING,
            "audio": corpus.audio.get(utterance.id),
            "emotion": utterance.emotion,
            **utterance.attributes._asdict(),
            "dialog": dialog,
            "emotion_code": utterance.code,
            "self_emotion": utterance.own.emotion,
            **{f"self_{name}": value for name, value in utterance.own.attributes._asdict().items()},
            "dialog_audio": corpus.dialog_audio.get(dialog),
            "video": corpus.videos.get(dialog),
            "video_side": self._side(dialog, utterance.sex),
            "scripted": "script" in dialog,
        }

    def _side(self, dialog: str, speaker: str) -> str:
        wearer = dialog[5]
        side = self.side_overrides.get(dialog, "left")
        return side if speaker == wearer else _OTHER_SIDE[side]


def _rating_rows(utterance: EmoEvaluation) -> list[dict[str, object]]:
    return [
        {"id": utterance.id, "rater": rating.rater, "emotion": rating.emotion, **rating.attributes._asdict()}
        for rating in utterance.observers
    ]


@dataclass(frozen=True, slots=True)
class _Corpus:
    """The corpus as read: utterances in order, texts per utterance, and paths per utterance or dialog."""

    tree: Tree
    utterances: Sequence[EmoEvaluation]
    texts: Mapping[str, str]
    audio: Mapping[str, str]
    dialog_audio: Mapping[str, str]
    videos: Mapping[str, str]

    @classmethod
    def read(cls, root: Path, findings: Findings, *, follow_links: bool) -> _Corpus:
        tree = scan(root, follow_links=follow_links)
        utterances: list[EmoEvaluation] = []
        for dialog, path in _by_stem(tree.evaluations).items():
            found = read_evaluations(read_file(root / path), dialog=dialog, where=path, findings=findings)
            if not found:
                findings.fault(MISSING_EVALUATION, f"{path}: no utterance")
            utterances += found
        if not utterances:
            raise CorpusError(f"{root}: the annotation contains no utterance; copy {EVALUATION}/ from the corpus again")
        texts: dict[str, str] = {}
        for dialog, path in _by_stem(tree.transcriptions).items():
            texts |= read_transcription(read_file(root / path), dialog=dialog, where=path, findings=findings)
        media = (_by_stem(paths) for paths in (tree.audio, tree.dialog_audio, tree.videos))
        return cls(tree, utterances, texts, *media)

    def report(self, root: Path, findings: Findings) -> None:
        """Report what only annotation, texts and files together show."""
        report_strays(self.tree.strays, root=root, suffixes=(".wav", ".txt"), findings=findings)
        self._report_dialogs(findings)
        self._report_unannotated(findings)
        for utterance in self.utterances:
            self._report_missing(utterance, findings)
            _report_label(utterance, findings)
            _report_means(utterance, findings)

    def _report_dialogs(self, findings: Findings) -> None:
        clips = Counter(_dialog(name) for name in self.audio)
        for dialog in sorted(clips.keys() - _by_stem(self.tree.evaluations).keys()):
            path = f"{_folder(dialog)}/{EVALUATION}/{dialog}.txt"
            findings.fault(
                MISSING_EVALUATION, f"{path}: no such file, but {many(clips[dialog], 'clip')} in {SENTENCES}/"
            )
        for dialog in dict.fromkeys(utterance.dialog for utterance in self.utterances):
            if dialog not in self.dialog_audio:
                findings.add(MISSING_DIALOG_AUDIO, f"{_folder(dialog)}/{DIALOG_AUDIO}/{dialog}.wav: no such file")
            if dialog not in self.videos:
                findings.add(MISSING_VIDEO, f"{_folder(dialog)}/{VIDEO}/{dialog}.avi: no such file")

    def _report_unannotated(self, findings: Findings) -> None:
        known = {utterance.id for utterance in self.utterances}
        for name in sorted(self.audio.keys() - known):
            findings.add(UNANNOTATED_MEDIA, f"{self.audio[name]}: no annotation of it", left_out=[self.audio[name]])
        findings.ledger.used.update({self.audio[name]: name for name in self.audio.keys() & known})
        places = {name: place for place, name in findings.ledger.used.items() if name not in known}
        for name in sorted(self.texts.keys() - known):
            example = f"{_transcription(name)}: {name}: no annotation of it"
            findings.add(UNANNOTATED_MEDIA, example, left_out=[places[name]])

    def _report_missing(self, utterance: EmoEvaluation, findings: Findings) -> None:
        name, dialog = utterance.id, utterance.dialog
        if name not in self.audio:
            findings.add(MISSING_WAV, f"{_folder(dialog)}/{SENTENCES}/{dialog}/{name}.wav: no such file")
        if name not in self.texts:
            findings.add(MISSING_TXT, f"{_transcription(name)}: no line of {name}")
        else:
            report_text(self.texts[name], where=f"{_transcription(name)}: {name}", findings=findings)


def _report_label(utterance: EmoEvaluation, findings: Findings) -> None:
    named = [rating.emotion for rating in utterance.observers if rating.emotion]
    counts = count_votes((parse_emotions(label, vocabulary=VOCABULARY) for label in named), vocabulary=VOCABULARY)
    most = join_emotions(majority(counts, vocabulary=VOCABULARY), vocabulary=VOCABULARY)
    if named and utterance.emotion and utterance.emotion != most:
        findings.add(LABEL_NOT_MAJORITY, f"{utterance.id}: labelled {utterance.emotion}, most votes for {most}")


def _report_means(utterance: EmoEvaluation, findings: Findings) -> None:
    for name, final in utterance.attributes._asdict().items():
        rated = [getattr(rating.attributes, name) for rating in utterance.observers]
        given = [rating for rating in rated if not math.isnan(rating)]
        if given and abs(fmean(given) - final) > _TOLERANCE:
            example = f"{utterance.where}: {utterance.id}: {name} {final:g}, mean of the observers {fmean(given):.4g}"
            findings.add(VAD_NOT_MEAN, example)


def _by_stem(paths: Sequence[str]) -> dict[str, str]:
    return {PurePosixPath(path).stem: path for path in paths}


def _dialog(name: str) -> str:
    return name.rpartition("_")[0]


def _folder(dialog: str) -> str:
    return f"Session{dialog[4]}"


def _transcription(name: str) -> str:
    return f"{_folder(name)}/{TRANSCRIPTION}/{_dialog(name)}.txt"


READER: CorpusReader = IemocapReader()
