"""Equivalence and power: against pingouin and statsmodels, by their laws and by simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pingouin as pg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from kemfeat.errors import ConfigError
from kemfeat.stats.equivalence import POWER, equivalence, power_of_t
from kemfeat.stats.nested import cluster_means


def pair(diff: float, *, se: float, df: float) -> pd.DataFrame:
    return pd.DataFrame({"a": ["a"], "b": ["b"], "diff": [diff], "se": [se], "df": [df]})


@pytest.mark.parametrize("bound", [0.2, 0.5, 1.5])
def test_p_is_pingouins(bound):
    x, y = np.random.default_rng(0).normal(size=(2, 20))
    d = x - y
    found = equivalence(pair(d.mean(), se=d.std(ddof=1) / 20**0.5, df=19), margin=bound).iloc[0]
    assert found["p"] == pytest.approx(float(pg.tost(x, y, bound=bound, paired=True)["pval"].iloc[0]), abs=6e-5)


@pytest.mark.parametrize("n", [12, 40, 200])
def test_power_is_that_of_statsmodels(n):
    power = power_of_t(0.4 * n**0.5, df=n - 1, alpha=0.05)
    assert power == pytest.approx(TTestPower().power(0.4, n, 0.05), rel=1e-9)
    found = equivalence(pair(0.0, se=1 / n**0.5, df=n - 1), margin=0.4).iloc[0]
    assert found["power"] == pytest.approx(power)
    assert found["detectable"] == pytest.approx(TTestPower().solve_power(None, n, 0.05, POWER), rel=1e-4)


def test_power_with_hardly_any_degrees_of_freedom():
    """Where SciPy's noncentral t is wrong: against draws."""
    rng, df, level = np.random.default_rng(0), 2.0, 0.0005
    t = (rng.normal(size=400_000) + 57.0) / np.sqrt(rng.chisquare(df, 400_000) / df)
    share = float((np.abs(t) > stats.t.isf(level / 2, df)).mean())
    assert power_of_t(57.0, df=df, alpha=level) == pytest.approx(share, abs=0.004)


@settings(deadline=None, max_examples=30)
@given(st.floats(1, 1e5), st.floats(1e-5, 0.2))
def test_without_a_difference_power_is_the_level(df, level):
    assert power_of_t(0.0, df=df, alpha=level) == pytest.approx(level, rel=1e-8)


@settings(deadline=None, max_examples=30)
@given(st.floats(-2, 2), st.floats(0.01, 1), st.floats(1, 500), st.floats(0.05, 3))
def test_equivalent_exactly_where_the_interval_is_inside(diff, se, df, margin):
    found = equivalence(pair(diff, se=se, df=df), margin=margin).iloc[0]
    inside = max(-found["ci_low"], found["ci_high"]) / margin
    if abs(inside - 1) > 1e-9:
        assert bool(found["equivalent"]) == (inside < 1)
    assert power_of_t(found["detectable"] / se, df=df, alpha=0.05) == pytest.approx(POWER, abs=1e-6)


def test_holm_and_the_level_of_power_count_the_tested_pairs_alone():
    pairs = pd.concat([pair(0.0, se=0.1, df=20), pair(0.05, se=0.1, df=20), pair(0.0, se=np.nan, df=np.nan)])
    found = equivalence(pairs.assign(reason=["", "", "b has no value"]), margin=0.3)
    assert found["p_holm"].tolist()[:2] == pytest.approx([2 * found["p"].iloc[0], found["p"].iloc[1]])
    assert found["power"].iloc[0] == pytest.approx(power_of_t(3.0, df=20, alpha=0.025))
    assert found["reason"].tolist() == ["", "", "b has no value"]
    assert found.loc[:, ["p", "ci_low", "p_holm", "detectable", "power"]].isna().to_numpy()[2].all()
    assert not found["equivalent"].iloc[2]
    few = equivalence(pair(0.0, se=0.1, df=0.7), margin=0.3).iloc[0]
    assert "0.7 degrees of freedom are too few" in few["reason"]


def test_groups_at_the_margin_are_called_equivalent_in_one_of_twenty_at_most():
    """Speakers respond to the two emotions in their own way; the true difference is the margin itself."""
    rng, called = np.random.default_rng(5), 0
    speaker, emotion = np.repeat(np.arange(12), 10), np.tile([0, 1], 60)
    for _ in range(300):
        response = 0.4 * rng.normal(size=(12, 2))
        values = response[speaker, emotion] + 1.5 * emotion + rng.normal(size=120)
        called += bool(equivalence(cluster_means(values, emotion, speaker).pairs, margin=1.5)["equivalent"].iloc[0])
    assert 3 <= called <= 27  # binomial(300, .05) is outside with probability 0.003


@pytest.mark.parametrize(("margin", "alpha"), [(0.0, 0.05), (-1.0, 0.05), (np.nan, 0.05), (1.0, 0.5), (1.0, 0.0)])
def test_what_is_no_margin_or_level_is_refused(margin, alpha):
    with pytest.raises(ConfigError, match="expected"):
        equivalence(pair(0.0, se=0.1, df=20), margin=margin, alpha=alpha)
