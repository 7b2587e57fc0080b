"""K-EmoCon, debates of two people in Korean, with what each felt and what others saw, every five seconds.

Size
    32 people in 16 debates of about ten minutes, the sound of both in one stereo file. From a wristband (Empatica E4)
    electrodermal activity [uS] and skin temperature [degC] at 4 Hz and intervals between beats. 4,159 windows of 5 s
    that people rated of themselves.
Labels
    For every 5 s of a person, arousal (1 low to 5 high), valence (1 negative to 5 positive), five emotions from 1 to 4,
    and one category of each of two lists: boredom, confusion, delight, concentration, frustration, surprise or none;
    confrustion, contempt, dejection, disgust, eureka, pride, sorrow or none. They are from the person, from the
    partner, and from five external raters. ``emotion`` is the category of both lists, joined by ``;``, by the majority
    of the external raters, as ``aggregated_external_annotations`` has it, and so are ``arousal`` and ``valence``;
    ``self_...`` and ``partner_...`` are the other two. ``surprise`` and ``disgust`` are two of the seven, all other
    categories stay themselves, with ``none`` where both lists have none.
Licence
    Restricted: given through Zenodo to those who sign a user agreement. Neither the corpus nor a store may be passed
    on.
Citation
    C. Y. Park and others, Scientific Data 7:293, 2020, doi 10.1038/s41597-020-00630-y.

Folders, as its archives unpack side by side: ``metadata/subjects.csv`` with ``pid``, ``startTime`` and ``endTime`` of
the debate [ms since 1970, UTC]; ``emotion_annotations/`` with ``self_annotations/P1.self.csv``,
``partner_annotations/P1.partner.csv``, ``external_annotations/P1.R1.csv`` and
``aggregated_external_annotations/P1.external.csv``, all of them about P1; ``debate_audios/p1.p2.wav``;
``e4_data/1/E4_EDA.csv``, ``E4_TEMP.csv`` and ``E4_IBI.csv`` with ``timestamp`` [ms], ``value`` and ``device_serial``.
Acceleration, pulse wave, brain waves, chest strap and films are not read.

An utterance is a window of a person: ``P1_0005`` are the first five seconds of P1. A session is a debate, ``p1.p2``.
Both people have each window, with the same sound, of both voices (``same-audio``): features of sound take the mean of
the channels, as public descriptions differ on whose is which. The row ``seconds`` = s of a table is about s - 5 to s
seconds after ``startTime``, and of the sound.

Ratings
    One row per window and rater: the person themself and the partner under their names (``P1``), external raters as
    ``R1`` to ``R5``; ``perspective`` is self, partner or external. ``labels = "votes"`` counts them all.

Known defects, and what is done about them:

- **No wristband data** of P2, P3, P6 and P7 (``no-physiology``); P17 and P20 had hardly any contact.
- **Two wristbands in one file**, of P31 and P32: the one that the authors name is read, by its serial number. Any other
  such file is refused (``unreadable-recording``).
- **Ratings after the end** of sound or wristband: those windows have no such data. A window after the sound cannot be
  built (``segment-outside``): pass ``--on-error skip``. The authors' own baseline drops such rows from the beginning
  instead.
- **Ties of the majority** were broken at random by the authors.
- **The unit of the intervals between beats** is not sure: a file with a median of 0.2 to 4 is read as seconds, of 200
  to 4,000 as milliseconds, and any other is refused (``unreadable-recording``).

The layout is that of the authors' supplementary code (cheulyop/K-EmoCon_SupplementaryCodes, read alike by
Kaist-ICLab's) and of their paper; columns and clock agree with independent public readers that list them, the grid of
the sound with two of those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from kemfeat.balance import Mention
from kemfeat.corpora import CorpusReader
from kemfeat.corpora.k_emocon._annotation import INTENSITIES, VOCABULARY, WINDOW, Window, read_windows
from kemfeat.corpora.k_emocon._census import k_emocon_mentions
from kemfeat.corpora.k_emocon._signals import check_signals, read_debates, read_signals, report_unreadable
from kemfeat.corpora.k_emocon._tree import NAME, Annotation, Tree, partner_of, scan, session_of, window_id
from kemfeat.corpora.layout import report_strays
from kemfeat.errors import CorpusError
from kemfeat.findings import LABEL_MISSING, MISSING_WAV, UNANNOTATED_MEDIA, Findings
from kemfeat.manifest import RATINGS, READ_COLUMNS, SEGMENT, Manifest
from kemfeat.records import Finding, Terms

_OWN = {
    **{f"{who}_{what}": kind for who in ("self", "partner") for what, kind in (
        ("emotion", pa.string()), ("valence", pa.float64()), ("arousal", pa.float64()))},
    **dict.fromkeys(SEGMENT, pa.float64()),
}  # fmt: skip
_UTTERANCES = pa.schema([*READ_COLUMNS, *(pa.field(name, kind) for name, kind in _OWN.items())])
_RATINGS = pa.schema(
    [*RATINGS, pa.field("perspective", pa.string()), *(pa.field(name, pa.float64()) for name in INTENSITIES)]
)

TERMS = Terms(
    title="K-EmoCon, a multimodal sensor dataset of emotion in naturalistic conversations",
    licence="Restricted: K-EmoCon is given through Zenodo to those who sign a user agreement. "
    "Neither the corpus nor anything derived from it, such as this store, may be passed on to others.",
    citation="C. Y. Park, N. Cha, S. Kang, A. Kim, A. H. Khandoker, L. Hadjileontiadis, A. Oh, Y. Jeong and U. Lee, "
    "K-EmoCon, a multimodal sensor dataset for continuous emotion recognition in naturalistic conversations, "
    "Scientific Data 7:293, 2020",
    collection="32 people, in 16 pairs, debate a social issue in Korean for about ten minutes; sound, and from a "
    "wristband electrodermal activity, skin temperature and intervals between beats",
    annotation="The person, the partner and five external raters watched the films and rated every five seconds",
    restricted=True,
)

COLUMNS = {
    **{f"audio_{what}": f"where the window {what}s in the sound of the debate [s]" for what in ("start", "end")},
    **{f"partner_{what}": f"{what} by the partner" for what in ("emotion", "valence", "arousal")},
    "perspective": "who rates: self, partner or external",
    **{name: f"how {name}, 1 very low to 4 very high" for name in INTENSITIES},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KEmoConReader:
    """Reads K-EmoCon; see :class:`kemfeat.corpora.CorpusReader`.

    Parameters
    ----------
    name, version, media, tokenizer, settings, terms, columns : as in CorpusReader
        What the reader declares; not meant to be changed.
    follow_links : bool
        Whether links may lead out of the folder of the corpus.
    """

    name: str = NAME
    version: int = 1
    media: tuple[str, ...] = ("audio", "eda", "temp", "ibi")
    tokenizer: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"audio": {"channel": "mean"}})
    terms: Terms = TERMS
    columns: Mapping[str, str] = field(default_factory=lambda: COLUMNS)
    follow_links: bool = False

    def sources(self, root: Path) -> Mapping[str, tuple[str, ...]]:
        """Files in groups; see :meth:`kemfeat.corpora.CorpusReader.sources`."""
        return scan(root, follow_links=self.follow_links).sources()

    def read_manifest(self, root: Path, *, on_error: str = "raise") -> Manifest:
        """Read ratings; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`."""
        findings = Findings(strict=on_error != "skip")
        tree = scan(root, follow_links=self.follow_links)
        report_strays(tree.strays, root=root, suffixes=(".wav", ".csv"), findings=findings)
        read_debates(root)
        report_unreadable(root, tree, findings)
        tables = [(each, read_windows(root, each, findings)) for each in tree.annotations]
        windows = {(each.pid, seconds) for each, table in tables for seconds in table}
        if not windows:
            raise CorpusError(f"{root}: the ratings contain no window; copy emotion_annotations/ from the corpus again")
        rows = [_row(pid, seconds, tables, tree) for pid, seconds in sorted(windows, key=_order)]
        _report(tree, rows, findings)
        ratings = [cells for each, table in tables for cells in _ratings(each, table)]
        return Manifest(
            self.name,
            pa.Table.from_pylist(rows, schema=_UTTERANCES).to_pandas(),
            pa.Table.from_pylist(ratings, schema=_RATINGS).to_pandas(),
            findings.merged(),
            tuple(findings.faults),
            VOCABULARY,
            ledger=findings.ledger,
        )

    def mentions(self, root: Path) -> Iterable[Mention]:
        """What the raw files mention; see :meth:`kemfeat.corpora.CountedReader.mentions`."""
        return k_emocon_mentions(root, follow_links=self.follow_links)

    def read_signals(self, root: Path, session: str) -> tuple[pa.Table, tuple[Finding, ...]]:
        """Parse the wristbands of one debate; see :meth:`kemfeat.corpora.CorpusReader.read_signals`.

        Rows are ordered by person, then by medium (EDA, TEMP, IBI), then as in the file. ``script`` is empty outside
        the debate.
        """
        return read_signals(root, session, scan(root, follow_links=self.follow_links))

    def check_signals(self, signals: pa.Table, *, known_ids: Mapping[str, str], session: str) -> tuple[Finding, ...]:
        """Windows without signals; see :meth:`kemfeat.corpora.CorpusReader.check_signals`."""
        return check_signals(signals, known_ids=known_ids, session=session)


_Tables = Iterable[tuple[Annotation, Mapping[int, Window]]]


def _order(window: tuple[int, int]) -> tuple[str, int, int]:
    """Debates by number, in each the windows of one person after those of the other."""
    pid, seconds = window
    return f"{(pid + 1) // 2:02}", pid, seconds


def _row(pid: int, seconds: int, tables: _Tables, tree: Tree) -> dict[str, object]:
    said = {each.perspective: table.get(seconds) for each, table in tables if each.pid == pid and not each.rater}
    final, session = said.get("aggregated"), session_of(pid)
    sound = tree.audio.get(session)
    times = (None, None) if sound is None else (float(seconds - WINDOW), float(seconds))
    return {
        "id": window_id(pid, seconds),
        "session": session,
        "script": "debate",
        "speaker": f"P{pid}",
        "partner": f"P{partner_of(pid)}",
        "start": float(seconds - WINDOW),
        "end": float(seconds),
        "audio": sound,
        **_judgement(final, ""),
        **_judgement(said.get("self"), "self_"),
        **_judgement(said.get("partner"), "partner_"),
        **dict(zip(SEGMENT, times, strict=True)),
    }


def _judgement(window: Window | None, prefix: str) -> dict[str, object]:
    if window is None:
        return {}
    return {
        f"{prefix}emotion": window.emotion,
        f"{prefix}valence": window.valence,
        f"{prefix}arousal": window.arousal,
    }


def _ratings(annotation: Annotation, table: Mapping[int, Window]) -> Iterator[dict[str, object]]:
    """The rows of one rater; what others made of several raters is not one."""
    if annotation.perspective == "aggregated":
        return
    for seconds, window in table.items():
        yield {
            "id": window_id(annotation.pid, seconds),
            "rater": annotation.who,
            **_judgement(window, ""),
            "perspective": annotation.perspective,
            **dict(zip(INTENSITIES, window.intensities, strict=True)),
        }


def _report(tree: Tree, rows: Iterable[Mapping[str, object]], findings: Findings) -> None:
    """What only ratings and files together show."""
    people: dict[str, bool] = {}
    for row in rows:
        people[str(row["speaker"])] = people.get(str(row["speaker"]), False) or "valence" in row
        if row["audio"] is None:
            findings.add(MISSING_WAV, f"{row['id']}: no debate_audios/{row['session']}.wav")
        else:
            findings.ledger.used.setdefault(str(row["audio"]), str(row["id"]))
    for person, labelled in people.items():
        if not labelled:
            findings.add(LABEL_MISSING, f"{person}: no aggregated_external_annotations/{person}.external.csv")
    for path in tree.audio.values():
        if path not in findings.ledger.used:
            findings.add(UNANNOTATED_MEDIA, f"{path}: nobody rated this debate", left_out=[path])


READER: CorpusReader = KEmoConReader()
