"""Effect sizes: definitions by brute force, intervals by the distributions they invert."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from kemfeat.stats.group_tests._effect_sizes import (
    cliffs_delta,
    explained,
    hedges_g,
    noncentrality_of_t,
    omega_squared,
    welch_se_df,
)

few = settings(deadline=None, max_examples=40)
ratings = st.lists(st.integers(1, 5).map(float), min_size=1, max_size=30).map(np.array)


@few
@given(a=ratings, b=ratings)
def test_cliffs_delta_counts_pairs(a: np.ndarray, b: np.ndarray) -> None:
    expected = np.mean([(x > y) - (x < y) for x, y in itertools.product(a.tolist(), b.tolist())])
    assert cliffs_delta(a, np.sort(b)) == pytest.approx(expected, abs=1e-12)


@few
@given(t=st.floats(-60, 60), df=st.floats(2, 5000), alpha=st.sampled_from([0.01, 0.05, 0.2]))
def test_noncentralities_put_t_at_the_tails(t: float, df: float, alpha: float) -> None:
    low, high = noncentrality_of_t(np.array([t]), df=np.array([df]), alpha=alpha)
    assert stats.nct.cdf(t, df, low[0]) == pytest.approx(1 - alpha / 2, abs=1e-8)
    assert stats.nct.cdf(t, df, high[0]) == pytest.approx(alpha / 2, abs=1e-8)


def test_noncentral_t_by_direct_integration() -> None:
    t, df = -39.4927193915381, 62.1397678955388
    low, _ = noncentrality_of_t(np.array([t]), df=np.array([df]), alpha=0.05)
    chi = stats.chi(df, scale=1 / math.sqrt(df))
    value = integrate.quad(lambda s: chi.pdf(s) * stats.norm.cdf(t * s - low[0]), 0.4, 1.8, epsabs=1e-12, limit=300)[0]
    assert value == pytest.approx(0.975, abs=1e-8)


def test_noncentralities_join_where_the_series_end() -> None:
    """Either side of |t| = 1e4 the limits are the same multiples of t; at 1e7 they still are."""
    df = np.full(4, 50.0)
    t = np.array([9_999.0, 10_001.0, 1e7, -1e7])
    low, high = noncentrality_of_t(t, df=df, alpha=0.05)
    assert (low / t)[:3] == pytest.approx([low[1] / t[1]] * 3, rel=1e-5)
    assert (high[3], low[3]) == pytest.approx((-low[2], -high[2]))


def test_hedges_g_of_equal_variances_is_the_textbook_one() -> None:
    n = (np.array([10.0]), np.array([10.0]))
    variance = (np.array([4.0]), np.array([4.0]))
    g, low, high = hedges_g(np.array([1.0]), n=n, variance=variance, alpha=0.05)
    correction = math.gamma(9.0) / (math.sqrt(9.0) * math.gamma(8.5))
    assert g[0] == pytest.approx(correction * 0.5, rel=1e-13)
    assert low[0] < 0 < g[0] < high[0]


def test_hedges_g_does_not_exist_for_one_degree_of_freedom() -> None:
    n, variance = (np.array([2.0]), np.array([9.0])), (np.array([1.0]), np.array([0.0]))
    assert np.isnan(hedges_g(np.array([1.0]), n=n, variance=variance, alpha=0.05)).all()


def test_welch_df_of_variances_whose_squares_underflow() -> None:
    n = (np.array([5.0]), np.array([7.0]))
    usual = welch_se_df(n, (np.array([2.0]), np.array([3.0])))
    tiny = welch_se_df(n, (np.array([2e-180]), np.array([3e-180])))
    assert tiny[1] == pytest.approx(usual[1])
    assert tiny[0] == pytest.approx(usual[0] * 1e-90)


@few
@given(f=st.floats(0.01, 1e4), df1=st.integers(1, 10), df2=st.floats(3, 5000))
def test_explained_variance_interval_inverts_the_noncentral_f(f: float, df1: int, df2: float) -> None:
    estimate, (low, high) = explained(f, df1=df1, df2=df2, alpha=0.1)
    assert estimate == pytest.approx(df1 * f / (df1 * f + df2))
    if math.isnan(low):  # no noncentrality explains so small an F: both limits would be 0
        assert math.isnan(high)
        assert stats.f.cdf(f, df1, df2) <= 0.05 + 1e-12
        return
    for bound, p in ((low, 0.95), (high, 0.05)):
        reached = stats.ncf.cdf(f, df1, df2, bound * df2 / (1 - bound)) if bound else stats.f.cdf(f, df1, df2)
        assert reached == pytest.approx(p, abs=1e-6) if bound else reached <= p + 1e-12


def test_a_huge_f_explains_nearly_all() -> None:
    estimate, (low, high) = explained(7.5e13, df1=2, df2=78.0, alpha=0.05)
    assert 1 - 1e-11 < low < estimate < high < 1


def test_omega_squared_is_smaller_than_eta_squared_and_not_negative() -> None:
    assert omega_squared(0.4, df1=3, df2=20, alpha=0.05)[0] == 0.0
    omega, (low, high) = omega_squared(5.0, df1=3, df2=20, alpha=0.05)
    assert omega == pytest.approx(12 / 36)
    assert 0 <= low < omega < explained(5.0, df1=3, df2=20, alpha=0.05)[0] < high


def test_of_an_unknown_f_nothing_is_known() -> None:
    estimate, bounds = explained(math.nan, df1=2, df2=10, alpha=0.05)
    assert np.isnan([estimate, *bounds]).all()
    omega, bounds = omega_squared(math.nan, df1=2, df2=10, alpha=0.05)
    assert np.isnan([omega, *bounds]).all()


@few
@given(f=st.floats(0.01, 1e5), df1=st.integers(1, 30), df2=st.floats(3, 5000))
def test_omega_squared_lies_in_its_own_interval(f: float, df1: int, df2: float) -> None:
    omega, (low, high) = omega_squared(f, df1=df1, df2=df2, alpha=0.05)
    if math.isnan(low):  # F is so small that no noncentrality explains it: both limits would be 0
        assert math.isnan(high)
        assert special.fdtr(df1, df2, f) <= 0.025
    else:
        assert 0 <= low <= omega + 1e-9
        assert omega - 1e-9 <= high < 1


def test_omega_squared_of_a_small_effect_in_many_groups() -> None:
    omega, (low, high) = omega_squared(1.44, df1=12, df2=146.6, alpha=0.05)
    assert omega == pytest.approx(0.0320, abs=5e-4)
    assert low == pytest.approx(0.0, abs=0.01)
    assert 0.1 < high < 0.2


def test_omega_squared_that_rounds_to_1_has_no_interval() -> None:
    omega, bounds = omega_squared(1e18, df1=2, df2=20.0, alpha=0.05)
    assert omega == 1.0
    assert np.isnan(bounds).all()
