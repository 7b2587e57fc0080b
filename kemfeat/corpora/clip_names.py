"""Corpora of acted clips whose names say everything: who speaks, what, and which emotion is meant.

Shared by the readers of such corpora; each declares a grammar of names and how a name is read. There is no annotation
file, no conversation, and no clock: a speaker is a session of their own, and the sentence is the script.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from kemfeat.balance import Mention
from kemfeat.corpora.census import media_mentions
from kemfeat.corpora.layout import is_folder, list_files, list_folders, report_strays, require_folder, show_contents
from kemfeat.errors import CorpusLayoutError
from kemfeat.findings import DUPLICATE_ID, INCOMPLETE_CORPUS, MALFORMED_NAME, STRAY_FILE, Findings
from kemfeat.labels import EMOTIONS
from kemfeat.manifest import RATINGS, READ_COLUMNS, SIGNALS, Manifest
from kemfeat.records import Finding, Terms

_ANY = re.compile(r"[^.].*")
_WAV = re.compile(r"[^.].*\.wav", re.IGNORECASE)
_DEEPEST = 3
"""Folders below the root in which clips may be."""


class Vote(NamedTuple):
    """What a rater said of an utterance."""

    id: str
    rater: str
    emotion: str


@dataclass(frozen=True, slots=True)
class Clip:
    """What the name of a clip says.

    Parameters
    ----------
    id : str
        Name of the utterance.
    speaker, script : str
        Who speaks, and which sentence.
    sex : str
        ``F`` or ``M``; empty where it is not known.
    emotion : str
        The emotion that is meant.
    text : str
        The sentence; empty where it is not known.
    own : mapping of str to str
        Cells of the columns that only this corpus has.
    """

    id: str
    speaker: str
    script: str
    sex: str
    emotion: str
    text: str
    own: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipReader:
    """Reads a corpus of clips; see :class:`kemfeat.corpora.CorpusReader`.

    Parameters
    ----------
    name, version, media, tokenizer, settings, terms, columns : as in CorpusReader
        What the reader declares; not meant to be changed.
    clip : callable
        Takes the path of a clip below the root; returns what it says, or None where it is not a name of this corpus.
    clips : int
        How many the published corpus has.
    example : str
        Path of a clip, for messages.
    folder : str
        Folder below the root that has all clips, where it is there; empty where they may be anywhere.
    stray : re.Pattern or None
        Paths of what comes with the corpus and is not read.
    beside : re.Pattern or None
        Paths of files between the clips that the corpus' own reader reads.
    further : tuple of str
        Emotions beyond the seven, in canonical order.
    follow_links : bool
        Whether links may lead out of the folder of the corpus.
    """

    name: str
    clip: Callable[[str], Clip | None]
    clips: int
    example: str
    terms: Terms
    version: int = 1
    media: tuple[str, ...] = ("audio", "transcript")
    tokenizer: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"text": {"preset": "none"}})
    columns: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    stray: re.Pattern[str] | None = None
    beside: re.Pattern[str] | None = None
    further: tuple[str, ...] = ()
    follow_links: bool = False

    def sources(self, root: Path) -> Mapping[str, tuple[str, ...]]:
        """Files in groups; see :meth:`kemfeat.corpora.CorpusReader.sources`."""
        return {"annotation": (), "audio": tuple(sorted(self.found(root, Findings()))), "transcript": ()}

    def found(self, root: Path, findings: Findings) -> dict[str, Clip]:
        """The clips below a root.

        Parameters
        ----------
        root : Path
            Folder of the corpus.
        findings : Findings
            Receives what is not a clip of the corpus, and clips that are there twice.

        Returns
        -------
        dict of str to Clip
            By path, each id once.

        Raises
        ------
        CorpusLayoutError
            There is none.
        CorpusError
            A name is not one of this corpus, or an id is there twice, and ``findings`` is strict.
        """
        require_folder(root, corpus=self.name, holds=self.example)
        clips: dict[str, Clip] = {}
        places: dict[str, str] = {}
        for path in sorted(self._wavs(root, findings, self._begin(root))):
            said = self.clip(path)
            if said is None and self.stray is not None and self.stray.fullmatch(path):
                findings.add(STRAY_FILE, path, left_out=[path])
            elif said is None:
                expected = f"expected a name such as {self.example}"
                findings.fault(MALFORMED_NAME, f"{path}: not a name of {self.name}; {expected}", left_out=[path])
            elif said.id in places:
                what = f"{path}: {said.id} is there already, as {places[said.id]}"
                findings.fault(DUPLICATE_ID, what, left_out=[path])
            else:
                clips[path], places[said.id] = said, path
        if not clips:
            raise CorpusLayoutError(
                f"{root}: found {show_contents(root)}, expected clips of {self.name} such as {self.example}; pass "
                "--root the folder that contains them"
            )
        return clips

    def _begin(self, root: Path) -> str:
        return f"{self.folder}/" if self.folder and is_folder(root / self.folder) else ""

    def _wavs(self, root: Path, findings: Findings, below: str, depth: int = 0) -> Iterator[str]:
        folder = root / below
        listed = list_files(folder, _WAV, root=root, follow_links=self.follow_links)
        folders = list_folders(folder, _ANY, root=root, follow_links=self.follow_links).fitting
        inside = folders if depth < _DEEPEST else ()
        others = [f"{below}{name}" for name in listed.others if name not in inside]
        strays = [path for path in others if self.beside is None or not self.beside.fullmatch(path)]
        report_strays(strays, root=root, suffixes=(".wav",), findings=findings)
        yield from (f"{below}{name}" for name in listed.fitting)
        for name in inside:
            yield from self._wavs(root, findings, f"{below}{name}/", depth + 1)

    def read_manifest(self, root: Path, *, on_error: str = "raise") -> Manifest:
        """Read the names; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`."""
        findings = Findings(strict=on_error != "skip")
        return self.manifest(self.found(root, findings), (), findings)

    def manifest(self, clips: Mapping[str, Clip], votes: Iterable[Vote], findings: Findings) -> Manifest:
        """The manifest of clips.

        Parameters
        ----------
        clips : mapping of str to Clip
            By path.
        votes : iterable of Vote
            What raters said.
        findings : Findings
            What was noticed.

        Returns
        -------
        Manifest
            In the order of ``clips``.
        """
        for _ in range(self.clips - len(clips)):
            findings.add(INCOMPLETE_CORPUS, f"{len(clips):,} of the {self.clips:,} clips of {self.name} are there")
        findings.ledger.used.update({path: clip.id for path, clip in clips.items()})
        kinds = pa.schema([*READ_COLUMNS, *(pa.field(name, pa.string()) for name in self.columns)])
        utterances = pa.Table.from_pylist([_row(path, clip) for path, clip in clips.items()], schema=kinds).to_pandas()
        return Manifest(
            self.name,
            utterances,
            pa.Table.from_pylist([vote._asdict() for vote in votes], schema=RATINGS).to_pandas(),
            findings.merged(),
            tuple(findings.faults),
            (*EMOTIONS, *self.further),
            ledger=findings.ledger,
        )

    def mentions(self, root: Path) -> Iterable[Mention]:
        """What the raw files mention; see :meth:`kemfeat.corpora.CountedReader.mentions`."""
        return media_mentions(
            root, self._begin(root).rstrip("/") or ".", suffixes=(".wav",), name=None, follow_links=self.follow_links
        )

    def read_signals(self, root: Path, session: str) -> tuple[pa.Table, tuple[Finding, ...]]:  # noqa: ARG002 - there are none
        """No rows; see :meth:`kemfeat.corpora.CorpusReader.read_signals`."""
        return SIGNALS.empty_table(), ()

    def check_signals(self, signals: pa.Table, *, known_ids: Mapping[str, str], session: str) -> tuple[Finding, ...]:  # noqa: ARG002 - there are none
        """No findings; see :meth:`kemfeat.corpora.CorpusReader.check_signals`."""
        return ()


def _row(path: str, clip: Clip) -> dict[str, object]:
    return {
        "id": clip.id,
        "session": clip.speaker,
        "script": clip.script,
        "speaker": clip.speaker,
        "sex": clip.sex or None,
        "text": clip.text or None,
        "text_encoding": None,
        "audio": path,
        "emotion": clip.emotion,
        **clip.own,
    }
