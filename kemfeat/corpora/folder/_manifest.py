"""A user's table, its texts and its audio as one Manifest."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa

from kemfeat.corpora.folder._emotions import report_others, vocabulary
from kemfeat.corpora.folder._paths import Files
from kemfeat.corpora.folder._rows import Row
from kemfeat.corpora.folder._signals import unusable
from kemfeat.corpora.folder._table import UtteranceTable, read_table
from kemfeat.corpora.layout import read_file
from kemfeat.corpora.text import decode
from kemfeat.findings import (
    DECODING_FAILED,
    DECODING_FALLBACK,
    EMPTY_TXT,
    MISSING_RECORDING,
    MISSING_TXT,
    MISSING_WAV,
    RATING_RANGE,
    SHARED_AUDIO,
    UNREADABLE_RECORDING,
    Findings,
)
from kemfeat.labels import join_emotions
from kemfeat.manifest import RATINGS, READ_COLUMNS, SEGMENT, Manifest

_Text = tuple[str | None, str | None]
"""Words and their encoding, None where there are none."""

_NO_TEXT: _Text = (None, None)
LOWEST, HIGHEST = 1.0, 5.0
"""Ends of the scale of ratings that kemfeat's figures expect."""


def read_manifest(root: Path, *, table: str, corpus: str, on_error: str) -> Manifest:
    """Read a table and its text files; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`.

    Parameters
    ----------
    root : Path
        Folder that the paths in the table start from.
    table : str
        Path of the table relative to it.
    corpus : str
        Name of the corpus in the manifest.
    on_error : str
        ``raise`` or ``skip``.

    Returns
    -------
    Manifest
        The utterances in the order of the table.
    """
    findings = Findings(strict=on_error != "skip")
    read = read_table(read_file(root / table), where=table, findings=findings)
    emotions = [row.emotions for row in read.rows]
    words = vocabulary(emotions, where=table)
    report_others(emotions, where=table, findings=findings)
    _report_ratings(read.rows, table, findings)
    shared = _shared(read.rows)
    media = _Media(root, table, findings, shared=shared)
    media.report_recordings(read.rows)
    columns = _columns(read, words)
    columns["audio"] = media.audio(read.rows)
    texts = media.texts(read)
    columns["text"], columns["text_encoding"] = ([text[part] for text in texts] for part in (0, 1))
    segments = _segments(read.rows, shared) if shared else {}
    columns |= segments
    own = (pa.field(name, pa.string()) for name in read.header.own)
    schema = pa.schema([*READ_COLUMNS, pa.field("scripted", pa.bool_()), *own])
    for name in segments:
        schema = schema.append(pa.field(name, pa.float64()))
    return Manifest(
        corpus,
        pa.Table.from_pydict(columns, schema=schema).to_pandas(),
        RATINGS.empty_table().to_pandas(),
        findings.merged(),
        tuple(findings.faults),
        words,
    )


def _columns(table: UtteranceTable, words: Sequence[str]) -> dict[str, Sequence[object]]:
    """The columns that need no look at other files, and the emotions joined."""
    plain = ("id", "session", "script", "speaker", "sex", "partner", "start", "end", "valence", "arousal", "scripted")
    columns: dict[str, Sequence[object]] = {name: [getattr(row, name) for row in table.rows] for name in plain}
    columns["emotion"] = [join_emotions(row.emotions, vocabulary=words) or None for row in table.rows]
    return columns | {name: [row.own[place] for row in table.rows] for place, name in enumerate(table.header.own)}


def _shared(rows: Sequence[Row]) -> set[str]:
    """The audio files of several rows: recordings, of which each row is a part."""
    counts = Counter(row.audio for row in rows if row.audio is not None)
    return {path for path, count in counts.items() if count > 1}


def _has_times(row: Row) -> bool:
    return not (math.isnan(row.start) or math.isnan(row.end))


def _segments(rows: Sequence[Row], shared: Collection[str]) -> dict[str, list[float]]:
    """The columns of :data:`kemfeat.manifest.SEGMENT`."""
    cut = [row.audio in shared and _has_times(row) for row in rows]
    times = ([row.start for row in rows], [row.end for row in rows])
    return {
        name: [time if of_row else math.nan for time, of_row in zip(column, cut, strict=True)]
        for name, column in zip(SEGMENT, times, strict=True)
    }


