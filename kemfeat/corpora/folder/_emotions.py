"""Emotion words of a user's table: common spellings become kemfeat's words, every other word is a class of its own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from kemfeat.errors import CorpusError
from kemfeat.labels import ALIASES, EMOTIONS, TIE

SPELLINGS = {
    **ALIASES,
    "happiness": "happy",
    "joy": "happy",
    "surprised": "surprise",
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "sadness": "sad",
}
"""Common spellings and the word of :data:`kemfeat.labels.EMOTIONS` that each is read as."""

MAX_WORDS = 64
"""Different words beyond kemfeat's own that a table may have; more show that the column holds no classes."""

_WORD = re.compile(r"[^\W_][\w' -]{0,63}")


def read_emotions(text: str) -> tuple[str, ...]:
    """The emotions of one cell: words joined by ``;``, lower-cased and in Unicode's composed form.

    Raises
    ------
    CorpusError
        A word is not made of letters, digits, spaces, ``_``, ``-`` and ``'``, or is ``nan``.
    """
    words = [unicodedata.normalize("NFC", part.strip().lower()) for part in text.split(TIE)]
    for word in words:
        if not _WORD.fullmatch(word) or word == "nan":  # what a program writes for a blank cell
            raise CorpusError(
                f"found emotion {word[:40]!r}, expected 1 to 64 letters, digits, spaces, _, - and ', "
                f"several joined by {TIE!r}, or a blank cell"
            )
    return tuple(SPELLINGS.get(word, word) for word in words)


def vocabulary(emotions: Iterable[tuple[str, ...]], *, where: str) -> tuple[str, ...]:
    """The words of :data:`kemfeat.labels.EMOTIONS` in their order, then every other word, sorted.

    Raises
    ------
    CorpusError
        There are more than :data:`MAX_WORDS` other words.
    """
    others = sorted({word for words in emotions for word in words} - set(EMOTIONS))
    if len(others) > MAX_WORDS:
        raise CorpusError(
            f"{where}: column emotion has {len(others)} different words, such as {others[0]!r} and {others[-1]!r}; "
            f"expected classes, at most {MAX_WORDS} beside kemfeat's own; rename the column, or name classes in it"
        )
    return (*EMOTIONS, *others)
