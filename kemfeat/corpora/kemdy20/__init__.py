"""KEMDy20, the Korean Emotion Multimodal Database of 2020.

Size
    80 adults aged 19 to 39 in 40 sessions of two; in each session six short videos and, after each, about five minutes
    of free talk. 13,462 utterances, 0.6 to 35 s long, about 22 hours. 16 kHz speech, transcript, and from a wristband
    (Empatica E4) electrodermal activity [uS] and skin temperature [degC] at 4 Hz and inter-beat intervals [s].
Labels
    Ten external raters heard each utterance: one of seven emotions, valence (1 negative to 5 positive) and arousal
    (1 low to 5 high). The final emotion is the majority, ties joined by ``;`` (4.7 %); the final valence and arousal
    are means. 83 % of the utterances are neutral.
Licence
    Restricted: ETRI provides it under a signed licence agreement. Neither the corpus nor a store may be passed on.
Citation
    KEMDy20, Electronics and Telecommunications Research Institute (ETRI), https://nanum.etri.re.kr/share/kjnoh2/KEMDy20
Versions
    1.0, 1.1 and 1.2 differ only in their defects and are read in the same way.

Folders: ``annotation/SessNN_eval.csv``; ``wav/SessionNN/<id>.wav`` and ``.txt``; ``EDA``, ``TEMP`` and ``IBI`` hold
``SessionNN/SessNN_scriptSS_UserUUUG.csv``, one file per conversation and speaker. An id is
``SessNN_scriptSS_UserUUUG_KKK`` with the speaker's sex G.

Known defects, and what is done
    - Ids of session 17 begin with ``Sess42`` (annotation of 1.0, physiology of all versions): the number of the folder
      or file replaces any other (``session-prefix``).
    - Disgust is spelt ``disqust``: both are read.
    - Transcripts are cp949, those of other Korean corpora UTF-8: both are read (``decoding-fallback``).
    - The text of the second annotation header row differs between copies: only its position is used.
    - There are pickles beside the session folders of ``wav`` (1.0): they are never opened (``stray-file``).
    - 747 utterances have neither EDA nor TEMP, a quarter have no beats, some files are empty or without any id; eight
      conversations are known to be broken (``known-bad-conversation``).
    - Turns overlap, and pairs may be of one sex: neither is a defect.
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
from kemfeat.corpora._kemdy.e4 import Recording, Sensor
from kemfeat.corpora._kemdy.physiology_checks import check_signals
from kemfeat.corpora._kemdy.signals import joined, read_reported, signals_table
from kemfeat.corpora._kemdy.terms import etri_licence
from kemfeat.corpora.kemdy20._manifest import (
    TABLE,
    UTTERANCE,
    in_session,
    read_manifest,
    scan,
    script_and_speaker,
    session_recordings,
)
from kemfeat.findings import EMPTY_IBI, EMPTY_PHYSIOLOGY, SESSION_PREFIX, Findings
from kemfeat.manifest import Manifest
from kemfeat.records import Finding, Terms

KNOWN_BAD = frozenset(
    {
        "Sess01_script05_User002M",
        "Sess01_script06_User002M",
        "Sess03_script04_User005M",
        "Sess04_script06_User007M",
        "Sess05_script04_User009M",
        "Sess05_script06_User009M",
        "Sess18_script03_User036M",
        "Sess36_script03_User072F",
    }
)
"""Conversations and speakers whose physiology users of the corpus found to be broken."""


TERMS = Terms(
    title="KEMDy20, the Korean Emotion Multimodal Database of 2020",
    licence=etri_licence("KEMDy20"),
    citation="KEMDy20, Electronics and Telecommunications Research Institute (ETRI), "
    "https://nanum.etri.re.kr/share/kjnoh2/KEMDy20",
    collection="80 adults aged 19 to 39, in 40 sessions of two, talk freely about six short videos; speech, "
    "and from a wristband electrodermal activity, skin temperature and inter-beat intervals",
    annotation="Ten external raters heard each utterance and gave one of seven emotions, valence and arousal, "
    "each 1 to 5; the corpus' final emotion is the majority",
    restricted=True,
)


@dataclass(frozen=True, slots=True)
class Kemdy20Reader:
    """Reads KEMDy20; see :class:`kemfeat.corpora.CorpusReader`.

    Parameters
    ----------
    name, version, media, tokenizer, settings, terms, columns : as in CorpusReader
        What the reader declares; not meant to be changed.
    follow_links : bool
        Whether links may lead out of the folder of the corpus.
    """

    name: str = "KEMDy20"
    version: int = 2
    media: tuple[str, ...] = ("audio", "transcript", "eda", "temp", "ibi")
    tokenizer: str = "skt/kobert-base-v1"
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    terms: Terms = TERMS
    columns: Mapping[str, str] = field(default_factory=dict)
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

        Rows are ordered by medium (EDA, TEMP, IBI), then by file name, then as in the file. Rows with the id of another
        speaker are kept; ``speaker`` is the person who wore the wristband.
        """
        findings = Findings()
        tables = [
            _read_table(root, path, medium=medium, session=session, findings=findings)
            for path, medium in session_recordings(root, session, follow_links=self.follow_links)
        ]
        return joined(tables), findings.merged()

    def check_signals(self, signals: pa.Table, *, known_ids: Mapping[str, str], session: str) -> tuple[Finding, ...]:
        """Compare a session's signals with its utterances; see :meth:`kemfeat.corpora.CorpusReader.check_signals`."""
        return check_signals(signals, known_ids=known_ids, session=session, known_bad=KNOWN_BAD)


def _read_table(root: Path, path: str, *, medium: Sensor, session: str, findings: Findings) -> pa.Table:
    def canonical(name: str) -> str | None:
        return in_session(name, session) if UTTERANCE.fullmatch(name) else None

    empty = EMPTY_PHYSIOLOGY if medium.uniform else EMPTY_IBI
    recording = read_reported(root, path, medium=medium, canonical=canonical, empty=empty, findings=findings)
    _report_prefixes(recording, path, findings)
    script, speaker = script_and_speaker(path)
    return signals_table(recording, medium=medium.name, speaker=speaker, script=pa.repeat(script, len(recording)))


def _report_prefixes(recording: Recording, path: str, findings: Findings) -> None:
    for written, name in sorted(recording.names.items()):
        if name is not None and written.decode() != name:
            findings.add(SESSION_PREFIX, f"{path}: {written.decode()} read as {name}")


READER: CorpusReader = Kemdy20Reader()
