"""IEMOCAP's two text files per dialog: the evaluation, a block of lines per utterance, and the transcription."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from kemfeat.corpora.iemocap._tree import UTTERANCE
from kemfeat.corpora.text import is_missing, number
from kemfeat.findings import (
    BAD_TIME,
    DUPLICATE_ID,
    DUPLICATE_RATING,
    END_BEFORE_START,
    LABEL_MISSING,
    MALFORMED_ID,
    MALFORMED_LINE,
    NO_MAJORITY,
    RATING_BEYOND_SCALE,
    RATING_OFF_SCALE,
    UNKNOWN_LABEL,
    UNKNOWN_VOTE,
    VOTES_MISSING,
    Findings,
    Rule,
)
from kemfeat.labels import EMOTIONS, join_emotions

VOCABULARY = (*EMOTIONS, "excited", "frustrated", "other")
"""The emotions of IEMOCAP, in the order of ties."""

CODES = {
    "neu": "neutral",
    "hap": "happy",
    "exc": "excited",
    "sad": "sad",
    "ang": "angry",
    "fru": "frustrated",
    "fea": "fear",
    "sur": "surprise",
    "dis": "disgust",
    "oth": "other",
}
"""The final labels; ``xxx`` stands for no majority."""

CATEGORIES = {
    "neutral": "neutral",
    "neutral state": "neutral",
    "happiness": "happy",
    "excited": "excited",
    "sadness": "sad",
    "anger": "angry",
    "frustration": "frustrated",
    "fear": "fear",
    "surprise": "surprise",
    "disgust": "disgust",
    "other": "other",
}
"""The categories that raters chose from."""

ENCODING = "latin-1"
LOWEST, HIGHEST = 1.0, 5.0
_BEYOND = 0.5
"""How far outside the scale a rating is still kept."""
_NO_MAJORITY = "xxx"
_SHOWN = 60
_SUMMARY = re.compile(r"\[([^\]-]*)-([^\]]*)\]\s+(\S+)\s+(\S+)\s+\[([^,\]]*),([^,\]]*),([^,\]]*)\]")
_RATING = re.compile(r"([CA])-([EFM][0-9]+):(.*)")
_ATTRIBUTES = re.compile(r"val\b([^;]*);\s*act\b([^;]*);\s*dom\b([^;]*);?")
_TURN = re.compile(r"(\S+)\s+\[[^\]]*\]:(.*)", re.DOTALL)
_INSIDE = re.compile(rf"\S.*?(?:\[[^\]]*\]\s+{UTTERANCE.pattern}|{UTTERANCE.pattern}\s+\[)", re.DOTALL)
"""A turn that begins within a line, where two lines were joined."""
_UNNUMBERED = re.compile(r"\s*[FM]\s*:|\S+_[FM][0-9X]*X[0-9X]*\s")
"""Transcribed speech that is not an utterance: it follows the bare letter of its speaker, or an id such as MXXX."""


class Attributes(NamedTuple):
    """Valence, activation (arousal) and dominance, each 1 to 5 or NaN."""

    valence: float = math.nan
    arousal: float = math.nan
    dominance: float = math.nan


class Rating(NamedTuple):
    """One rater's judgement: the name (``E1``), emotions in canonical order or None, and attributes."""

    rater: str
    emotion: str | None = None
    attributes: Attributes = Attributes()


@dataclass(frozen=True, slots=True)
class EmoEvaluation:
    """One utterance.

    Parameters
    ----------
    where : str
        File and line, for messages.
    id : str
        Name of the utterance.
    start, end : float [s]
        Times in the dialog, or NaN.
    code : str
        Final label as written, ``xxx`` where no label had a majority.
    emotion : str or None
        Final label in kemfeat's words.
    attributes : Attributes
        Final ratings.
    observers : tuple of Rating
        Ratings of the observers.
    own : Rating
        The speaker's own rating, blank where there is none.
    """

    where: str
    id: str
    start: float
    end: float
    code: str
    emotion: str | None
    attributes: Attributes
    observers: tuple[Rating, ...]
    own: Rating

    @property
    def dialog(self) -> str:
        return self.id.rpartition("_")[0]

    @property
    def session(self) -> str:
        return self.id[:5]

    @property
    def sex(self) -> str:
        """Sex of the speaker, not of the actor whose letter the name of the dialog has."""
        return self.id[-4]


def read_evaluations(content: bytes, *, dialog: str, where: str, findings: Findings) -> list[EmoEvaluation]:
    """Read the evaluation of a dialog, in the order of the file.

    Parameters
    ----------
    content : bytes
        Content of the file.
    dialog : str
        Name of the dialog, with which every id begins.
    where : str
        The file, for messages.
    findings : Findings
        Receives what cannot be read: a line is dropped, a number or label becomes missing, unless the collector is
        strict.

    Returns
    -------
    list of EmoEvaluation
        One per utterance.

    Raises
    ------
    CorpusError
        Something cannot be read and ``findings`` is strict.
    """
    file = _File(dialog, where, findings)
    known: dict[str, EmoEvaluation] = {}
    for block in file.blocks(content):
        found = file.evaluation(block)
        if found is not None and file.is_new(found.id, block.summary.number, known):
            known[found.id] = found
            file.use(found.id, block.summary.number)
    return list(known.values())


