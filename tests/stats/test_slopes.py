"""Random responses of clusters to groups: against statsmodels, textbook cases and simulation."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.stats.nested import cluster_means, random_intercept
from kemfeat.stats.slopes import random_slopes


def drawn(seed: int, *, clusters: int = 14, interaction: float = 0.8) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(4, (clusters, 3)) + 1
    cluster, group = (np.repeat(at, counts.ravel()) for at in np.indices(counts.shape).reshape(2, -1))
    level, response = rng.normal(size=clusters), interaction * rng.normal(size=(clusters, 3))
    y = level[cluster] + response[cluster, group] + rng.normal(size=len(group))
    return pd.DataFrame({"y": y, "group": np.array(list("abc"))[group], "id": cluster})


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_the_fit_of_statsmodels(seed):
    data = drawn(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = smf.mixedlm("y ~ group", data, groups="id", re_formula="1", vc_formula={"response": "0 + C(group)"})
        oracle = model.fit(reml=True, method="lbfgs")
    found = random_slopes(data["y"], data["group"], data["id"])
    assert found.log_likelihood >= oracle.llf - 1e-6
    assert found.log_likelihood == pytest.approx(oracle.llf, abs=1e-3)
    assert found.var_residual == pytest.approx(oracle.scale, rel=1e-2)
    assert found.var_interaction == pytest.approx(float(oracle.vcomp[0]), rel=2e-2)
    assert found.var_cluster == pytest.approx(float(oracle.cov_re.iloc[0, 0]), rel=5e-2)
    assert found.table["estimate"].to_numpy() == pytest.approx(oracle.fe_params.to_numpy(), abs=1e-3)
    assert found.table["se"].to_numpy() == pytest.approx(oracle.bse_fe.to_numpy(), rel=1e-2)


def test_without_a_response_it_is_the_random_intercept():
    rng = np.random.default_rng(0)
    cluster, group, _ = (axis.ravel() for axis in np.indices((30, 3, 6)))
    effects = rng.normal(size=(30, 3))
    effects = effects.mean(axis=1, keepdims=True) + 0 * effects
    y = effects[cluster, 0] + rng.normal(size=len(cluster))
    mine, plain = random_slopes(y, group, cluster), random_intercept(y, group, cluster)
    assert mine.var_interaction < 0.05
    assert mine.log_likelihood >= plain.log_likelihood - 1e-9
    assert mine.var_cluster == pytest.approx(plain.var_cluster, rel=0.05)
    assert mine.se_ratio < 1  # the level of a speaker cancels from a difference


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([1e-6, 1.0, 1e6]), shift=st.sampled_from([0.0, 1e3]))
def test_unit_and_origin_change_nothing(seed, scale, shift):
    data = drawn(seed)
    one = random_slopes(data["y"], data["group"], data["id"])
    other = random_slopes(data["y"] * scale + shift * scale, data["group"], data["id"])
    assert other.var_interaction == pytest.approx(one.var_interaction * scale**2, rel=1e-4, abs=1e-7 * scale**2)
    assert other.se_ratio == pytest.approx(one.se_ratio, rel=1e-4)


def test_balanced_pairs_have_the_error_of_the_cluster_means_on_average():
    rng = np.random.default_rng(5)
    cluster, group, _ = (axis.ravel() for axis in np.indices((16, 3, 5)))
    y = rng.normal(size=16)[cluster] + rng.normal(size=(16, 3))[cluster, group] + rng.normal(size=len(cluster))
    found, means = random_slopes(y, group, cluster), cluster_means(y, group, cluster)
    assert found.pairs["diff"].to_numpy() == pytest.approx(means.pairs["diff"].to_numpy())
    assert (found.pairs["se"] ** 2).mean() == pytest.approx((means.pairs["se"] ** 2).mean(), rel=1e-4)
    assert (found.pairs["df"] == 15).all()
    assert found.se_ratio > 1


@pytest.mark.parametrize(
    ("groups", "clusters", "reason"),
    [
        (list("aabb"), [1, 1, 2, 2], "0 of 2 clusters occur in two groups"),
        (list("abab"), [1, 1, 2, 2], "no cluster has two values in one group"),
    ],
)
def test_what_cannot_be_told_apart_says_why(groups, clusters, reason):
    found = random_slopes([1.0, 2.0, 4.0, 3.0], groups, clusters)
    assert found.reason.startswith(reason)
    assert np.isnan([found.var_interaction, found.se_ratio]).all()
    assert not found.pairs["significant"].any()


def test_values_that_do_not_vary_have_no_variances():
    found = random_slopes(np.ones(12), list("aabb") * 3, np.repeat([1, 2, 3], 4))
    assert found.reason == "values within cells do not vary"
