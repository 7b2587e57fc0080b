"""What the nested analyses say of data that cannot bear them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import ConfigError
from kemfeat.stats.nested import cluster_means, cluster_robust, random_intercept
from tests.stats.nested.kit import balanced, robust, unbalanced


def test_a_group_in_one_cluster_is_named_and_the_rest_is_kept() -> None:
    data = unbalanced(7)
    rare = pd.DataFrame({"y": [1.0, 2.0, 4.0], "group": "rare", "id": 0})
    plain, result = robust(data), robust(pd.concat([data, rare]))
    text = "all values of rare are in one cluster"
    assert (result.F, result.df2) == (pytest.approx(plain.F), pytest.approx(plain.df2))
    assert result.reason == text
    last = result.table.set_index("term").loc["rare"]
    assert last["reason"] == text
    assert np.isnan(last[["se", "t", "df", "p", "ci_low"]].astype(float)).all()
    assert np.isfinite(last["estimate"])
    kept = result.pairs[result.pairs["b"] != "rare"]
    np.testing.assert_allclose(kept["p_holm"], plain.pairs["p_holm"])
    means = cluster_means(*(pd.concat([data, rare])[key] for key in ("y", "group", "id")))
    assert means.reason == text
    assert means.n_clusters > 0


def test_the_reference_is_the_first_group_that_can_be_compared() -> None:
    data = unbalanced(8)
    first = pd.DataFrame({"y": [1.0, 2.0], "group": "Aa", "id": 0})
    result = robust(pd.concat([first, data]))
    assert result.reference == "a"
    assert list(result.table["term"]) == ["(Intercept)", "Aa", "b", "c"]
    assert np.isfinite(result.table["p"]).tolist() == [True, False, True, True]


def test_a_group_without_values_is_listed() -> None:
    data = unbalanced(9)
    data.loc[data["group"] == "b", "y"] = np.nan
    result = robust(data)
    assert result.n_dropped == data["y"].isna().sum()
    row = result.table.set_index("term").loc["b"]
    assert (row["reason"], np.isnan(row["estimate"])) == ("b has no value", True)
    assert result.df1 == 1
    unused = pd.Categorical(unbalanced(9)["group"], categories=["c", "b", "a", "never"])
    ordered = cluster_robust(unbalanced(9)["y"], unused, unbalanced(9)["id"])
    assert list(ordered.table["term"]) == ["(Intercept)", "b", "a", "never"]
    assert ordered.reason == "never has no value"


def test_rows_with_a_missing_label_or_value_are_dropped_and_counted() -> None:
    data = unbalanced(10)
    holes = pd.DataFrame(
        {"y": [np.nan, np.inf, 1.0, 1.0], "group": ["a", "a", None, "a"], "id": [1.0, 1.0, 1.0, np.nan]}
    )
    plain, result = robust(data), robust(pd.concat([data, holes]))
    assert (result.n, result.n_dropped, result.F) == (plain.n, 4, pytest.approx(plain.F))


@pytest.mark.parametrize("scale", [1e-200, 1e-140, 1e90])
def test_values_whose_squares_leave_the_range_of_a_double(scale: float) -> None:
    data = unbalanced(11)
    plain, result = robust(data), robust(data.assign(y=data["y"] * scale))
    np.testing.assert_allclose([result.F, result.p], [plain.F, plain.p], rtol=1e-9)
    means = [cluster_means(data["y"] * factor, data["group"], data["id"]).F for factor in (1.0, scale)]
    assert means[1] == pytest.approx(means[0], rel=1e-9)


@pytest.mark.parametrize(
    ("y", "group", "cluster"),
    [
        ([0.1, 0.1, 0.1], "bab", [0, 1, 1]),
        ([3, -2.5, -2.5, 3, -2.5, 0, -2.5, -2.5, -2.5], "bcbcbacaa", [1, 0, 0, 1, 3, 0, 3, 1, 2]),
    ],
    ids=["mean of equal values is not quite their value", "two groups move together"],
)
def test_rounding_is_no_variance(y: list[float], group: str, cluster: list[int]) -> None:
    pairs = cluster_robust(y, list(group), cluster).pairs
    assert "the means do not vary from cluster to cluster" in set(pairs["reason"]) or not np.ptp(y)
    assert (pairs["p"].isna() == (pairs["reason"] != "")).all()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (pd.DataFrame({"y": [1.0, 2, 3, 4], "group": list("aabb"), "id": 0}), "are in one cluster"),
        (pd.DataFrame({"y": [1.0, 2, 3, 4], "group": list("aabb"), "id": list("aabb")}), "are in one cluster"),
        (pd.DataFrame({"y": [1.0, 2, 3, 4], "group": "a", "id": [1, 1, 2, 2]}), "fewer than two groups"),
        (pd.DataFrame({"y": [5.0], "group": ["a"], "id": [1]}), "are in one cluster"),
        (pd.DataFrame({"y": 0.1, "group": list("abab"), "id": [1, 1, 2, 2]}), "too few directions"),
        (pd.DataFrame({"y": [0.1, 0.7] * 3, "group": list("ab") * 3, "id": [1, 1, 2, 2, 3, 3]}), "too few directions"),
        (
            pd.DataFrame({"y": [1.0, 2, 5, 3, 3, 9], "group": list("abcabc"), "id": [1, 1, 1, 2, 2, 2]}),
            "the 2 clusters vary in too few directions to compare 3 groups at once",
        ),
    ],
    ids=["one cluster", "group is cluster", "one group", "one value", "constant", "same in clusters", "two clusters"],
)
def test_what_cannot_be_tested_is_nan_with_a_reason(data: pd.DataFrame, why: str) -> None:
    result = robust(data)
    assert math.isnan(result.F)
    assert math.isnan(result.p)
    assert why in result.reason
    assert (result.pairs["p"].notna() == (result.pairs["reason"] == "")).all()
    means = cluster_means(data["y"], data["group"], data["id"])
    assert math.isnan(means.F)
    assert means.reason
    assert (means.pairs["p"].notna() == (means.pairs["reason"] == "")).all()
    fit = random_intercept(data["y"], data["group"], data["id"])
    assert math.isnan(fit.icc) == bool(fit.reason)


def test_constant_clusters_have_an_icc_of_almost_one() -> None:
    data = balanced(1, groups=1).assign(y=lambda d: d["id"] ** 2 / 7)
    result = robust(data)
    assert result.icc_null == pytest.approx(1, abs=1e-5)
    assert result.effective_n == pytest.approx(8, rel=1e-4)


@pytest.mark.parametrize(
    ("values", "groups", "clusters", "message"),
    [
        ([1.0, 2.0], ["a"], [1, 2], "2 values, 1 groups and 2 clusters"),
        (["x", "y"], ["a", "b"], [1, 2], "values are not a one-dimensional sequence of numbers"),
        (np.ones((2, 2)), ["a", "b"], [1, 2], "values are not a one-dimensional sequence of numbers"),
        ([1.0, 2.0], np.ones((2, 2)), [1, 2], "groups are not a one-dimensional sequence of labels"),
        ([np.nan, 2.0], ["a", None], [1, 2], "none of the 2 rows"),
        ([], [], [], "none of the 0 rows"),
        ([1e200, 2.0], ["a", "b"], [1, 2], "look for a fill value"),
    ],
)
@pytest.mark.parametrize("analyse", [cluster_robust, cluster_means, random_intercept])
def test_unusable_input_is_refused_with_a_sentence(
    analyse: Any, values: Any, groups: Any, clusters: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        analyse(values, groups, clusters)


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 3.0, -2.5, math.nan]), st.sampled_from("abc"), st.integers(0, 3)),
        min_size=1,
        max_size=14,
    )
)
@settings(deadline=None, max_examples=150)
def test_no_small_table_crashes_and_every_nan_has_a_reason(rows: list[tuple[float, str, int]]) -> None:
    y, group, cluster = zip(*rows, strict=True)
    if all(math.isnan(value) for value in y):
        return
    result, means = cluster_robust(y, group, cluster), cluster_means(y, group, cluster)
    assert math.isfinite(result.p) or result.reason
    assert math.isfinite(means.p) or means.reason
    for pairs in (result.pairs, means.pairs, result.table):
        assert (pairs["p"].notna() | (pairs["reason"] != "")).all()
        assert (pairs["p"].isna() | (pairs["reason"] == "")).all()