def read_transcription(content: bytes, *, dialog: str, where: str, findings: Findings) -> dict[str, str]:
    """Read the text of every numbered utterance of a dialog, as written; parameters as :func:`read_evaluations`.

    Returns
    -------
    dict of str to str
        Per utterance its text.

    Raises
    ------
    CorpusError
        A line cannot be read and ``findings`` is strict.
    """
    file = _File(dialog, where, findings)
    texts: dict[str, str] = {}
    for line, text in _lines(content):
        turn = _TURN.fullmatch(text)
        if _INSIDE.match(text):
            file.fault(MALFORMED_LINE, line, f"found two turns in {text[:_SHOWN]!r}, expected one per line", whole=True)
        elif _UNNUMBERED.match(text):
            continue
        elif turn is None:
            expected = f"expected '{dialog}_F000 [start-end]: text'"
            file.fault(MALFORMED_LINE, line, f"found {text[:_SHOWN]!r}, {expected}", whole=True)
        elif file.is_own(turn[1], line) and file.is_new(turn[1], line, texts):
            texts[turn[1]] = turn[2].removeprefix(" ")
            file.use(turn[1], line)
    return texts


def _lines(content: bytes) -> Iterator[tuple[int, str]]:
    """Numbered lines, without blank ones and comments."""
    # Not str.splitlines, which would also cut at 0x85: a line end in latin-1, but an ellipsis in files from Windows.
    for place, line in enumerate(content.splitlines(), start=1):
        text = line.decode(ENCODING)
        if text.strip() and not text.lstrip().startswith("%"):
            yield place, text


def _after_gaps(lines: Sequence[tuple[int, str]]) -> set[int]:
    """The lines after a blank one, which ends a block; none where the line ends of the whole file are doubled."""
    after = {place for (before, _), (place, _) in pairwise(lines) if place > before + 1}
    return after if len(after) < len(lines) - 1 else set()


