"""Tables of units by raters, as users pass them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError


def as_table(ratings: ArrayLike) -> NDArray[Any]:
    """Ratings as a table of objects, one row per unit and one column per rater."""
    table = np.array(ratings, dtype=object)
    if table.ndim != 2 or 0 in table.shape:
        raise ConfigError(
            f"agreement: found ratings of shape {table.shape}; expected one row per unit and one column per rater"
        )
    return table


def is_missing(table: NDArray[Any]) -> NDArray[np.bool_]:
    """Infinite ratings count as missing: no rater gives one, so it means something else."""
    flat = [pd.isna(value) or (isinstance(value, float) and np.isinf(value)) for value in table.ravel().tolist()]
    return np.array(flat, dtype=bool).reshape(table.shape)


def as_numbers(ratings: ArrayLike, *, instead: str = "level='nominal'") -> Floats:
    """Ratings as numbers, NaN where one is missing; ``instead`` is the setting that takes labels."""
    table = as_table(ratings)
    try:
        return np.where(is_missing(table), np.nan, table).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"agreement: the ratings are not numbers ({error}); use {instead} for labels") from None


def cluster_codes(clusters: ArrayLike, used: NDArray[np.bool_], *, name: str) -> NDArray[np.intp]:
    """Number of the cluster of each unit that is ``used``, from 0."""
    names = np.asarray(clusters)
    if names.shape != used.shape:
        raise ConfigError(f"{name}: found clusters of shape {names.shape}; expected one for each of {len(used)} units")
    if pd.isna(pd.Series(names)[used]).any():
        raise ConfigError(
            f"{name}: a unit with ratings has no cluster; expected one for each: leave out units without a cluster"
        )
    return np.unique(names[used].astype(str), return_inverse=True)[1]
