"""Closed forms, scipy where it does not underflow, and R's logarithms where it does."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kemfeat.stats._f_tail import log_f_sf

few = settings(deadline=None, max_examples=60)


@given(st.floats(1e-3, 1e300), st.integers(1, 5), st.floats(0.5, 5000))
@few
def test_even_numerator_degrees_have_a_closed_form(f: float, half: int, df2: float) -> None:
    """I_x(a, m) = x^a sum_{j<m} (a)_j / j! (1-x)^j on both sides of the switch to the series."""
    a, log_x = df2 / 2, -math.log1p(2 * half * f / df2)
    terms = np.cumprod([1.0, *((a + j) / (j + 1) * -math.expm1(log_x) for j in range(half - 1))])
    expected = a * log_x + math.log(terms.sum())
    assert log_f_sf(f, df1=2 * half, df2=df2) == pytest.approx(expected, rel=1e-10, abs=1e-12)


@given(st.floats(0, 1e5), st.integers(1, 12), st.floats(1, 60))
@few
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