class _Line(NamedTuple):
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class _Block:
    summary: _Line
    ratings: list[_Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _File:
    dialog: str
    where: str
    findings: Findings

    def fault(self, rule: Rule, line: int, text: str, *, whole: bool = False) -> None:
        """Report a line that cannot be read; ``whole`` where its turn is left out, not a part of it."""
        place = f"{self.where}:{line}"
        self.findings.fault(rule, f"{place}: {text}", left_out=[place] if whole else ())

    def use(self, name: str, line: int) -> None:
        """Note that a line belongs to an utterance."""
        self.findings.ledger.used[f"{self.where}:{line}"] = name

    def is_own(self, name: str, line: int) -> bool:
        parts = UTTERANCE.fullmatch(name)
        if parts is not None and parts[1] == self.dialog:
            return True
        found = f"found id {name[:_SHOWN]!r}, expected such as {self.dialog}_F000"
        self.fault(MALFORMED_ID, line, found, whole=True)
        return False

    def is_new(self, name: str, line: int, known: Container[str]) -> bool:
        if name in known:
            self.fault(DUPLICATE_ID, line, f"{name} again", whole=True)
        return name not in known

    def blocks(self, content: bytes) -> list[_Block]:
        lines = list(_lines(content))
        alone = _after_gaps(lines)
        found: list[_Block] = []
        is_open = False
        for place, text in lines:
            # A turn within a line, after lines were joined, takes the ratings below it along.
            if text.lstrip().startswith("[") or _INSIDE.match(text):
                found.append(_Block(_Line(place, text)))
                is_open = True
                continue
            is_open = is_open and place not in alone
            if is_open:
                found[-1].ratings.append(_Line(place, text))
            else:
                expected = "expected the '[start - end]' of a turn before its ratings"
                self.fault(MALFORMED_LINE, place, f"found {text[:_SHOWN]!r}, {expected}", whole=True)
        return found

    def evaluation(self, block: _Block) -> EmoEvaluation | None:
        line, text = block.summary
        cells = _SUMMARY.fullmatch(text.strip())
        if cells is None:
            expected = f"'[start - end]', '{self.dialog}_F000', a label and '[valence, activation, dominance]'"
            self.fault(MALFORMED_LINE, line, f"found {text.strip()[:_SHOWN]!r}, expected {expected}", whole=True)
            return None
        name = cells[3]
        if not self.is_own(name, line):
            return None
        start, end = self._times(cells[1], cells[2], line)
        ratings = self._ratings(block.ratings)
        return EmoEvaluation(
            where=f"{self.where}:{line}",
            id=name,
            start=start,
            end=end,
            code=cells[4],
            emotion=self._label(name, cells[4], line),
            attributes=self._attributes(cells.group(5, 6, 7), line, blank=LABEL_MISSING),
            observers=tuple(rating for rating in ratings if rating.rater.startswith("E")),
            own=self._own([rating for rating in ratings if not rating.rater.startswith("E")], cells[3][-4], line),
        )

    def _own(self, ratings: Sequence[Rating], sex: str, line: int) -> Rating:
        """The speaker's own rating; of several the one with the speaker's letter."""
        first, *others = sorted(ratings, key=lambda rating: rating.rater[0] != sex) or [Rating("")]
        for rating in others:
            self.fault(DUPLICATE_RATING, line, f"{rating.rater} beside {first.rater}, expected one speaker")
        return first

    def _times(self, first: str, second: str, line: int) -> tuple[float, float]:
        start, end = (self._seconds(text, line) for text in (first, second))
        if end <= start:
            self.fault(END_BEFORE_START, line, f"found end {end:g} s, expected more than the start {start:g} s")
            return math.nan, math.nan
        return start, end

    def _seconds(self, text: str, line: int) -> float:
        seconds = number(text)
        if math.isnan(seconds):
            self.fault(BAD_TIME, line, f"found time {text.strip()!r}, expected seconds")
        return seconds

    def _label(self, name: str, code: str, line: int) -> str | None:
        if code == _NO_MAJORITY:
            self.findings.add(NO_MAJORITY, f"{self.where}:{line}: {name}")
        elif code not in CODES:
            known = ", ".join((*CODES, _NO_MAJORITY))
            self.fault(UNKNOWN_LABEL, line, f"label {code[:_SHOWN]!r}; expected one of {known}")
        return CODES.get(code)

    def _attributes(self, texts: Sequence[str], line: int, *, blank: Rule) -> Attributes:
        if any(map(is_missing, texts)):
            self.findings.add(blank, f"{self.where}:{line}: blank valence, activation or dominance")
        return Attributes(*(self._rated(text.strip(), line) for text in texts))

    def _rated(self, text: str, line: int) -> float:
        rating = number(text)
        if LOWEST <= rating <= HIGHEST:
            return rating
        if LOWEST - _BEYOND <= rating <= HIGHEST + _BEYOND:
            example = f"{self.where}:{line}: found rating {text!r}, expected {LOWEST:g} to {HIGHEST:g}"
            self.findings.add(RATING_BEYOND_SCALE, example)
            return rating
        if not is_missing(text):
            self.fault(RATING_OFF_SCALE, line, f"found rating {text!r}, expected {LOWEST:g} to {HIGHEST:g}")
        return math.nan

    def _ratings(self, lines: Sequence[_Line]) -> list[Rating]:
        """One rating per rater, by name; a rater may have given emotions, attributes or both."""
        emotions: dict[str, str | None] = {}
        attributes: dict[str, Attributes] = {}
        for line, text in lines:
            parts = _RATING.fullmatch(text.strip())
            if parts is None:
                self.fault(MALFORMED_LINE, line, f"found {text[:_SHOWN]!r}, expected such as 'C-E1: Anger; ()'")
                continue
            kind, rater, judged = parts[1], parts[2], parts[3].partition("(")[0].strip()
            if rater in (emotions if kind == "C" else attributes):
                self.fault(DUPLICATE_RATING, line, f"{kind}-{rater} again")
            elif kind == "C":
                emotions[rater] = self._emotions(judged, line)
            else:
                attributes[rater] = self._judged(judged, line)
        raters = sorted({*emotions, *attributes})
        return [Rating(rater, emotions.get(rater), attributes.get(rater, Attributes())) for rater in raters]

    def _emotions(self, text: str, line: int) -> str | None:
        words = [" ".join(word.lower().split()) for word in text.split(";") if word.strip()]
        for word in words:
            if word not in CATEGORIES:
                example = f"{self.where}:{line}: found {word[:_SHOWN]!r}, expected one of {', '.join(CATEGORIES)}"
                self.findings.add(UNKNOWN_VOTE, example)
        if not words:
            self.findings.add(VOTES_MISSING, f"{self.where}:{line}: no emotion")
        known = [CATEGORIES[word] for word in words if word in CATEGORIES]
        return join_emotions(known, vocabulary=VOCABULARY) or None

    def _judged(self, text: str, line: int) -> Attributes:
        parts = _ATTRIBUTES.fullmatch(text)
        if parts is None:
            self.fault(MALFORMED_LINE, line, f"found {text[:_SHOWN]!r}, expected such as 'val 3; act 2; dom 2;'")
            return Attributes()
        return self._attributes(parts.groups(), line, blank=VOTES_MISSING)
