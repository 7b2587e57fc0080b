"""A folder of your own, described by a table: EmoDB, RAVDESS, a private corpus.

Size
    One utterance per row of the table.
Labels
    The columns ``emotion``, ``valence`` and ``arousal`` of the table, one final label per utterance, on your own scale,
    further labels by what the annotators were given, ``emotion_speech`` and so on, and those of raters,
    ``rater1_emotion`` and so on or a table ``ratings.csv``, from which votes and agreement are made. Common spellings
    become kemfeat's words, every other word is a class of its own.
Licence
    That of the recordings; kemfeat does not know it.
Citation
    As the publishers of the recordings ask.
Versions
    The table is read like any source file: an edited table is a new version.

The table is ``utterances.csv`` in the root unless you pass another. ``docs/howto/own-corpus.md`` explains its columns.
Paths in it are relative to the root and never leave it.

Known defects, and what is done
    - Rows without a speaker: all of them are one speaker, ``unknown``, so that no split can pretend to keep people
      apart (``unknown-speaker``).
    - Several rows with one audio file: it is a recording, and each row is its part from ``start`` to ``end``; a row
      without these times is refused (``shared-audio``).
    - Physiology has no clock: a conversation begins at 1970-01-01 00:00, and the signals of an utterance begin at its
      ``start``, or with the conversation where it has none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa

from kemfeat.balance import Mention
from kemfeat.config import SettingsTable
from kemfeat.corpora import TableReader
from kemfeat.corpora.absent_signals import absent
from kemfeat.corpora.folder._census import folder_mentions
from kemfeat.corpora.folder._columns import SIGNAL_MEDIA
from kemfeat.corpora.folder._manifest import folders_of, read_manifest
from kemfeat.corpora.folder._paths import Files
from kemfeat.corpora.folder._ratings import RATINGS_TABLE
from kemfeat.corpora.folder._rows import Row
from kemfeat.corpora.folder._signals import utterance_tables
from kemfeat.corpora.folder._table import UtteranceTable, read_kept
from kemfeat.corpora.layout import list_files, read_file, require_folder, show_contents
from kemfeat.errors import CorpusLayoutError
from kemfeat.findings import Findings
from kemfeat.manifest import SIGNALS, Manifest
from kemfeat.records import Finding, Terms

USUAL_TABLE = "utterances.csv"


TERMS = Terms(
    title="A corpus of the user's own",
    licence="The licence of the recordings applies to everything derived from them, including this store; "
    "read it before you pass the store on.",
    citation="the recordings, as their publishers ask",
    collection="See the documentation of the recordings",
    annotation="The labels are those of the user's table",
)


COLUMNS = {
    "scripted": "whether the words were given, as in a scene of a play",
    "audio_start": "where the utterance begins in its audio file [s]; missing where it is the whole file",
    "audio_end": "where the utterance ends in its audio file [s]; missing where it is the whole file",
}


@dataclass(frozen=True, slots=True)
class FolderReader:
    """Reads a folder that a table describes; see :class:`kemfeat.corpora.TableReader`.

    Parameters
    ----------
    name, version, tokenizer, settings, terms, columns : as in CorpusReader
        What the reader declares; not meant to be changed.
    media : tuple of str
        What an utterance may have, by the columns of the table.
    table : str
        Path of the table relative to the root, with ``/``.
    follow_links : bool
        Whether links may lead out of the root.
    """

    name: str = "folder"
    version: int = 7
    media: tuple[str, ...] = ("audio", "transcript", *SIGNAL_MEDIA)
    tokenizer: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default=SettingsTable({"text": {"preset": "none"}}))
    terms: Terms = TERMS
    columns: Mapping[str, str] = field(default_factory=lambda: COLUMNS)
    table: str = USUAL_TABLE
    follow_links: bool = False

    def opened(self, root: Path, table: Path | None) -> FolderReader:
        """A copy bound to a table; see :meth:`kemfeat.corpora.TableReader.opened`."""
        found = _locate(root, table, follow_links=self.follow_links)
        place = Path(os.path.realpath(found.parent)) / found.name
        relative = PurePath(os.path.relpath(place, os.path.realpath(root))).as_posix()
        return replace(self, table=relative, media=read_kept(read_file(found), relative, root).header.media)

    def sources(self, root: Path) -> Mapping[str, tuple[str, ...]]:
        """Files in groups; see :meth:`kemfeat.corpora.CorpusReader.sources`.

        Every group of signals contains the table, too, which gives the speaker and the rate of each file.
        """
        table, files = self._read(root), self._files(root)
        audio = _existing(files, table.rows, ("audio",))
        if not audio:
            raise CorpusLayoutError(_no_audio(root, self.table, table.rows))
        annotation = (self.table, files.beside(RATINGS_TABLE))
        groups = {"annotation": tuple(sorted(filter(None, annotation))), "audio": audio}
        groups["transcript"] = _existing(files, table.rows, ("text_file",))
        if not set(SIGNAL_MEDIA) & set(table.header.media):
            return groups
        sessions: dict[str, list[Row]] = {}
        for row in table.rows:
            sessions.setdefault(row.session, []).append(row)
        for name in sorted(sessions):
            paths = {*_existing(files, sessions[name], SIGNAL_MEDIA), self.table}
            groups[f"signals/{name}"] = tuple(sorted(paths))
        return groups

    def read_manifest(self, root: Path, *, on_error: str = "raise") -> Manifest:
        """Read the table and its text files; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`."""
        return read_manifest(root, files=self._files(root), table=self.table, corpus=self.name, on_error=on_error)

    def mentions(self, root: Path) -> Iterable[Mention]:
        """What the raw files mention; see :meth:`kemfeat.corpora.CountedReader.mentions`."""
        folders = set(folders_of(root, self._read(root).rows, self._files(root)))
        return folder_mentions(root, self.table, folders, follow_links=self.follow_links)

    def read_signals(self, root: Path, session: str) -> tuple[pa.Table, tuple[Finding, ...]]:
        """Read the physiology of one session; see :meth:`kemfeat.corpora.CorpusReader.read_signals`.

        Rows are in the order of the table, then EDA, TEMP, ECG, IBI, then as in the file.
        """
        files, findings = self._files(root), Findings()
        tables = [
            table
            for row in self._read(root).rows
            if row.session == session
            for table in utterance_tables(row, files, findings=findings)
        ]
        return pa.concat_tables([SIGNALS.empty_table(), *tables]).combine_chunks(), findings.merged()

    def check_signals(self, signals: pa.Table, *, known_ids: Mapping[str, str], session: str) -> tuple[Finding, ...]:  # noqa: ARG002
        """Report utterances that lack a signal although the table has a column for it.

        Parameters as in :meth:`kemfeat.corpora.CorpusReader.check_signals`, see :meth:`read_signals` for the table.
        """
        findings = Findings()
        for rule, example in absent(signals, known_ids, media=self.media):
            findings.add(rule, example)
        return findings.merged()

    def _files(self, root: Path) -> Files:
        return Files(root, self.table, follow_links=self.follow_links)

    def _read(self, root: Path) -> UtteranceTable:
        return read_kept(read_file(root / self.table), self.table, root)


def _existing(files: Files, rows: Sequence[Row], columns: Sequence[str]) -> tuple[str, ...]:
    """The existing files in some columns, sorted."""
    found = {
        files.find(path, line=row.line, column=column)
        for row in rows
        for column, path in row.named
        if column in columns
    }
    return tuple(sorted(path for path in found if path is not None))


def _locate(root: Path, table: Path | None, *, follow_links: bool) -> Path:
    """The path of the table; a relative one is looked for in the working directory, then in the root."""
    require_folder(root, corpus="the recordings", holds="the files that the table lists")
    if table is None:
        # Listing refuses a link that leads out of the root; a table that the user passes may be anywhere.
        list_files(root, re.compile(re.escape(USUAL_TABLE)), root=root, follow_links=follow_links)
    places = [root / USUAL_TABLE] if table is None else [table, root / table]
    for place in places:
        if place.is_file():
            return place
    looked = " and ".join(dict.fromkeys(map(str, places)))
    raise CorpusLayoutError(
        f"{looked}: no such file; expected the table of utterances; {root} contains {show_contents(root)}; "
        "pass the table with --table, or write it"
    )


def _no_audio(root: Path, table: str, rows: Sequence[Row]) -> str:
    named = next((row.audio for row in rows if row.audio is not None), None)
    found = "all its cells are blank" if named is None else f"the first, {named}, is not in {root}"
    return (
        f"{table}: expected audio files in column audio; {found}; pass --root the folder that these paths start from, "
        "or correct them"
    )


READER: TableReader = FolderReader()
