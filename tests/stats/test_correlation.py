"""Correlations of repeated measures, against numpy, scipy and their own definition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kemfeat.errors import ConfigError
from kemfeat.stats.correlation import mean_correlation, pooled_z, repeated, within


def drawn(seed: int, *, groups: int = 6, each: int = 12, slope: float = 0.5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    group = np.repeat([f"g{number}" for number in range(groups)], each)
    x = rng.normal(size=len(group))
    y = slope * x + rng.normal(size=len(group)) + 10 * rng.normal(size=groups).repeat(each)
    return pd.DataFrame({"group": group, "x": x, "y": y})


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_within_is_pearsons_correlation_of_each_group(seed):
    data = drawn(seed)
    data.loc[data.sample(frac=0.2, random_state=seed).index, "x"] = np.nan
    found = within(data["x"], y=data["y"], groups=data["group"])
    for row in found.itertuples():
        pairs = data[data["group"] == row.group].dropna()
        assert row.n == len(pairs)
        expected = np.corrcoef(pairs["x"], pairs["y"])[0, 1] if len(pairs) >= 4 else np.nan
        assert row.r == pytest.approx(expected, nan_ok=True)
        assert row.z == pytest.approx(np.arctanh(expected), nan_ok=True)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_by_ranks_it_is_spearmans_correlation_and_only_order_counts(seed):
    data = drawn(seed)
    data["x"] = data["x"].round(1)  # ties
    found = within(data["x"], y=data["y"], groups=data["group"], ranks=True)
    for row in found.itertuples():
        pairs = data[data["group"] == row.group]
        assert row.r == pytest.approx(stats.spearmanr(pairs["x"], pairs["y"]).statistic)
    stretched = within(np.exp(data["x"]), y=data["y"] ** 3, groups=data["group"], ranks=True)
    pd.testing.assert_frame_equal(stretched, found)


def test_ranks_do_not_order_what_rounding_sets_apart():
    x, y = 33.3 + 1e-14 * np.array([0, 1, 2, 3, 4]), [1.0, 2.0, 3.0, 4.0, 5.0]
    assert within(x, y=y, groups=["a"] * 5, ranks=True)["r"].isna().all()
    step = within([0.1, 0.1 * (1 + 1e-15), 0.1, 0.2, 0.2], y=y, groups=["a"] * 5, ranks=True)["r"].iloc[0]
    assert step == pytest.approx(stats.spearmanr([0, 0, 0, 1, 1], y).statistic)


def test_within_is_undefined_for_few_pairs_and_constants():
    groups = np.repeat(["few", "flat", "line", "fine"], [3, 5, 5, 5])
    x = np.concatenate([[1, 2, 4], np.full(5, 0.1), np.arange(5), [1, 2, 0, 4, 3]])
    y = np.concatenate([[1, 2, 4], np.arange(5), 2 * np.arange(5), [1, 2, 1, 5, 3]])
    found = within(x, y=y, groups=groups).set_index("group")
    assert found["r"].isna().to_dict() == {"few": True, "fine": False, "flat": True, "line": False}
    assert np.isnan(found.loc["line", "z"])
    assert list(found.index) == sorted(found.index)


def test_speakers_weigh_their_conversations_by_length():
    z = pooled_z(
        pd.Series([1.0, 0.0, np.nan, 0.5, np.nan]),
        n=pd.Series([13, 33, 900, 7, 8]),
        units=pd.Series(["a", "a", "a", "b", "c"]),
    )
    assert z.to_dict() == {"a": 0.25, "b": 0.5}


def test_the_mean_correlation_is_a_t_test_of_z():
    z = np.random.default_rng(0).normal(0.3, 0.2, 15)
    found = mean_correlation([*z, np.nan])
    oracle = stats.ttest_1samp(z, 0)
    assert (found.units, found.df) == (15, 14)
    assert (found.t, found.p) == pytest.approx((oracle.statistic, oracle.pvalue))
    assert np.arctanh([found.ci_low, found.ci_high]) == pytest.approx(oracle.confidence_interval(0.95))
    assert found.r == pytest.approx(np.tanh(z.mean()))
    assert found.p_wilcoxon == pytest.approx(stats.wilcoxon(z).pvalue)


@pytest.mark.parametrize(("z", "units"), [([], 0), ([0.3], 1), ([0.2, 0.2, 0.2], 3)])
def test_too_few_units_say_why(z, units):
    found = mean_correlation(z)
    assert found.units == units
    assert found.reason
    assert np.isnan(found.p)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_repeated_is_the_correlation_about_the_subjects_means(seed):
    data = drawn(seed)
    found = repeated(data["x"], y=data["y"], subjects=data["group"])
    centred = data[["x", "y"]] - data.groupby("group")[["x", "y"]].transform("mean")
    r = np.corrcoef(centred["x"], centred["y"])[0, 1]
    df = len(data) - data["group"].nunique() - 1
    assert (found.r, found.df) == pytest.approx((r, df))
    t = r * np.sqrt(df / (1 - r**2))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(t), df), rel=1e-6)
    assert np.arctanh([found.ci_low, found.ci_high]).mean() == pytest.approx(np.arctanh(r), abs=1e-9)
    left_out = [_about_means(data[data["group"] != group]) for group in data["group"].unique()]
    count = len(left_out)
    se = np.sqrt((count - 1) / count * np.sum((np.arctanh(left_out) - np.arctanh(r)) ** 2))
    assert np.arctanh(found.ci_high) - np.arctanh(r) == pytest.approx(stats.t.isf(0.025, count - 1) * se, rel=1e-9)


def _about_means(data):
    centred = data[["x", "y"]] - data.groupby("group")[["x", "y"]].transform("mean")
    return np.corrcoef(centred["x"], centred["y"])[0, 1]


def test_repeated_has_no_interval_for_few_subjects():
    data = drawn(1, groups=4)
    found = repeated(data["x"], y=data["y"], subjects=data["group"])
    assert np.isfinite([found.r, found.p]).all()
    assert np.isnan([found.ci_low, found.ci_high]).all()


def test_the_interval_of_repeated_contains_the_truth_where_speakers_differ():
    rng, held = np.random.default_rng(5), 0
    for _ in range(100):
        own = np.tanh(0.3 + 0.3 * rng.normal(size=15)).repeat(30)
        x = rng.normal(size=450)
        found = repeated(
            x, y=own * x + np.sqrt(1 - own**2) * rng.normal(size=450), subjects=np.repeat(np.arange(15), 30)
        )
        held += found.ci_low <= 0.27 <= found.ci_high  # E tanh(0.3 + 0.3 Z) = 0.271
    assert held >= 86  # binomial(100, .93) is below with probability 0.01


def test_repeated_is_undefined_without_three_subjects_or_variance():
    data = drawn(0, groups=2)
    assert np.isnan(repeated(data["x"], y=data["y"], subjects=data["group"]).r)
    data = drawn(0)
    assert np.isnan(repeated(np.ones(len(data)), y=data["y"], subjects=data["group"]).r)
    assert np.isnan(repeated(data["x"], y=data["y"], subjects=np.arange(len(data))).r)


def test_over_speakers_the_null_is_kept_where_changes_depend_on_each_other():
    """Every speaker has a correlation of their own, zero on average: pooled changes call that an effect."""
    rng = np.random.default_rng(4)
    false = {"speakers": 0, "pooled": 0}
    for _ in range(100):
        own = rng.normal(0, 0.4, 20).repeat(40)
        x = rng.normal(size=800)
        y = own * x + rng.normal(size=800)
        groups = np.repeat(np.arange(20), 40)
        false["speakers"] += mean_correlation(within(x, y=y, groups=groups)["z"]).p < 0.05
        r = np.corrcoef(x, y)[0, 1]
        false["pooled"] += 2 * stats.norm.sf(abs(np.arctanh(r)) * np.sqrt(797)) < 0.05
    assert false["speakers"] <= 11  # binomial(100, .05) is above with probability 4e-3
    assert false["pooled"] > 25


@pytest.mark.parametrize("level", [36.1, 0.1, 1e-9, 1e9, -33.333])
def test_rounding_noise_about_a_constant_has_no_correlation(level):
    rng = np.random.default_rng(1)
    noise = level * (1 + 4e-16 * rng.integers(-3, 4, 60))
    y, groups = rng.normal(size=60), np.repeat(np.arange(6), 10)
    assert len(np.unique(noise)) > 1
    assert within(noise, y=y, groups=groups)["r"].isna().all()
    assert within(y, y=noise, groups=groups)["r"].isna().all()
    assert np.isnan(repeated(noise, y=y, subjects=groups).r)
    assert np.isnan(repeated(y, y=noise, subjects=groups).p)


def test_rounding_noise_in_single_precision_has_no_correlation():
    rng = np.random.default_rng(1)
    noise = (36.1 * (1 + 1e-7 * rng.integers(-2, 3, 20))).astype(np.float32)
    assert within(noise, y=rng.normal(size=20), groups=np.zeros(20))["r"].isna().all()


def test_small_but_real_variation_is_kept():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=30), rng.normal(size=30)
    plain = within(x, y=y, groups=np.zeros(30)).loc[0, "r"]
    assert within(1e9 + x, y=y * 1e-160, groups=np.zeros(30)).loc[0, "r"] == pytest.approx(plain, rel=1e-4)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_line_is_exactly_1_whatever_rounding_does(sign):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x, groups = rng.normal(size=24), np.repeat(np.arange(4), 6)
        y = sign * rng.uniform(0.1, 9) * x + rng.normal()
        found = within(x, y=y, groups=groups)
        assert (found["r"] == sign).all()
        assert found["z"].isna().all()
        line = repeated(x, y=y, subjects=groups)
        assert (line.r, line.df) == (sign, 19)
        assert np.isnan([line.ci_low, line.ci_high, line.p]).all()


def test_equal_z_up_to_rounding_are_no_test():
    found = mean_correlation([0.3, 0.3 + 1e-16, 0.1 + 0.2])
    assert found.reason == "all units have the same correlation"
    assert np.isnan(found.p)


def test_missing_infinite_and_nullable_values_do_not_count():
    x = pd.Series([1, 2, None, 4, 5, 3, 9], dtype="Int64")
    y = [2.0, 1.0, 7.0, 4.0, np.inf, 3.0, 1.0]
    found = within(x, y=y, groups=["a"] * 6 + [None])
    assert found["n"].tolist() == [4]
    assert found.loc[0, "r"] == pytest.approx(np.corrcoef([1, 2, 4, 3], [2, 1, 4, 3])[0, 1])
    with pytest.raises(ConfigError, match="expected one of each"):
        within([1, 2], y=[1], groups=[0, 0])
