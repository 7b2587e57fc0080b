"""Welch's analysis of variance and Games-Howell: laws, oracles, what is undefined, and the sentence made of them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pingouin as pg
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from kemfeat.errors import ConfigError
from kemfeat.stats import group_tests as gt

few = settings(deadline=None, max_examples=25)
COLUMNS = [
    *("a", "b", "mean_a", "mean_b", "diff", "se", "t", "df", "p", "log_p", "ci_low", "ci_high"),
    *("hedges_g", "g_low", "g_high", "cliffs_delta", "significant", "reason"),
]
TESTED = ["se", "t", "df", "p", "log_p", "ci_low", "ci_high", "hedges_g", "g_low", "g_high"]
SIGNED = ["diff", "t", "hedges_g", "cliffs_delta"]


@st.composite
def data_sets(draw: st.DrawFn, *, groups: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Normal groups of unequal size and spread, in shuffled rows."""
    k = groups or draw(st.integers(2, 6))
    sizes = draw(st.lists(st.integers(3, 25), min_size=k, max_size=k))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = np.concatenate([rng.normal(rng.normal(), rng.uniform(0.3, 3), n) for n in sizes])
    order = rng.permutation(len(values))
    return values[order], np.repeat(list("abcdef")[:k], sizes)[order]


def equal_tables(first: pd.DataFrame, second: pd.DataFrame, *, rtol: float = 1e-8) -> None:
    pd.testing.assert_frame_equal(first, second, rtol=rtol, atol=1e-10, check_exact=False)


def planted() -> tuple[np.ndarray, np.ndarray]:
    """Five emotions of plausible size and spread; the means of angry and happy differ by a hair, all others clearly."""
    rng = np.random.default_rng(20)
    emotions = {
        "neutral": (3.0, 4000),
        "sad": (2.4, 120),
        "happy": (3.621, 1300),
        "surprise": (3.9, 130),
        "angry": (3.62, 150),
    }
    values, groups = [], []
    for emotion, (mean, n) in emotions.items():
        noise = rng.normal(0, 0.4, n)
        values.append(mean + noise - noise.mean())
        groups += [emotion] * n
    return np.concatenate(values), np.array(groups)


@few
@given(data_sets(groups=2))
def test_of_two_groups_everything_is_welchs_t(data: tuple[np.ndarray, np.ndarray]) -> None:
    values, groups = data
    anova, pair = gt.welch_anova(values, groups), gt.games_howell(values, groups).iloc[0]
    t = stats.ttest_ind(values[groups == "a"], values[groups == "b"], equal_var=False)
    interval = t.confidence_interval()
    assert t.statistic**2 == pytest.approx(anova.F, rel=1e-9)
    assert (anova.df1, anova.df2) == pytest.approx((1, t.df))
    assert (pair["t"], pair["df"]) == pytest.approx((t.statistic, t.df), rel=1e-9)
    assert anova.p == pytest.approx(t.pvalue, rel=1e-8)
    assert pair["log_p"] == pytest.approx(anova.log_p, rel=1e-10, abs=1e-12)
    assert (pair["ci_low"], pair["ci_high"]) == pytest.approx((interval.low, interval.high), rel=1e-8, abs=1e-9)


@few
@given(data_sets())
def test_equal_to_pingouin(data: tuple[np.ndarray, np.ndarray]) -> None:
    values, groups = data
    frame = pd.DataFrame({"y": values, "g": groups})
    row, anova = pg.welch_anova(frame, dv="y", between="g").iloc[0], gt.welch_anova(values, groups)
    assert (anova.F, anova.df2, anova.eta2_classic) == pytest.approx((row["F"], row["ddof2"], row["np2"]), rel=1e-9)
    assert anova.p == pytest.approx(row["p_unc"], rel=1e-8)
    oracle, pairs = pg.pairwise_gameshowell(frame, dv="y", between="g"), gt.games_howell(values, groups)
    assert pairs["t"].tolist() == pytest.approx(oracle["T"].tolist(), rel=1e-9)
    assert pairs["df"].tolist() == pytest.approx(oracle["df"].tolist(), rel=1e-9)
    assert pairs["p"].tolist() == pytest.approx(oracle["pval"].tolist(), abs=1e-9)


