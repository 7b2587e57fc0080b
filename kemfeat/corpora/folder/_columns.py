"""The header of a user's table: names of columns, which are required, and which are the user's own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kemfeat.corpora.cells import OWN_PREFIX, meant_column
from kemfeat.errors import CorpusError
from kemfeat.findings import LABEL_MISSING, UNKNOWN_COLUMN, Findings
from kemfeat.labels import LABEL_COLUMNS

UNIFORM = ("eda", "temp", "ecg")
"""Signals of one rate; each has a second column, ``<name>_rate`` [Hz]."""

SIGNAL_MEDIA = (*UNIFORM, "ibi")

REQUIRED = ("id", "audio")
NAMES = ("id", "speaker", "session", "script", "partner")
"""Columns of names."""
_OPTIONAL = (
    *("text", "text_file", "text_encoding", "speaker", "session", "script", "sex", "partner"),
    *("emotion", *LABEL_COLUMNS, "valence", "arousal", "start", "end", "scripted"),
    *SIGNAL_MEDIA,
)
_RATES = tuple(f"{medium}_rate" for medium in UNIFORM)
_UNITS = tuple(f"{medium}_unit" for medium in SIGNAL_MEDIA)
KNOWN = (*REQUIRED, *_OPTIONAL, *_RATES, *_UNITS)

_OTHER_NAMES = {
    **dict.fromkeys(("file", "filename", "file_name", "file_path", "filepath", "path"), "audio"),
    **dict.fromkeys(("wav", "wav_path", "audio_path", "audio_file"), "audio"),
    **dict.fromkeys(("utterance", "utterance_id", "utt", "utt_id", "utt_name", "segment_id"), "id"),
    **dict.fromkeys(("participant", "participant_id", "subject", "subject_id", "speaker_id", "spk"), "speaker"),
    **dict.fromkeys(("dialog", "dialogue", "dialogue_id", "conversation", "session_id"), "session"),
    "gender": "sex",
    "label": "emotion",
    "emotion_label": "emotion",
    "transcript": "text",
    "transcription": "text",
}
"""Usual names that are not spelt like the column that is meant."""

_MAX_NAME = 64

_RATED = re.compile(r"(rater[a-z0-9-]{1,32})_(emotion|valence|arousal)", re.IGNORECASE)
"""Names of the columns of one of several raters."""


@dataclass(frozen=True, slots=True)
class TableHeader:
    """The columns of a table.

    Parameters
    ----------
    at : mapping of str to int
        Per known column its position.
    own : mapping of str to int
        Per column of the user's own its position; the names begin with :data:`OWN_PREFIX`.
    width : int
        Number of cells that a row must have.
    raters : mapping of str to mapping of str to int
        Per rater the positions of their columns ``emotion``, ``valence`` and ``arousal``, as far as there are any.
    """

    at: Mapping[str, int]
    own: Mapping[str, int]
    width: int
    raters: Mapping[str, Mapping[str, int]]

    @property
    def media(self) -> tuple[str, ...]:
        """What an utterance may have, by the columns of the table."""
        text = ("transcript",) if {"text", "text_file"} & set(self.at) else ()
        return ("audio", *text, *(medium for medium in SIGNAL_MEDIA if medium in self.at))


def read_header(cells: Sequence[str], *, where: str, findings: Findings) -> TableHeader:
    """Find the columns by their names; those of kemfeat in upper or lower case.

    Parameters
    ----------
    cells : sequence of str
        Cells of the first row; blank cells after the last name are ignored, and so is a first column without one.
    where : str
        The table, for messages.
    findings : Findings
        Receives columns of the user's own with a name similar to a known one.

    Returns
    -------
    TableHeader
        Positions of the columns.

    Raises
    ------
    CorpusError
        A name is blank, given twice or not printable; a required column, or one of a pair, is missing; or the table
        has both ``text`` and ``text_file``.
    """
    names = _names(cells, where=where)
    if not names[0]:
        findings.add(UNKNOWN_COLUMN, f"{where}:1 column 1: has no name, as the numbers that pandas writes; not read")
    at = {name.lower(): place for place, name in enumerate(names) if name.lower() in KNOWN}
    raters: dict[str, dict[str, int]] = {}
    for place, name in enumerate(names):
        if rated := _RATED.fullmatch(name):
            raters.setdefault(rated[1].lower(), {})[rated[2].lower()] = place
    known = {*KNOWN, *(f"{rater}_{what}" for rater, columns in raters.items() for what in columns)}
    own = {name: place for place, name in enumerate(names) if name and name.lower() not in known}
    _require(at, own, where=where)
    _check_pairs(at, where=where)
    if "emotion" not in at and (further := [name for name in LABEL_COLUMNS if name in at]):
        advice = f"no column emotion; choose one of the others with --set labels={further[-1]}"
        findings.add(LABEL_MISSING, f"{where}:1: {advice}")
    for name, place in own.items():
        meant = _meant(name)
        if meant and meant not in at:
            findings.add(UNKNOWN_COLUMN, f"{where}:1 column {place + 1}: found {name!r}; did you mean {meant!r}?")
    return TableHeader(at, {f"{OWN_PREFIX}{name}": place for name, place in own.items()}, len(names), raters)


def _names(cells: Sequence[str], *, where: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise CorpusError(
            f"{where}: found no header; expected the names of the columns in the first row, such as "
            "id,audio,speaker,emotion; write them there"
        )
    seen: set[str] = set()
    for place, name in enumerate(names, start=1):
        if place == 1 and not name and len(names) > 1:  # the index of a DataFrame
            continue
        if not 0 < len(name) <= _MAX_NAME or not name.isprintable():
            raise CorpusError(
                f"{where}:1 column {place}: found the name {name[:40]!r}, expected 1 to {_MAX_NAME} printable "
                "characters; name the column, or delete it"
            )
        if name.casefold() in seen:
            raise CorpusError(f"{where}:1 column {place}: a second column {name!r}; rename one, or delete it")
        seen.add(name.casefold())
    return names


def _require(at: Mapping[str, int], own: Mapping[str, int], *, where: str) -> None:
    missing = [name for name in REQUIRED if name not in at]
    if missing:
        near = [f"rename {name!r} to {missing[0]!r}" for name in own if _meant(name) == missing[0]]
        remedy = near[0] if near else "add it; cells are separated by commas, semicolons or tabs"
        found = ", ".join(repr(name[:40]) for name in (*at, *own))
        raise CorpusError(f"{where}:1: found the columns {found}, expected one called {missing[0]!r} too; {remedy}")


def _check_pairs(at: Mapping[str, int], *, where: str) -> None:
    if {"text", "text_file"} <= set(at):
        raise CorpusError(
            f"{where}:1: found the columns 'text' and 'text_file', expected one of them; keep 'text' for the words "
            "themselves or 'text_file' for paths of text files"
        )
    if "text_encoding" in at and "text_file" not in at:
        raise CorpusError(
            f"{where}:1: found the column 'text_encoding' without 'text_file', expected both; the words in 'text' have "
            "the encoding of the table; rename the column, or delete it"
        )
    for medium, rate in zip(UNIFORM, _RATES, strict=True):
        if (medium in at) != (rate in at):
            found, other = (medium, rate) if medium in at else (rate, medium)
            raise CorpusError(
                f"{where}:1: found the column {found!r} without {other!r}, expected both; write paths in {medium!r}, "
                f"samples per second in {rate!r}"
            )

    for medium, unit in zip(SIGNAL_MEDIA, _UNITS, strict=True):
        if unit in at and medium not in at:
            raise CorpusError(
                f"{where}:1: found the column {unit!r} without {medium!r}, expected both; write paths in {medium!r}"
            )


def _meant(name: str) -> str:
    # A misspelt rate is an error of its pair, and too many words are similar to one.
    return meant_column(name, columns=(*REQUIRED, *_OPTIONAL), other_names=_OTHER_NAMES)
