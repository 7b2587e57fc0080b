"""Robust companions: R's Kruskal and Dunn, statsmodels' trimmed Welch, and the permutation test against Welch."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pingouin as pg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kemfeat.stats.group_tests import robustness, welch_anova

RNG = np.random.default_rng(5)
GROUPS = np.repeat(list("abcd"), (14, 9, 22, 11))
VALUES = np.round(RNG.normal(size=56) * 2 + np.repeat((0.0, 1.0, 0.3, 2.0), (14, 9, 22, 11)), 1)


def test_kruskal_equals_pingouin() -> None:
    result = robustness(VALUES, GROUPS, permutations=9)
    row = result.tests.set_index("test").loc["kruskal"]
    oracle = pg.kruskal(pd.DataFrame({"y": VALUES, "g": GROUPS}), dv="y", between="g").iloc[0]
    assert (row["statistic"], row["p"]) == pytest.approx((oracle["H"], oracle["p_unc"]), rel=1e-10)
    assert result.epsilon2 == pytest.approx(oracle["H"] / 55)


def test_dunn_of_two_groups_is_kruskal() -> None:
    two = GROUPS < "c"
    result = robustness(VALUES[two], GROUPS[two], permutations=9)
    assert result.dunn["z"][0] ** 2 == pytest.approx(result.tests["statistic"][0])
    assert result.dunn["log_p"][0] == pytest.approx(result.tests["log_p"][0])


@settings(deadline=None, max_examples=15)
@given(st.sampled_from([np.exp, np.cbrt, lambda x: x**3 + 7]))
def test_ranks_do_not_see_monotone_transformations(transform: object) -> None:
    plain, bent = (robustness(y, GROUPS, permutations=9) for y in (VALUES, transform(VALUES)))  # type: ignore[operator]
    assert bent.dunn["z"].tolist() == pytest.approx(plain.dunn["z"].tolist(), rel=1e-12)


def test_trimmed_welch_equals_statsmodels() -> None:
    oneway = pytest.importorskip("statsmodels.stats.oneway")
    row = robustness(VALUES, GROUPS, permutations=9).tests.set_index("test").loc["trimmed_welch"]
    oracle = oneway.anova_oneway(
        [VALUES[label == GROUPS] for label in "abcd"], use_var="unequal", trim_frac=0.2, welch_correction=True
    )
    assert (row["statistic"], row["df2"]) == pytest.approx((oracle.statistic, oracle.df_denom), rel=1e-10)
    assert row["p"] == pytest.approx(oracle.pvalue, rel=1e-8)


def test_trimmed_welch_of_two_groups_is_yuen() -> None:
    two = GROUPS < "c"
    row = robustness(VALUES[two], GROUPS[two], permutations=9).tests.set_index("test").loc["trimmed_welch"]
    yuen = stats.ttest_ind(VALUES[GROUPS == "a"], VALUES[GROUPS == "b"], equal_var=False, trim=0.2)
    assert row["statistic"] == pytest.approx(yuen.statistic**2)
    assert row["p"] == pytest.approx(yuen.pvalue)


def test_trimmed_welch_ignores_an_outlier() -> None:
    wild = VALUES.copy()
    wild[wild.argmax()] = 1e6
    calm, shaken = (robustness(y, GROUPS, permutations=9).tests.set_index("test") for y in (VALUES, wild))
    assert shaken.loc["trimmed_welch", "statistic"] == pytest.approx(calm.loc["trimmed_welch", "statistic"])


def test_permutation_p_agrees_with_welch_where_welch_holds() -> None:
    rng = np.random.default_rng(2)
    groups = np.repeat(list("abc"), 60)
    values = rng.normal(size=180) + 0.25 * (groups == "c")
    row = robustness(values, groups, permutations=4999, seed=1).tests.set_index("test").loc["permutation_welch"]
    welch = welch_anova(values, groups)
    assert row["statistic"] == pytest.approx(welch.F)
    assert row["p"] == pytest.approx(welch.p, abs=4 * math.sqrt(welch.p * (1 - welch.p) / 4999) + 0.01)


def test_permutation_p_of_all_relabellings_of_a_tiny_set() -> None:
    """Of the 20 ways to split six values in halves two are as extreme as the ordered one."""
    row = robustness([1.0, 2.0, 3.0, 7.0, 8.0, 9.0], list("aaabbb"), permutations=20_000).tests.set_index("test")
    assert row.loc["permutation_welch", "p"] == pytest.approx(0.1, abs=0.01)


def test_the_seed_decides_and_the_order_of_rows_does_not() -> None:
    order = RNG.permutation(len(VALUES))
    one, two, other = (
        robustness(y, g, permutations=1999, seed=seed).tests["p"][2]
        for y, g, seed in ((VALUES, GROUPS, 0), (VALUES[order], GROUPS[order], 0), (VALUES, GROUPS, 1))
    )
    assert one == two
    assert one != other


def test_the_smallest_permutation_p_is_one_over_the_relabellings() -> None:
    values = np.concatenate([RNG.normal(size=30), RNG.normal(size=30) + 50])
    tests = robustness(values, ["a"] * 30 + ["b"] * 30, permutations=99).tests.set_index("test")
    assert tests.loc["permutation_welch", "p"] == pytest.approx(0.01)


def test_a_group_without_a_variance_is_left_out_by_name_and_the_rest_kept() -> None:
    result = robustness([*VALUES, 1.0, 3.0, 3.0, 3.0], [*GROUPS, "lone", "flat", "flat", "flat"], permutations=99)
    tests, clean = result.tests.set_index("test"), robustness(VALUES, GROUPS, permutations=99).tests.set_index("test")
    assert tests.loc["trimmed_welch", "statistic"] == pytest.approx(clean.loc["trimmed_welch", "statistic"])
    assert tests.loc["permutation_welch", "statistic"] == pytest.approx(clean.loc["permutation_welch", "statistic"])
    for name in ("trimmed_welch", "permutation_welch"):
        assert "flat" in tests.loc[name, "reason"]
        assert "lone" in tests.loc[name, "reason"]
    assert tests.loc["kruskal", "reason"] == ""
    assert len(result.dunn) == 15


@pytest.mark.parametrize(("values", "groups"), [([], []), ([1.0, 2.0], ["a", "a"]), ([5.0] * 6, list("aaabbb"))])
def test_where_nothing_can_be_compared_every_row_says_why(values: list[float], groups: list[str]) -> None:
    result = robustness(values, groups, permutations=9)
    assert result.tests[["statistic", "p"]].isna().all(axis=None)
    assert (result.tests["reason"] != "").all()
    assert math.isnan(result.epsilon2)
    assert (result.dunn["reason"] != "").all()
    assert not result.dunn["significant"].any()


def test_kruskal_and_dunn_of_r(shared: Path) -> None:
    folder = shared / "data" / "golden"
    golden = json.loads((folder / "group_tests.json").read_text(encoding="utf-8"))
    checked = 0
    for name in golden.keys() - {"meta"}:
        r = golden[name]
        if not isinstance(r["kruskal"]["H"], (int, float)):
            continue
        data = pd.read_csv(folder / f"{name}.csv")
        result = robustness(data["y"], data["group"], permutations=9)
        assert result.tests["statistic"][0] == pytest.approx(r["kruskal"]["H"], rel=1e-10), name
        assert result.tests["p"][0] == pytest.approx(r["kruskal"]["p"], rel=1e-10), name
        assert result.epsilon2 == pytest.approx(r["rank_epsilon2"], rel=1e-10), name
        dunn = r["rstatix_dunn_holm"]
        if "error" not in dunn:
            # rstatix subtracts the first group from the second.
            assert (-result.dunn["z"]).tolist() == pytest.approx(dunn["statistic"], rel=1e-9), name
            assert result.dunn["p_holm"].tolist() == pytest.approx(dunn["p.adj"], rel=1e-9), name
        checked += 1
    assert checked >= 3
