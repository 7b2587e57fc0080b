"""Transcripts, cleaned: one column ``text_clean``; the original stays in ``text``.

Three presets:

``kor-2022`` (default)
    What system 1 did, to the letter. The first line only; the transcribers' marks deleted as plain substrings, one
    after the other, in the order of :data:`MARKS`, then the same pass again followed by ``?``. What a deletion leaves
    side by side stays: double spaces, and a bare ``/`` (a filler) although it is a mark too. Known losses (defect
    K17): ``?`` and ``,``, which carry intonation, and every line but the first. Unicode forms are left alone.
``hangul``
    What system 2 did: the first line, of which only Hangul letters, syllables and spaces stay. The text is normalised
    to NFC first, since decomposed Hangul (as macOS writes it) would otherwise vanish letter by letter. An utterance
    left empty keeps its row; system 2 dropped it, though not one of spaces alone (J13).
``none``
    The transcript as it is.

An utterance without transcript is an error, so that a missing file is a failed row and never an empty sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from kemfeat.config import FeatureConfig
from kemfeat.errors import ExtractionError
from kemfeat.features import Extract, Extractor, Media
from kemfeat.records import FeatureArray

MARKS = ("c/", "n/", "N/", "u/", "l/", "b/", "*", "+", ",")
"""Transcription marks in system 1's order: continuous speech, noise, loud noise, unintelligible, "mm", breath,
partly intelligible, stutter, and the comma."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_NOT_HANGUL = re.compile("[^ㄱ-ㅎㅏ-ㅣ가-힣 ]")


class TextConfig(FeatureConfig):
    """Settings of ``text``.

    Parameters
    ----------
    preset : {"kor-2022", "hangul", "none"}
        How the transcript is cleaned; see the module.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {"kor-2022": {}, "hangul": {}, "none": {}}

    preset: str = "kor-2022"


def clean(text: str, *, preset: str = "kor-2022") -> str:
    """Clean one transcript.

    Parameters
    ----------
    text : str
        Transcript as read from its file.
    preset : str, default "kor-2022"
        A key of :attr:`TextConfig.PRESETS`.

    Returns
    -------
    str
        The cleaned sentence; it may be empty.

    Examples
    --------
    >>> clean("b/ 네, 맞아요 l/")
    ' 네 맞아요 '
    """
    return _CLEANERS[preset](text)


def _kor_2022(text: str) -> str:
    line = _first_line(text)
    for mark in (*MARKS, *MARKS, "?"):
        line = line.replace(mark, "")
    return line


def _hangul(text: str) -> str:
    return _NOT_HANGUL.sub("", unicodedata.normalize("NFC", _first_line(text)))


def _first_line(text: str) -> str:
    # str.splitlines would also end a line at form feeds and Unicode separators, where reading a file does not.
    return _LINE_END.split(text, maxsplit=1)[0]


_CLEANERS: Mapping[str, Callable[[str], str]] = {"kor-2022": _kor_2022, "hangul": _hangul, "none": str}


def _open(config: TextConfig, resources: Path) -> Extract:  # noqa: ARG001 - the shape of an opening
    def extract(media: Media) -> FeatureArray:
        text = media["transcript"]
        if not isinstance(text, str):
            raise ExtractionError("text: the utterance has no transcript; expected its text file; restore the file")
        return FeatureArray({}, {"text_clean": clean(text, preset=config.preset)})

    return extract


EXTRACTOR = Extractor(
    name="text",
    version=1,
    config=TextConfig,
    media=("transcript",),
    specs=lambda config: (),
    columns={"text_clean": "string"},
    open=_open,
)
