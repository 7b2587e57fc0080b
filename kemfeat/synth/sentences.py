"""Korean talk from a small grammar whose words follow valence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kemfeat.synth import words

TONE_SLOPE = 3.0
"""Log odds of a positive over a plain clause per point of valence; the same for a negative one, downwards."""
PLAIN_WEIGHT = 1.6
SHORTEST_CLAUSE = 6

# Marks of the transcribers and the share of utterances that carry each: laugh, breath, noise, cough, unintelligible.
MARKS = {"b/": 0.18, "+": 0.08, "n/": 0.07, "l/": 0.06, "u/": 0.04, "N/": 0.01, "c/": 0.01, "*": 0.01}
_ANYWHERE = ("b/", "u/", "o/", "s/")
_ON_A_WORD = ("+", "*")


def sentence(rng: np.random.Generator, *, tone: float, syllables: float) -> str:
    """A sentence in a given tone.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.
    tone : float
        Valence minus the corpus mean.
    syllables : float
        About how many Hangul syllables; there is at least one.

    Returns
    -------
    str
        Korean text.
    """
    if syllables < SHORTEST_CLAUSE:
        return _short(rng, tone)
    links: list[str] = []
    left = syllables
    while not links or left >= SHORTEST_CLAUSE:
        last = _clause(rng, tone, left)
        links.append(_linked(rng, last))
        left -= count_syllables(links[-1])
    return " ".join([*links[:-1], _ended(rng, last)])


def marked(rng: np.random.Generator, plain: str, *, tone: float, marks: Mapping[str, float] = MARKS) -> str:
    """The sentence as a transcriber writes it, with marks of non-speech such as ``l/`` and ``b/``.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.
    plain : str
        The sentence.
    tone : float
        Valence minus the corpus mean.
    marks : mapping of str to float
        Share of the utterances that carry each mark.

    Returns
    -------
    str
        The transcript.
    """
    parts = plain.split(" ")
    for mark, share in marks.items():
        likelier = float(np.exp(tone)) if mark == "l/" else 1.0
        if rng.random() < share * likelier:
            _put(rng, parts, mark)
    return " ".join(parts)


def count_syllables(text: str) -> int:
    """Count Hangul syllables.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    int
        How many.

    Examples
    --------
    >>> count_syllables("네, 맞아요!")
    4
    """
    return sum("가" <= letter <= "힣" for letter in text)


def _put(rng: np.random.Generator, parts: list[str], mark: str) -> None:
    where = int(rng.integers(len(parts) + 1))
    if mark in _ON_A_WORD:
        parts[min(where, len(parts) - 1)] += mark
    elif mark in _ANYWHERE:
        parts.insert(where, mark)
    else:
        parts.insert(0 if rng.random() < 0.5 else len(parts), mark)


def pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    """One of the choices, all equally likely.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.
    choices : sequence of str
        At least one.

    Returns
    -------
    str
        The choice.
    """
    return choices[int(rng.random() * len(choices))]


def draw_tone(rng: np.random.Generator, tone: float) -> str:
    """A tone of words, more likely the one that a valence calls for.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.
    tone : float
        Valence minus the corpus mean.

    Returns
    -------
    str
        One of :data:`~kemfeat.synth.words.TONES`.
    """
    weights = np.array([np.exp(-TONE_SLOPE * tone), PLAIN_WEIGHT, np.exp(TONE_SLOPE * tone)])
    return words.TONES[int(np.searchsorted(np.cumsum(weights / weights.sum()), rng.random()))]


def _short(rng: np.random.Generator, tone: float) -> str:
    return pick(rng, words.SHORT[draw_tone(rng, tone)]) + ("?" if rng.random() < 0.15 else "")


def _clause(rng: np.random.Generator, tone: float, left: float) -> str:
    """One clause without its ending, of about ``left`` syllables if that is little."""
    kind = draw_tone(rng, tone)
    parts = []
    if left > 10 and rng.random() < 0.45:
        parts.append(pick(rng, words.OPENERS))
    if left > 14 and rng.random() < 0.5:
        parts.append(pick(rng, words.TIMES))
    parts.extend(_opinion(rng, kind, left) if rng.random() < 0.5 else _event(rng, kind, left))
    return " ".join(parts)


def _opinion(rng: np.random.Generator, kind: str, left: float) -> list[str]:
    adverb = [pick(rng, words.ADVERBS)] if left > 8 and rng.random() < 0.7 else []
    return [_particle(rng, pick(rng, words.TOPICS)), *adverb, pick(rng, words.OPINIONS[kind])]


def _event(rng: np.random.Generator, kind: str, left: float) -> list[str]:
    person = [_particle(rng, pick(rng, words.PEOPLE))] if left > 8 else []
    place = [pick(rng, words.PLACES)] if left > 12 and rng.random() < 0.5 else []
    return [*person, *place, pick(rng, words.EVENTS[kind])]


def _particle(rng: np.random.Generator, noun: str) -> str:
    """The noun with a topic or subject particle, whose form depends on the noun's last sound."""
    has_coda = (ord(noun[-1]) - ord("가")) % 28 > 0
    pair = (("은", "는"), ("이", "가"), ("도", "도"))[int(rng.random() * 3)]
    if noun in {"나", "저"} and pair[1] == "가":
        return {"나": "내가", "저": "제가"}[noun]
    return noun + pair[0 if has_coda else 1]


def _linked(rng: np.random.Generator, clause: str) -> str:
    return clause + pick(rng, words.LINKS) + ("," if rng.random() < 0.1 else "")


def _ended(rng: np.random.Generator, clause: str) -> str:
    if rng.random() < 0.15:
        return clause + pick(rng, words.QUESTIONS) + "?"
    return clause + pick(rng, words.ENDINGS) + ("." if rng.random() < 0.6 else "")
