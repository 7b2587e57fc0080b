"""AI Hub 263, the Korean dialogue speech dataset for emotion classification (감정 분류를 위한 대화 음성 데이터셋).

Size
    About 44,000 utterances in Korean of users of an app, in three releases: ``4차년도``, ``5차년도`` and
    ``5차년도_2차``. Sound, words, age and sex. Nothing says who speaks.
Labels
    ``emotion`` is the one that the words were written for (column ``상황``): angry, sadness, disgust, happiness, fear,
    neutral or surprise. Five raters each named one of the seven, and how strong it is, 0 to 2; ``labels = "votes"``
    makes their majority the label. No arousal, no valence.
Licence
    Restricted: AI Hub gives it to those who apply and agree to its terms. Neither the corpus nor a store may be passed
    on.
Citation
    AI Hub, National Information Society Agency (NIA), dataset 263, https://aihub.or.kr

Folders: ``4차년도.csv``, ``5차년도.csv`` and ``5차년도_2차.csv``, as downloaded, and ``<wav_id>.wav`` anywhere up to
three folders below the root, as the archives unpack. The columns are ``wav_id``, ``발화문`` (words), ``상황``,
``1번 감정`` and ``1번 감정세기`` to ``5번 감정세기``, ``나이`` (age) and ``성별`` (sex). A script is a release; all
sessions and speakers are ``unknown``.

Ratings
    One row per utterance and rater, with ``intensity``; ``R1`` to ``R5`` are the places in the table, and nothing says
    whether the same place is the same person.

Known defects, and what is done about them:

- **No speakers** (``unknown-speaker``): no split can keep them apart. ``kemfeat split --scheme kfold`` ignores them,
  and its scores are too good.
- **Columns and words are not spelt alike**: ``4번감정세기`` has no space, emotions may begin with a capital, and are
  ``angry`` or ``anger``, ``sad`` or ``sadness``, ``happy`` or ``happiness``. Spaces and case do not count.
- **cp949**: the tables are not UTF-8 (``decoding-fallback``).
- **Missing and further recordings**, 16 each by one count (``missing-wav``, ``unannotated-media``).
- **The same sentence** may recur: ``kemfeat audit`` names what parts of a split share.

The layout is that of several public programs which read it, among them one that prepares the three archives and one
that extracts features from two; they agree on columns, encoding and scale.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from kemfeat.balance import Mention
from kemfeat.corpora import CorpusReader
from kemfeat.corpora.census import lines_of
from kemfeat.corpora.clip_names import Clip, ClipReader
from kemfeat.corpora.csv_rows import csv_rows, table_text
from kemfeat.corpora.layout import list_files, show_contents
from kemfeat.corpora.text import is_missing, number, report_text
from kemfeat.errors import CorpusError, CorpusLayoutError
from kemfeat.findings import (
    DUPLICATE_ID,
    INCOMPLETE_CORPUS,
    MALFORMED_ID,
    MISSING_WAV,
    RATING_OFF_SCALE,
    UNANNOTATED_MEDIA,
    UNKNOWN_LABEL,
    UNKNOWN_SPEAKER,
    Findings,
)
from kemfeat.labels import EMOTIONS, SPELLINGS
from kemfeat.manifest import RATINGS, READ_COLUMNS, Manifest
from kemfeat.records import Terms

RELEASES = ("4차년도", "5차년도", "5차년도_2차")
ENCODING = "cp949"
_TABLES = re.compile("|".join(rf"{re.escape(name)}\.csv" for name in RELEASES))
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_WAV_ID, _WORDS, _SITUATION, _AGE, _SEX = "wav_id", "발화문", "상황", "나이", "성별"
_VOTES = tuple((f"{place}번감정", f"{place}번감정세기") for place in range(1, 6))
_COLUMNS = (_WAV_ID, _WORDS, _SITUATION, *(name for pair in _VOTES for name in pair), _AGE, _SEX)
_SEXES = {"female": "F", "male": "M", "여": "F", "남": "M", "여성": "F", "남성": "M", "여자": "F", "남자": "M"}
_UNKNOWN = "unknown"
_STRONGEST = 2
_UTTERANCES = pa.schema([*READ_COLUMNS, pa.field("age", pa.string())])
_RATINGS = pa.schema([*RATINGS, pa.field("intensity", pa.float64())])

_Row = tuple[dict[str, object], list[dict[str, object]]]
"""An utterance, and what the raters said of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AiHub263Reader(ClipReader):
    """Reads AI Hub 263: recordings as of :class:`kemfeat.corpora.clip_names.ClipReader`, and three tables."""

    def sources(self, root: Path) -> Mapping[str, tuple[str, ...]]:
        """Files in groups; see :meth:`kemfeat.corpora.CorpusReader.sources`."""
        clips = ClipReader.sources(self, root)
        return {**clips, "annotation": self._tables(root)}

    def _tables(self, root: Path) -> tuple[str, ...]:
        tables = list_files(root, _TABLES, root=root, follow_links=self.follow_links).fitting
        if not tables:
            raise CorpusLayoutError(
                f"{root}: {self.name} keeps {RELEASES[0]}.csv; found {show_contents(root)} in {root}; pass --root the "
                "folder that contains the tables"
            )
        return tables

    def read_manifest(self, root: Path, *, on_error: str = "raise") -> Manifest:
        """Read the tables; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`."""
        findings = Findings(strict=on_error != "skip")
        audio = {clip.id: path for path, clip in self.found(root, findings).items()}
        rows: dict[str, _Row] = {}
        for name in RELEASES:
            if f"{name}.csv" in self._tables(root):
                _add_rows(rows, root, name, audio, findings)
            else:
                findings.add(INCOMPLETE_CORPUS, f"{name}.csv: is missing, with all its utterances")
        if not rows:
            raise CorpusError(f"{root}: the tables contain no utterance; copy {', '.join(self._tables(root))} again")
        for name, path in audio.items():
            if name in rows:
                findings.ledger.used[path] = name
            else:
                findings.add(UNANNOTATED_MEDIA, f"{path}: no row of a table", left_out=[path])
        findings.add(UNKNOWN_SPEAKER, f"{self.name}: nothing says who speaks")
        utterances = pa.Table.from_pylist([row for row, _ in rows.values()], schema=_UTTERANCES)
        ratings = pa.Table.from_pylist([vote for _, votes in rows.values() for vote in votes], schema=_RATINGS)
        return Manifest(
            self.name,
            utterances.to_pandas(),
            ratings.to_pandas(),
            findings.merged(),
            tuple(findings.faults),
            ledger=findings.ledger,
        )

    def mentions(self, root: Path) -> Iterable[Mention]:
        """What the raw files mention; see :meth:`kemfeat.corpora.CountedReader.mentions`."""
        for place, _ in ClipReader.mentions(self, root):
            yield Mention(place, place.rpartition("/")[2].rpartition(".")[0])
        for name in RELEASES:
            for number_, line in (lines_of(root, f"{name}.csv", encoding=ENCODING) or [])[1:]:
                if line.strip():
                    yield Mention(f"{name}.csv:{number_}", line.partition(",")[0].strip())