def test_simultaneous_intervals_equal_scipy() -> None:
    rng = np.random.default_rng(8)
    arrays = [rng.normal(0, 1, 8), rng.normal(1, 2, 13), rng.normal(3, 4, 10)]
    interval = stats.tukey_hsd(*arrays, equal_var=False).confidence_interval()
    pairs = gt.games_howell(np.concatenate(arrays), np.repeat(["a", "b", "c"], [8, 13, 10]))
    upper = np.triu_indices(3, 1)
    assert pairs["ci_low"].tolist() == pytest.approx(interval.low[upper].tolist(), rel=1e-6)
    assert pairs["ci_high"].tolist() == pytest.approx(interval.high[upper].tolist(), rel=1e-6)


@few
@given(data_sets())
def test_intervals_exclude_zero_where_pairs_differ(data: tuple[np.ndarray, np.ndarray]) -> None:
    pairs = gt.games_howell(*data, alpha=0.2)
    assert ((pairs["ci_low"] > 0) | (pairs["ci_high"] < 0)).tolist() == pairs["significant"].tolist()
    assert ((pairs["log_p"] < math.log(0.2)) == pairs["significant"]).all()
    assert pairs.attrs == {"alpha": 0.2, "k": len(set(data[1])), "dropped": 0}


@few
@given(data_sets())
def test_neither_order_of_rows_nor_location_matters(data: tuple[np.ndarray, np.ndarray]) -> None:
    values, groups = data
    pairs, anova = gt.games_howell(values, groups), gt.welch_anova(values, groups)
    equal_tables(gt.games_howell(values[::-1], groups[::-1]), pairs)
    moved = gt.games_howell(values + 4096.0, groups)
    equal_tables(moved.drop(columns=["mean_a", "mean_b"]), pairs.drop(columns=["mean_a", "mean_b"]))
    assert moved["mean_a"].tolist() == pytest.approx((pairs["mean_a"] + 4096).tolist())
    assert anova.log_p == pytest.approx(gt.welch_anova(values + 4096.0, groups).log_p, rel=1e-8, abs=1e-10)


@few
@given(data_sets(), st.floats(1e-6, 1e6))
def test_the_unit_scales_differences_and_nothing_else(data: tuple[np.ndarray, np.ndarray], unit: float) -> None:
    values, groups = data
    pairs, scaled = gt.games_howell(values, groups), gt.games_howell(values * unit, groups)
    for column in ("mean_a", "mean_b", "diff", "se", "ci_low", "ci_high"):
        assert (scaled[column] / unit).tolist() == pytest.approx(pairs[column].tolist(), rel=1e-7, abs=1e-9)
    for column in ("t", "df", "log_p", "hedges_g", "g_low", "g_high", "cliffs_delta"):
        assert scaled[column].tolist() == pytest.approx(pairs[column].tolist(), rel=1e-7, abs=1e-9)
    assert gt.welch_anova(values * unit, groups).omega2_welch == pytest.approx(
        gt.welch_anova(values, groups).omega2_welch, rel=1e-8, abs=1e-12
    )


