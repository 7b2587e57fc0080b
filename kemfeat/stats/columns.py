"""Values and labels as users pass them: lists, arrays, columns of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError

Column = Sequence[Any] | NDArray[Any] | pd.Index | pd.Series
"""Values or labels in a list, an array or a column of a table."""


def numbers(values: Column) -> Floats:
    """Values in double precision, None and NA as NaN.

    Parameters
    ----------
    values : array_like, shape (n,)
        Numbers, or None and NA where one is missing.

    Returns
    -------
    ndarray, shape (n,), float64

    Raises
    ------
    ConfigError
        The values are not one-dimensional, or not numbers.

    Examples
    --------
    >>> from kemfeat.stats.columns import numbers
    >>> numbers([1, None, 2.5]).tolist()
    [1.0, nan, 2.5]
    """
    try:
        return pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"values are not a one-dimensional sequence of numbers ({error})") from error


def factor(labels: Column, *, name: str = "groups") -> pd.Categorical[Any]:
    """Labels as categories, sorted unless they were a Categorical.

    Parameters
    ----------
    labels : array_like, shape (n,)
        Text, numbers or categories; None and NaN are missing.
    name : str
        What the labels are called in an error.

    Returns
    -------
    pandas.Categorical, length n

    Raises
    ------
    ConfigError
        The labels are not one-dimensional, or cannot be sorted.

    Examples
    --------
    >>> from kemfeat.stats.columns import factor
    >>> list(factor(["sad", "angry", "sad"]).categories)
    ['angry', 'sad']
    """
    try:
        return pd.Categorical(labels)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ConfigError(f"{name} are not a one-dimensional sequence of labels ({error})") from error
