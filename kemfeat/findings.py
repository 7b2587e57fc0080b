"""The rules of validation, each with its stable code, and the collector that counts what breaks them.

A code, once released, keeps its meaning. ``error`` means that data are lost or a build in its default mode would stop,
``warning`` that kemfeat repairs or marks the data, ``info`` that this is normal but worth knowing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from kemfeat.errors import CorpusError
from kemfeat.records import Finding, Severity

MAX_EXAMPLES = 5
_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Rule:
    """What validation looks for: a stable ``code``, its ``severity``, and the ``action`` that kemfeat takes."""

    code: str
    severity: Severity
    action: str


MALFORMED_ROW = Rule("malformed-row", "error", "the row is dropped; correct the number of cells")
MALFORMED_ID = Rule("malformed-id", "error", "the row is dropped; correct the id")
MALFORMED_LINE = Rule("malformed-line", "error", "the line, and what belongs to it, is dropped; correct it")
MALFORMED_NAME = Rule("malformed-name", "error", "the row is dropped; correct the name")
DUPLICATE_ID = Rule("duplicate-id", "error", "the first row is kept, later ones are dropped; remove one")
UNKNOWN_UTTERANCE = Rule("unknown-utterance", "error", "the rating is dropped; correct the id, or delete the row")
DUPLICATE_RATING = Rule("duplicate-rating", "error", "the first rating is kept, later ones are dropped; remove one")
HALF_ANNOTATION = Rule("half-annotation", "error", "the actor's own utterances have no label; copy the file")
BAD_TIME = Rule("bad-time", "error", "the time is missing; write seconds such as 3.57")
END_BEFORE_START = Rule("end-before-start", "error", "start and end are missing; correct them")
UNKNOWN_LABEL = Rule("unknown-label", "error", "the label is missing; correct its spelling")
RATING_OFF_SCALE = Rule("rating-off-scale", "error", "the rating is missing; write a number from 1 to 5")
BAD_FLAG = Rule("bad-flag", "error", "the cell counts as no; write yes or no")
BAD_NUMBER = Rule("bad-number", "error", "the number is missing; write a finite one such as 3.57")
UNKNOWN_UNIT = Rule("unknown-unit", "error", "the utterance's signal is missing; write a unit that kemfeat knows")
UNKNOWN_ENCODING = Rule("unknown-encoding", "error", "the cell counts as blank; write the name of an encoding")
EMPTY_ANNOTATION = Rule("empty-annotation", "error", "the session has no utterances; copy the file again")
MISSING_ANNOTATION = Rule("missing-annotation", "error", "the session is left out; copy its annotation file")
MISSING_EVALUATION = Rule("missing-evaluation", "error", "the dialog is left out; copy its EmoEvaluation file again")
DECODING_FAILED = Rule("decoding-failed", "error", "the text is missing; save the file as UTF-8")
MISSING_WAV = Rule("missing-wav", "error", "the audio features of the row are missing; copy the file from the corpus")
MISSING_TXT = Rule("missing-txt", "error", "the text features of the row are missing; copy the file from the corpus")
MISSING_RECORDING = Rule("missing-recording", "error", "the utterance's signal is missing; correct or clear the cell")
UNREADABLE_RECORDING = Rule(
    "unreadable-recording", "error", "the signal of its utterances is missing; correct the file, or clear its cell"
)
SHARED_AUDIO = Rule("shared-audio", "error", "the row's audio is missing; give start and end, or a file of its own")
SHARED_SIGNAL = Rule("shared-signal", "error", "the rows' signal is missing; write one file per utterance")
NOT_A_FILE = Rule("not-a-file", "error", "never opened, and counts as missing; put the file itself there")
WINDOW_TIME = Rule("window-time", "error", "the window is left out; correct its times")
WINDOW_OUTSIDE = Rule("window-outside", "error", "the window is left out; correct its times or its session")
UNKNOWN_SESSION = Rule("unknown-session", "error", "the window is left out; correct its session or participant")
SECOND_SESSION = Rule("second-session", "error", "the first is read, the other is left out; remove one")
LOST_ROW = Rule("lost-row", "error", "a defect of kemfeat: the row is in no store; report it, and correct the place")
SEGMENT_OUTSIDE = Rule("segment-outside", "error", "the row cannot be built; correct start and end")
QUIET_CHANNEL = Rule(
    "quiet-channel",
    "error",
    "the row cannot be built from the first channel; pass --set audio.channel=loudest, mean or a number",
)
UNREADABLE_WAV = Rule("unreadable-wav", "error", "the row cannot be built; copy the file from the corpus again")

UNREADABLE_VIDEO = Rule(
    "unreadable-video", "warning", "frames of its utterances are masked; copy the file from the corpus again"
)
SHORT_VIDEO = Rule("short-video", "warning", "frames after its end are masked; copy the file from the corpus again")
DURATION_MISMATCH = Rule("duration-mismatch", "warning", "the audio file decides; the annotated times are kept")
SILENT_WAV = Rule("silent-wav", "warning", "built like any other clip; its mel does not change with time")
SAME_AUDIO = Rule("same-audio", "warning", "every row is built; correct the times, or copy the right file again")
CHANNELS_DIFFER = Rule(
    "channels-differ", "warning", "features use the first channel; pass --set audio.channel=mean, loudest or a number"
)
EMPTY_TXT = Rule("empty-txt", "warning", "the text is empty, not missing")
DAMAGED_TXT = Rule("damaged-txt", "warning", "the text is kept as it is; copy it from the original again")
LABEL_MISSING = Rule("label-missing", "warning", "the cell is missing; the votes may still give a label")
UNKNOWN_SPEAKER = Rule("unknown-speaker", "warning", "all such rows count as one speaker, 'unknown'; name the speakers")
UNKNOWN_COLUMN = Rule(
    "unknown-column", "warning", "kept as text, with x_ before its name; rename it if another was meant"
)
EMOTION_CODE = Rule(
    "emotion-code", "warning", "kept as a class of its own; correct the word, or rename it with labels.map"
)
VOTES_MISSING = Rule("votes-missing", "warning", "the utterance is kept with the votes it has")
UNKNOWN_VOTE = Rule("unknown-vote", "warning", "the word is left out; other emotions of the same vote count")
RATING_BEYOND_SCALE = Rule("rating-beyond-scale", "warning", "the rating is kept; clip it where 1 to 5 matters")
NUMBER_AS_NAME = Rule(
    "number-as-name", "warning", "read as its digits; if zeros stood in front, format the column as text and write them"
)
BLANK_ID = Rule("blank-id", "warning", "the row is dropped: nothing says which utterance it judges")
WRONG_ID = Rule("wrong-id", "warning", "read as the id that the datasheet gives")
STRAY_ROW = Rule("stray-row", "warning", "the row given in the datasheet is dropped, the other one with its id is kept")
REPEATED_ROW = Rule("repeated-row", "warning", "the row with the start in the other file, or else the first, is kept")
UNMATCHED_ROW = Rule("unmatched-row", "warning", "the row is dropped: no other row, audio or transcript belongs to it")
NO_SPEAKER_ROW = Rule("no-speaker-row", "warning", "the utterance is kept without label and votes")
NO_LISTENER_ROW = Rule("no-listener-row", "warning", "the listener's columns of the utterance are missing")
UNREADABLE_SPAN = Rule("unreadable-span", "warning", "the cell is missing; no feature is made from it")
SESSION_PREFIX = Rule("session-prefix", "warning", "the session number of the folder or file replaces the id's")
SECOND_MEDIA = Rule("second-media", "warning", "the file with the usual name is used; remove the other")
INCOMPLETE_CORPUS = Rule("incomplete-corpus", "warning", "the clips that are there are read; copy the others too")
UNANNOTATED_MEDIA = Rule("unannotated-media", "warning", "ignored: no annotation row has this id")
MISSING_PHYSIOLOGY_FILE = Rule("missing-physiology-file", "warning", "the conversation's signal is missing")
EMPTY_PHYSIOLOGY = Rule("empty-physiology", "warning", "the conversation's EDA or TEMP is missing")
EMPTY_ECG = Rule("empty-ecg", "warning", "the ECG of the session and speaker is missing")
NOMINAL_RATE = Rule("nominal-rate", "warning", "the nominal rate is kept; use the stamps where time matters")
IMPLAUSIBLE_SIGNAL = Rule(
    "implausible-signal", "warning", "the values are kept; correct the file, or declare its unit where it has another"
)
SIGNAL_DURATION = Rule("signal-duration", "warning", "the samples are kept; correct the sampling rate, or the file")
RATING_RANGE = Rule("rating-range", "warning", "the ratings are kept; kemfeat's figures expect 1 to 5")
UNANNOTATED_PHYSIOLOGY = Rule(
    "unannotated-physiology", "warning", "no row has the id of an utterance, so no utterance gets this signal"
)
BAD_PHYSIOLOGY_LINE = Rule("bad-physiology-line", "warning", "the line is dropped")
MISSING_VALUE = Rule("missing-value", "warning", "the row is kept with the value NaN")
ORPHAN_PHYSIOLOGY = Rule("orphan-physiology", "warning", "kept in the table; no utterance uses these rows")
OTHER_SPEAKER = Rule("other-speaker", "warning", "kept in the table; they are not the utterance speaker's own signal")
NO_PHYSIOLOGY = Rule("no-physiology", "warning", "EDA and TEMP of the utterance are missing and masked")
NO_ECG = Rule("no-ecg", "warning", "ECG of the utterance is missing and masked")
PARTIAL_PHYSIOLOGY = Rule("partial-physiology", "warning", "the absent signal of the utterance is missing and masked")
WINDOW_CUT = Rule("window-cut", "warning", "kept with the samples that are there; the rest is missing and masked")
OVERLAPPING_SESSIONS = Rule("overlapping-sessions", "warning", "both are read; say the session of every window")
CLOCK_GAP = Rule("clock-gap", "warning", "samples are kept in file order; the gap is not filled")
KNOWN_BAD = Rule("known-bad-conversation", "warning", "kept as recorded; exclude the rows where physiology matters")

EMPTY_IBI = Rule("empty-ibi", "info", "no beats were detected; IBI is missing and masked")
NO_IBI = Rule("no-ibi", "info", "IBI of the utterance is missing and masked")
ASSUMED_RATE = Rule("assumed-rate", "info", "4 Hz is assumed, the rate of the wristband")
DECODING_FALLBACK = Rule("decoding-fallback", "info", "read in the encoding that the corpus documents or declares")
MULTI_CHANNEL = Rule("multi-channel", "info", "features use the first channel, which equals the others")
UNLISTED_AUDIO = Rule("unlisted-audio", "info", "ignored: no row of the table names it")
OWN_EMOTION = Rule("own-emotion", "info", "kept as a class of its own")
LABEL_NOT_MAJORITY = Rule("label-not-majority", "info", "the label rule decides which of the two is used")
NO_MAJORITY = Rule("no-majority", "info", "the label is missing; the votes may still give one")
VAD_NOT_MEAN = Rule("vad-not-mean", "info", "the corpus' own value is used")
MISSING_DIALOG_AUDIO = Rule("missing-dialog-audio", "info", "the path is missing; features are made without it")
MISSING_VIDEO = Rule("missing-video", "info", "the path is missing; frames of its utterances are masked")
UNCHECKED_VIDEO = Rule(
    "unchecked-video", "info", "not opened, as PyAV is not installed; pip install 'kemfeat[video]' to check them"
)
UNUSED_SESSION = Rule("unused-session", "info", "ignored: no window is in it")
STRAY_FILE = Rule("stray-file", "info", "ignored, never opened")


_STEERING = {"Cc", "Cf"}
"""Control and format characters; bytes of a name that are not Unicode are kept for the JSON."""


def printable(text: str) -> str:
    """Escape characters that would control a terminal, in text with names from a corpus.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The text, safe to print.

    Examples
    --------
    >>> len(printable(chr(27)))
    4
    """
    if text.isprintable():
        return text
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in _STEERING else c for c in text)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a reader did with every place that it read.

    Parameters
    ----------
    used : dict of str to str
        Per place, such as ``annotation/Sess01_eval.csv:3`` or the path of a clip, the utterance that it belongs to.
    left_out : dict of str to str
        Per place, or file or folder of places, the code of the rule by which it was left out.
    """

    used: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


