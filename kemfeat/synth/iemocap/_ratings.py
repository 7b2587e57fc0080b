"""What observers and actors say of each utterance of a synthetic IEMOCAP: categories, valence, activation, dominance.

The counts of the final labels are published; the class means on the three scales, how often observers agree, and which
actors rate themselves are guesses. Latents, reports and the speaker effect are made as for KEMDy20, see
:mod:`kemfeat.synth.ratings`: speech and words follow the latent without the speaker effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kemfeat.synth.iemocap._layout import Turns
from kemfeat.synth.ratings import largest_remainder, latent_mean
from kemfeat.synth.streams import Stream, generator


class _Kind(NamedTuple):
    """A final label: how the annotation files call it, its published count, and its mean on the three scales."""

    category: str
    published: int
    means: tuple[float, float, float]


KINDS = {
    "neu": _Kind("Neutral", 1708, (3.0, 2.6, 3.0)),
    "ang": _Kind("Anger", 1103, (1.9, 3.7, 3.9)),
    "sad": _Kind("Sadness", 1084, (2.2, 2.5, 2.6)),
    "hap": _Kind("Happiness", 595, (3.9, 3.1, 3.2)),
    "exc": _Kind("Excited", 1041, (4.0, 3.8, 3.5)),
    "fru": _Kind("Frustration", 1849, (2.2, 3.1, 3.3)),
    "fea": _Kind("Fear", 40, (2.2, 3.4, 2.5)),
    "sur": _Kind("Surprise", 107, (3.1, 3.5, 2.9)),
    "dis": _Kind("Disgust", 2, (1.9, 3.1, 3.3)),
    "oth": _Kind("Other", 3, (2.6, 2.9, 3.0)),
    "xxx": _Kind("", 2507, (2.8, 3.1, 3.2)),
}
NO_MAJORITY = "xxx"
CODES = tuple(KINDS)
CATEGORIES = tuple(kind.category for kind in KINDS.values() if kind.category)

UTTERANCE_SD = 0.45
SPEAKER_SD = (0.15, 0.12, 0.12)
RATER_SD = 0.45
SELF_SD = 0.80
"""Standard deviations, in points of the scales; actors know more of themselves than can be heard."""
SECOND_CATEGORY = 0.06
"""Chance that an observer names a second category."""
SELF_RATED_SESSIONS = 3
"""Six of the ten actors rated themselves: here those of the first sessions."""


class Panel(NamedTuple):
    """The observers of a dialog, as its annotation numbers them."""

    categorical: tuple[str, ...]
    attribute: tuple[str, ...]


PANELS = (
    Panel(("E1", "E2", "E3"), ("E1", "E2")),
    Panel(("E2", "E3", "E4"), ("E3", "E4")),
    Panel(("E1", "E2", "E3", "E4"), ("E1", "E3", "E4")),
)

Named = tuple[str, ...]
"""The categories that one person names for one utterance."""
Scales = tuple[int, int, int]
"""Valence, activation and dominance, 1 to 5."""


@dataclass(frozen=True, slots=True)
class Rated:
    """One utterance as people see it.

    Parameters
    ----------
    code : str
        The final label: the only category that most observers name, else :data:`NO_MAJORITY`.
    panel : Panel
        Who observed.
    votes : tuple of Named
        The categories that each categorical observer names.
    scales : tuple of Scales
        The values that each attribute observer reports.
    own_vote, own_scales : Named or None, Scales or None
        What the actor says of it.
    """

    code: str
    panel: Panel
    votes: tuple[Named, ...]
    scales: tuple[Scales, ...]
    own_vote: Named | None
    own_scales: Scales | None

    @property
    def mean(self) -> tuple[float, float, float]:
        """Mean of the observers on each scale; the actor's own report does not count."""
        valence, activation, dominance = np.mean(self.scales, axis=0).tolist()
        return valence, activation, dominance


@dataclass(frozen=True, slots=True)
class Ratings:
    """What people say about each utterance, and what its media should show.

    Parameters
    ----------
    rated : tuple of Rated
        One per utterance.
    tone : ndarray, shape (utterances,), float64
        Latent valence minus the corpus mean, without speaker effect.
    energy : ndarray, shape (utterances,), float64
        Latent activation minus the corpus mean, without speaker effect.
    """

    rated: tuple[Rated, ...]
    tone: NDArray[np.float64]
    energy: NDArray[np.float64]

    def rows(self, chosen: NDArray[np.int64]) -> Ratings:
        """The utterances at the indices ``chosen``."""
        return Ratings(tuple(self.rated[index] for index in chosen), self.tone[chosen], self.energy[chosen])


