"""How a synthetic KEMDy19 writes down what is said: marks, words in two readings, doubtful words."""

from __future__ import annotations

import numpy as np

from kemfeat.synth import sentences
from kemfeat.synth.kemdy19._ratings import CLASS_COUNTS, CLASS_MEANS, CORPUS_MEAN

_UTTERANCES = 10279
_MARKED = {"b/": 2162, "o/": 1589, "+": 900, "n/": 746, "l/": 659, "u/": 520, "N/": 110, "c/": 53, "s/": 43}
"""Published utterances with each mark; the plus signs are 1,004, of which about a hundred are in double readings."""
TWO_READINGS = 0.01
DOUBTFUL = 0.01
"""Shares of the utterances with a word written ``(said+meant)`` and with one in brackets; guesses."""

_FIRST, _PER_ONSET = ord("가"), 588
# Initial consonants that are often said tense, by their place among the 19, and the tense ones.
_TENSE = {0: 1, 3: 4, 7: 8, 9: 10, 12: 13}


def _rates() -> dict[str, float]:
    """Chance of each mark in an utterance of average valence: laughter is likelier the higher that is."""
    weights = np.array([CLASS_COUNTS[name] for name in CLASS_COUNTS]) / sum(CLASS_COUNTS.values())
    tones = np.array([CLASS_MEANS[name][0] for name in CLASS_COUNTS]) - CORPUS_MEAN[0]
    rates = {mark: count / _UTTERANCES for mark, count in _MARKED.items()}
    return {**rates, "l/": rates["l/"] / float(weights @ np.exp(tones))}


MARKS = _rates()


def transcript(rng: np.random.Generator, plain: str, *, tone: float) -> str:
    """The sentence as a transcriber writes it; ``tone`` is valence minus the corpus mean."""
    words = plain.split(" ")
    where, doubt = int(rng.integers(len(words))), rng.random()
    if doubt < TWO_READINGS:
        words[where] = _two_readings(words[where])
    elif doubt < TWO_READINGS + DOUBTFUL:
        words[where] = f"({words[where]})"
    return sentences.marked(rng, " ".join(words), tone=tone, marks=MARKS)


def _two_readings(word: str) -> str:
    """``(쫌+좀)`` of ``좀``; a word that is not said tense is drawn out instead, ``(네에+네)``."""
    said = word.rstrip(",.?")
    onset, rest = divmod(ord(said[0]) - _FIRST, _PER_ONSET)
    tense = f"{chr(_FIRST + _TENSE[onset] * _PER_ONSET + rest)}{said[1:]}" if onset in _TENSE else f"{said}에"
    return f"({tense}+{said}){word[len(said) :]}"
