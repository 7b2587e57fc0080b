"""Rows of values and labels as users hand them over: lists, arrays, columns of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError

Column = Sequence[Any] | NDArray[Any] | pd.Index | pd.Series
"""A row of values or labels, as a column of a table or a list holds it."""


def numbers(values: Column) -> Floats:
    """Values as float64 [shape=(n,)], None and NA as NaN.

    Raises
    ------
    ConfigError
        They are not a one-dimensional row of numbers.
    """
    try:
        return pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"values are not a one-dimensional row of numbers ({error})") from error


def factor(labels: Column, *, name: str = "groups") -> pd.Categorical[Any]:
    """Labels as categories, sorted unless they were a Categorical; ``name`` is used in the message.

    Raises
    ------
    ConfigError
        They are not a one-dimensional row of labels.
    """
    try:
        return pd.Categorical(labels)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ConfigError(f"{name} are not a one-dimensional row of labels ({error})") from error