@pytest.mark.slow
@few
@given(data_sets())
def test_renamed_groups_give_the_same_pairs_with_signs_turned(data: tuple[np.ndarray, np.ndarray]) -> None:
    values, groups = data
    turned = np.array([chr(219 - ord(label)) for label in groups])
    pairs, mirrored = gt.games_howell(values, groups), gt.games_howell(values, turned)
    by_names = {frozenset((row.a, row.b)): row for row in mirrored.itertuples()}
    for row in pairs.itertuples():
        other = by_names[frozenset((chr(219 - ord(row.a)), chr(219 - ord(row.b))))]
        for column in SIGNED:
            assert getattr(other, column) == pytest.approx(-getattr(row, column), rel=1e-9, abs=1e-12)
        assert (other.ci_low, other.ci_high) == pytest.approx((-row.ci_high, -row.ci_low), rel=1e-7, abs=1e-9)
        assert (other.g_low, other.g_high) == pytest.approx((-row.g_high, -row.g_low), rel=1e-7, abs=1e-9)
        assert other.log_p == pytest.approx(row.log_p, rel=1e-9, abs=1e-12)
    log_p = gt.welch_anova(values, turned).log_p
    assert log_p == pytest.approx(gt.welch_anova(values, groups).log_p, rel=1e-10, abs=1e-12)


@few
@given(data_sets())
def test_effect_sizes_and_their_intervals_are_in_order(data: tuple[np.ndarray, np.ndarray]) -> None:
    anova = gt.welch_anova(*data)
    assume(anova.F > 1e-3)
    assert anova.eta2_welch == pytest.approx(anova.F * anova.df1 / (anova.F * anova.df1 + anova.df2))
    assert 0 <= anova.omega2_welch <= anova.eta2_welch < 1
    for low, high in (anova.eta2_classic_ci, anova.eta2_welch_ci, anova.omega2_welch_ci):
        assert 0 <= low <= high < 1
    assert anova.log10_p == pytest.approx(math.log10(anova.p))


def test_a_large_offset_costs_no_digits() -> None:
    values, groups = np.array([1.5, 2.25, 1.75, 3.0, 2.5, 5.0, 4.25, 6.5]), np.array(list("aaabbccc"))
    near, far = (gt.games_howell(values + shift, groups) for shift in (0.0, 2.0**32))
    equal_tables(near.drop(columns=["mean_a", "mean_b"]), far.drop(columns=["mean_a", "mean_b"]), rtol=1e-13)
    assert gt.welch_anova(values + 2.0**32, groups).log_p == pytest.approx(
        gt.welch_anova(values, groups).log_p, rel=1e-13
    )


def test_no_p_is_too_small_and_none_is_zero() -> None:
    rng = np.random.default_rng(1)
    values, groups = rng.normal(size=150) + np.repeat((0.0, 5.0, 1e6), 50), np.repeat(["a", "b", "c"], 50)
    anova, pairs = gt.welch_anova(values, groups), gt.games_howell(values, groups)
    assert -2000 < anova.log_p < -900
    assert 0 < anova.p < 1e-300
    far = pairs[pairs["b"] == "c"]
    assert far["log_p"].between(-2000, -600).all()
    assert ((far["p"] > 0) & (far["p"] < 1e-250)).all()
    assert np.isfinite(pairs[TESTED]).all(axis=None)
    near = pairs.iloc[0]
    # So far out only one pair counts: the tail is Bonferroni's, three pairs of two sides.
    assert near["log_p"] == pytest.approx(math.log(6) + stats.t.logsf(abs(near["t"]), near["df"]), abs=1e-6)


def test_a_single_value_is_left_out_with_a_reason_and_the_rest_is_kept() -> None:
    values, groups = [5.0, 1.0, 2.0, 3.0, 7.0, 8.0, 10.0], ["lone", *"aaabbb"]
    anova, without = gt.welch_anova(values, groups), gt.welch_anova(values[1:], groups[1:])
    assert (anova.F, anova.df2, anova.log_p) == (without.F, without.df2, without.log_p)
    assert anova.excluded == {"lone": "one value in lone"}
    assert (anova.groups, anova.n, anova.reason) == (("a", "b"), 6, "")
    pairs = gt.games_howell(values, groups)
    undefined = pairs["b"] == "lone"
    assert pairs.loc[undefined, TESTED].isna().all(axis=None)
    assert (pairs.loc[undefined, "reason"] == "one value in lone").all()
    assert not pairs.loc[undefined, "significant"].any()
    assert pairs.loc[undefined, ["mean_a", "mean_b", "diff", "cliffs_delta"]].notna().all(axis=None)
    assert pairs.loc[~undefined, TESTED].notna().all(axis=None)
    assert (pairs.loc[~undefined, "reason"] == "").all()


