"""Who speaks when in a synthetic KEMDy19: sessions of one woman and one man, ten scenes each.

Published: utterances per session, per scene and per sex, and how long transcripts are. Durations are not; they follow
from the transcripts at the pace of actors. Nor is it whether turns overlap: here they do not, because a row of
physiology has room for one identifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kemfeat.synth.layout import Turns, speaking_order
from kemfeat.synth.ratings import largest_remainder
from kemfeat.synth.speech import SYLLABLES_PER_SECOND
from kemfeat.synth.streams import Stream, generator

SESSION_SIZES = (481, 535, 528, 512, 490, 435, 609, 521, 529, 547, 503, 531, 507, 529, 509, 487, 507, 471, 531, 517)
SCENE_SIZES = {
    "script01": 1085,
    "script02": 983,
    "script03": 974,
    "script04": 926,
    "script05": 923,
    "script06": 947,
    "impro01": 1191,
    "impro02": 1015,
    "impro03": 1062,
    "impro04": 1173,
}
"""In the order in which annotation files list them, known from the published places of wrong identifiers."""
SEX_SIZES = {"F": 5018, "M": 5261}
SCENES = tuple(SCENE_SIZES)

LETTERS = {0.0: 1, 0.05: 3, 0.25: 13, 0.5: 24, 0.75: 44, 0.95: 96, 0.99: 149, 1.0: 317}
"""Published quantiles of the length of transcripts, blanks and marks included; the shortest is a guess."""
SYLLABLES_PER_LETTER = 0.72
"""In these sentences, with their blanks and marks."""
PACE = 1.25
"""How much faster actors speak than people who talk; a guess."""

BEGUN_BY_HER = ((3, "impro02"), (9, "script06"), (9, "impro01"))
"""Scenes whose first utterance is known to be the woman's: there an identifier is wrong, see the annotation."""
SPARE_NUMBER = (4, "impro03", 31)
"""The utterance of this number, of either, is annotated but does not exist: the scene has at most 30 of each."""


@dataclass(frozen=True, slots=True)
class Scenes(Turns):
    """The utterances of the corpus; the woman of session NN is user 2NN-1, the man is user 2NN.

    ``script`` is the scene, an index into :data:`SCENES` from 1.
    """

    def sex(self, user: int) -> str:
        """``F`` or ``M``."""
        return "F" if user % 2 else "M"

    def identifiers(self) -> list[str]:
        """Segment IDs such as ``Sess01_impro02_F003``."""
        columns = zip(self.session, self.script, self.user, self.number, strict=True)
        return [f"Sess{s:02}_{SCENES[c - 1]}_{self.sex(u)}{n:03}" for s, c, u, n in columns]

    def folder(self, identifier: str) -> Path:
        """Where wav and txt of an utterance lie, below the folder ``wav``."""
        return Path(f"Session{identifier[4:6]}", identifier[:-5])


def draw_scenes(seed: int, *, utterances: int, sessions: int) -> Scenes:
    """Lay out exactly ``utterances`` turns in ``sessions`` sessions of ten scenes of two speakers."""
    rng = generator(seed, Stream.LAYOUT)
    counts = turns_per_speaker(rng, utterances=utterances, sessions=sessions)
    lengths = durations(utterances, rng)
    parts, used = [], 0
    for (session, scene), pair in zip(np.ndindex(counts.shape[:2]), counts.reshape(-1, 2), strict=True):
        first = 0 if (session + 1, SCENES[scene]) in BEGUN_BY_HER else None
        who = speaking_order(rng, pair, first=first)
        start, end = _turns(rng, lengths[used : used + len(who)])
        number = np.where(who == 0, np.cumsum(who == 0), np.cumsum(who == 1))
        here = np.full((2, len(who)), [[session + 1], [scene + 1]])
        parts.append(np.stack([*here, 2 * session + 1 + who, number, start, end]))
        used += len(who)
    return Scenes(*np.concatenate(parts, axis=1))


def turns_per_speaker(rng: np.random.Generator, *, utterances: int, sessions: int) -> NDArray[np.int64]:
    """Turns of each speaker [shape=(sessions, 10, 2)]: one each while they last, the published shares of the rest.

    At full size, sessions, scenes and sexes have exactly the published sizes.
    """
    shape = (len(SCENES), 2, sessions)
    counts = np.zeros(shape, dtype=np.int64)
    counts.flat[: min(utterances, counts.size)] = 1
    published = (tuple(SCENE_SIZES.values()), tuple(SEX_SIZES.values()), SESSION_SIZES[:sessions])
    left = [_left(sizes, counts.sum(axis=_others(axis)), utterances) for axis, sizes in enumerate(published)]
    drawn = [rng.permutation(np.repeat(np.arange(len(part)), part)) for part in left]
    np.add.at(counts, tuple(drawn), 1)
    by_session: NDArray[np.int64] = counts.transpose(2, 0, 1)
    _keep_spare_number(by_session)
    return by_session


def durations(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``count`` durations in milliseconds that leave time for transcripts of the published lengths.

    The quantile function is a monotone cubic through the published quantiles; quantiles are stratified.
    """
    from scipy.interpolate import PchipInterpolator

    quantiles = (rng.permutation(count) + rng.random(count)) / count
    letters = PchipInterpolator(list(LETTERS), list(LETTERS.values()))(quantiles)
    seconds = (0.2 + letters * SYLLABLES_PER_LETTER / SYLLABLES_PER_SECOND) / PACE
    return np.asarray(np.floor(1000 * np.maximum(seconds, 0.5)), dtype=np.int64)


def _turns(rng: np.random.Generator, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Start and end of each turn of a scene, in milliseconds since it began [shape=(2, len(lengths))]."""
    gaps = rng.gamma(2.0, 200.0, size=len(lengths)).astype(np.int64)
    gaps[:1] += int(rng.integers(800, 6000))
    end = np.cumsum(gaps + lengths)
    return np.stack([end - lengths, end])


def _others(axis: int) -> tuple[int, ...]:
    return tuple(other for other in range(3) if other != axis)


def _left(sizes: Sequence[int], given: NDArray[np.int64], utterances: int) -> NDArray[np.int64]:
    """What is still to be given along one axis, of which ``given`` is gone already."""
    wanting = np.maximum(largest_remainder(sizes, utterances) - given, 0)
    left = utterances - int(given.sum())
    return largest_remainder(wanting.tolist(), left) if left else np.zeros_like(wanting)


def _keep_spare_number(counts: NDArray[np.int64]) -> None:
    """Move turns that would take the number to the last scene; other sessions give back as many of theirs, if any."""
    session, scene, number = SPARE_NUMBER
    at, last = SCENES.index(scene), len(SCENES) - 1
    if session > len(counts):
        return
    surplus = np.maximum(counts[session - 1, at] - (number - 1), 0)
    _move(counts[session - 1], surplus, source=at, target=last)
    for other in np.delete(np.arange(len(counts)), session - 1):
        given = np.clip(counts[other, last] - 1, 0, surplus)
        _move(counts[other], given, source=last, target=at)
        surplus -= given


def _move(turns: NDArray[np.int64], number: NDArray[np.int64], *, source: int, target: int) -> None:
    turns[source] -= number
    turns[target] += number