class Findings:
    """Collects what a reader notices.

    Parameters
    ----------
    strict : bool
        Whether :meth:`fault` raises at once instead of recording.

    Attributes
    ----------
    faults : list of str
        Every case that :meth:`fault` recorded, in order: input that was dropped or blanked.
    ledger : Ledger
        What became of every place; the reader writes down those that it uses.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._found: list[Finding] = []
        self.faults: list[str] = []
        self.ledger = Ledger()

    def add(self, rule: Rule, example: str, *, left_out: Iterable[str] = ()) -> None:
        """Record one case.

        Parameters
        ----------
        rule : Rule
            The rule that it breaks.
        example : str
            Where and what: ``path: what was found``.
        left_out : iterable of str
            Places of the :class:`Ledger` that belong to no utterance because of it.
        """
        self.ledger.left_out.update(dict.fromkeys(left_out, rule.code))
        self._found.append(Finding(rule.code, rule.severity, 1, (printable(example),), rule.action))

    def fault(self, rule: Rule, example: str, *, left_out: Iterable[str] = ()) -> None:
        """Record one case of input that cannot be read.

        Parameters
        ----------
        rule : Rule
            The rule that it breaks.
        example : str
            Where and what: ``path: what was found, what was expected``.
        left_out : iterable of str
            As for :meth:`add`.

        Raises
        ------
        CorpusError
            The collector is strict; the message ends with what to do.
        """
        if self._strict:
            raise CorpusError(f"{example}; correct it, or pass --on-error skip ({rule.code}: {rule.action})")
        self.faults.append(f"{printable(example)} ({rule.code}: {rule.action})")
        self.add(rule, example, left_out=left_out)

    def merged(self) -> tuple[Finding, ...]:
        """One finding per rule; see :func:`merge`."""
        return merge(self._found)


def merge(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Join findings of the same rule.

    Parameters
    ----------
    findings : iterable of Finding
        Any number per rule.

    Returns
    -------
    tuple of Finding
        One per rule: counts summed, the first five examples kept; errors first, then by code.
    """
    merged: dict[str, Finding] = {}
    for finding in findings:
        known = merged.get(finding.rule)
        if known is None:
            merged[finding.rule] = replace(finding, examples=finding.examples[:MAX_EXAMPLES])
            continue
        missing = MAX_EXAMPLES - len(known.examples)
        examples = known.examples + finding.examples[:missing] if missing else known.examples
        merged[finding.rule] = replace(known, count=known.count + finding.count, examples=examples)
    return tuple(sorted(merged.values(), key=lambda finding: (_ORDER[finding.severity], finding.rule)))
