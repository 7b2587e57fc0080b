from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kemfeat.errors import ConfigError
from kemfeat.stats.dtw._ragged import as_arrays, end_to_end


def test_series_lie_in_lanes_with_zeros_behind_their_end():
    ragged = end_to_end(as_arrays([[1, 2, 3], [4], [5, 6]], dtype="float64"), dtype="float64")
    np.testing.assert_array_equal(ragged.lengths, [3, 1, 2])
    np.testing.assert_array_equal(ragged.in_lanes()[:, 0], [[1, 4, 5], [2, 0, 6], [3, 0, 0]])
    np.testing.assert_array_equal(ragged.part(1, 3).in_lanes()[:, 0], [[4, 5], [0, 6]])


def test_nothing_is_laid_end_to_end_too():
    assert len(end_to_end([], dtype="float32")) == 0


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ([[1.0], []], "series 1 has shape"),
        ([[1.0], 2.0], "series 1 has shape"),
        ([np.zeros((2, 0))], "series 0 has shape"),
        ([np.zeros((2, 2, 2))], "series 0 has shape"),
        ([np.zeros((2, 2)), np.zeros(2)], "series 1 has 1 numbers per sample, series 0 has 2"),
        ([[1.0, np.nan]], "series 0 contains NaN or infinity"),
        ([[1e300]], "series 0 contains NaN or infinity .as float32"),
        ([["warm"]], "series 0 is not an array of numbers"),
        ([[[1.0], [1.0, 2.0]]], "series 0 is not an array of numbers"),
    ],
)
def test_a_series_that_cannot_be_compared_is_named(series: Any, message: str):
    with pytest.raises(ConfigError, match=message):
        as_arrays(series, dtype="float32")
