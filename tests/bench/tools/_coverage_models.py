"""Intervals of models, of Cliff's delta and of kappas, for the utterances of speakers."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from kemfeat.stats.clustered_effects import clustered_effects
from kemfeat.stats.kappa import kappas
from kemfeat.stats.mixed import mixed_model
from kemfeat.stats.ordinal import ordinal_model
from kemfeat.stats.rotating_icc import rotating_icc
from kemfeat.stats.slopes import random_slopes
from tests.bench.tools._coverage import EFFECT, LEVEL, RESPONSE, SEED, Family, Held, held, limits, responding

NAMES = {"gwet_ac": "Gwet's AC2", "fleiss_kappa": "Fleiss' kappa", "conger_kappa": "Conger's kappa"}
MANY = 3000
"""Speakers that stand for the truth where it has no formula."""
BETWEEN = EFFECT[0] - EFFECT[1]
BIAS = 0.3 * np.array([-1, -0.5, 0, 0.5, 1])
"""How much each of five raters sees in every utterance."""
Ratings = tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]
"""Ratings by five raters, emotion and speaker of each utterance."""


def own_responses(speakers: int, rng: np.random.Generator) -> Held:
    """Three emotions within speakers, who respond each in their own way; 30 utterances each."""
    values, emotion, speaker = responding(speakers, rng)
    delta = limits(clustered_effects(values, emotion, speaker), "delta_low", "delta_high")
    # The difference of two utterances, of two speakers as nearly all pairs are, is normal.
    truth = 2 * norm.cdf(BETWEEN / np.sqrt(2 * (1 + LEVEL**2 + RESPONSE**2))) - 1
    return {
        **held("random slopes, one pair", limits(random_slopes(values, emotion, speaker).pairs), BETWEEN),
        **held("Cliff's delta over speakers", delta, truth),
    }


def crossed_sentences(speakers: int, rng: np.random.Generator) -> Held:
    """Every speaker says the same 30 sentences, ten of each emotion; speakers and sentences differ in level."""
    speaker, sentence = np.repeat(np.arange(speakers), 30), np.tile(np.arange(30), speakers)
    emotion = sentence % 3
    level = LEVEL * rng.normal(size=speakers)[speaker] + 0.5 * rng.normal(size=30)[sentence]
    values = EFFECT[emotion] + level + rng.normal(size=len(speaker))
    found = mixed_model(values, emotion, {"speaker": speaker, "sentence": sentence})
    return held("mixed model with crossed effects, one pair", limits(found.pairs), BETWEEN)


def _judged(speakers: int, rng: np.random.Generator) -> Ratings:
    """Ratings from 1 to 5 of utterances whose logit differs from emotion to emotion and from speaker to speaker."""
    speaker, emotion = np.repeat(np.arange(speakers), 30), np.tile(np.arange(3), speakers * 10)
    truth = 1.5 * EFFECT[emotion] + LEVEL * rng.normal(size=speakers)[speaker] + rng.normal(size=len(speaker))
    said = 3 + truth[:, None] + BIAS + 0.5 * rng.logistic(size=(len(speaker), 5))
    return np.clip(np.rint(said), 1, 5), emotion, speaker


def _rotated(ratings: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Each utterance is judged by three of the five."""
    absent = rng.random(ratings.shape).argsort(axis=1) >= 3
    return np.where(absent, np.nan, ratings)


def _coefficients(ratings: NDArray[np.float64], speaker: NDArray[np.intp] | None) -> pd.DataFrame:
    return kappas(ratings, weights="quadratic", clusters=speaker).set_index("coefficient")


@cache
def _true_kappas() -> pd.Series:
    rng = np.random.default_rng(SEED)
    return _coefficients(_rotated(_judged(MANY, rng)[0], rng), None)["value"]


@cache
def _true_odds() -> float:
    ratings, emotion, speaker = _judged(MANY // 10, np.random.default_rng(SEED))
    return float(ordinal_model(ratings[:, 0], emotion, speaker).pairs["log_odds"].iloc[0])


@cache
def _true_rotating() -> float:
    rng = np.random.default_rng(SEED)
    return float(rotating_icc(_rotated(_judged(MANY, rng)[0], rng))["icc"].iloc[0])


def judges(speakers: int, rng: np.random.Generator) -> Held:
    """Five raters, of whom three judge each utterance; 30 utterances of each speaker."""
    ratings, emotion, speaker = _judged(speakers, rng)
    rotated = _rotated(ratings, rng)
    found = _coefficients(rotated, speaker)
    odds = ordinal_model(ratings[:, 0], emotion, speaker).pairs
    icc = limits(rotating_icc(rotated, clusters=speaker))
    found_in = {
        **held("ordinal model, logarithm of odds, one pair", limits(odds), _true_odds()),
        **held("ICC of rotating raters over speakers", icc, _true_rotating()),
    }
    for name, spoken in NAMES.items():
        found_in |= held(f"{spoken} over speakers", limits(found.loc[[name]]), _true_kappas()[name])
    return found_in


FAMILIES: tuple[Family, ...] = (own_responses, crossed_sentences, judges)
