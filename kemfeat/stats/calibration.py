"""How far predicted probabilities can be taken at their word.

Predictions are put into bins of equal width by the probability of the predicted class, its confidence. The expected
calibration error (Naeini, Cooper and Hauskrecht 2015, AAAI; Guo et al. 2017, ICML) is

    ECE = sum over bins of n_bin / n * |accuracy of the bin - mean confidence of the bin|.

It is never negative, so it is above 0 for few predictions even where the probabilities are right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError
from kemfeat.stats.bootstrap import RESAMPLES, Score, same_length, scored, speaker_codes
from kemfeat.stats.columns import Column, numbers

__all__ = ["BINS", "Calibration", "calibration"]

BINS = 15
"""As many as Guo et al. used."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """How confidence and accuracy are related.

    Parameters
    ----------
    error : Score, 0 to 1
        The expected calibration error.
    bins : DataFrame
        ``low high n confidence accuracy``, one row per bin; the last two are NaN where no prediction is in the bin.
    """

    error: Score
    bins: pd.DataFrame


def calibration(
    confidence: Column,
    right: Column,
    *,
    speakers: Column,
    bins: int = BINS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Calibration:
    """Compare confidence with accuracy.

    Parameters
    ----------
    confidence : array_like, shape (n,), 0 to 1
        Probability of the predicted class of each utterance.
    right : array_like, shape (n,), bool
        Whether that is the true class.
    speakers : array_like, shape (n,)
        Speaker of each utterance; the bootstrap draws whole speakers.
    bins : int, >= 1
        Bins of equal width; a confidence on the border of two belongs to the lower one, as Guo et al. have it.
    resamples : int
        Bootstrap samples.
    seed : int, >= 0
        Seed of the bootstrap.

    Returns
    -------
    Calibration

    Raises
    ------
    ConfigError
        There is no utterance, lengths differ, a speaker is missing, or a confidence is not between 0 and 1.

    Examples
    --------
    >>> from kemfeat.stats.calibration import calibration
    >>> found = calibration([0.9, 0.9, 0.6, 0.6], [True, True, True, False], speakers=["f1", "f1", "m1", "m1"], bins=2)
    >>> round(found.error.value, 4)
    0.0
    >>> found.bins["n"].tolist()
    [0, 4]
    """
    same_length(confidence=confidence, right=right)
    said, hit = numbers(confidence), np.asarray(right, dtype=bool)
    odd = said[~((said >= 0) & (said <= 1))]
    if odd.size:
        raise ConfigError(f"calibration: found a confidence of {odd[0]}; expected 0 to 1")
    who, count = speaker_codes(speakers, n=len(said))
    edges = np.linspace(0, 1, bins + 1)
    which = np.clip(np.searchsorted(edges, said, side="left") - 1, 0, bins - 1)
    sums = np.zeros((count, bins, 3))
    np.add.at(sums, (who, which), np.stack([np.ones_like(said), said, hit], axis=1))
    error = scored(sums, _error, n=len(said), resamples=resamples, seed=seed)["ece"]
    return Calibration(error=error, bins=_table(sums.sum(axis=0), edges))


def _error(sums: Floats) -> dict[str, Floats]:
    """ECE from counts, confidence and hits per bin, shape (..., bins, 3)."""
    return {"ece": np.abs(sums[..., 2] - sums[..., 1]).sum(axis=-1) / sums[..., 0].sum(axis=-1)}


def _table(sums: Floats, edges: Floats) -> pd.DataFrame:
    n, confidence, hits = sums.T
    with np.errstate(invalid="ignore"):
        means = {"confidence": confidence / n, "accuracy": hits / n}
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "n": n.astype(np.int64), **means})
