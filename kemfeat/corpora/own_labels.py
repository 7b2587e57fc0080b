"""Labels of a user's table: emotion words, of which common spellings become kemfeat's, and ratings."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from kemfeat.corpora.text import is_missing
from kemfeat.errors import CorpusError
from kemfeat.findings import EMOTION_CODE, MAX_EXAMPLES, OWN_EMOTION, RATING_RANGE, Findings
from kemfeat.labels import EMOTIONS, SPELLINGS, TIE

MAX_WORDS = 64
"""Number of words beyond kemfeat's own that a table may have; with more, the column is not one of classes."""

LOWEST, HIGHEST = 1.0, 5.0
"""Ends of the scale of ratings that kemfeat's figures expect."""

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
        A word has other characters than letters, digits, spaces, ``_``, ``-`` and ``'``, or means a missing value.
    """
    words = [unicodedata.normalize("NFC", part.strip().lower()) for part in text.split(TIE)]
    for word in words:
        if not _WORD.fullmatch(word) or is_missing(word):
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


def report_others(emotions: Iterable[tuple[str, ...]], *, where: str, findings: Findings) -> None:
    """Report every word beside kemfeat's own, with its count and, for codes and misspellings, what may be meant.

    Parameters
    ----------
    emotions : iterable of tuple of str
        Words of each row.
    where : str
        The table, for the findings.
    findings : Findings
        Receives one case per word; where more words break a rule than examples are kept, one case with all of them.
    """
    counts = Counter(word for words in emotions for word in words if word not in EMOTIONS)
    guesses = {word: guessed(word) for word in sorted(counts)}
    codes = [word for word, guess in guesses.items() if guess or word.isdigit()]
    for rule, words in ((EMOTION_CODE, codes), (OWN_EMOTION, [word for word in guesses if word not in codes])):
        if len(words) > MAX_EXAMPLES:
            said = ", ".join(f"{word} ({f'{guesses[word]}? ' * bool(guesses[word])}{counts[word]})" for word in words)
            findings.add(rule, f"{where} column emotion: found {said}: each with its number of rows")
        else:
            for word in words:
                rows = f"{counts[word]} row{'s'[: counts[word] != 1]}"
                findings.add(rule, f"{where} column emotion: found {word!r} in {rows}{_advice(word, guesses[word])}")


def report_ratings(ratings: Iterable[float], *, where: str, findings: Findings) -> None:
    """Report ratings on another scale than that of kemfeat's figures.

    Parameters
    ----------
    ratings : iterable of float
        Those of a column; NaN where there is none.
    where : str
        The column, for the finding.
    findings : Findings
        Receives one case with the range that was found.
    """
    rated = [value for value in ratings if not math.isnan(value)]
    outside = sum(not LOWEST <= value <= HIGHEST for value in rated)
    if outside:
        found = f"found {min(rated):g} to {max(rated):g}"
        findings.add(RATING_RANGE, f"{where}: {outside} of {len(rated)} outside {LOWEST:g} to {HIGHEST:g}, {found}")


def _advice(word: str, guess: str) -> str:
    if guess:
        return f"; did you mean {guess!r}? (--set labels.map.{word}={guess})"
    return f", a number; expected a word, such as --set labels.map.{word}=angry" if word.isdigit() else ""


def guessed(word: str) -> str:
    """The emotion that a word is probably a code or a misspelling of.

    Parameters
    ----------
    word : str
        A word of :func:`read_emotions`.

    Returns
    -------
    str
        A word of :data:`kemfeat.labels.EMOTIONS`, or empty.

    Examples
    --------
    >>> guessed("ang"), guessed("surprized"), guessed("boredom")
    ('angry', 'surprise', '')
    """
    known = {**{name: name for name in EMOTIONS}, **SPELLINGS}
    begun = {meant for name, meant in known.items() if len(word) >= _SHORTEST_CODE and name.startswith(word)}
    if len(begun) == 1:
        return begun.pop()
    near = difflib.get_close_matches(word, known, n=1, cutoff=_LIKENESS)
    return known[near[0]] if near else ""


_SHORTEST_CODE, _LIKENESS = 3, 0.8
