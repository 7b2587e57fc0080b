"""KEMDy19, the Korean Emotion Multimodal Database of 2019.

Size
    40 voice actors in 20 sessions of a woman and a man; in each session they play six scripted scenes (``script01`` to
    ``script06``) and four improvised ones (``impro01`` to ``impro04``). 10,279 utterances: 5,838 scripted and 4,441
    improvised, 5,261 by men and 5,018 by women. 16 kHz speech, transcript; from a wristband (Empatica E4) electrodermal
    activity [uS] and skin temperature [degC], nominally at 4 Hz, and from a chest strap an electrocardiogram,
    nominally at 250 Hz; no source states its unit, which is taken for millivolts.
Utterances per scene
    impro01 1191, impro02 1015, impro03 1062, impro04 1173, script01 1085, script02 983, script03 974, script04 926,
    script05 923, script06 947.
Utterances per session
    Sess01 to Sess10: 481, 535, 528, 512, 490, 435, 609, 521, 529, 547; Sess11 to Sess20: 503, 531, 507, 529, 509, 487,
    507, 471, 531, 517.
Labels
    Ten external raters heard each utterance: one of seven emotions, valence (1 negative to 5 positive) and arousal
    (1 low to 5 high). The first emotion of each label: neutral 4314, angry 1918, happy 1443, surprise 997, sad 793,
    fear 416, disgust 398.
Speaker and listener
    Each session has two annotation files, one per actor, and each file has rows for the utterances of both. A row in
    the file of the actor who speaks judges the speaker: it gives the label, the votes, the times and the six cells
    below. A row in the other file judges the listener: ``listener_emotion``, ``listener_valence``, ``listener_arousal``
    and ``listener_votes``, one emotion per rater, in the order of that file's raters. Of the valence and arousal of the
    listener only the means are kept, not those of single raters. 10,279 rows judge a speaker, 10,287 a listener.
Cells of unknown meaning
    ``ecg_start`` to ``temp_end`` are the six cells between the times and the id of the speaker's row, NaN where blank.
    Some users of the corpus take them for times, others for values; no feature is made from them.
Script or not
    ``scripted`` is true in script01 to script06, whose lines recur in every session, and false in impro01 to impro04.
Licence
    Restricted: ETRI provides it under a signed licence agreement. Neither the corpus nor a store may be passed on.
Citation
    KEMDy19, Electronics and Telecommunications Research Institute (ETRI), https://nanum.etri.re.kr/share/kjnoh2/KEMDy19
Versions
    1.0 to 1.3 are read in the same way.

Folders: ``annotation/SessionNN_F_res.csv`` and ``_M_res.csv``; ``wav/SessionNN/SessNN_sceneMM/<id>.wav``, ``.txt``;
``EDA``, ``TEMP`` and ``ECG`` hold ``SessionNN/Original/SessNNF.csv`` and ``SessNNM.csv``, a file per session and actor,
without header: ``value,period,stamp``, in ``ECG`` ``time,value,stamp``, followed by the utterance's id during
utterances. ``period`` and ``time`` are not kept. An id is ``SessNN_sceneMM_GKKK`` with the speaker's sex G. Actors have
no number: they are called ``Sess01F`` and ``Sess01M``.

Known defects, and what is done
    - One row of ``Session03_F_res.csv``, published as row 345, has the id ``Sess03_impro02_M001`` but judges
      ``Sess03_impro02_F001``: it is read as such (``wrong-id``). Two rows of ``Session09_F_res.csv``, published as 253
      and 310, repeat ``Sess09_script06_M001`` and ``Sess09_impro01_M001``: they are dropped (``stray-row``). Each
      repair is made only where the id occurs twice, and to the row whose start differs from the other actor's file.
    - ``Sess04_impro03_M031`` and ``Sess04_impro03_F031`` have a listener's row, but no speaker's row, audio or
      transcript: the rows are dropped (``unmatched-row``). With audio or transcript an utterance is kept without label
      (``no-speaker-row``).
    - Ids may be blank: such rows are dropped (``blank-id``).
    - 12 of the 20,566 rows belong to no utterance; apart from the five above, no source says which. So a row that only
      one file has, without audio and transcript, is dropped (``unmatched-row``). Of two rows of an id in one file, the
      one with the start that the other file gives is kept, or the first of two listener's rows (``repeated-row``); two
      speaker's rows where nothing shows which is right are an error (``duplicate-id``).
    - Five transcripts are empty: the text is empty, not missing (``empty-txt``).
    - Physiology is mostly missing in ``Sess01_impro03``, ``Sess01_impro04``, ``Sess03_script04``, ``Sess06_script02``
      and ``Sess07_script02`` (``known-bad-conversation``).
    - No physiology file states its rate: stamps that contradict the nominal one are reported (``nominal-rate``).
    - Folders beside ``Original``, or beside ``ECG`` with names such as ``ECG_NAdelete``, were made by users: they are
      never opened (``stray-file``).
    - The sex of the evaluators may be missing from their names, and disgust may be spelt ``disqust``: both are read.
    - Each actor's recording has rows in the utterances of both actors: this is not a defect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from kemfeat.balance import Mention
from kemfeat.corpora import CorpusReader
from kemfeat.corpora._kemdy.census import kemdy_mentions
from kemfeat.corpora._kemdy.e4 import Sensor
from kemfeat.corpora._kemdy.physiology_checks import check_signals
from kemfeat.corpora._kemdy.signals import joined, read_reported, signals_table
from kemfeat.corpora._kemdy.terms import etri_licence
from kemfeat.corpora.kemdy19._manifest import read_manifest
from kemfeat.corpora.kemdy19._tree import ECG, SENSORS, TABLE, UTTERANCE, scan, session_recordings, speaker_of
from kemfeat.findings import EMPTY_ECG, EMPTY_PHYSIOLOGY, Findings
from kemfeat.manifest import Manifest
from kemfeat.records import Finding, Terms

KNOWN_BAD = frozenset(
    {"Sess01_impro03", "Sess01_impro04", "Sess03_script04", "Sess06_script02", "Sess07_script02"}
)  # fmt: skip
"""Scenes whose physiology users of the corpus found to be mostly missing."""

_PHYSIOLOGY = tuple(medium.name for medium in SENSORS)


TERMS = Terms(
    title="KEMDy19, the Korean Emotion Multimodal Database of 2019",
    licence=etri_licence("KEMDy19"),
    citation="KEMDy19, Electronics and Telecommunications Research Institute (ETRI), "
    "https://nanum.etri.re.kr/share/kjnoh2/KEMDy19",
    collection="40 voice actors, in 20 sessions of two, play scripted and improvised scenes; speech, "
    "electrocardiogram, electrodermal activity and skin temperature",
    annotation="Ten external raters heard each utterance and gave one of seven emotions, valence and arousal, "
    "each 1 to 5",
    restricted=True,
)

COLUMNS = {
    **{f"{medium}_start": f"first of the two {medium.upper()} cells of the row" for medium in _PHYSIOLOGY},
    **{f"{medium}_end": f"second of the two {medium.upper()} cells of the row" for medium in _PHYSIOLOGY},
    "scripted": "whether the words were given, as in a scene of a play",
}


@dataclass(frozen=True, slots=True)
class Kemdy19Reader:
    """Reads KEMDy19; see :class:`kemfeat.corpora.CorpusReader`.

    Parameters
    ----------
    name, version, media, tokenizer, settings, terms, columns : as in CorpusReader
        What the reader declares; not meant to be changed.
    follow_links : bool
        Whether links may lead out of the folder of the corpus.
    """

    name: str = "KEMDy19"
    version: int = 1
    media: tuple[str, ...] = ("audio", "transcript", *_PHYSIOLOGY)
    tokenizer: str = "skt/kobert-base-v1"
    # Its transcripts have marks such as o/, s/ and (A+B), which the list of system 1 does not contain.
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"text": {"preset": "hangul"}})
    terms: Terms = TERMS
    columns: Mapping[str, str] = field(default_factory=lambda: COLUMNS)
    follow_links: bool = False

    def sources(self, root: Path) -> Mapping[str, tuple[str, ...]]:
        """Files in groups; see :meth:`kemfeat.corpora.CorpusReader.sources`."""
        return scan(root, follow_links=self.follow_links).sources()

    def read_manifest(self, root: Path, *, on_error: str = "raise") -> Manifest:
        """Read annotation and transcripts; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`."""
        return read_manifest(root, on_error=on_error, follow_links=self.follow_links)

    def mentions(self, root: Path) -> Iterable[Mention]:
        """What the raw files mention; see :meth:`kemfeat.corpora.CountedReader.mentions`."""
        return kemdy_mentions(root, table=TABLE, name=UTTERANCE, follow_links=self.follow_links)

    def read_signals(self, root: Path, session: str) -> tuple[pa.Table, tuple[Finding, ...]]:
        """Parse the physiology of one session; see :meth:`kemfeat.corpora.CorpusReader.read_signals`.

        Rows are ordered by medium (EDA, TEMP, ECG), then by actor, then as in the file. ``speaker`` is the actor who
        wore the sensors, whoever speaks; ``script`` is that of the row's id and empty outside utterances.
        """
        findings = Findings()
        tables = [
            _read_table(root, path, medium=medium, findings=findings)
            for path, medium in session_recordings(root, session, follow_links=self.follow_links)
        ]
        return joined(tables), findings.merged()

    def check_signals(self, signals: pa.Table, *, known_ids: Mapping[str, str], session: str) -> tuple[Finding, ...]:
        """Compare a session's signals with its utterances; see :meth:`kemfeat.corpora.CorpusReader.check_signals`."""
        return check_signals(
            signals, known_ids=known_ids, session=session, known_bad=KNOWN_BAD, media=_PHYSIOLOGY, shared=True
        )


def _read_table(root: Path, path: str, *, medium: Sensor, findings: Findings) -> pa.Table:
    empty = EMPTY_ECG if medium is ECG else EMPTY_PHYSIOLOGY
    recording = read_reported(root, path, medium=medium, canonical=_canonical, empty=empty, findings=findings)
    scripts = {name: _script(known) for name, known in recording.names.items()}
    script = [scripts[name] for name in recording.rows.ids]
    return signals_table(recording, medium=medium.name, speaker=speaker_of(path), script=script)


def _canonical(name: str) -> str | None:
    return name if UTTERANCE.fullmatch(name) else None


def _script(name: str | None) -> str:
    return name.split("_")[1] if name else ""


READER: CorpusReader = Kemdy19Reader()