def test_a_constant_group_is_left_out_of_the_anova_but_can_be_half_of_a_pair() -> None:
    values, groups = [0.1] * 10 + [1.0, 2.0, 3.0, 7.0, 8.0, 9.5], ["flat"] * 10 + list("aaabbb")
    assert gt.welch_anova(values, groups).excluded == {"flat": "zero variance in flat"}
    pairs = gt.games_howell(values, groups)
    assert pairs[TESTED].notna().all(axis=None)
    half = pairs[(pairs["a"] == "a") & (pairs["b"] == "flat")].iloc[0]
    assert (half["df"], half["se"]) == pytest.approx((2.0, math.sqrt(1 / 3)))


def test_two_constant_groups_are_an_undefined_pair() -> None:
    values, groups = [1.0] * 4 + [2.0] * 4 + [1.0, 2.0, 4.0], ["x"] * 4 + ["y"] * 4 + ["z"] * 3
    pairs = gt.games_howell(values, groups)
    assert pairs["reason"].tolist() == ["zero variance in x and zero variance in y", "", ""]
    assert pairs.loc[0, TESTED].isna().all()
    assert pairs.loc[0, "diff"] == -1.0
    assert pairs.loc[1:, TESTED].notna().all(axis=None)
    anova = gt.welch_anova(values, groups)
    assert math.isnan(anova.F)
    assert anova.reason == "fewer than two groups with a variance; zero variance in x; zero variance in y"


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        ([], []),
        ([1.0, 2.0], ["a", "a"]),
        ([math.nan] * 4, list("aabb")),
        ([5.0] * 6, list("aaabbb")),
        ([1.0, 2.0], ["a", None]),
    ],
)
def test_where_nothing_can_be_compared_all_is_nan_with_a_reason(values: list[float], groups: list[object]) -> None:
    anova, pairs = gt.welch_anova(values, groups), gt.games_howell(values, groups)
    numbers = (
        anova.F,
        anova.df1,
        anova.df2,
        anova.p,
        anova.log_p,
        anova.eta2_classic,
        anova.eta2_welch,
        anova.omega2_welch,
    )
    assert np.isnan(numbers).all()
    assert np.isnan([anova.eta2_classic_ci, anova.eta2_welch_ci, anova.omega2_welch_ci]).all()
    assert anova.reason.startswith("fewer than two groups")
    assert pairs.columns.tolist() == COLUMNS
    assert (pairs["reason"] != "").all()


def test_missing_values_are_dropped_and_counted() -> None:
    values, groups = (
        [1.0, math.nan, 3.0, 2.0, 5.0, math.inf, 9.0, 7.0, 4.0],
        ["a", "a", "a", "a", "b", "b", "b", "b", None],
    )
    clean = gt.games_howell([1.0, 3.0, 2.0, 5.0, 9.0, 7.0], list("aaabbb"))
    pairs, anova = gt.games_howell(values, groups), gt.welch_anova(values, groups)
    equal_tables(pairs, clean)
    assert (pairs.attrs["dropped"], anova.n_dropped, anova.n) == (3, 3, 6)


def test_a_label_without_any_value_is_no_group() -> None:
    values, groups = [1.0, 2.0, 4.0, 7.0, 9.0, 8.0, math.nan], [*"aaabbb", "empty"]
    assert gt.games_howell(values, groups).attrs["k"] == 2
    assert gt.welch_anova(values, groups).excluded == {"empty": "no value in empty"}


def test_columns_are_the_promised_ones_and_labels_keep_their_type() -> None:
    pairs = gt.games_howell([1.0, 2.0, 3.0, 4.0, 6.0, 9.0], [10, 10, 2, 2, 30, 30])
    assert pairs.columns.tolist() == COLUMNS
    assert list(zip(pairs["a"], pairs["b"], strict=True)) == [(2, 10), (2, 30), (10, 30)]
    assert pairs["significant"].dtype == bool


