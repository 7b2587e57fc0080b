"""Sessions of Empatica wristbands: of an E4, as E4 connect gives them (K-EmoCon, WESAD), and of an EmbracePlus.

Size
    One utterance per window: a row of your table, a press of the button, or a stretch of fixed length. There is no
    audio.
Labels
    The columns ``emotion``, ``valence`` and ``arousal`` of the table, on your own scale, and ``text``.
Licence
    That of the recordings; kemfeat does not know it.
Citation
    As the publishers of the recordings ask. The wristband: Garbarino and others, "Empatica E3 - A wearable wireless
    multi-sensor device for real-time computerized biofeedback and data acquisition", MobiHealth 2014.
Versions
    Table and settings are read like any source file: an edited table is a new version.

Folders: a session is a folder, or a zip archive such as ``1560279825_A00D5B.zip``, with ``EDA.csv``, ``TEMP.csv`` and
``IBI.csv``, or with the Avro files of an EmbracePlus, anywhere up to six folders below the root. Archives are read in
place; nothing is extracted. Its name is its path with ``_`` between folders, without ``.zip`` and ``raw_data/v6``.

Files: ``EDA.csv`` [uS] and ``TEMP.csv`` [degC] begin with the start in seconds since 1970, in UTC, and the samples per
second, usually 4; one sample per line follows. ``IBI.csv`` begins with ``start, IBI``; lines of the time of a beat
since then and the interval before it follow [s]. It is empty, or begins late, where no beat was detected. ``tags.csv``
has the time of a press of the button per line. Sources: ``info.txt`` of an export (``im-ethz/flirt``,
``test/wearable-data/empatica``); articles 201608896, 202800715 and 204578699 of Empatica's support; ``read_e4`` of
the R package ``wearables`` (CRAN), which reads the same archives.

EmbracePlus: the Empatica cloud has ``DATE/PARTICIPANT-DEVICE/raw_data/v6/PARTICIPANT_START.avro`` below
``participant_data``, each file 15 or 30 minutes long. The files of a folder are one session, in order of time. Of each
record are read, by the names of its fields: ``enrollment.participantID`` and ``deviceSn``, one of each in a folder; of
``rawData.eda`` [uS] and ``rawData.temperature`` [degC] ``timestampStart`` [us since 1970, UTC], ``samplingFrequency``
[Hz] and ``values``; ``rawData.systolicPeaks.peaksTimeNanos`` [ns]; and ``rawData.tags.tagsTimeMicros`` [us]. Needed:
``pip install 'kemfeat[embraceplus]'``. Sources: "How to access Avro files with Python" (article 17405877853981 of
Empatica's support, tested by Empatica with v6), "Raw data in the Empatica Cloud" (17727336158365) and the user's manual
of 2021, pages 19 to 21, with the units; ``src/skdh/io/empatica.py`` of ``pfizer-opensource/scikit-digital-health``;
``commons/passive/empaticaembraceplus`` of ``RADAR-base/RADAR-Schemas``; ``read_embrace_plus`` of ``wearables``. The
schema itself is in every file; Empatica does not publish it, and kemfeat was tested on files made to those sources.

    - Samples count from the start of their file by its own rate, which is measured: 3.9989 Hz for 4, 0.9997 for 1. The
      whole number within half a percent is stored as the rate. Between two files that are apart, the samples of a
      window are missing (NaN), as many as the gap has at that rate.
    - The interval before a beat is the time since the peak before it in its file, where that is 0.3 to 2.4 s: 200 and
      25 beats a minute, the limits of ``FilterNIHR`` of the R package RHRV. Others are gaps of the detector, or a
      second peak in a beat. Empatica publishes no interval, and no quality of a peak.

Not read: ``ACC.csv`` and ``BVP.csv`` (kemfeat has no such medium), ``HR.csv`` (averages over 10 s made from the beats;
it begins 10 s late), and ``info.txt``; of an EmbracePlus ``accelerometer``, ``gyroscope``, ``bvp``, ``steps``, the
``timezone``, and the tables per minute of ``digital_biomarkers``.

How it is cut: ``windows.csv`` in the root, or the table of ``--table``, or ``e4.toml`` in the root with ``[fixed]`` or
``[tags]``; ``docs/howto/wristband.md`` explains both. A session begins when the first of its three recordings does. A
sample is in a window from its start on and before its end, by the start and the rate in the header of its file; in two
windows, it is in both. What is in no window is kept in the signals of the store, without an id.

Known defects, and what is done
    - Recordings of a session that begin at different seconds: each counts from its own header.
    - A time in local time: refused unless it has an offset or ``e4.toml`` a ``time_zone``, and in the hours when clocks
      change (``window-time``).
    - A window outside of its session is left out (``window-outside``), one that is partly outside is kept
      (``window-cut``).
    - A session that is there twice, as folder and archive or as two copies: the first by path is read
      (``second-session``).
    - A header that a spreadsheet rounded (``1.56E+09``), decimal commas, or a damaged archive: the recording is
      missing (``unreadable-recording``).
    - Sessions without anybody who wore the wristband: one speaker, ``unknown`` (``unknown-speaker``).
    - A file of an EmbracePlus that is damaged, of another person or device, or over the time of another, as a copy is:
      it is left out (``unreadable-recording``).
    - A night in the folders of two dates is two sessions, and a window in both is cut (``window-cut``): put the files
      of both dates in one folder.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa

from kemfeat.balance import Mention
from kemfeat.config import SettingsTable
from kemfeat.corpora import TableReader
from kemfeat.corpora.absent_signals import absent
from kemfeat.corpora.e4._census import table_mentions
from kemfeat.corpora.e4._manifest import manifest_of
from kemfeat.corpora.e4._plan import Cut, Place, Plan, read_plan
from kemfeat.corpora.e4._sessions import RECORDINGS, TAGS
from kemfeat.corpora.e4._signals import session_tables
from kemfeat.corpora.layout import list_files, require_folder, show_contents
from kemfeat.errors import CorpusError, CorpusLayoutError
from kemfeat.findings import Findings
from kemfeat.manifest import SIGNALS, Manifest
from kemfeat.records import Finding, Terms

USUAL_TABLE = "windows.csv"
_FILES = "EDA.csv, TEMP.csv and IBI.csv, or with Avro files of EmbracePlus"

_TERMS = Terms(
    title="Sessions of Empatica wristbands",
    licence="The licence of the recordings applies to everything derived from them, including this store; "
    "read it before you pass the store on.",
    citation="the recordings, as their publishers ask",
    collection="See the documentation of the recordings",
    annotation="The labels are those of the user's table",
)
_TEXT = SettingsTable({"text": {"preset": "none"}})


@dataclass(frozen=True, slots=True)
class E4Reader:
    """Reads sessions of the wristband; see :class:`kemfeat.corpora.TableReader`.

    Parameters
    ----------
    name, version, tokenizer, terms, columns : as in CorpusReader
        What the reader declares; not meant to be changed.
    media : tuple of str
        What a window may have, by the columns of the table.
    settings : mapping of str to mapping of str to object
        Rate and length of the stored rows, by the sessions and their longest window.
    cuts : tuple of Cut
        How each session is cut: whoever parses one need not have the others.
    table : str
        Path of the table of windows relative to the root, with ``/``; empty where there is none.
    follow_links : bool
        Whether links may lead out of the root.
    """

    name: str = "E4"
    version: int = 1
    media: tuple[str, ...] = tuple(RECORDINGS)
    tokenizer: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default=_TEXT)
    terms: Terms = _TERMS
    columns: Mapping[str, str] = field(default_factory=dict)
    table: str = ""
    follow_links: bool = False
    cuts: tuple[Cut, ...] = field(default=(), repr=False, hash=False, compare=False)

    def opened(self, root: Path, table: Path | None) -> E4Reader:
        """A copy bound to a table; see :meth:`kemfeat.corpora.TableReader.opened`."""
        require_folder(
            root,
            corpus="the sessions",
            holds=f"folders or archives with {_FILES}",
        )
        found = _locate(root, table, follow_links=self.follow_links)
        bound = replace(self, table=found)
        if not bound._place(root).sessions(Findings()):
            raise CorpusLayoutError(
                f"{root}: found {show_contents(root)}, expected folders or zip archives with {_FILES}; pass --root the "
                "folder that contains the sessions"
            )
        plan = read_plan(bound._place(root), Findings())
        kind = _CountedE4Reader if found else E4Reader
        own = {each.name: getattr(bound, each.name) for each in fields(bound)}
        media = (*tuple(RECORDINGS), *(("transcript",) if plan.has_text else ()))
        lengths = SettingsTable({**_TEXT, **_lengths(plan)})
        return kind(**own | {"media": media, "settings": lengths, "cuts": plan.cuts()})

    def sources(self, root: Path) -> Mapping[str, tuple[str, ...]]:
        """Files in groups; see :meth:`kemfeat.corpora.CorpusReader.sources`.

        Every group of signals contains the table and the settings, too, which say how a session is cut.
        """
        place = self._place(root)
        cut = tuple(sorted({place.table, place.settings_file} - {""}))
        groups: dict[str, tuple[str, ...]] = {"annotation": cut, "audio": (), "transcript": ()}
        names = (*RECORDINGS.values(), *(() if place.table else (TAGS,)))
        for name, session in sorted(place.sessions(Findings()).items()):
            groups[f"signals/{name}"] = tuple(sorted({*session.sources(names), *cut}))
        return groups

    def read_manifest(self, root: Path, *, on_error: str = "raise") -> Manifest:
        """Read the sessions and their windows; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`."""
        findings = Findings(strict=on_error != "skip")
        plan = read_plan(self._place(root), findings)
        if not plan.windows and findings.faults:
            raise CorpusError(f"{root}: none of the windows can be used; correct them, first {findings.faults[0]}")
        return manifest_of(plan, findings, corpus=self.name, table=self.table)

    def read_signals(self, root: Path, session: str) -> tuple[pa.Table, tuple[Finding, ...]]:
        """Cut the recordings of one session; see :meth:`kemfeat.corpora.CorpusReader.read_signals`."""
        findings = Findings()
        cuts = [cut for cut in self.cuts if cut.session.name == session]
        tables = [table for cut in cuts for table in session_tables(cut, root, findings)]
        return pa.concat_tables([SIGNALS.empty_table(), *tables]).combine_chunks(), findings.merged()

    def check_signals(self, signals: pa.Table, *, known_ids: Mapping[str, str], session: str) -> tuple[Finding, ...]:  # noqa: ARG002
        """Report windows that lack a signal; see :meth:`kemfeat.corpora.CorpusReader.check_signals`."""
        findings = Findings()
        for rule, example in absent(signals, known_ids, media=self.media):
            findings.add(rule, example)
        return findings.merged()

    def _place(self, root: Path) -> Place:
        return Place(root, self.table, self.follow_links)


@dataclass(frozen=True, slots=True)
class _CountedE4Reader(E4Reader):
    """Reads sessions by a table, whose rows can be counted; see :class:`kemfeat.corpora.CountedReader`."""

    def mentions(self, root: Path) -> Iterable[Mention]:
        """Every row of the table; see :meth:`kemfeat.corpora.CountedReader.mentions`."""
        return table_mentions(root, self.table)


def _locate(root: Path, table: Path | None, *, follow_links: bool) -> str:
    """The path of the table relative to the root; empty where there is none."""
    if table is None:
        # Listing refuses a link that leads out of the root; a table that the user passes may be anywhere.
        listed = list_files(root, re.compile(re.escape(USUAL_TABLE)), root=root, follow_links=follow_links)
        return "".join(listed.fitting)
    for place in (table, root / table):
        if place.is_file():
            real = Path(os.path.realpath(place.parent)) / place.name
            return PurePath(os.path.relpath(real, os.path.realpath(root))).as_posix()
    raise CorpusLayoutError(f"{table} and {root / table}: no such file; expected the table of windows; write it")


def _lengths(plan: Plan) -> dict[str, dict[str, Any]]:
    """Settings of the features by which every window fits into its row."""
    longest = max((window.end - window.start for window in plan.windows), default=1.0)
    made: dict[str, dict[str, Any]] = {}
    for medium in RECORDINGS:
        rates = {each.rates[medium] for each in plan.sessions.values() if medium in each.rates}
        rate = rates.pop() if len(rates) == 1 else 4.0
        fastest = max((each.fastest.get(medium, 0.0) for each in plan.sessions.values()), default=0.0) or rate
        made[medium] = {"sampling_rate": rate, "max_length": max(math.ceil(longest * fastest - 1e-6), 1)}
    return made


READER: TableReader = E4Reader()
