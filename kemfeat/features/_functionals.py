"""Features of one number for each name: columns of the utterances, and the same as one array for models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kemfeat.records import FeatureArray, FeatureSpec


def spec_of(name: str, columns: Mapping[str, str]) -> FeatureSpec:
    """The array of all numbers of a feature.

    Parameters
    ----------
    name : str
        Name of the feature, and of the array.
    columns : mapping of str to str
        Type of each column.

    Returns
    -------
    FeatureSpec
        Shape (1, columns that are numbers): the whole utterance is one step in time.
    """
    return FeatureSpec(
        name=name,
        dims=("whole", f"{name}_functional"),
        shape=(1, len(_numbers(columns))),
        dtype="float32",
        pad=float("nan"),
        fill=float("nan"),
        unit="1",
        description=f"the columns {name}.* that are numbers, each in its own unit, in their order",
    )


def with_array(name: str, values: Mapping[str, Any], columns: Mapping[str, str]) -> FeatureArray:
    """The columns of an utterance, and the array of them.

    Parameters
    ----------
    name : str
        Name of the feature.
    values : mapping of str to object
        Cell of each column; None where it is missing.
    columns : mapping of str to str
        Type of each column.

    Returns
    -------
    FeatureArray
        NaN in the array where a cell is missing.
    """
    row = [np.nan if values[each] is None else float(values[each]) for each in _numbers(columns)]
    return FeatureArray({name: np.array([row], dtype=np.float32)}, values)


def _numbers(columns: Mapping[str, str]) -> list[str]:
    return [name for name, kind in columns.items() if kind != "string"]