@pytest.mark.parametrize("call", [gt.welch_anova, gt.games_howell])
def test_misuse_is_refused_in_a_sentence(call: object) -> None:
    with pytest.raises(ConfigError, match="2 values but 3 group labels; expected one label for each value"):
        call([1.0, 2.0], ["a", "b", "b"])  # type: ignore[operator]
    with pytest.raises(ConfigError, match="alpha is 5"):
        call([1.0, 2.0], ["a", "b"], alpha=5)  # type: ignore[operator]


def test_the_verdict_names_the_one_pair_that_does_not_differ() -> None:
    pairs = gt.games_howell(*planted())
    angry_happy = pairs[(pairs["a"] == "angry") & (pairs["b"] == "happy")].iloc[0]
    assert angry_happy["p"] > 0.9
    assert gt.verdict(pairs) == "9 of 10 pairs differ at .05; not: angry-happy"


def test_the_verdict_follows_the_table_it_is_given() -> None:
    """The published table of the first system: all pairs below .05 but angry-happy, p = .978."""
    table = pd.DataFrame(
        {"a": ["angry", "angry"], "b": ["happy", "sad"], "significant": [False, True], "reason": ["", ""]}
    )
    assert gt.verdict(table) == "1 of 2 pairs differ at .05; not: angry-happy"
    assert gt.verdict(table.assign(significant=True), alpha=0.01) == "2 of 2 pairs differ at .01"
    assert gt.verdict(table.assign(reason=["one value in happy", ""])) == (
        "1 of 2 pairs differ at .05; untested: angry-happy (one value in happy)"
    )
    assert gt.verdict(table.iloc[:0]) == "no pair of groups to compare"


def test_agreement_is_silent_and_disagreement_is_named() -> None:
    values, groups = planted()
    found = [
        gt.welch_anova(values, groups),
        gt.games_howell(values, groups),
        gt.robustness(values, groups, permutations=99),
    ]
    assert gt.disagreements(*found) == ()
    # One wild value hides a difference from the means that the ranks still see.
    hidden = [*np.linspace(0, 1, 12), *np.linspace(2, 3, 11), -60.0]
    labels = ["low"] * 12 + ["high"] * 12
    found = [
        gt.welch_anova(hidden, labels),
        gt.games_howell(hidden, labels),
        gt.robustness(hidden, labels, permutations=99),
    ]
    told = gt.disagreements(*found)
    assert any(
        text.startswith("all groups: Welch finds none (p ") and "kruskal finds a difference" in text for text in told
    )
    assert any(
        text.startswith("high-low: Games-Howell finds none") and "Dunn-Holm finds a difference" in text for text in told
    )


def test_many_rows_and_groups() -> None:
    rng = np.random.default_rng(4)
    groups = rng.choice(list("abcdefg"), 13_000)
    pairs = gt.games_howell(rng.normal(size=13_000), groups)
    assert len(pairs) == 21
    assert pairs[TESTED].notna().all(axis=None)
    assert pairs["df"].between(3000, 4000).all()


@pytest.mark.parametrize("gap", [1e4, 1e8, 1e10])
def test_groups_so_far_apart_that_eta_squared_rounds_to_1(gap: float) -> None:
    values = np.array([0.0, 1, 2, gap, gap + 1, gap + 2, 2 * gap, 2 * gap + 1, 2 * gap + 2])
    found = gt.welch_anova(values, list("aaabbbccc"))
    for estimate in (found.eta2_classic, found.eta2_welch, found.omega2_welch):
        assert 0.99 < estimate <= 1
    low, high = found.eta2_classic_ci
    assert 0.99 < low < high <= 1 if gap == 1e4 else np.isnan([low, high]).all()  # both round to 1
