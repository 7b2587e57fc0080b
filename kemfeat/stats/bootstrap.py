"""A number about a predictor, and how it varies over speakers: the bootstrap that every metric shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError
from kemfeat.stats.columns import Column, factor

RESAMPLES = 2000
CONFIDENCE = 0.95
LEAST_DEFINED = 0.5
"""Share of the resamples that must define a number for it to have an interval."""
FEW_SPEAKERS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """A number computed from utterances of several speakers.

    Parameters
    ----------
    value : of all utterances pooled; NaN where it is not defined.
    n : utterances it is made of.
    speakers : speakers of these utterances.
    drawn : the number in every bootstrap sample of the speakers, NaN where a sample does not define it; empty where
        there is one speaker [shape=(resamples,)].
    """

    value: float
    n: int
    speakers: int
    drawn: Floats

    @property
    def defined(self) -> float:
        """Share of the bootstrap samples that define the number, 0 to 1."""
        return float(np.isfinite(self.drawn).mean()) if self.drawn.size else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % percentile interval (Efron and Tibshirani 1993, An Introduction to the Bootstrap, 13.3).

        NaN where the number is not defined, where there is one speaker, and where fewer than half of the samples
        define it.
        """
        if not np.isfinite(self.value) or self.defined < LEAST_DEFINED:
            return float("nan"), float("nan")
        low, high = np.nanquantile(self.drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return float(low), float(high)


def difference(mine: Score, other: Score) -> Score:
    """``mine - other``, paired: both in the same bootstrap samples of the same speakers.

    Raises
    ------
    ConfigError
        The two are not made of as many utterances, speakers and resamples. That they are the same utterances is for
        the caller to see to.
    """
    sizes = [(score.n, score.speakers, len(score.drawn)) for score in (mine, other)]
    if sizes[0] != sizes[1]:
        raise ConfigError(
            f"difference: found (utterances, speakers, resamples) {sizes[0]} and {sizes[1]}; expected the same; "
            "compare predictions for the same utterances"
        )
    return Score(mine.value - other.value, mine.n, mine.speakers, mine.drawn - other.drawn)


def scored(
    sums: Floats, compute: Callable[[Floats], Mapping[str, Floats]], *, n: int, resamples: int, seed: int
) -> dict[str, Score]:
    """Scores from sums over each speaker's utterances, which is all that a resample of speakers needs.

    Parameters
    ----------
    sums : per speaker [shape=(speakers, ...)].
    compute : from sums of one sample or of many [shape=(..., ...)] to numbers by name [shape=(...,)].
    n : utterances.
    resamples : bootstrap samples, each of as many speakers as there are, drawn with replacement.
    seed : of the bootstrap; one seed draws the same speakers for every predictor.
    """
    values = compute(sums.sum(axis=0))
    drawn = dict.fromkeys(values, np.empty(0))
    if len(sums) > 1:
        drawn = {**compute(np.tensordot(_weights(len(sums), resamples, seed), sums, axes=1))}
    return {name: Score(float(value), n, len(sums), drawn[name]) for name, value in values.items()}


def speaker_codes(speakers: Column, *, n: int) -> tuple[NDArray[np.intp], int]:
    """Number of the speaker of every utterance [shape=(n,)], in order of their names, and how many there are.

    Raises
    ------
    ConfigError
        There is no utterance, there are not ``n`` speakers, or some are missing.
    """
    names = factor(speakers, name="speakers").remove_unused_categories()
    if n == 0:
        raise ConfigError("metrics: found no utterance; expected predictions for at least one")
    if len(names) != n or (names.codes < 0).any():
        raise ConfigError(f"metrics: found {int((names.codes >= 0).sum())} speakers for {n} utterances; name one each")
    return names.codes.astype(np.intp), len(names.categories)


def remarks_about_speakers(count: int) -> list[str]:
    """What a reader must know about intervals from so many speakers."""
    if count == 1:
        return ["one speaker: no interval, since one says nothing about how speakers differ"]
    if count < FEW_SPEAKERS:
        return [f"{count} speakers: intervals from fewer than {FEW_SPEAKERS} are too narrow"]
    return []


def same_length(**columns: Column) -> None:
    """Refuse columns of different lengths.

    Raises
    ------
    ConfigError
        They differ.
    """
    lengths = {name: len(pd.Series(values)) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{length} {name}" for name, length in lengths.items())
        raise ConfigError(f"metrics: found {found}; expected one of each per utterance")


def _weights(speakers: int, resamples: int, seed: int) -> Floats:
    """How often each speaker is drawn [shape=(resamples, speakers)]."""
    drawn = np.random.default_rng(seed).multinomial(speakers, np.full(speakers, 1 / speakers), size=resamples)
    return drawn.astype(np.float64)
