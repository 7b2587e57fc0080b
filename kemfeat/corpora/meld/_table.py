"""The tables of MELD: one line per utterance, as programs write CSV."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kemfeat.corpora.csv_rows import csv_rows, table_text
from kemfeat.corpora.text import report_text
from kemfeat.findings import (
    BAD_TIME,
    DECODING_FALLBACK,
    DUPLICATE_ID,
    END_BEFORE_START,
    MALFORMED_ID,
    MALFORMED_NAME,
    UNKNOWN_LABEL,
    Findings,
)

EMOTIONS = {
    "neutral": "neutral",
    "joy": "happy",
    "surprise": "surprise",
    "anger": "angry",
    "sadness": "sad",
    "disgust": "disgust",
    "fear": "fear",
}
"""Per emotion of MELD the word for it."""
SENTIMENTS = ("positive", "neutral", "negative")
ENCODING = "cp1252"
COLUMNS = (
    *("Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID"),
    *("Season", "Episode", "StartTime", "EndTime"),
)
_CONTROLS = {code: bytes([code]).decode(ENCODING) for code in (0x85, 0x91, 0x92, 0x93, 0x94, 0x96, 0x97)}
"""What a control character stands for where the bytes of cp1252 were read as Latin-1."""
_NUMBER = re.compile("0|[1-9][0-9]{0,3}")
_TIME = re.compile(r"([0-9]{1,2}):([0-5][0-9]):([0-5][0-9]),([0-9]{1,3})")
_LONGEST_NAME = 128
_EMPTY = frozenset({"test_dia155_utt3"})
"""Utterances that end when they start in the published tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One utterance of a table.

    Parameters
    ----------
    id, dialogue : str
        Such as ``train_dia0_utt0`` and ``train_dia0``.
    part : str
        ``train``, ``dev`` or ``test``.
    speaker, text, encoding : str
        Who says what, and the encoding of the table.
    emotion, sentiment : str or None
        None where it cannot be read.
    season, episode : int
        Where it is from.
    start, end : float [s]
        Since the episode began; both NaN where they cannot be read.
    """

    id: str
    dialogue: str
    part: str
    speaker: str
    text: str
    encoding: str
    emotion: str | None
    sentiment: str | None
    season: int
    episode: int
    start: float
    end: float


def read_rows(root: Path, path: str, part: str, findings: Findings) -> dict[str, Row]:
    """Read a table.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    path : str
        The table, relative to it.
    part : str
        ``train``, ``dev`` or ``test``.
    findings : Findings
        Receives rows and cells that cannot be read; they are dropped or missing unless it is strict.

    Returns
    -------
    dict of str to Row
        By id, in the order of the table.

    Raises
    ------
    CorpusError
        The file is not text or has other columns; or a cell cannot be read and ``findings`` is strict.
    """
    text, encoding = _text(root, path, findings)
    rows: dict[str, Row] = {}
    for where, cells in csv_rows(text, columns=COLUMNS, where=path, findings=findings):
        row = _row(where, cells, part, encoding, findings)
        if row is not None and row.id in rows:
            findings.fault(DUPLICATE_ID, f"{where}: {row.id} is in the table before", left_out=[where])
        elif row is not None:
            rows[row.id] = row
            findings.ledger.used[where] = row.id
    return rows


def _text(root: Path, path: str, findings: Findings) -> tuple[str, str]:
    text, encoding = table_text(root, path, declared=ENCODING, findings=findings)
    if controls := sum(map(text.count, map(chr, _CONTROLS))):
        findings.add(DECODING_FALLBACK, f"{path}: {controls:,} control characters read as those of {ENCODING}")
    return text.translate(_CONTROLS), encoding


def _row(where: str, cells: dict[str, str], part: str, encoding: str, findings: Findings) -> Row | None:
    """One utterance, or None where the row cannot be read."""
    for name in ("Dialogue_ID", "Utterance_ID", "Season", "Episode"):
        if not _NUMBER.fullmatch(cells[name]):
            found = f"{where} column {name}: found {cells[name]!r}, expected a number such as 7"
            findings.fault(MALFORMED_ID, found, left_out=[where])
            return None
    speaker = cells["Speaker"].strip()
    if not (0 < len(speaker) <= _LONGEST_NAME and speaker.isprintable()):
        findings.fault(MALFORMED_NAME, f"{where}: found {speaker!r}, expected who speaks", left_out=[where])
        return None
    dialogue = f"{part}_dia{cells['Dialogue_ID']}"
    name = f"{dialogue}_utt{cells['Utterance_ID']}"
    report_text(cells["Utterance"], where=where, findings=findings)
    start, end = _times(where, name, cells, findings)
    return Row(
        id=name,
        dialogue=dialogue,
        part=part,
        speaker=speaker,
        text=cells["Utterance"],
        encoding=encoding,
        emotion=EMOTIONS.get(_word(where, cells["Emotion"], EMOTIONS, findings)),
        sentiment=_word(where, cells["Sentiment"], SENTIMENTS, findings) or None,
        season=int(cells["Season"]),
        episode=int(cells["Episode"]),
        start=start,
        end=end,
    )


def _word(where: str, word: str, known: Sequence[str] | dict[str, str], findings: Findings) -> str:
    """A word that is known; blank where it is not."""
    if word in known:
        return word
    findings.fault(UNKNOWN_LABEL, f"{where}: found {word!r}, expected one of {', '.join(known)}")
    return ""


def _times(where: str, name: str, cells: dict[str, str], findings: Findings) -> tuple[float, float]:
    """Start and end [s]; both NaN where one cannot be read."""
    start, end = (_seconds(f"{where} column {name}", cells[name], findings) for name in ("StartTime", "EndTime"))
    if end <= start:
        found = f"{where}: ends at {end:.3f} s, expected more than the start {start:.3f} s"
        (findings.add if name in _EMPTY else findings.fault)(END_BEFORE_START, found)
    return (start, end) if start < end else (math.nan, math.nan)


def _seconds(where: str, text: str, findings: Findings) -> float:
    found = _TIME.fullmatch(text.strip())
    if found is None:
        findings.fault(BAD_TIME, f"{where}: found {text!r}, expected hours, minutes, seconds such as 00:16:16,059")
        return math.nan
    hours, minutes, seconds, thousandths = map(int, found.groups())
    return 3600 * hours + 60 * minutes + seconds + thousandths / 1000
