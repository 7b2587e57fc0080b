"""The ten raters of a synthetic KEMDy19, who rate the woman and the man of a scene at every utterance of either.

What they say of the one who speaks is published as below. What they say of the one who listens is not: the listener
often shows the same emotion, else none or another, and the rest follows as for speakers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kemfeat.synth.layout import Turns
from kemfeat.synth.ratings import Ratings, RatingScheme, draw_kinds, rate
from kemfeat.synth.streams import Stream, generator

CLASS_COUNTS = {"neutral": 3707, "angry": 1805, "happy": 1372, "surprise": 961, "sad": 745, "disgust": 391, "fear": 379}
"""Published utterances with a single label, five scenes left out."""

TIE_COUNTS = {
    "angry;neutral": 137,
    "happy;neutral": 131,
    "neutral;sad": 92,
    "surprise;neutral": 74,
    "neutral;disgust": 40,
    "neutral;fear": 24,
    "angry;disgust": 24,
    "happy;surprise": 24,
    "disgust;fear": 22,
    "surprise;angry": 18,
    "angry;sad": 14,
    "fear;sad": 14,
    "disgust;sad": 12,
    "surprise;fear": 10,
    "angry;fear": 8,
    "happy;sad": 6,
    "happy;angry": 4,
    "happy;surprise;neutral": 3,
    "angry;neutral;disgust": 3,
    "neutral;fear;sad": 2,
}
"""Only their sum, 662, follows from what is published (10,279 utterances, some 257 of them in those scenes); the shares
are a guess. They fit the published labels of all utterances if those resolve a tie to its most frequent class."""

CLASS_MEANS = {
    "surprise": (2.637565, 3.637669),
    "fear": (1.7393138, 3.6382587),
    "angry": (1.8028255, 3.8001664),
    "neutral": (2.971001, 2.981144),
    "happy": (4.3137026, 3.8631923),
    "sad": (1.895839, 2.6122148),
    "disgust": (2.205371, 3.1242967),
}
"""Published (valence, arousal) per class."""

CORPUS_MEAN = (2.741, 3.339)
"""Their mean over the published utterances."""

UTTERANCE_SD = {"neutral": (0.40, 0.35), "other": (0.35, 0.35)}
"""Guesses; actors show more of an emotion, and less, than people who talk."""

KEMDY19 = RatingScheme(CLASS_COUNTS, TIE_COUNTS, CLASS_MEANS, CORPUS_MEAN, UTTERANCE_SD)

SHARED = 0.6
"""Share of the utterances whose listener is given the speaker's label."""
UNMOVED = 0.6
"""Share of the others whose listener is neutral."""


def draw_ratings(seed: int, turns: Turns, *, speaker_effect: float) -> tuple[Ratings, Ratings]:
    """What is said of the speaker and of the listener of every utterance."""
    labels = generator(seed, Stream.LABELS)
    speaking = draw_kinds(labels, len(turns), scheme=KEMDY19)
    listening = _listening(generator(seed, Stream.LABELS, 1), speaking)
    partner = np.where(turns.user % 2 == 1, turns.user + 1, turns.user - 1)
    said = [
        rate(
            KEMDY19,
            kind,
            user=user,
            labels=generator(seed, Stream.LABELS, 2 + role),
            reports=generator(seed, Stream.RATINGS, role),
            speaker_effect=speaker_effect,
        )
        for role, (kind, user) in enumerate(((speaking, turns.user), (listening, partner)))
    ]
    return said[0], said[1]


def _listening(rng: np.random.Generator, speaking: NDArray[np.int64]) -> NDArray[np.int64]:
    shared, unmoved = rng.random((2, len(speaking)))
    others = np.where(unmoved < UNMOVED, KEMDY19.kinds.index("neutral"), rng.permutation(speaking))
    return np.where(shared < SHARED, speaking, others)
