"""The ten raters of a synthetic KEMDy20 or KEMDy19: emotion votes, valence and arousal.

An utterance of class ``c`` by speaker ``s`` has a latent valence (and, alike, arousal)
``mu_c + N(0, UTTERANCE_SD) + N(0, speaker_effect * SPEAKER_SD)_s``. Rater ``r`` reports
``clip(round(latent + bias_r + N(0, RATER_SD)), 1, 5)``. ``mu_c`` is solved so that the expected *report*, rounding and
clipping included, is the published class mean. Utterance deviations are centred within each class, speaker effects
over utterances, biases over raters: the class means of a large corpus differ from the published ones by less than the
sampling error of independent utterances.

Speech and words follow the latent *without* the speaker effect: a model that has met the speaker knows more than one
that has not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.labels import EMOTIONS
from kemfeat.synth.layout import Turns
from kemfeat.synth.streams import Stream, generator

RATERS = ("Eval01F", "Eval02M", "Eval03M", "Eval04F", "Eval05M", "Eval06F", "Eval07F", "Eval08M", "Eval09F", "Eval10M")

CLASS_COUNTS = {"neutral": 11120, "happy": 1183, "surprise": 156, "angry": 144, "sad": 121, "disgust": 61, "fear": 43}
"""Published utterances with a single label."""

TIE_COUNTS = {
    "happy;neutral": 318,
    "neutral;sad": 82,
    "angry;neutral": 70,
    "surprise;neutral": 62,
    "neutral;disgust": 36,
    "neutral;fear": 21,
    "happy;surprise": 15,
    "angry;disgust": 8,
    "happy;fear": 3,
    "happy;sad": 3,
    "happy;surprise;neutral": 3,
    "neutral;disgust;sad": 3,
    "angry;neutral;disgust": 3,
    "happy;angry;neutral": 2,
    "happy;neutral;disgust": 2,
    "happy;neutral;fear": 2,
    "angry;neutral;disgust;fear;sad": 1,
}
"""The 17 kinds of tie that exist; only their sum, 634, is published, the shares are a guess (mostly X;neutral)."""

CLASS_MEANS = {
    "surprise": (3.0942307, 3.380769),
    "fear": (2.3906977, 3.0767443),
    "angry": (2.2208333, 3.5694444),
    "neutral": (2.9960432, 3.1912591),
    "happy": (3.838546, 3.6015217),
    "sad": (2.5082645, 2.918182),
    "disgust": (2.2032788, 3.2934425),
}
"""Published (valence, arousal) per class; the mean of a tie is taken to be the mean of its classes."""

CORPUS_MEAN = (3.056, 3.233)

UTTERANCE_SD = {"neutral": (0.40, 0.28), "other": (0.22, 0.28)}
SPEAKER_SD = (0.15, 0.12)
RATER_SD = (0.70, 0.60)
RATER_BIAS_SD = (0.15, 0.15)
"""Standard deviations of (valence, arousal). The reports' means spread by about .5 within neutral and .35 elsewhere in
valence, .37 in arousal, as the published samples and tests suggest."""

KINDS = (*CLASS_COUNTS, *TIE_COUNTS)


@dataclass(frozen=True, slots=True)
class RatingScheme:
    """What is known of the labels of a corpus; each field is what the constant of its name is for KEMDy20."""

    class_counts: Mapping[str, int]
    tie_counts: Mapping[str, int]
    class_means: Mapping[str, tuple[float, float]]
    corpus_mean: tuple[float, float]
    utterance_sd: Mapping[str, tuple[float, float]]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Final labels: the classes, then the ties."""
        return (*self.class_counts, *self.tie_counts)


KEMDY20 = RatingScheme(CLASS_COUNTS, TIE_COUNTS, CLASS_MEANS, CORPUS_MEAN, UTTERANCE_SD)

_TOP_VOTES = {
    "neutral": {5: 0.08, 6: 0.14, 7: 0.20, 8: 0.22, 9: 0.20, 10: 0.16},
    "one": {4: 0.25, 5: 0.35, 6: 0.24, 7: 0.11, 8: 0.05},
    "two": {5: 0.35, 4: 0.45, 3: 0.20},
    "three": {3: 1.0},
    "more": {2: 1.0},
}
# Relative chance that a rater who differs votes so, in the order of EMOTIONS.
_STRAY_VOTES = np.array([0.20, 0.07, 0.07, 0.45, 0.07, 0.05, 0.09])


