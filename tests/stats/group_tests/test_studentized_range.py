"""Upper tail of the studentized range: exact identities, R, SciPy, and laws at any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from kemfeat.stats.group_tests import _studentized_range
from kemfeat.stats.group_tests._studentized_range import critical, log_sf
from kemfeat.stats.tails import log_f_sf

DF = st.floats(1, 2e4)
K = st.integers(2, 12)
Q = st.floats(0.01, 1e4)


@settings(deadline=None, max_examples=60)
@given(q=Q, df=DF)
def test_two_means_are_a_t_test_of_any_size(q: float, df: float) -> None:
    exact = log_f_sf(q * q / 2, df1=1, df2=df)
    assert log_sf([q], k=2, df=[df])[0] == pytest.approx(exact, rel=1e-12, abs=1e-11)


def test_far_beyond_a_double_it_still_equals_the_t_test() -> None:
    for q, df in ((1e7, 58.6), (400.0, 13000.0), (1e5, 2.0), (1e7, 95.6)):
        assert log_sf([q], k=2, df=[df])[0] == pytest.approx(log_f_sf(q * q / 2, df1=1, df2=df), rel=1e-12)


def test_with_infinite_df_in_sight_it_is_the_range_of_normals() -> None:
    w = np.array([0.5, 2.0, 3.5, 6.0])
    # The range of three normals by its distribution function, where the difference of cdfs is harmless.
    z = np.linspace(-9, 9, 20001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    cdf = [np.trapezoid(3 * density * (special.ndtr(z) - special.ndtr(z - x)) ** 2, z) for x in w]
    assert np.exp(log_sf(w, k=3, df=1e9)) == pytest.approx(1 - np.array(cdf), rel=1e-6)


@pytest.mark.parametrize(("q", "k", "df"), [(3.5, 3, 2.0), (4.2, 5, 11.3), (1.0, 10, 245.7521), (6.0, 4, 1.0)])
def test_agrees_with_scipy_where_scipy_is_accurate(q: float, k: int, df: float) -> None:
    assert np.exp(log_sf(q, k=k, df=df)) == pytest.approx(stats.studentized_range.sf(q, k, df), abs=1e-10)


@settings(deadline=None, max_examples=40)
@given(q=Q, k=K, df=DF)
def test_lies_between_one_pair_and_bonferroni(q: float, k: int, df: float) -> None:
    one_pair = log_f_sf(q * q / 2, df1=1, df2=df)
    value = log_sf([q], k=k, df=[df])[0]
    assert one_pair - 1e-9 * abs(one_pair) - 1e-12 <= value
    assert value <= min(0.0, one_pair + np.log(k * (k - 1) / 2)) + 1e-9 * abs(one_pair)


@settings(deadline=None, max_examples=25)
@given(q=st.floats(0.1, 200), k=K, df=DF)
def test_falls_with_q_and_rises_with_k(q: float, k: int, df: float) -> None:
    here, further = log_sf([q, q * 1.01], k=k, df=[df, df])
    assert further < here or here > -1e-12  # as near to certain as the integral can tell
    assert log_sf([q], k=k + 1, df=[df])[0] >= here - 1e-12


def test_many_at_once_equal_one_by_one() -> None:
    q, df = np.array([0.5, 3.0, 40.0, 1e6]), np.array([1.0, 7.7, 300.0, 58.6])
    together = log_sf(q, k=5, df=df)
    alone = [log_sf(x, k=5, df=d)[()] for x, d in zip(q, df, strict=True)]
    assert together == pytest.approx(alone, rel=1e-12)


def test_ends_of_the_line() -> None:
    ends = log_sf([0.0, np.inf, np.nan, 1.0], k=3, df=[5.0, 5.0, 5.0, np.nan])
    assert ends[0] == 0.0
    assert ends[1] == -np.inf
    assert np.isnan(ends[2:]).all()


@settings(deadline=None, max_examples=20)
@given(alpha=st.floats(1e-6, 0.9), k=K, df=DF)
def test_critical_value_inverts_the_tail(alpha: float, k: int, df: float) -> None:
    q = critical(alpha, k=k, df=[df])
    assert log_sf(q, k=k, df=[df])[0] == pytest.approx(np.log(alpha), rel=1e-9, abs=1e-9)


def test_critical_value_of_an_unknown_df_is_unknown() -> None:
    known, unknown = critical(0.05, k=3, df=[20.0, np.nan])
    assert known == pytest.approx(3.577935, abs=1e-6)  # any printed table of the studentized range
    assert np.isnan(unknown)


def test_table_of_r(shared: Path) -> None:
    table = pd.read_csv(shared / "data" / "golden" / "ptukey_table.csv")
    assert set(table["k"]) >= {2, 3}
    for k, part in table.groupby("k"):
        log_p = log_sf(part["q"], k=int(k), df=part["df"])
        # Where df is small R's own ptukey misses the exact values of k = 2 by up to 7e-4.
        sound = (part["df"] >= 20).to_numpy()
        assert np.exp(log_p[sound]) == pytest.approx(part["ptukey_sf"][sound].to_numpy(), abs=2e-7)
        assert critical(0.05, k=int(k), df=part["df"])[sound] == pytest.approx(
            part["qtukey95"][sound].to_numpy(), rel=1e-6
        )
        if k == 2:
            assert log_p == pytest.approx(part["exact_k2_log_sf"].to_numpy(), rel=1e-12, abs=1e-10)


@pytest.mark.parametrize("k", [2, 5, 20, 100])
@pytest.mark.parametrize("df", [1.0, 9.0, 700.0])
def test_halving_the_step_changes_nothing(k: int, df: float, monkeypatch: pytest.MonkeyPatch) -> None:
    q = np.array([0.3, 1.0, 3.0, 5.0, 9.0, 60.0, 1e4])
    usual = log_sf(q, k=k, df=df)
    monkeypatch.setattr(_studentized_range, "_Z", np.linspace(-10, 10, 401))
    assert np.abs(np.expm1(usual - log_sf(q, k=k, df=df))).max() < 1e-9
