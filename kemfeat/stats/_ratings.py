"""Tables of units by raters, as users pass them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError
from kemfeat.stats.rounding import tied


def as_table(ratings: ArrayLike) -> NDArray[Any]:
    """Ratings as a table of objects, one row per unit and one column per rater."""
    table = np.array(ratings, dtype=object)
    if table.ndim != 2 or 0 in table.shape:
        raise ConfigError(
            f"agreement: found ratings of shape {table.shape}; expected one row per unit and one column per rater"
        )
    return table


def as_categories(ratings: ArrayLike) -> NDArray[Any]:
    """Ratings as labels, None where one is missing; numbers that only rounding sets apart are one label."""
    table = as_table(ratings)
    flat = table.ravel()
    flat[[bool(pd.isna(value)) for value in flat.tolist()]] = None
    real = np.array([isinstance(value, float) for value in flat.tolist()], dtype=bool)
    numbers = flat[real].astype(np.float64)
    _refuse_infinite(table)
    flat[real] = tied(numbers)
    return flat.reshape(table.shape)


def as_numbers(ratings: ArrayLike, *, instead: str = "level='nominal'") -> Floats:
    """Ratings as numbers, NaN where one is missing; ``instead`` is the setting that takes labels."""
    table = as_table(ratings)
    missing = np.array([bool(pd.isna(value)) for value in table.ravel().tolist()]).reshape(table.shape)
    try:
        numbers = np.where(missing, np.nan, table).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"agreement: the ratings are not numbers ({error}); use {instead} for labels") from None
    _refuse_infinite(table)
    return numbers


def _refuse_infinite(table: NDArray[Any]) -> None:
    """No rater gives an infinite rating, so it means something else."""
    infinite = [isinstance(value, float) and bool(np.isinf(value)) for value in table.ravel().tolist()]
    if any(infinite):
        unit, rater = divmod(infinite.index(True), table.shape[1])
        raise ConfigError(
            f"agreement: found {sum(infinite)} infinite rating(s), the first by rater {rater} of unit {unit} (from 0); "
            "expected finite ones; put None or NaN where a rater did not judge"
        )


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
