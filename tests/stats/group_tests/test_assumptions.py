"""Tests of assumptions equal R's, and say what they leave out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from kemfeat.stats.group_tests import assumptions

RNG = np.random.default_rng(11)
GROUPS = np.repeat(list("abc"), (12, 20, 9))
VALUES = RNG.normal(size=41) * np.repeat((1.0, 2.0, 4.0), (12, 20, 9))


def test_numbers_equal_scipy() -> None:
    table = assumptions(VALUES, GROUPS).set_index("test")
    arrays = [VALUES[label == GROUPS] for label in "abc"]
    oracle = {
        "levene": stats.levene(*arrays, center="median"),
        "bartlett": stats.bartlett(*arrays),
        "fligner": stats.fligner(*arrays, center="median"),
        "shapiro": stats.shapiro(np.concatenate([array - array.mean() for array in arrays])),
    }
    for name, expected in oracle.items():
        assert table.loc[name, "statistic"] == pytest.approx(expected.statistic, rel=1e-10), name
        assert table.loc[name, "p"] == pytest.approx(expected.pvalue, rel=1e-8), name
    variances = [array.var(ddof=1) for array in arrays]
    assert table.loc["variance_ratio", "statistic"] == pytest.approx(max(variances) / min(variances))
    assert (table["reason"] == "").all()


def test_degrees_of_freedom() -> None:
    table = assumptions(VALUES, GROUPS).set_index("test")
    assert table.loc["levene", ["df1", "df2"]].tolist() == [2, 38]
    assert table.loc[["bartlett", "fligner"], "df1"].tolist() == [2, 2]


def test_hopeless_p_values_keep_their_logarithm() -> None:
    values = np.concatenate([RNG.normal(size=9000), RNG.normal(size=9000) * 20])
    table = assumptions(values, ["a"] * 9000 + ["b"] * 9000).set_index("test")
    assert table.loc["bartlett", "log_p"] < -10_000
    assert 0 < table.loc["bartlett", "p"] < 1e-300
    assert "5000 of 18000 residuals" in table.loc["shapiro", "reason"]


def test_a_group_without_a_variance_is_left_out_by_name_and_the_rest_kept() -> None:
    table = assumptions([*VALUES, 1.0, 5.0, 5.0], [*GROUPS, "lone", "flat", "flat"]).set_index("test")
    clean = assumptions(VALUES, GROUPS).set_index("test")
    for name in ("bartlett", "variance_ratio"):
        assert table.loc[name, "statistic"] == pytest.approx(clean.loc[name, "statistic"])
        assert table.loc[name, "reason"] == "left out: zero variance in flat, one value in lone"
    assert table.loc[["levene", "fligner", "shapiro"], "p"].notna().all()


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        ([], []),
        ([1.0, 2.0, 4.0], ["a"] * 3),
        ([5.0] * 6, list("aaabbb")),
        ([1.0, 2.0], ["a", "b"]),
        ([0.1, 0.3, 0.4, 0.6], list("aabb")),
    ],
)
def test_where_nothing_can_be_compared_every_row_says_why(values: list[float], groups: list[str]) -> None:
    table = assumptions(values, groups).set_index("test").loc[["levene", "fligner"]]
    assert table["statistic"].isna().all()
    assert table["reason"].str.startswith("fewer than two groups").all()


def test_equal_to_r(shared: Path) -> None:
    folder = shared / "data" / "golden"
    golden = json.loads((folder / "group_tests.json").read_text(encoding="utf-8"))
    columns = {"levene": ("levene_median", "F"), "bartlett": ("bartlett", "K2"), "fligner": ("fligner", "stat")}
    checked = 0
    for name in golden.keys() - {"meta"}:
        data = pd.read_csv(folder / f"{name}.csv")
        table = assumptions(data["y"], data["group"]).set_index("test")
        for test, (key, statistic) in columns.items():
            expected = golden[name][key].get(statistic)
            if not isinstance(expected, (int, float)) or table.loc[test, "reason"]:
                continue
            # Seven decimals are left of data with an offset of 1e9, and R does not centre them first.
            rel = 1e-6 if "offset" in name else 1e-10
            assert table.loc[test, "statistic"] == pytest.approx(expected, rel=rel), (name, test)
            assert table.loc[test, "p"] == pytest.approx(golden[name][key]["p"], rel=100 * rel, abs=1e-300), (
                name,
                test,
            )
            checked += 1
    assert checked >= 6
