"""Description of groups: R's Shapiro, SciPy's bootstrap, and what cannot be said of small groups."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from kemfeat.errors import ConfigError
from kemfeat.stats.group_tests import describe
from kemfeat.stats.group_tests._describe import mean_interval

SKEWED = [1.0, 1.2, 1.1, 1.9, 3.4, 1.3, 2.2, 7.5, 1.6, 1.4, 2.8, 1.05]


def row_of(table: pd.DataFrame, label: object) -> pd.Series:
    return table.set_index("group").loc[label]


def test_one_row_for_every_label_with_its_missing_values() -> None:
    table = describe([1.0, 2.0, 4.0, np.nan, np.nan], ["b", "b", "b", "b", "a"])
    assert table["group"].tolist() == ["a", "b"]
    assert table["n"].tolist() == [0, 3]
    assert table["missing"].tolist() == [1, 1]
    assert row_of(table, "a")["reason"] == "no value"


def test_numbers_equal_pandas() -> None:
    row, series = row_of(describe(SKEWED, ["x"] * len(SKEWED)), "x"), pd.Series(SKEWED)
    expected = (series.mean(), series.std(), series.median(), series.skew(), series.kurt())
    assert tuple(row[["mean", "sd", "median", "skew", "kurtosis"]]) == pytest.approx(expected, rel=1e-12)
    assert row["reason"] == ""


def test_interval_is_the_bca_bootstrap() -> None:
    twice = np.repeat(SKEWED, 2)
    row = row_of(describe(twice, ["x"] * len(twice), resamples=20_000), "x")
    oracle = stats.bootstrap((twice,), np.mean, n_resamples=20_000, rng=1, method="BCa").confidence_interval
    n = len(twice)
    wider = stats.t.isf(0.025, n - 1) / stats.norm.isf(0.025) * np.sqrt(n / (n - 1))
    expected = row["mean"] + wider * (np.array([oracle.low, oracle.high]) - row["mean"])
    assert row[["ci_low", "ci_high"]].tolist() == pytest.approx(expected.tolist(), rel=0.04)
    assert row["ci_high"] - row["mean"] > row["mean"] - row["ci_low"]


def test_few_values_have_students_interval() -> None:
    row, found = row_of(describe(SKEWED, ["x"] * len(SKEWED)), "x"), stats.ttest_1samp(SKEWED, 0).confidence_interval()
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((found.low, found.high), rel=1e-12)


@pytest.mark.parametrize("size", [3, 5, 20])
def test_the_interval_of_a_small_group_contains_its_mean(size: int) -> None:
    rng, held = np.random.default_rng(1), 0
    for _ in range(300):
        low, high = mean_interval(rng.normal(size=size), alpha=0.05, resamples=1000, seed=0)
        held += low <= 0 <= high
    assert held >= 268  # binomial(300, .93) is below with probability 0.01


def test_neither_the_order_of_rows_nor_the_other_groups_change_a_row() -> None:
    alone = describe(SKEWED, ["x"] * len(SKEWED))
    shuffled = describe([9.0, *SKEWED[::-1], 8.0], ["y", *["x"] * len(SKEWED), "y"])
    pd.testing.assert_series_equal(row_of(alone, "x"), row_of(shuffled, "x"))


def test_an_offset_moves_only_the_location() -> None:
    near, far = (row_of(describe(np.round(np.array(SKEWED) * 8) + shift, ["x"] * 12), "x") for shift in (0.0, 2.0**30))
    moved = ["mean", "median", "ci_low", "ci_high"]
    assert (far[moved] - 2.0**30).tolist() == pytest.approx(near[moved].tolist(), abs=1e-6)
    kept = ["sd", "skew", "kurtosis", "shapiro_w", "shapiro_p"]
    assert far[kept].tolist() == pytest.approx(near[kept].tolist(), rel=1e-12)


@pytest.mark.parametrize(
    ("values", "known", "unknown", "reason"),
    [
        ([4.0], ["mean", "median"], ["sd", "skew", "ci_low", "shapiro_p"], "one value"),
        ([4.0, 5.0], ["sd", "ci_low"], ["skew", "kurtosis", "shapiro_p"], "two values"),
        ([4.0, 5.0, 7.0], ["skew", "shapiro_p"], ["kurtosis"], "three values"),
        (
            [0.1] * 10,
            ["mean", "sd"],
            ["skew", "kurtosis", "shapiro_p", "ci_low", "ci_high"],
            "zero variance: no interval",
        ),
    ],
)
def test_what_a_group_is_too_small_for_is_unknown(
    values: list[float], known: list[str], unknown: list[str], reason: str
) -> None:
    row = row_of(describe(values, ["x"] * len(values)), "x")
    assert row[known].notna().all()
    assert row[unknown].isna().all()
    assert row["reason"].startswith(reason)


def test_a_constant_group_has_no_spread_not_even_rounding() -> None:
    row = row_of(describe([0.1] * 10, ["x"] * 10), "x")
    assert row["sd"] == 0.0
    assert np.isnan([row["ci_low"], row["ci_high"]]).all()


def test_shapiro_beyond_its_limit_is_of_a_seeded_sample_and_says_so() -> None:
    values = np.random.default_rng(0).normal(size=5001)
    first, again = (
        row_of(describe(values[order], ["x"] * 5001, resamples=10), "x")
        for order in (slice(None), slice(None, None, -1))
    )
    assert first["shapiro_n"] == 5000
    assert "5000 values drawn at random" in first["reason"]
    assert first["shapiro_p"] == again["shapiro_p"]
    at_limit = row_of(describe(values[:5000], ["x"] * 5000, resamples=10), "x")
    assert (at_limit["shapiro_n"], at_limit["reason"]) == (5000, "")


def test_a_level_outside_its_range_is_refused() -> None:
    with pytest.raises(ConfigError, match="alpha"):
        describe(SKEWED, ["x"] * 12, alpha=95)


def test_no_values_no_rows() -> None:
    assert describe([], []).empty


def test_shapiro_of_r(shared: Path) -> None:
    folder = shared / "data" / "golden"
    golden = json.loads((folder / "group_tests.json").read_text(encoding="utf-8"))
    checked = 0
    for name in golden.keys() - {"meta"}:
        data = pd.read_csv(folder / f"{name}.csv", dtype={"group": str})
        table = describe(data["y"], data["group"], resamples=10).set_index("group")
        for label, r in golden[name]["shapiro"].items():
            if "error" in r:
                assert np.isnan(table.loc[label, "shapiro_p"]), (name, label)
            elif r["n_used"] == table.loc[label, "n"]:
                # An offset of 1e9 leaves 7 decimals in the data; SciPy and R differ there by 2e-6.
                rel = 1e-5 if "offset" in name else 1e-6
                assert table.loc[label, "shapiro_p"] == pytest.approx(r["p"], rel=rel), (name, label)
                checked += 1
    assert checked >= 3
