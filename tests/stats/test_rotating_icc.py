"""Intraclass correlation of rotating raters: against the complete table, its definition and the truth."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas import DataFrame

from kemfeat.errors import ConfigError
from kemfeat.stats.agreement import icc
from kemfeat.stats.rotating_icc import rotating_icc

nan = np.nan


def drawn(rng: np.random.Generator, *, units: int = 30, raters: int = 6, missing: float = 0.4) -> np.ndarray:
    table = rng.normal(size=(units, 1)) + 0.8 * rng.normal(size=(units, raters))
    table[rng.random(table.shape) < missing] = nan
    return table


def test_in_a_complete_table_it_is_icc_1():
    table = drawn(np.random.default_rng(0), missing=0)
    found, plain = rotating_icc(table), icc(table).set_index("type").loc[["ICC(1,1)", "ICC(1,k)"]]
    for name in ("icc", "F", "df1", "df2", "log_p"):
        assert found[name].to_numpy() == pytest.approx(plain[name].to_numpy(float))
    assert found.attrs["k"] == pytest.approx(6)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_f_is_that_of_a_one_way_analysis_of_variance(seed):
    table = drawn(np.random.default_rng(seed), units=10, raters=4)
    table[(np.isfinite(table)).sum(axis=1) < 2] = nan
    unit, rater = np.nonzero(np.isfinite(table))
    long = DataFrame({"y": table[unit, rater], "unit": unit.astype(str)})
    model = smf.ols("y ~ unit", long).fit()
    found = rotating_icc(table).iloc[0]
    assert (found["F"], found["p"]) == (pytest.approx(model.fvalue), pytest.approx(model.f_pvalue))
    m = long.groupby("unit").size()
    k = (m.sum() - (m**2).sum() / m.sum()) / (len(m) - 1)
    assert found["icc"] == pytest.approx((model.fvalue - 1) / (model.fvalue + k - 1))


def test_who_rated_what_does_not_matter():
    rng = np.random.default_rng(2)
    table = drawn(rng)
    shuffled = np.array([rng.permutation(row) for row in table])
    assert rotating_icc(shuffled)["icc"].tolist() == pytest.approx(rotating_icc(table)["icc"].tolist())
    assert rotating_icc(1e6 + 3 * table)["icc"].tolist() == pytest.approx(rotating_icc(table)["icc"].tolist())


def test_intervals_over_speakers_hold_the_truth():
    """Speakers differ, so units of one speaker are alike: the truth has the speakers' variance in it."""
    rng, held = np.random.default_rng(3), 0
    speaker = np.repeat(np.arange(12), 10)
    for _ in range(200):
        table = drawn(rng, units=120) + 0.7 * rng.normal(size=12)[speaker, None]
        found = rotating_icc(table, clusters=speaker).iloc[0]
        held += found["ci_low"] <= 1.49 / (1.49 + 0.64) <= found["ci_high"]
    assert 179 <= held < 200  # binomial(200, .93) is below with probability 0.02
    assert rotating_icc(table, clusters=speaker % 4)["ci_low"].isna().all()


def test_what_is_exact_or_not_defined():
    same = rotating_icc([[3, 3, None], [4, None, 4], [5, 5, 5]])
    assert same["icc"].tolist() == [1.0, 1.0]
    assert np.isinf(same["F"]).all()
    assert same[["ci_low", "p", "log_p"]].isna().all().all()
    for nothing in ([[3, 3], [3, 3]], [[3, None], [None, 4]], [[1, 2], [None, 3]]):
        assert rotating_icc(nothing).empty
    worse_than_chance = rotating_icc([[3, 4], [4, 3], [3, 4.1]])
    assert worse_than_chance["icc"].iloc[0] < 0
    assert worse_than_chance["icc"].iloc[1] == 0


def test_refusals():
    with pytest.raises(ConfigError, match="not numbers"):
        rotating_icc([["a", "b"], ["c", "d"]])
    with pytest.raises(ConfigError, match="expected one for each of 2 units"):
        rotating_icc([[1, 2], [2, 3]], clusters=["a"])


def test_an_infinite_rating_is_refused():
    with pytest.raises(ConfigError, match=r"found 1 infinite .* the first by rater 2 of unit 1"):
        rotating_icc([[1, 1, np.nan], [np.nan, 2, np.inf], [3, np.nan, 3]])


def test_units_that_never_differ_have_no_interval():
    found = rotating_icc([[1, 5, None], [None, 2, 4], [3, 3, None], [4, None, 2], [5, 1, None], [None, 3, 3]])
    assert np.isfinite(found["icc"]).all()
    assert found[["ci_low", "ci_high"]].isna().all(axis=None)
