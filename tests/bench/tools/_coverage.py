"""What the simulations of intervals have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

SEED = 11
EFFECT = np.array([0.0, 0.4, 0.8])
"""Means of three groups, in units of the residual standard deviation."""
LEVEL, RESPONSE = 0.8, 0.6
"""Standard deviations of a speaker's level and of a speaker's own response to an emotion, in the same unit."""

Held = dict[str, bool]
"""By interval, whether it contains the truth in one data set; an interval that is not given is left out."""
Family = Callable[[int, np.random.Generator], Held]


def held(name: str, limits: Sequence[float], truth: float) -> Held:
    """Whether an interval contains the truth."""
    low, high = limits
    return {name: bool(low <= truth <= high)} if np.isfinite([low, high]).all() else {}


def limits(rows: pd.DataFrame, low: str = "ci_low", high: str = "ci_high") -> tuple[float, float]:
    """The interval in the first row of a table."""
    return float(rows[low].iloc[0]), float(rows[high].iloc[0])
