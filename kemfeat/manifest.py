"""The Manifest: the ordered utterances of one corpus, their ratings, and what is wrong with them.

A reader fills the columns of :data:`READ_COLUMNS` and the ratings; the label columns are derived here, in the same way
for every corpus.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kemfeat.config import suggest
from kemfeat.errors import ConfigError
from kemfeat.findings import Ledger
from kemfeat.labels import (
    EMOTIONS,
    FIVE_CLASSES,
    LABEL_COLUMNS,
    SPELLINGS,
    STORE_RULES,
    TIE,
    count_votes,
    join_emotions,
    majority,
    parse_emotions,
)
from kemfeat.records import Finding

if TYPE_CHECKING:
    import pandas as pd

READ_COLUMNS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("session", pa.string(), nullable=False),
        pa.field("script", pa.string(), nullable=False),
        pa.field("speaker", pa.string(), nullable=False),
        pa.field("sex", pa.string()),
        pa.field("partner", pa.string()),
        pa.field("start", pa.float64()),
        pa.field("end", pa.float64()),
        pa.field("text", pa.string()),
        pa.field("text_encoding", pa.string()),
        pa.field("audio", pa.string()),
        pa.field("emotion", pa.string()),
        pa.field("valence", pa.float64()),
        pa.field("arousal", pa.float64()),
    ]
)
"""What a reader gives per utterance. ``session``, ``script`` and ``speaker`` are the corpus' own names
(``Sess01``, ``script01``, ``User001F``); ``start`` and ``end`` are seconds in the conversation; ``text`` is the
transcript as written, decoded, or None when the file is missing; ``audio`` is the path of the audio file relative
to the root, with ``/``, or None when it is missing; ``emotion`` is the corpus' final label in canonical order
(``neutral;disgust``), or None. Readers may add columns after these."""

SEGMENT = ("audio_start", "audio_end")
"""Columns that a reader adds where several utterances share one audio file: the part of the file that is the
utterance, in seconds from its beginning; both NaN where the whole file is the utterance."""

FILM = ("video", "video_side")
"""Columns that a reader adds where utterances were filmed: the path of the film relative to the root, or None, and the
part of its picture that shows the speaker, ``left``, ``right`` or ``whole``. ``start`` is the second of the film."""

RATINGS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("rater", pa.string(), nullable=False),
        pa.field("rater_sex", pa.string()),
        pa.field("emotion", pa.string()),
        pa.field("valence", pa.float64()),
        pa.field("arousal", pa.float64()),
    ]
)
"""One row per utterance and rater; ``id`` is the utterance's."""

SIGNALS = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("speaker", pa.string(), nullable=False),
        pa.field("script", pa.string(), nullable=False),
        pa.field("medium", pa.string(), nullable=False),
        pa.field("time", pa.timestamp("ms")),
        pa.field("value", pa.float64()),
        pa.field("offset", pa.float64()),
        pa.field("sampling_rate", pa.float64()),
    ]
)
"""One row per physiological sample or beat, in file order. ``id`` is the utterance that the corpus puts the row in, or
None outside utterances; ``medium`` is a key of :data:`UNITS`; ``time`` is the clock stamp of the row; ``offset`` is the
beat's time since the recording began [s] and ``sampling_rate`` the rate of a uniform signal [Hz], each None where it
does not apply."""


UNITS = {"eda": "uS", "temp": "degC", "ibi": "s", "ecg": "mV"}
"""Per medium of physiology the unit of its values."""