def _clip(path: str) -> Clip | None:
    name = path.rpartition("/")[2].rpartition(".")[0]
    return Clip(name, _UNKNOWN, _UNKNOWN, "", "", "") if _ID.fullmatch(name) else None


def _add_rows(rows: dict[str, _Row], root: Path, release: str, audio: Mapping[str, str], findings: Findings) -> None:
    path = f"{release}.csv"
    text, encoding = table_text(root, path, declared=ENCODING, findings=findings)
    head, line_end, body = text.partition("\n")
    spelt = head.replace(" ", "") + line_end + body
    for where, cells in csv_rows(spelt, columns=_COLUMNS, where=path, findings=findings):
        name = cells[_WAV_ID].strip()
        if not _ID.fullmatch(name):
            found = f"{where}: found {name!r}, expected an id such as 5f3c9ed98a3c1005aa97c4bd"
            findings.fault(MALFORMED_ID, found, left_out=[where])
        elif name in rows:
            findings.fault(DUPLICATE_ID, f"{where}: {name} is in a table before", left_out=[where])
        else:
            if name not in audio:
                findings.add(MISSING_WAV, f"{name}.wav: is missing")
            row = _row(where, name, cells, findings)
            row |= {"script": release, "text_encoding": encoding, "audio": audio.get(name)}
            rows[name] = row, list(_votes(where, name, cells, findings))
            findings.ledger.used[where] = name


def _row(where: str, name: str, cells: Mapping[str, str], findings: Findings) -> dict[str, object]:
    report_text(cells[_WORDS], where=where, findings=findings)
    return {
        "id": name,
        "session": _UNKNOWN,
        "speaker": _UNKNOWN,
        "sex": _SEXES.get(cells[_SEX].strip().casefold()),
        "text": cells[_WORDS],
        "emotion": _emotion(f"{where} column {_SITUATION}", cells[_SITUATION], findings),
        "age": cells[_AGE].strip() or None,
    }


def _votes(where: str, name: str, cells: Mapping[str, str], findings: Findings) -> Iterator[dict[str, object]]:
    """What each of the five said; a rater whose cells are blank said nothing."""
    for place, (emotion, intensity) in enumerate(_VOTES, start=1):
        if is_missing(cells[emotion]):
            continue
        yield {
            "id": name,
            "rater": f"R{place}",
            "emotion": _emotion(f"{where} column {emotion}", cells[emotion], findings),
            "intensity": _intensity(f"{where} column {intensity}", cells[intensity], findings),
        }


def _emotion(where: str, cell: str, findings: Findings) -> str | None:
    word = cell.strip().casefold()
    known = SPELLINGS.get(word, word)
    if known in EMOTIONS:
        return known
    findings.fault(UNKNOWN_LABEL, f"{where}: found {cell!r}, expected one of {', '.join(EMOTIONS)}")
    return None


def _intensity(where: str, cell: str, findings: Findings) -> float | None:
    value = number(cell)
    if 0 <= value <= _STRONGEST:
        return value
    if not is_missing(cell):
        findings.fault(RATING_OFF_SCALE, f"{where}: found {cell!r}, expected a number of 0 to {_STRONGEST}")
    return None


READER: CorpusReader = AiHub263Reader(
    name="AIHub_263",
    clip=_clip,
    clips=0,
    example="4차년도/5e258fd1305bcf3ad153a6a4.wav",
    beside=_TABLES,
    terms=Terms(
        title="AI Hub 263, the Korean dialogue speech dataset for emotion classification",
        licence="Restricted: AI Hub gives the dataset to those who apply and agree to its terms. "
        "Neither the dataset nor anything derived from it, such as this store, may be passed on to others.",
        citation="AI Hub, National Information Society Agency (NIA), dataset 263, https://aihub.or.kr",
        collection="Users of an app speak sentences that were written for an emotion, in Korean",
        annotation="The emotion that the words were written for, and five raters who named one of seven emotions",
        restricted=True,
    ),
    columns={
        "age": "age of the speaker as written, such as 30대",
        "intensity": "how strong the rater found the emotion, 0 to 2",
    },
)