@dataclass(frozen=True, slots=True)
class Ratings:
    """What the raters say, and what the media should show.

    Parameters
    ----------
    kind : ndarray, shape (utterances,), int64
        The final label, index into the ``kinds`` of the :class:`RatingScheme`.
    votes : ndarray, shape (utterances, 10), int64
        Index into :data:`~kemfeat.labels.EMOTIONS`; their majority is the final label.
    valence, arousal : ndarray, shape (utterances, 10), int64
        1 to 5.
    tone : ndarray, shape (utterances,), float64
        Latent valence minus the corpus mean, without speaker effect.
    energy : ndarray, shape (utterances,), float64
        Latent arousal minus the corpus mean, without speaker effect.
    """

    kind: NDArray[np.int64]
    votes: NDArray[np.int64]
    valence: NDArray[np.int64]
    arousal: NDArray[np.int64]
    tone: NDArray[np.float64]
    energy: NDArray[np.float64]

    def rows(self, chosen: Any) -> Ratings:
        """The utterances at ``chosen``.

        Parameters
        ----------
        chosen : slice, mask or indices
            Which utterances.

        Returns
        -------
        Ratings
            What is said of them.
        """
        return Ratings(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def replaced(self, chosen: NDArray[np.bool_], other: Ratings) -> Ratings:
        """What ``other`` says at ``chosen``, and this elsewhere.

        Parameters
        ----------
        chosen : ndarray, shape (utterances,), bool
            Where to take the other ratings.
        other : Ratings
            Ratings of the same utterances.

        Returns
        -------
        Ratings
            One entry per utterance.
        """
        pairs = [(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)]
        return Ratings(*(np.where(chosen.reshape(-1, *[1] * (mine.ndim - 1)), its, mine) for mine, its in pairs))


def draw_ratings(seed: int, turns: Turns, *, speaker_effect: float = 1.0) -> Ratings:
    """Draw final labels, votes and reports for all utterances.

    Parameters
    ----------
    seed : int, >= 0
        Seed of the corpus.
    turns : Turns
        All utterances.
    speaker_effect : float, >= 0
        Factor on :data:`SPEAKER_SD`.

    Returns
    -------
    Ratings
        One entry per utterance.
    """
    labels = generator(seed, Stream.LABELS)
    kind = draw_kinds(labels, len(turns), scheme=KEMDY20)
    reports = generator(seed, Stream.RATINGS)
    return rate(KEMDY20, kind, user=turns.user, labels=labels, reports=reports, speaker_effect=speaker_effect)


def draw_kinds(rng: np.random.Generator, utterances: int, *, scheme: RatingScheme) -> NDArray[np.int64]:
    """Final labels in random order, at the rates of :func:`label_quota`.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.
    utterances : int, >= 0
        How many.
    scheme : RatingScheme
        The corpus' labels.

    Returns
    -------
    ndarray, shape (utterances,), int64
        Index into the scheme's ``kinds``.
    """
    return rng.permutation(np.repeat(np.arange(len(scheme.kinds)), label_quota(utterances, scheme=scheme)))


def rate(
    scheme: RatingScheme,
    kind: NDArray[np.int64],
    *,
    user: NDArray[np.int64],
    labels: np.random.Generator,
    reports: np.random.Generator,
    speaker_effect: float,
) -> Ratings:
    """Ten raters per utterance: votes that make the label ``kind``, and reports of valence and arousal.

    Parameters
    ----------
    scheme : RatingScheme
        The corpus' labels.
    kind : ndarray, shape (utterances,), int64
        Final labels, index into the scheme's ``kinds``.
    user : ndarray, shape (utterances,), int64
        Who speaks.
    labels, reports : numpy.random.Generator
        Sources of the votes and of the reports.
    speaker_effect : float, >= 0
        Factor on :data:`SPEAKER_SD`.

    Returns
    -------
    Ratings
        One entry per utterance.
    """
    votes = _votes(labels, kind, scheme.kinds)
    by_speaker = speaker_effect * np.array(SPEAKER_SD)
    valence, tone = _reports(reports, kind, user, scheme=scheme, scale=0, speaker_sd=by_speaker[0])
    arousal, energy = _reports(reports, kind, user, scheme=scheme, scale=1, speaker_sd=by_speaker[1])
    return Ratings(kind, votes, valence, arousal, tone, energy)


def label_quota(utterances: int, *, scheme: RatingScheme = KEMDY20) -> NDArray[np.int64]:
    """How often each kind of label occurs: the published shares by largest remainder.

    As soon as there are as many utterances as kinds, each of the seven single classes occurs at least once.

    Parameters
    ----------
    utterances : int, >= 0
        How many.
    scheme : RatingScheme
        The corpus' labels.

    Returns
    -------
    ndarray, shape (kinds,), int64
        Counts that sum to ``utterances``.
    """
    quota = largest_remainder([*scheme.class_counts.values(), *scheme.tie_counts.values()], utterances)
    singles = quota[: len(scheme.class_counts)]
    if utterances >= len(quota):
        singles[0] -= np.count_nonzero(singles == 0)
        singles[singles == 0] = 1
    return quota


def largest_remainder(shares: Sequence[int], total: int) -> NDArray[np.int64]:
    """Split ``total`` in proportion to ``shares``, each part rounded down or up.

    Parameters
    ----------
    shares : sequence of int
        Weights.
    total : int, >= 0
        What is split.

    Returns
    -------
    ndarray, shape (len(shares),), int64
        Parts that sum to ``total``.

    Examples
    --------
    >>> largest_remainder([2, 1, 1], 10).tolist()
    [5, 3, 2]
    """
    exact = np.array(shares) * total / sum(shares)
    parts: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    parts[np.argsort(parts - exact, kind="stable")[: total - parts.sum()]] += 1
    return parts


def _votes(rng: np.random.Generator, kind: NDArray[np.int64], kinds: Sequence[str]) -> NDArray[np.int64]:
    """Ten votes whose most frequent emotions are exactly those of ``kind``, an index into ``kinds``."""
    members = np.array([[name in label.split(";") for name in EMOTIONS] for label in kinds])[kind]
    top = _top_votes(rng, kind, kinds)
    counts = members * top[:, None]
    for _ in range(len(RATERS)):
        open_to = (counts < top[:, None] - 1) & ~members
        chance = np.where(open_to, np.log(_STRAY_VOTES) + rng.gumbel(size=counts.shape), -np.inf)
        wanting = np.flatnonzero(counts.sum(axis=1) < len(RATERS))
        counts[wanting, chance.argmax(axis=1)[wanting]] += 1
    votes = np.repeat(np.tile(np.arange(len(EMOTIONS)), len(kind)), counts.ravel()).reshape(len(kind), len(RATERS))
    return np.asarray(rng.permuted(votes, axis=1))


def _top_votes(rng: np.random.Generator, kind: NDArray[np.int64], kinds: Sequence[str]) -> NDArray[np.int64]:
    """How many raters voted for each emotion of the final label [shape=(utterances,)]."""
    top = np.zeros(len(kind), dtype=np.int64)
    for index, name in enumerate(kinds):
        rows = np.flatnonzero(kind == index)
        shares = _TOP_VOTES[_vote_row(name)]
        top[rows] = rng.choice(list(shares), p=list(shares.values()), size=len(rows))
    return top


def _vote_row(kind: str) -> str:
    if kind == "neutral":
        return kind
    return ("one", "two", "three", "more", "more")[kind.count(";")]


def _reports(
    rng: np.random.Generator,
    kind: NDArray[np.int64],
    user: NDArray[np.int64],
    *,
    scheme: RatingScheme,
    scale: int,
    speaker_sd: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Reports 1 to 5 [shape=(utterances, 10)] on one scale (0 valence, 1 arousal), and the latent behind them."""
    bias = rng.normal(0.0, RATER_BIAS_SD[scale], size=len(RATERS))
    bias -= bias.mean()
    spread = np.array(
        [scheme.utterance_sd["neutral" if name == "neutral" else "other"][scale] for name in scheme.kinds]
    )
    total = np.sqrt(spread**2 + speaker_sd**2 + RATER_SD[scale] ** 2)
    centres = np.array([latent_mean(m, sd, bias) for m, sd in zip(_kind_means(scheme, scale), total, strict=True)])
    latent = centres[kind] + spread[kind] * _centred(rng.standard_normal(len(kind)), kind)
    offset = _speaker_effects(rng, user, speaker_sd)
    heard = (latent + offset)[:, None] + bias + rng.normal(0.0, RATER_SD[scale], size=(len(kind), len(RATERS)))
    return np.clip(np.rint(heard), 1, 5).astype(np.int64), latent - scheme.corpus_mean[scale]


def _centred(values: NDArray[np.float64], kind: NDArray[np.int64]) -> NDArray[np.float64]:
    """The values minus the mean of their kind; a kind of one utterance keeps its value."""
    counts = np.bincount(kind)
    means = np.bincount(kind, weights=values) / np.maximum(counts, 1)
    return values - np.where(counts > 1, means, 0.0)[kind]


def _kind_means(scheme: RatingScheme, scale: int) -> list[float]:
    return [float(np.mean([scheme.class_means[name][scale] for name in kind.split(";")])) for kind in scheme.kinds]


def latent_mean(report: float, sd: float, bias: NDArray[np.float64]) -> float:
    """The mean of a normal latent whose rounded, clipped reports average ``report``.

    A report is 1 plus the number of thresholds 1.5, 2.5, 3.5, 4.5 below the latent, so its expectation is one plus a
    sum of normal tails, averaged over the raters' ``bias``.

    Parameters
    ----------
    report : float, 1 to 5
        Mean of the reports.
    sd : float, > 0
        Standard deviation of the latent.
    bias : ndarray, shape (raters,), float64
        Offset of each rater.

    Returns
    -------
    float
        Mean of the latent.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    thresholds = np.array([1.5, 2.5, 3.5, 4.5])[:, None]

    def excess(mean: float) -> float:
        return float(1 + norm.sf((thresholds - mean - bias) / sd).sum(axis=0).mean() - report)

    return float(brentq(excess, -5.0, 11.0))


def _speaker_effects(rng: np.random.Generator, user: NDArray[np.int64], sd: float) -> NDArray[np.float64]:
    """One offset per speaker, centred over utterances [shape=(utterances,)]."""
    effects = rng.normal(0.0, sd, size=int(user.max()) + 1)[user]
    return np.asarray(effects - effects.mean())
