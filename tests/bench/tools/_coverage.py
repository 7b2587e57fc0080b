"""What the simulations of intervals have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SEED = 11
EFFECT = np.array([0.0, 0.4, 0.8])
"""Means of three groups, in units of the residual standard deviation."""
LEVEL, RESPONSE = 0.8, 0.6
"""Standard deviations of a speaker's level and of a speaker's own response to an emotion, in the same unit."""

Held = dict[str, bool]
"""By interval, whether it contains the truth in one data set; an interval that is not given is left out."""
Family = Callable[[int, np.random.Generator], Held]
Utterances = tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]
"""Values, emotions and speakers."""


def responding(
    speakers: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
    """Values, emotions and speakers of 30 utterances of each speaker, who respond to an emotion in their own way."""
    speaker, emotion = np.repeat(np.arange(speakers), 30), np.tile(np.arange(3), speakers * 10)
    own = LEVEL * rng.normal(size=(speakers, 1)) + RESPONSE * rng.normal(size=(speakers, 3))
    return EFFECT[emotion] + own[speaker, emotion] + rng.normal(size=len(speaker)), emotion, speaker


def held(name: str, limits: Sequence[float], truth: float) -> Held:
    """Whether an interval contains the truth."""
    low, high = limits
    return {name: bool(low <= truth <= high)} if np.isfinite([low, high]).all() else {}


def limits(rows: pd.DataFrame, low: str = "ci_low", high: str = "ci_high") -> tuple[float, float]:
    """The interval in the first row of a table."""
    return float(rows[low].iloc[0]), float(rows[high].iloc[0])
