"""A user's table, its texts and its audio as one Manifest."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pyarrow as pa

from kemfeat.corpora.folder._paths import Files
from kemfeat.corpora.folder._ratings import RATINGS_TABLE, read_ratings
from kemfeat.corpora.folder._rows import Row
from kemfeat.corpora.folder._signals import unusable
from kemfeat.corpora.folder._table import UtteranceTable, read_table
from kemfeat.corpora.layout import entries, is_folder, other_kind, read_file
from kemfeat.corpora.own_labels import report_others, report_ratings, vocabulary
from kemfeat.corpora.text import decode, not_text, report_text
from kemfeat.errors import CorpusError
from kemfeat.file_kinds import foreign_kind
from kemfeat.findings import (
    DECODING_FAILED,
    DECODING_FALLBACK,
    MISSING_RECORDING,
    MISSING_TXT,
    MISSING_WAV,
    SHARED_AUDIO,
    UNLISTED_AUDIO,
    UNREADABLE_RECORDING,
    Findings,
)
from kemfeat.labels import join_emotions
from kemfeat.manifest import RATINGS, READ_COLUMNS, SEGMENT, Manifest
from kemfeat.media import SUFFIXES

_Text = tuple[str | None, str | None]
"""Words and their encoding, None where there are none."""

_SOUND = re.compile(rf"[^.].*(?:{'|'.join(map(re.escape, SUFFIXES))})", re.IGNORECASE | re.DOTALL)
_NO_TEXT: _Text = (None, None)


def read_manifest(root: Path, *, files: Files, table: str, corpus: str, on_error: str) -> Manifest:
    """Read a table and its text files; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`.

    Parameters
    ----------
    root : Path
        Folder that the paths in the table start from.
    files : Files
        Finds them.
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
    read = read_table(read_file(root / table), where=table, root=root, findings=findings)
    read = _with_ratings(read, root, table, files, findings)
    emotions = [each for row in read.rows for each in (row.emotions, *row.labels.values())]
    emotions += [rating.emotions for row in read.rows for rating in row.ratings]
    words = vocabulary(emotions, where=table)
    report_others(emotions, where=table, findings=findings)
    for column in ("valence", "arousal"):
        report_ratings([getattr(row, column) for row in read.rows], where=f"{table} column {column}", findings=findings)
    shared = _shared(root, read.rows)
    media = _Media(root, files, findings, shared=shared)
    media.report_recordings(read.rows)
    columns = _columns(read, words)
    columns["audio"] = media.audio(read.rows)
    _report_unlisted(root, read.rows, files, findings)
    texts = media.texts(read)
    columns["text"], columns["text_encoding"] = ([text[part] for text in texts] for part in (0, 1))
    segments = _segments(read.rows, shared) if shared else {}
    columns |= segments
    own = (pa.field(name, pa.string()) for name in read.header.own)
    labels = (pa.field(name, pa.string()) for name in read.rows[0].labels)
    schema = pa.schema([*READ_COLUMNS, pa.field("scripted", pa.bool_()), *labels, *own])
    for name in segments:
        schema = schema.append(pa.field(name, pa.float64()))
    return Manifest(
        corpus,
        pa.Table.from_pydict(columns, schema=schema).to_pandas(),
        pa.Table.from_pylist([*_ratings(read.rows, words)], schema=RATINGS).to_pandas(),
        findings.merged(),
        tuple(findings.faults),
        words,
        ledger=findings.ledger,
    )


def _with_ratings(read: UtteranceTable, root: Path, table: str, files: Files, findings: Findings) -> UtteranceTable:
    """The utterances with what the raters said in a table of their own, where there is one."""
    where = files.beside(RATINGS_TABLE)
    if where is None:
        return read
    if read.header.raters:
        rater = next(iter(read.header.raters))
        raise CorpusError(f"{where}: is there, and {table} has columns of {rater} too; keep one of them")
    ids = {row.id for row in read.rows}
    said = read_ratings(read_file(root / where), where=where, root=root, ids=ids, findings=findings)
    return replace(read, rows=tuple(replace(row, ratings=tuple(said.get(row.id, ()))) for row in read.rows))


def folders_of(root: Path, rows: Sequence[Row], files: Files) -> dict[str, set[str]]:
    """Per folder with recordings of the table, as it is spelt on disk, the paths that the table lists in it."""
    listed: dict[str, set[str]] = {}
    for row in rows:
        if row.audio is None:
            continue
        # What is not a file is in the table all the same.
        path = files.find(row.audio, line=row.line, column="audio") or row.audio
        if is_folder(root / PurePosixPath(path).parent):
            listed.setdefault(PurePosixPath(path).parent.as_posix(), set()).update((path, row.audio))
    return listed


def _report_unlisted(root: Path, rows: Sequence[Row], files: Files, findings: Findings) -> None:
    """Report recordings beside those of the table."""
    for folder, listed in sorted(folders_of(root, rows, files).items()):
        found = sorted(entry.name for entry in entries(root / folder) if _SOUND.fullmatch(entry.name))
        for name in found:
            path = (PurePosixPath(folder) / name).as_posix()
            if path not in listed:
                findings.add(UNLISTED_AUDIO, path, left_out=[path])


def _columns(table: UtteranceTable, words: Sequence[str]) -> dict[str, Sequence[object]]:
    """The columns that need no look at other files, and the emotions joined."""
    plain = ("id", "session", "script", "speaker", "sex", "partner", "start", "end", "valence", "arousal", "scripted")
    columns: dict[str, Sequence[object]] = {name: [getattr(row, name) for row in table.rows] for name in plain}
    columns["emotion"] = [join_emotions(row.emotions, vocabulary=words) or None for row in table.rows]
    for name in table.rows[0].labels:
        columns[name] = [join_emotions(row.labels[name], vocabulary=words) or None for row in table.rows]
    return columns | {name: [row.own[place] for row in table.rows] for place, name in enumerate(table.header.own)}


def _shared(root: Path, rows: Sequence[Row]) -> set[str]:
    """The audio files of several rows, be it by several names: recordings, of which each row is a part."""
    files = {row.audio: _file(root, row.audio) for row in rows if row.audio is not None}
    counts = Counter(files[row.audio] for row in rows if row.audio is not None)
    return {path for path, file in files.items() if counts[file] > 1}


def _file(root: Path, path: str) -> object:
    """What is the same for all names of a file: paths, links and hard links."""
    try:
        found = (root / path).stat()
    except (OSError, ValueError):
        return path
    return (found.st_dev, found.st_ino) if found.st_ino else path


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


def _ratings(rows: Sequence[Row], words: Sequence[str]) -> Iterator[dict[str, object]]:
    """What the raters said, one row for each utterance and rater."""
    for row in rows:
        for rating in row.ratings:
            yield {
                "id": row.id,
                "rater": rating.rater,
                "emotion": join_emotions(rating.emotions, vocabulary=words) or None,
                "valence": rating.valence,
                "arousal": rating.arousal,
            }


class _Media:
    """Looks up the files in the rows of a table."""

    def __init__(self, root: Path, files: Files, findings: Findings, *, shared: Collection[str]) -> None:
        self._root = root
        self._findings = findings
        self._files = files
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
            if text is not None:
                report_text(text, where=self._place(row, column), findings=self._findings)
        return texts

    def _audio(self, row: Row) -> str | None:
        path = self._find(row, "audio", row.audio)
        for named in filter(None, (path, row.audio)):
            self._findings.ledger.used[named] = row.id
        if path is None:
            self._findings.add(MISSING_WAV, f"{self._place(row, 'audio')}: {self._lack(row.audio)}")
            return None
        if row.audio in self._shared and not _has_times(row):
            example = (
                f"{self._place(row, 'audio')}: {path} is the audio of several rows, expected start and end in each"
            )
            self._findings.fault(SHARED_AUDIO, example)
            return None
        return path

    def _text_of(self, row: Row) -> _Text:
        path = self._find(row, "text_file", row.text_file)
        if path is None:
            self._findings.add(MISSING_TXT, f"{self._place(row, 'text_file')}: {self._lack(row.text_file)}")
            return _NO_TEXT
        content = read_file(self._root / path)
        decoded = decode(content, declared=row.text_encoding)
        if decoded is None:
            self._findings.fault(DECODING_FAILED, f"{path}: {_not_text(content, row.text_encoding)}")
            return _NO_TEXT
        text, encoding = decoded
        if not encoding.startswith("utf-8"):
            self._findings.add(DECODING_FALLBACK, f"{path}: {encoding}")
        return text.removesuffix("\n").removesuffix("\r"), encoding

    def report_recordings(self, rows: Sequence[Row]) -> None:
        """Leave a fault for every file of physiology that does not exist or has another format."""
        for row in rows:
            for medium, recording in row.recordings.items():
                path = self._find(row, medium, recording.path)
                if path is None:
                    example = f"{self._place(row, medium)}: {self._lack(recording.path)}"
                    self._findings.fault(MISSING_RECORDING, example)
                    continue
                problem = unusable(read_file(self._root / path), recording)
                if problem is not None:
                    self._findings.fault(UNREADABLE_RECORDING, f"{self._place(row, medium)}: {problem}")

    def _find(self, row: Row, column: str, path: str | None) -> str | None:
        return None if path is None else self._files.find(path, line=row.line, column=column)

    def _lack(self, path: str | None) -> str:
        if path is None:
            return "blank cell"
        alike = self._files.alike(path)
        return f"{path}: {other_kind(self._root / path)}{f', but {alike} is there; write it alike' if alike else ''}"

    def _place(self, row: Row, column: str) -> str:
        return f"{self._files.place(row.line, column)}: {row.id}"


def _not_text(content: bytes, declared: str | None) -> str:
    found = not_text(content, declared=declared)
    if foreign_kind(content) is not None:
        return found
    if declared is not None:
        return f"{found}; correct its text_encoding"
    return f"{found}; save it as UTF-8, or write its encoding, such as cp949 or cp1252, in the column text_encoding"