RECORDINGS = {"eda_recording": "eda", "ibi_recording": "ibi"}
"""Per name under which a feature reads what was recorded around an utterance, the medium that was recorded."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The utterances of one corpus, in the corpus' order.

    Parameters
    ----------
    corpus : str
        Name of the corpus, such as ``KEMDy20``.
    utterances : DataFrame, one row per utterance
        The columns of :data:`READ_COLUMNS` and, after :meth:`labelled`, the label columns.
    ratings : DataFrame, one row per utterance and rater
        The columns of :data:`RATINGS`.
    findings : tuple of Finding
        What the reader noticed in annotation and text.
    faults : tuple of str
        One sentence per row or cell that could not be read and was dropped or blanked; empty unless errors are skipped.
    vocabulary : tuple of str
        The emotions that labels and votes may contain, in canonical order.
    synthetic : bool
        Whether the corpus is computer-generated; a build asks its folder.
    ledger : Ledger
        What the reader did with every place that mentions an utterance.

    Examples
    --------
    >>> from pathlib import Path
    >>> from kemfeat.corpora import open_reader
    >>> root = Path("corpora/KEMDy20")
    >>> manifest = open_reader("KEMDy20", root=root).read_manifest(root)
    >>> len(manifest), manifest.vocabulary[:2]
    (36, ('happy', 'surprise'))
    >>> int(manifest.labelled("votes").utterances["votes_neutral"].max())
    10
    """

    corpus: str
    utterances: pd.DataFrame
    ratings: pd.DataFrame
    findings: tuple[Finding, ...] = ()
    faults: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = EMOTIONS
    synthetic: bool = False
    ledger: Ledger = field(default_factory=Ledger, repr=False)

    def __len__(self) -> int:
        return len(self.utterances)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the corpus' name and every column name and cell of both tables, as 64 hexadecimal digits.

        The order of rows and columns counts, floats count to the last bit, and a missing cell differs from an empty
        one. None and NaN are the same missing cell, so writing to Parquet and reading back changes nothing.
        """
        total = hashlib.sha256(json.dumps(self.corpus).encode())
        for table in (self.utterances, self.ratings):
            total.update(b"\n")
            for name in table:
                cells = pa.array(table[name], from_pandas=True).to_pylist()
                total.update(json.dumps([name, cells], default=str).encode())
        return total.hexdigest()

    def renamed(self, words: Mapping[str, str]) -> Manifest:
        """A copy where emotions of labels and votes have other names, such as ``angry`` for ``ang``.

        Parameters
        ----------
        words : mapping of str to str
            Per word of the vocabulary its new name, in upper or lower case; names that are the same become one emotion.

        Returns
        -------
        Manifest
            The same utterances; kemfeat's own words stay in the vocabulary, other renamed words leave it.

        Raises
        ------
        ConfigError
            A word is not in the vocabulary, or a new name is blank or contains ``;``.
        """
        if not words:
            return self
        names = {_spelt(word): SPELLINGS.get(_spelt(name), _spelt(name)) for word, name in words.items()}
        for word, name in names.items():
            if word not in self.vocabulary:
                raise ConfigError(
                    f"labels.map: found {word!r}, not an emotion of {self.corpus}{suggest(word, self.vocabulary)}"
                )
            if not name or TIE in name:
                raise ConfigError(f"labels.map.{word}: found {name!r}, expected one emotion such as 'angry'")
        kept = [word for word in self.vocabulary if word in EMOTIONS or word not in names]
        vocabulary = (*kept, *sorted(set(names.values()) - set(kept)))

        def renamed(label: object) -> Any:
            parts = self._parsed(label) if isinstance(label, str) else ()
            return join_emotions([names.get(part, part) for part in parts], vocabulary=vocabulary) or None

        utterances, ratings = self.utterances.copy(), self.ratings.copy()
        for table in (utterances, ratings):
            for column in ("emotion", *LABEL_COLUMNS):
                if column in table:
                    table[column] = [renamed(label) for label in table[column]]
        return replace(self, utterances=utterances, ratings=ratings, vocabulary=vocabulary)

    def labelled(self, rule: str) -> Manifest:
        """A copy with the label columns; labelling it again with another rule replaces them.

        ``votes_<emotion>`` counts the raters per emotion, ``majority`` lists the emotions with the most votes,
        ``emotion_annotated`` is the corpus' own label, ``emotion`` the final label under ``rule`` (ties joined by
        ``;``), ``emotion_first`` its first emotion, ``is_tie`` whether it has several and ``in_5class`` whether it is
        exactly one of the five classes of system 1.

        Parameters
        ----------
        rule : str
            Whether the final label is the corpus' own (``annotated``), the majority of the raters (``votes``), or one
            of :data:`kemfeat.labels.LABEL_COLUMNS` that the corpus has.

        Returns
        -------
        Manifest
            The same utterances in the same order.

        Raises
        ------
        ConfigError
            The corpus has no such labels.
        """
        known = [name for name in STORE_RULES if name not in LABEL_COLUMNS or name in self.utterances]
        if rule not in known:
            raise ConfigError(f"labels: {self.corpus} has no {rule!r}{suggest(rule, known)}")
        utterances = self.utterances.copy()
        counts = self._vote_counts()
        for emotion in self.vocabulary:
            utterances[f"votes_{emotion}"] = [counts[name][emotion] for name in utterances["id"]]
        most = [majority(counts[name], vocabulary=self.vocabulary) for name in utterances["id"]]
        utterances["majority"] = [list(emotions) for emotions in most]
        if "emotion_annotated" not in utterances:
            utterances["emotion_annotated"] = utterances["emotion"]
        utterances["emotion"] = (
            [join_emotions(emotions, vocabulary=self.vocabulary) or None for emotions in most]
            if rule == "votes"
            else utterances["emotion_annotated" if rule == "annotated" else rule]
        )
        parsed = [self._parsed(label) if isinstance(label, str) else () for label in utterances["emotion"]]
        utterances["emotion_first"] = [emotions[0] if emotions else None for emotions in parsed]
        utterances["is_tie"] = [len(emotions) > 1 for emotions in parsed]
        utterances["in_5class"] = [len(emotions) == 1 and emotions[0] in FIVE_CLASSES for emotions in parsed]
        return replace(self, utterances=utterances)

    def _parsed(self, label: str) -> tuple[str, ...]:
        return parse_emotions(label, vocabulary=self.vocabulary)

    def _vote_counts(self) -> dict[str, dict[str, int]]:
        named = {label: self._parsed(label) for label in self.ratings["emotion"].dropna().unique()}
        votes: dict[str, list[tuple[str, ...]]] = {name: [] for name in self.utterances["id"]}
        for name, label in zip(self.ratings["id"], self.ratings["emotion"], strict=True):
            if label in named and name in votes:
                votes[name].append(named[label])
        return {name: count_votes(named_by, vocabulary=self.vocabulary) for name, named_by in votes.items()}


def _spelt(word: str) -> str:
    return unicodedata.normalize("NFC", word.strip().lower())
