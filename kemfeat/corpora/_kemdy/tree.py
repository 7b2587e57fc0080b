"""The folders of KEMDy19 and KEMDy20, and the messages for files that are not where they should be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kemfeat.corpora._kemdy.e4 import Sensor
from kemfeat.corpora.layout import is_folder, list_files, list_folders, nearby, require_folder, show_contents
from kemfeat.errors import CorpusError, CorpusLayoutError

ANNOTATION, WAV = "annotation", "wav"
SUFFIXES = (".csv", ".wav", ".txt")
SESSION_FOLDER = re.compile(r"Session[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a corpus, as sorted paths relative to its root.

    Parameters
    ----------
    annotation : tuple of str
        The tables in ``annotation/``.
    audio, transcript : tuple of str
        The ``.wav`` and ``.txt`` files below ``wav/SessionNN/``.
    signals : mapping of str to tuple of str
        Per session name (``Sess01``) the files of its physiology, folder by folder.
    strays : tuple of str
        Files and folders that are not part of the corpus.
    """

    annotation: tuple[str, ...]
    audio: tuple[str, ...]
    transcript: tuple[str, ...]
    signals: Mapping[str, tuple[str, ...]]
    strays: tuple[str, ...]

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Files in groups; see :meth:`kemfeat.corpora.CorpusReader.sources`."""
        groups = {"annotation": self.annotation, "audio": self.audio, "transcript": self.transcript}
        return groups | {f"signals/{session}": tuple(sorted(paths)) for session, paths in self.signals.items()}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a corpus keeps its files.

    Parameters
    ----------
    corpus : str
        Name of the corpus.
    table : re.Pattern
        Name of an annotation file.
    clip, recording : sequence of re.Pattern
        Names of the folders below ``wav``, or below the folder of a sensor, and last the name of the files.
    media : sequence of Sensor
        The kinds of physiology, each in its own folder.
    tables, clips : str
        Names of the annotation files and of the clips, for messages.
    """

    corpus: str
    table: re.Pattern[str]
    clip: Sequence[re.Pattern[str]]
    recording: Sequence[re.Pattern[str]]
    media: Sequence[Sensor]
    tables: str
    clips: str

    def scan(self, root: Path, *, follow_links: bool = False) -> Tree:
        """List the corpus.

        Parameters
        ----------
        root : Path
            Its folder.
        follow_links : bool
            Whether links may lead out of it.

        Returns
        -------
        Tree
            All files of the corpus.

        Raises
        ------
        CorpusLayoutError
            ``root`` is not the corpus, or annotation or audio are missing.
        CorpusError
            A file is a link that leads out of ``root``.
        """
        require_folder(root, corpus=self.corpus, holds="annotation/ and wav/")
        tables = list_files(root / ANNOTATION, self.table, root=root, follow_links=follow_links)
        if not tables.fitting:
            raise CorpusLayoutError(self._absent(root, ANNOTATION, self.tables))
        media, strays = _walk(root, WAV, self.clip, follow_links=follow_links)
        audio = tuple(path for path in media if path.endswith(".wav"))
        if not audio:
            raise CorpusLayoutError(self._absent(root, WAV, self.clips))
        recordings: dict[str, list[str]] = {}
        for medium in self.media:
            paths, others = _walk(root, medium.folder, self.recording, follow_links=follow_links)
            strays += others
            for path in paths:
                recordings.setdefault(session_of(path), []).append(path)
        return Tree(
            annotation=tuple(f"{ANNOTATION}/{name}" for name in tables.fitting),
            audio=audio,
            transcript=tuple(path for path in media if path.endswith(".txt")),
            signals={session: tuple(recordings[session]) for session in sorted(recordings)},
            strays=(*(f"{ANNOTATION}/{name}" for name in tables.others), *strays),
        )

    def recordings(self, root: Path, session: str, *, follow_links: bool = False) -> Iterator[tuple[str, Sensor]]:
        """Paths of one session's physiology, each with its sensor, in the order of ``media``.

        Parameters
        ----------
        root : Path
            Folder of the corpus.
        session : str
            Name of the session, such as ``Sess01``.
        follow_links : bool
            Whether links may lead out of the root.

        Yields
        ------
        tuple of (str, Sensor)
            Path relative to ``root``, and the kind of recording.

        Raises
        ------
        CorpusError
            ``session`` is not the name of a session, or a file is a link that leads out of ``root``.
        """
        inside = _session_folder(session)
        for medium in self.media:
            folder = f"{medium.folder}/{inside}"
            for path in _walk(root, folder, self.recording[1:], follow_links=follow_links)[0]:
                yield path, medium

    def _absent(self, root: Path, folder: str, files: str) -> str:
        """The message for a root without ``folder/files``: found, expected, what to do."""
        inside = root / folder
        where = inside if is_folder(inside) else root
        remedy = _remedy(root, folder, folders=(ANNOTATION, WAV, *(medium.folder for medium in self.media)))
        return f"{root}: {self.corpus} keeps {folder}/{files}; found {show_contents(where)} in {where}; {remedy}"


def session_of(path: str) -> str:
    """The session of a path by its folder: ``Sess01`` for ``wav/Session01/...`` and ``annotation/Sess01_eval.csv``."""
    folder, inside = path.split("/")[:2]
    return inside[:6] if folder == ANNOTATION and not SESSION_FOLDER.match(inside) else f"Sess{inside[7:9]}"


def _session_folder(session: str) -> str:
    """The folder of a session: ``Session01`` for ``Sess01``."""
    if not re.fullmatch(r"Sess[0-9]{2}", session):
        raise CorpusError(f"session {session!r}: expected a name such as 'Sess01'")
    return f"Session{session[4:]}"


def _walk(
    root: Path, folder: str, levels: Sequence[re.Pattern[str]], *, follow_links: bool
) -> tuple[list[str], list[str]]:
    """Files below ``folder`` whose folders and names fit ``levels``, one pattern per level, and everything else."""
    level, *below = levels
    if not below:
        files = list_files(root / folder, level, root=root, follow_links=follow_links)
        return _in(folder, files.fitting), _in(folder, files.others)
    inside = list_folders(root / folder, level, root=root, follow_links=follow_links)
    paths: list[str] = []
    strays = _in(folder, inside.others)
    for path in _in(folder, inside.fitting):
        more, others = _walk(root, path, below, follow_links=follow_links)
        paths += more
        strays += others
    return paths, strays


def _in(folder: str, names: Iterable[str]) -> list[str]:
    return [f"{folder}/{name}" for name in names]


def _remedy(root: Path, folder: str, *, folders: Sequence[str]) -> str:
    """Advice for the usual mistakes: a folder too deep or too high, or an incomplete copy."""
    if any(is_folder(root / other) for other in folders):
        return f"the copy seems to be incomplete: copy {folder}/ from the corpus again"
    corpus = nearby(root, is_corpus=lambda near: is_folder(near / ANNOTATION), above=2)
    if corpus is None:
        return "pass --root the folder that contains annotation/ and wav/"
    return f"pass --root {corpus}, which contains {ANNOTATION}/"