def _report_ratings(rows: Sequence[Row], table: str, findings: Findings) -> None:
    for column in ("valence", "arousal"):
        rated = [value for row in rows if not math.isnan(value := getattr(row, column))]
        outside = sum(not LOWEST <= value <= HIGHEST for value in rated)
        if outside:
            found = (
                f"{outside} of {len(rated)} outside {LOWEST:g} to {HIGHEST:g}, found {min(rated):g} to {max(rated):g}"
            )
            findings.add(RATING_RANGE, f"{table} column {column}: {found}")


class _Media:
    """Looks up the files in the rows of a table."""

    def __init__(self, root: Path, table: str, findings: Findings, *, shared: Collection[str]) -> None:
        self._root = root
        self._findings = findings
        self._files = Files(root, table)
        self._shared = shared

    def audio(self, rows: Sequence[Row]) -> list[str | None]:
        """Per row the path of its audio, None where it is missing or nothing says which part of it is meant."""
        return [self._audio(row) for row in rows]

    def texts(self, table: UtteranceTable) -> list[_Text]:
        """Per row the words as written, without the final line break of a file, and their encoding.

        Raises
        ------
        CorpusError
            A file cannot be decoded and the findings are strict.
        """
        column = next((name for name in ("text", "text_file") if name in table.header.at), None)
        if column is None:
            return [_NO_TEXT] * len(table.rows)
        texts = [(row.text, "utf-8") if column == "text" else self._text_of(row) for row in table.rows]
        for row, (text, _) in zip(table.rows, texts, strict=True):
            if text is not None and not text.strip():
                self._findings.add(EMPTY_TXT, f"{self._place(row, column)}: no text")
        return texts

    def _audio(self, row: Row) -> str | None:
        path = row.audio
        if path is None or not self._has(row, "audio", path):
            self._findings.add(MISSING_WAV, f"{self._place(row, 'audio')}: {_lack(path)}")
            return None
        if path in self._shared and not _has_times(row):
            example = (
                f"{self._place(row, 'audio')}: {path} is the audio of several rows, expected start and end in each"
            )
            self._findings.fault(SHARED_AUDIO, example)
            return None
        return path

    def _text_of(self, row: Row) -> _Text:
        path = row.text_file
        if path is None or not self._has(row, "text_file", path):
            self._findings.add(MISSING_TXT, f"{self._place(row, 'text_file')}: {_lack(path)}")
            return _NO_TEXT
        decoded = decode(read_file(self._root / path), declared=row.text_encoding)
        if decoded is None:
            self._findings.fault(DECODING_FAILED, f"{path}: {_not_text(row.text_encoding)}")
            return _NO_TEXT
        text, encoding = decoded
        if not encoding.startswith("utf-8"):
            self._findings.add(DECODING_FALLBACK, f"{path}: {encoding}")
        return text.removesuffix("\n").removesuffix("\r"), encoding

    def report_recordings(self, rows: Sequence[Row]) -> None:
        """Leave a fault for every file of physiology that does not exist or has another format."""
        for row in rows:
            for medium, recording in row.recordings.items():
                if not self._has(row, medium, recording.path):
                    example = f"{self._place(row, medium)}: {_lack(recording.path)}"
                    self._findings.fault(MISSING_RECORDING, example)
                    continue
                problem = unusable(read_file(self._root / recording.path), recording)
                if problem is not None:
                    self._findings.fault(UNREADABLE_RECORDING, f"{self._place(row, medium)}: {problem}")

    def _has(self, row: Row, column: str, path: str) -> bool:
        return self._files.has(path, line=row.line, column=column)

    def _place(self, row: Row, column: str) -> str:
        return f"{self._files.place(row.line, column)}: {row.id}"


def _not_text(declared: str | None) -> str:
    if declared is not None:
        return f"found bytes that are neither UTF-8 nor {declared}, expected text; correct its text_encoding"
    return (
        "found bytes that are not UTF-8, expected text in UTF-8, or in UTF-16 with a byte order mark; save the file as "
        "UTF-8, or write its encoding, such as cp949 or cp1252, in the column text_encoding"
    )


def _lack(path: str | None) -> str:
    return "blank cell" if path is None else f"{path}: no such file"
