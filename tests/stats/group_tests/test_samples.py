"""Sorting values into groups: nothing lost without being counted, no digit lost to an offset."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from kemfeat.errors import ConfigError
from kemfeat.stats.group_tests._samples import flaws, moments, split


def test_rows_that_cannot_count_are_counted() -> None:
    samples = split([1.0, math.nan, 3.0, math.inf, 5.0, 6.0], ["b", "b", "a", "c", None, "b"])
    assert samples.labels == ("a", "b")
    assert [array.tolist() for array in samples.arrays] == [[3.0], [1.0, 6.0]]
    assert samples.missing == {"a": 0, "b": 1, "c": 1}
    assert samples.dropped == 3


@pytest.mark.parametrize(
    "values",
    [[1, 2, None, 4], pd.Series([1, 2, None, 4], dtype="Float64"), np.array([1, 2, np.nan, 4], dtype=np.float32)],
)
def test_missing_values_of_any_kind(values: object) -> None:
    samples = split(values, ["a", "a", "b", "b"])  # type: ignore[arg-type]
    assert [array.tolist() for array in samples.arrays] == [[1.0, 2.0], [4.0]]


def test_an_index_does_not_realign_the_rows() -> None:
    samples = split(pd.Series([1.0, 2.0], index=[7, 8]), pd.Series(["a", "b"], index=[8, 7]))
    assert dict(zip(samples.labels, samples.arrays, strict=True))["a"].tolist() == [1.0]


def test_categories_keep_their_order() -> None:
    groups = pd.Categorical(["x", "y", "y"], categories=["y", "never", "x"])
    samples = split([1.0, 2.0, 3.0], groups)
    assert samples.labels == ("y", "x")
    assert samples.missing == {"y": 0, "never": 0, "x": 0}


@pytest.mark.parametrize(
    ("values", "groups", "match"),
    [
        ([1.0, 2.0], ["a"], "2 values but 1 group labels"),
        (["low", "high"], ["a", "b"], "values are not"),
        ([[1.0], [2.0]], ["a", "b"], "values are not"),
        ([1.0, 2.0], [["a"], ["b"]], "groups are not"),
    ],
)
def test_what_is_not_two_rows_is_refused(values: list[object], groups: list[object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        split(values, groups)


def test_equal_values_have_no_variance_not_even_rounding() -> None:
    summary = moments(split([0.1] * 10 + [0.7, 0.8], ["a"] * 10 + ["b"] * 2))
    assert summary.variance[0] == 0.0
    assert summary.variance[1] == pytest.approx(0.005)


def test_flaws_name_the_group() -> None:
    assert flaws(split([1, 2, 2, 3, 4], ["one", "flat", "flat", "fine", "fine"])) == [
        "",
        "zero variance in flat",
        "one value in one",
    ]


def test_centring_is_exact_for_a_large_offset() -> None:
    small = np.array([0.0, 0.25, 0.5, 1.0, 4.0])
    centre, samples = split(small + 1e9, list("aabbb")).centred()
    assert centre == 1e9 + 0.5
    assert samples.pooled.tolist() == (small - 0.5).tolist()
