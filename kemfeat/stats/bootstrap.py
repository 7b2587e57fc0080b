"""A score of a predictor and how it varies over speakers: the bootstrap that all metrics share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError
from kemfeat.plural import many
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
    value : float
        From all utterances pooled; NaN where it is not defined.
    n : int
        Utterances used.
    speakers : int
        Speakers of these utterances.
    drawn : ndarray, shape (resamples,)
        The number in every bootstrap sample of the speakers, NaN where a sample does not define it; empty for
        one speaker.
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
        define it. Equal limits are exact: every sample of these speakers gives the same number, as for predictions
        without an error, or for the difference of a predictor from itself.
        """
        if not np.isfinite(self.value) or self.defined < LEAST_DEFINED:
            return float("nan"), float("nan")
        low, high = np.nanquantile(self.drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return float(low), float(high)


def difference(mine: Score, other: Score) -> Score:
    """``mine - other``, paired: both in the same bootstrap samples of the same speakers.

    Parameters
    ----------
    mine, other : Score
        Scores of two predictors for the same utterances, from one seed.

    Returns
    -------
    Score

    Raises
    ------
    ConfigError
        The two differ in their number of utterances, speakers or resamples. The caller makes sure that the utterances
        are the same.

    Examples
    --------
    >>> from kemfeat.stats.bootstrap import difference
    >>> from kemfeat.stats.metrics import regression
    >>> truth, speakers = [1.0, 2.0, 3.0, 4.0], ["a", "a", "b", "b"]
    >>> near = regression(truth, [1.0, 2.0, 3.0, 3.5], speakers=speakers).scores["mae"]
    >>> far = regression(truth, [2.0, 2.0, 2.0, 3.0], speakers=speakers).scores["mae"]
    >>> difference(near, far).value
    -0.625
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
    """Scores and their bootstrap from one sum per speaker.

    Parameters
    ----------
    sums : ndarray, shape (speakers, ...)
        Sums over each speaker's utterances, which is all that a resample of speakers needs.
    compute : callable
        Takes sums of one sample, shape (...), or of many, shape (resamples, ...), and returns numbers by name, shape ()
        or (resamples,).
    n : int
        Utterances.
    resamples : int
        Bootstrap samples, each of as many speakers as there are, drawn with replacement.
    seed : int, >= 0
        Seed of the bootstrap; one seed draws the same speakers for every predictor.

    Returns
    -------
    dict of str to Score

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.bootstrap import scored
    >>> hits_and_n = np.array([[3.0, 4.0], [1.0, 4.0]])
    >>> found = scored(hits_and_n, lambda s: {"accuracy": s[..., 0] / s[..., 1]}, n=8, resamples=100, seed=0)
    >>> found["accuracy"].value, found["accuracy"].interval
    (0.5, (0.25, 0.75))
    """
    values = compute(sums.sum(axis=0))
    drawn = dict.fromkeys(values, np.empty(0))
    if len(sums) > 1:
        drawn = {**compute(np.tensordot(_weights(len(sums), resamples, seed), sums, axes=1))}
    return {name: Score(float(value), n, len(sums), drawn[name]) for name, value in values.items()}


def speaker_codes(speakers: Column, *, n: int) -> tuple[NDArray[np.intp], int]:
    """Number the speakers in the order of their names.

    Parameters
    ----------
    speakers : array_like, shape (n,)
        Speaker of every utterance.
    n : int
        Utterances.

    Returns
    -------
    codes : ndarray, shape (n,), int
        Number of the speaker of every utterance, from 0.
    count : int
        Number of speakers.

    Raises
    ------
    ConfigError
        There is no utterance, there are not ``n`` speakers, or some are missing.

    Examples
    --------
    >>> from kemfeat.stats.bootstrap import speaker_codes
    >>> codes, count = speaker_codes(["m1", "f1", "m1"], n=3)
    >>> codes.tolist(), count
    ([1, 0, 1], 2)
    """
    names = factor(speakers, name="speakers").remove_unused_categories()
    if n == 0:
        raise ConfigError("metrics: found no utterance; expected predictions for at least one")
    if len(names) != n or (names.codes < 0).any():
        raise ConfigError(
            f"metrics: found {int((names.codes >= 0).sum())} speakers for {n} utterances; expected one each"
        )
    return names.codes.astype(np.intp), len(names.categories)


def remarks_about_speakers(count: int) -> list[str]:
    """What a reader must know about intervals from so many speakers.

    Parameters
    ----------
    count : int, >= 1
        Number of speakers.

    Returns
    -------
    list of str
        Empty where there are enough.

    Examples
    --------
    >>> from kemfeat.stats.bootstrap import remarks_about_speakers
    >>> remarks_about_speakers(4), remarks_about_speakers(40)
    (['4 speakers: intervals from fewer than 10 are too narrow'], [])
    """
    if count == 1:
        return ["one speaker: no interval, since one says nothing about how speakers differ"]
    if count < FEW_SPEAKERS:
        return [f"{many(count, 'speaker')}: intervals from fewer than {FEW_SPEAKERS} are too narrow"]
    return []


def same_length(**columns: Column) -> None:
    """Refuse columns of different lengths.

    Parameters
    ----------
    **columns : array_like
        Columns by the name used in the error.

    Raises
    ------
    ConfigError
        Their lengths differ.

    Examples
    --------
    >>> from kemfeat.stats.bootstrap import same_length
    >>> same_length(truth=[1, 2], predicted=[1, 1])
    """
    lengths = {name: len(pd.Series(values)) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{length} {name}" for name, length in lengths.items())
        raise ConfigError(f"metrics: found {found}; expected one of each per utterance")


def _weights(speakers: int, resamples: int, seed: int) -> Floats:
    """How often each speaker is drawn, shape (resamples, speakers)."""
    drawn = np.random.default_rng(seed).multinomial(speakers, np.full(speakers, 1 / speakers), size=resamples)
    return drawn.astype(np.float64)
