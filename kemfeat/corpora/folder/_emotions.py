"""Emotion words of a user's table: common spellings become kemfeat's words, other words are classes of their own."""

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
"""Per common spelling the word of :data:`kemfeat.labels.EMOTIONS` for it."""

MAX_WORDS = 64
"""Number of words beyond kemfeat's own that a table may have; with more, the column is not one of classes."""

_WORD = re.compile(r"[^\W_][\w' -]{0,63}")


def read_emotions(text: str) -> tuple[str, ...]:
    """The emotions of one cell: words joined by ``;``, in lower case and in Unicode's composed form.

    Parameters
    ----------
    text : str
        The cell, not blank.

    Returns
    -------
    tuple of str
        Words in the order of the cell.

    Raises
    ------
    CorpusError
        A word has other characters than letters, digits, spaces, ``_``, ``-`` and ``'``, or is ``nan``.
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

    Parameters
    ----------
    emotions : iterable of tuple of str
        Words of each row.
    where : str
        The table, for the message.

    Returns
    -------
    tuple of str
        All words that a label may contain.

    Raises
    ------
    CorpusError
        There are more than :data:`MAX_WORDS` other words.
    """
    others = sorted({word for words in emotions for word in words} - set(EMOTIONS))
    if len(others) > MAX_WORDS:
        raise CorpusError(
            f"{where}: column emotion has {len(others)} different words, such as {others[0]!r} and {others[-1]!r}; "
            f"expected classes, at most {MAX_WORDS} beside kemfeat's own; rename the column, or write classes in it"
        )
    return (*EMOTIONS, *others)