def draw_ratings(seed: int, turns: Turns, *, speaker_effect: float = 1.0) -> Ratings:
    """Draw votes and reports for all utterances; ``speaker_effect`` multiplies :data:`SPEAKER_SD`."""
    rng = generator(seed, Stream.LABELS)
    kind = rng.permutation(np.repeat(np.arange(len(CODES)), label_quota(len(turns))))
    latent = _latents(generator(seed, Stream.RATINGS), kind)
    heard = latent + _speaker_effects(generator(seed, Stream.RATINGS, 1), turns.person, speaker_effect)
    rated = tuple(
        _rate(rng, CODES[kind[row]], heard[row], PANELS[turns.dialog[row] % len(PANELS)], own=own)
        for row, own in enumerate((turns.session <= SELF_RATED_SESSIONS).tolist())
    )
    tone, energy, _ = (latent - _corpus_means()).T
    return Ratings(rated, tone, energy)


def label_quota(utterances: int) -> NDArray[np.int64]:
    """How often each of :data:`CODES` occurs: the published shares by largest remainder."""
    return largest_remainder([kind.published for kind in KINDS.values()], utterances)


def _corpus_means() -> NDArray[np.float64]:
    """Mean on each scale over the published counts [shape=(3,)]."""
    kinds = KINDS.values()
    return np.average([kind.means for kind in kinds], axis=0, weights=[kind.published for kind in kinds])


def _latents(rng: np.random.Generator, kind: NDArray[np.int64]) -> NDArray[np.float64]:
    """Latents whose reports have the means of their class [shape=(utterances, 3)]."""
    spread = float(np.hypot(UTTERANCE_SD, RATER_SD))
    unbiased = np.zeros(1)
    centres = [[latent_mean(mean, spread, unbiased) for mean in one.means] for one in KINDS.values()]
    return np.array(centres)[kind] + UTTERANCE_SD * rng.standard_normal((len(kind), 3))


def _speaker_effects(rng: np.random.Generator, person: NDArray[np.int64], factor: float) -> NDArray[np.float64]:
    """Offsets of each utterance's speaker, centred over utterances [shape=(utterances, 3)]."""
    effects = (factor * np.array(SPEAKER_SD) * rng.standard_normal((int(person.max()) + 1, 3)))[person]
    return np.asarray(effects - effects.mean(axis=0))


def _rate(rng: np.random.Generator, code: str, heard: NDArray[np.float64], panel: Panel, *, own: bool) -> Rated:
    count = len(panel.categorical)
    votes = _split_votes(rng, count) if code == NO_MAJORITY else _agreed_votes(rng, KINDS[code].category, count)
    return Rated(
        code,
        panel,
        votes,
        tuple(_report(rng, heard, RATER_SD) for _ in panel.attribute),
        votes[int(rng.integers(count))] if own else None,
        _report(rng, heard, SELF_SD) if own else None,
    )


def _report(rng: np.random.Generator, heard: NDArray[np.float64], spread: float) -> Scales:
    valence, activation, dominance = np.clip(np.rint(heard + rng.normal(0.0, spread, 3)), 1, 5).astype(int).tolist()
    return valence, activation, dominance


def _agreed_votes(rng: np.random.Generator, category: str, count: int) -> tuple[Named, ...]:
    """Votes of which all or all but one name ``category``; no other is named twice."""
    others = iter(_distinct(rng, len(CATEGORIES) - 1, without=category))
    dissenter = int(rng.integers(count)) if rng.random() < 0.6 else -1
    votes = []
    for observer in range(count):
        named = next(others) if observer == dissenter else category
        second = rng.random() < SECOND_CATEGORY
        votes.append((named, next(others)) if second else (named,))
    return tuple(votes)


def _split_votes(rng: np.random.Generator, count: int) -> tuple[Named, ...]:
    """Votes of which several categories have most: all differ, or two have two each."""
    names = _distinct(rng, count)
    if rng.random() < 0.5:
        return tuple((name,) for name in names)
    a, b = names[:2]
    votes: list[Named] = [(a, b), (a,), (b,)] if count % 2 else [(a,), (b,)] * (count // 2)
    return tuple(votes[index] for index in rng.permutation(count))


def _distinct(rng: np.random.Generator, count: int, *, without: str = "") -> list[str]:
    """``count`` categories, the frequent ones likelier to be early."""
    shares = {kind.category: kind.published for kind in KINDS.values() if kind.category not in ("", without)}
    # Gumbel top-k: draws without replacement in proportion to the shares.
    order = np.argsort(-(np.log(list(shares.values())) + rng.gumbel(size=len(shares))), kind="stable")
    return [list(shares)[index] for index in order[:count]]
