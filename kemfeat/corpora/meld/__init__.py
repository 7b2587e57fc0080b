"""MELD, the Multimodal EmotionLines Dataset: the sound and the words of scenes of a television series.

Size
    13,708 utterances in English of 1,432 dialogues, 304 names of speakers, cut from 9 seasons of *Friends*: 9,989 to
    train, 1,109 to develop, 2,610 to test. A dialogue is a scene of one episode with one to nine speakers. Each
    utterance is a film of about 3.6 s as mp4, of which the sound is read.
Labels
    Annotators, by majority, named one of seven emotions after they saw the film: neutral 6,436, joy 2,308, surprise
    1,636, anger 1,607, sadness 1,002, disgust 361, fear 358. ``joy`` is read as happy, ``anger`` as angry, ``sadness``
    as sad. ``sentiment`` is positive, neutral or negative. No votes, no arousal, no valence.
Licence
    GPL 3.0 for the tables, by their repository; the films are of a television series and belong to its owners.
Citation
    S. Poria and others, ACL 2019, pages 527-536, on EmotionLines of S.-Y. Chen and others, LREC 2018.

Folders, as ``MELD.Raw.tar.gz`` unpacks, each part also in a folder ``train``, ``dev`` or ``test`` of its own:
``train_sent_emo.csv`` and ``train_splits/dia0_utt0.mp4`` ...; ``dev_sent_emo.csv`` and ``dev_splits_complete``;
``test_sent_emo.csv`` and ``output_repeated_splits_test``. The tables of the repository, which are corrected, may
replace those of the archive. Numbers of dialogues begin at 0 in each part, so an id is ``train_dia0_utt0``.

A session is a dialogue, its script the episode, such as ``s08e21``: a split by session keeps scenes whole. Times are
those of the episode. A partner is named where a dialogue has two speakers. ``part`` is the official part, ``train``,
``valid`` or ``test``; ``kemfeat split --scheme official`` repeats it. Its parts share the six leading characters, so it
leaks speakers, as every published number on it does.

Known defects, and what is done about them:

- **Damaged and missing films**: ``dia125_utt3`` of train cannot be decoded (``unreadable-wav``), ``dia110_utt7`` of dev
  is not there (``missing-wav``). Pass ``--on-error skip``, or put a repaired film in its place.
- **Second films**: 132 of test have a namesake such as ``final_videos_testdia108_utt0.mp4``, never opened
  (``second-media``). The authors advise to ignore them, others who listened found that they, and not those with the
  usual name, have the words of the table. To read one, put it in the place of the other.
- **Wrong cuts**: ``dia38_utt4`` and ``dia220_utt0`` of test last minutes; others have words of their neighbours.
- **Quotation marks**: the tables of the archive have those of Windows (cp1252) as control characters or as bytes that
  are not UTF-8; they are read as what they stand for (``decoding-fallback``).
- **Times**: ``dia155_utt3`` of test ends when it starts, so it has none. Three times have less than three digits after
  the comma, read as milliseconds, which the tables say they are.
- **Names** are those of the script: ``Nurse #1`` may be several people, and ``All`` is a crowd.
- **Several channels**: nothing says which has the voice. Features read the first, and refuse it where it is far softer
  than another; ``--set mel.channels=mean`` reads all.
- **Files of macOS** (``._dia0_utt0.mp4``) and films without a row are not read (``stray-file``, ``unannotated-media``).

The layout and the columns are those of the README of the repository declare-lab/MELD and of its ``utils/read_meld.py``;
the defects are from its issues 9, 20, 22, 27, 39 and 52 and pull request 28. The counts are those of its tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from kemfeat.balance import Mention
from kemfeat.corpora import CorpusReader
from kemfeat.corpora.layout import report_strays
from kemfeat.corpora.meld._census import meld_mentions
from kemfeat.corpora.meld._table import Row, read_rows
from kemfeat.corpora.meld._tree import NAME, PARTS, Tree, scan
from kemfeat.errors import CorpusError
from kemfeat.findings import INCOMPLETE_CORPUS, MISSING_WAV, SECOND_MEDIA, UNANNOTATED_MEDIA, Findings
from kemfeat.manifest import RATINGS, READ_COLUMNS, SIGNALS, Manifest
from kemfeat.records import Finding, Terms

_OFFICIAL = {"train": "train", "dev": "valid", "test": "test"}
_OWN = {"part": pa.string(), "sentiment": pa.string(), "season": pa.int64(), "episode": pa.int64()}
_UTTERANCES = pa.schema([*READ_COLUMNS, *(pa.field(name, kind) for name, kind in _OWN.items())])

TERMS = Terms(
    title="MELD, the Multimodal EmotionLines Dataset: the sound and the words of scenes of a television series",
    licence="GPL 3.0 for the tables. The films are cut from a television series and belong to its owners: do not pass "
    "on recordings, nor features from which speech can be made again.",
    citation="S. Poria, D. Hazarika, N. Majumder, G. Naik, E. Cambria and R. Mihalcea, MELD: A Multimodal Multi-Party "
    "Dataset for Emotion Recognition in Conversations, ACL 2019, pages 527-536",
    collection="Actors speak the script of a television series, in dialogues of one to nine speakers",
    annotation="Annotators saw the film of each utterance and named one of seven emotions; the majority is the label",
)

COLUMNS = {
    "part": "official part of the utterance: train, valid or test",
    "sentiment": "positive, neutral or negative, as annotated",
    "season": "season of the series",
    "episode": "episode of the season",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MeldReader:
    """Reads MELD; see :class:`kemfeat.corpora.CorpusReader`.

    Parameters
    ----------
    name, version, media, tokenizer, settings, terms, columns : as in CorpusReader
        What the reader declares; not meant to be changed.
    follow_links : bool
        Whether links may lead out of the folder of the corpus.
    """

    name: str = NAME
    version: int = 1
    media: tuple[str, ...] = ("audio", "transcript")
    tokenizer: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"text": {"preset": "none"}})
    terms: Terms = TERMS
    columns: Mapping[str, str] = field(default_factory=lambda: COLUMNS)
    follow_links: bool = False

    def sources(self, root: Path) -> Mapping[str, tuple[str, ...]]:
        """Files in groups; see :meth:`kemfeat.corpora.CorpusReader.sources`."""
        tree = scan(root, follow_links=self.follow_links)
        films = (path for clips in tree.clips.values() for path in clips.values())
        return {"annotation": tuple(sorted(tree.tables.values())), "audio": tuple(sorted(films)), "transcript": ()}

    def read_manifest(self, root: Path, *, on_error: str = "raise") -> Manifest:
        """Read the tables; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`."""
        findings = Findings(strict=on_error != "skip")
        tree = scan(root, follow_links=self.follow_links)
        report_strays(tree.strays, root=root, suffixes=(".mp4", ".csv"), findings=findings)
        tables = [read_rows(root, path, part, findings) for part, path in tree.tables.items()]
        rows = [row for table in tables for row in table.values()]
        if not rows:
            raise CorpusError(f"{root}: the tables contain no utterance; copy {', '.join(tree.tables.values())} again")
        partners = _partners(rows)
        cells = [_cells(row, tree, partners) for row in rows]
        _report(tree, rows, findings)
        return Manifest(
            self.name,
            pa.Table.from_pylist(cells, schema=_UTTERANCES).to_pandas(),
            RATINGS.empty_table().to_pandas(),
            findings.merged(),
            tuple(findings.faults),
            ledger=findings.ledger,
        )

    def mentions(self, root: Path) -> Iterable[Mention]:
        """What the raw files mention; see :meth:`kemfeat.corpora.CountedReader.mentions`."""
        return meld_mentions(root, follow_links=self.follow_links)

    def read_signals(self, root: Path, session: str) -> tuple[pa.Table, tuple[Finding, ...]]:  # noqa: ARG002 - there are none
        """No rows; see :meth:`kemfeat.corpora.CorpusReader.read_signals`."""
        return SIGNALS.empty_table(), ()

    def check_signals(self, signals: pa.Table, *, known_ids: Mapping[str, str], session: str) -> tuple[Finding, ...]:  # noqa: ARG002 - there are none
        """No findings; see :meth:`kemfeat.corpora.CorpusReader.check_signals`."""
        return ()


def _cells(row: Row, tree: Tree, partners: Mapping[tuple[str, str], str]) -> dict[str, object]:
    return {
        "id": row.id,
        "session": row.dialogue,
        "script": f"s{row.season:02d}e{row.episode:02d}",
        "speaker": row.speaker,
        "partner": partners.get((row.dialogue, row.speaker)),
        "start": row.start,
        "end": row.end,
        "text": row.text,
        "text_encoding": row.encoding,
        "audio": _film(row, tree),
        "emotion": row.emotion,
        "part": _OFFICIAL[row.part],
        "sentiment": row.sentiment,
        "season": row.season,
        "episode": row.episode,
    }


def _film(row: Row, tree: Tree) -> str | None:
    return tree.clips[row.part].get(row.id.removeprefix(f"{row.part}_"))


def _report(tree: Tree, rows: Sequence[Row], findings: Findings) -> None:
    """What only tables and films together show."""
    for part in PARTS:
        if part not in tree.tables:
            findings.add(INCOMPLETE_CORPUS, f"{part}_sent_emo.csv: is missing, with all its utterances")
    for row in rows:
        film = _film(row, tree)
        if film is None:
            findings.add(MISSING_WAV, f"{row.id}: has no film in {PARTS[row.part]}")
        else:
            findings.ledger.used[film] = row.id
    for path, usual in tree.second.items():
        findings.add(SECOND_MEDIA, f"{path}: {usual}.mp4 is used", left_out=[path])
    for film in (film for clips in tree.clips.values() for film in clips.values()):
        if film not in findings.ledger.used:
            findings.add(UNANNOTATED_MEDIA, f"{film}: no row of the table", left_out=[film])


def _partners(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """Per dialogue and speaker the other one, in dialogues of two."""
    speakers: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        speakers[row.dialogue].add(row.speaker)
    pairs = ((dialogue, sorted(names)) for dialogue, names in speakers.items() if len(names) == 2)
    return {(dialogue, name): other for dialogue, two in pairs for name, other in (two, two[::-1])}


READER: CorpusReader = MeldReader()
