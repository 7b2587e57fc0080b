"""English talk from a small grammar whose words follow valence, and its sounds for the speech synthesiser."""

from __future__ import annotations

import re

import numpy as np

from kemfeat.synth.iemocap import _words as words
from kemfeat.synth.sentences import count_syllables as count_hangul
from kemfeat.synth.sentences import draw_tone, pick

SHORTEST_CLAUSE = 4
MARKS = {"[LAUGHTER]": 0.02, "[BREATHING]": 0.02, "[GARBAGE]": 0.01}
"""Marks of the transcribers and the share of utterances that carry each; a guess."""

# Per letter the index of a Hangul initial consonant or vowel that sounds alike, as ``_speech`` knows those.
_ONSETS = dict(
    zip("gndlrmbpvfswjzcktqhx", (0, 2, 3, 5, 5, 6, 7, 17, 7, 17, 9, 11, 12, 12, 14, 15, 16, 15, 18, 9), strict=True)
)
_VOWELS = {"a": 0, "e": 5, "i": 20, "o": 8, "u": 4, "y": 20}
_SILENT_ONSET, _MURMUR = 11, 18
_SYLLABLE = re.compile(r"([^aeiouy]*)([aeiouy]+)")


def sentence(rng: np.random.Generator, *, tone: float, syllables: float) -> str:
    """About ``syllables`` syllables (at least one) in the given ``tone``, valence minus the corpus mean."""
    if syllables < SHORTEST_CLAUSE:
        return _capital(pick(rng, words.SHORT[draw_tone(rng, tone)]) + pick(rng, words.ENDINGS[:6]))
    text = _clause(rng, tone, syllables)
    while (left := syllables - count_syllables(text)) >= SHORTEST_CLAUSE:
        link = pick(rng, words.LINKS)
        text += ("" if link.startswith(",") else " ") + f"{link} {_clause(rng, tone, left)}"
    return _capital(text + pick(rng, words.ENDINGS))


def marked(rng: np.random.Generator, plain: str, *, tone: float) -> str:
    """The sentence as a transcriber writes it, with marks of non-speech such as ``[LAUGHTER]``."""
    for mark, share in MARKS.items():
        likelier = float(np.exp(tone)) if mark == "[LAUGHTER]" else 1.0
        if rng.random() < share * likelier:
            plain = f"{mark} {plain}" if rng.random() < 0.5 else f"{plain} {mark}"
    return plain


def sounds(text: str) -> str:
    """The text spelt in Hangul syllables, which is what the speech synthesiser can voice; spaces and marks stay."""
    return re.sub(r"[A-Za-z']+", lambda word: _spelt(word[0].lower()), text)


def count_syllables(text: str) -> int:
    """Syllables of an English text, as :func:`sounds` voices them."""
    return count_hangul(sounds(text))


def _spelt(word: str) -> str:
    """One syllable per group of vowels, without the silent e of ``made``; one for a word that has none."""
    voiced = re.sub(r"(?<=[aeiouy][^aeiouy])e$", "", word)
    pairs = _SYLLABLE.findall(voiced) or [(word, "")]
    return "".join(_syllable(onset[-1:], vowels[:1]) for onset, vowels in pairs)


def _syllable(consonant: str, vowel: str) -> str:
    return chr(ord("가") + 588 * _ONSETS.get(consonant, _SILENT_ONSET) + 28 * _VOWELS.get(vowel, _MURMUR))


def _clause(rng: np.random.Generator, tone: float, left: float) -> str:
    """One clause of about ``left`` syllables if that is little."""
    kind = draw_tone(rng, tone)
    opener = [pick(rng, words.OPENERS)] if left > 7 and rng.random() < 0.4 else []
    said = _opinion(rng, kind, left) if rng.random() < 0.5 else _event(rng, kind, left)
    time = [pick(rng, words.TIMES)] if left > 10 and rng.random() < 0.4 else []
    return " ".join([*opener, *said, *time])


def _opinion(rng: np.random.Generator, kind: str, left: float) -> list[str]:
    adverb = [pick(rng, words.ADVERBS)] if left > 6 and rng.random() < 0.6 else []
    return [pick(rng, words.TOPICS), "was", *adverb, pick(rng, words.OPINIONS[kind])]


def _event(rng: np.random.Generator, kind: str, left: float) -> list[str]:
    place = [pick(rng, words.PLACES)] if left > 9 and rng.random() < 0.5 else []
    return [pick(rng, words.PEOPLE), pick(rng, words.EVENTS[kind]), *place]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
