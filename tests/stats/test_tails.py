"""Tails in logarithms, Holm in logarithms, and how a p-value is printed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pingouin as pg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kemfeat.errors import ConfigError
from kemfeat.stats.tails import holm, log_chi2_sf, log_f_sf, log_level, p_text, probability

few = settings(deadline=None, max_examples=60)


@few
@given(x=st.floats(0, 1e6), half=st.integers(1, 8))
def test_chi_square_with_even_df_is_a_poisson_sum(x: float, half: int) -> None:
    y = x / 2
    terms = np.array(
        [j * math.log(y) - math.lgamma(j + 1) if y > 0 else (0.0 if j == 0 else -np.inf) for j in range(half)]
    )
    assert log_chi2_sf(x, df=2 * half) == pytest.approx(float(np.logaddexp.reduce(terms)) - y, rel=1e-12, abs=1e-12)


@few
@given(x=st.floats(0, 1200), df=st.integers(1, 40))
def test_chi_square_equals_scipy_where_it_does_not_underflow(x: float, df: int) -> None:
    assert log_chi2_sf(x, df=df) == pytest.approx(stats.chi2.logsf(x, df), rel=1e-10, abs=1e-12)


def test_chi_square_with_one_df_is_a_squared_normal() -> None:
    for z in (1.0, 30.0, 40.0, 100.0):
        assert log_chi2_sf(z * z, df=1) == pytest.approx(math.log(2) + float(stats.norm.logsf(z)), rel=1e-12)


def test_an_unknown_statistic_has_an_unknown_tail() -> None:
    assert math.isnan(log_chi2_sf(math.nan, df=3))


def test_probability_is_never_zero_and_keeps_the_unknown() -> None:
    small, usual, unknown = probability([-1104.0, math.log(0.25), math.nan])
    assert 0 < small < 1e-300
    assert usual == pytest.approx(0.25)
    assert math.isnan(unknown)


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.978, ".978"), (0.05, ".050"), (1.0, "1.000"), (0.001, ".001"), (0.0009, "9.0e-04"), (8.3314e-109, "8.3e-109")],
)
def test_p_as_people_print_it(p: float, text: str) -> None:
    assert p_text(math.log(p)) == text


def test_p_too_small_for_a_double_prints_its_logarithm() -> None:
    assert p_text(-1104.03634627549) == "< 1e-300 (log10 p = -479.5)"
    assert p_text(math.nan) == "undefined"


@few
@given(st.lists(st.floats(1e-12, 1), min_size=1, max_size=12))
def test_holm_equals_pingouin(p: list[float]) -> None:
    assert np.exp(holm(np.log(p))) == pytest.approx(pg.multicomp(p, method="holm")[1], rel=1e-9)


def test_holm_by_hand() -> None:
    adjusted = holm([math.log(0.01), math.log(0.04), math.nan, math.log(0.03)])
    assert np.exp(adjusted[[0, 1, 3]]) == pytest.approx([0.03, 0.06, 0.06])
    assert math.isnan(adjusted[2])


def test_holm_below_the_smallest_double_keeps_the_order() -> None:
    assert holm([-2000.0, -3000.0]) == pytest.approx([-2000.0, -3000.0 + math.log(2)])


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, 5.0, math.nan])
def test_a_level_outside_its_range_is_refused(alpha: float) -> None:
    with pytest.raises(ConfigError, match=r"alpha is .*; expected .*\(0, 1\)"):
        log_level(alpha)


few_f_tail = settings(deadline=None, max_examples=60)


@given(st.floats(1e-3, 1e300), st.integers(1, 5), st.floats(0.5, 5000))
@few_f_tail
def test_even_numerator_degrees_have_a_closed_form(f: float, half: int, df2: float) -> None:
    """I_x(a, m) = x^a sum_{j<m} (a)_j / j! (1-x)^j on both sides of the switch to the series."""
    a, log_x = df2 / 2, -math.log1p(2 * half * f / df2)
    terms = np.cumprod([1.0, *((a + j) / (j + 1) * -math.expm1(log_x) for j in range(half - 1))])
    expected = a * log_x + math.log(terms.sum())
    assert log_f_sf(f, df1=2 * half, df2=df2) == pytest.approx(expected, rel=1e-10, abs=1e-12)


@given(st.floats(0, 1e5), st.integers(1, 12), st.floats(1, 60))
@few_f_tail
def test_equals_scipy_where_it_does_not_underflow(f: float, df1: int, df2: float) -> None:
    assert log_f_sf(f, df1=df1, df2=df2) == pytest.approx(stats.f.logsf(f, df1, df2), rel=1e-11, abs=1e-13)


def test_a_small_f_keeps_its_digits() -> None:
    """P(F > f) with 1 and 1 degrees of freedom is 1 - 2/pi arctan(sqrt f)."""
    f = 7.222700018923245e-20
    expected = math.log1p(-2 / math.pi * math.atan(math.sqrt(f)))
    assert log_f_sf(f, df1=1, df2=1) == pytest.approx(expected, rel=1e-12)


def test_ends_of_the_line() -> None:
    assert log_f_sf(0.0, df1=3, df2=7) == 0.0
    assert log_f_sf(math.inf, df1=3, df2=7) == -math.inf
    assert math.isnan(log_f_sf(math.nan, df1=3, df2=7))
    assert math.isnan(log_f_sf(1.0, df1=3, df2=math.nan))


def test_equals_rs_logarithms(shared: Path) -> None:
    entries = json.loads((shared / "data" / "golden" / "group_tests.json").read_text(encoding="utf-8"))
    welch = {name: entry["welch"] for name, entry in entries.items() if isinstance(entry.get("welch"), dict)}
    checked = 0
    for test in welch.values():
        if isinstance(test.get("log_p"), float) and math.isfinite(test["log_p"]):
            assert log_f_sf(test["F"], df1=test["df1"], df2=test["df2"]) == pytest.approx(test["log_p"], rel=1e-10)
            checked += 1
    assert checked >= 5
