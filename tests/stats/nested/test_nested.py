"""Oracles: R (clubSandwich, lme4) where its output is at hand, the definitions with dense matrices, and scipy."""

from __future__ import annotations

import json
import math
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kemfeat.stats.nested import cluster_means, cluster_robust, random_intercept
from tests.bench.tools import null_control
from tests.stats.nested.kit import balanced, robust, unbalanced

few = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 2**32 - 1)


def between(seed: int) -> pd.DataFrame:
    """Two groups of 6 clusters each, 5 values in a cluster."""
    data = balanced(seed, clusters=12, groups=1, repeats=5)
    return data.assign(group=np.where(data["id"] < 6, "x", "y"))


# --- R ---------------------------------------------------------------------------------------------------------------

GOLDEN = ("chickweight_diet", "sleepstudy_days3")


def golden(shared: Path, name: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    folder = shared / "data" / "golden"
    expected = json.loads((folder / "nested.json").read_text(encoding="utf-8"))[name]
    return pd.read_csv(folder / f"nested_{name}.csv"), expected


@pytest.mark.parametrize("name", GOLDEN)
def test_coefficients_equal_clubsandwich(shared: Path, name: str) -> None:
    data, expected = golden(shared, name)
    table = robust(data).table
    assert table["term"].iloc[0] == "(Intercept)"
    assert [f"g{term}" for term in table["term"].iloc[1:]] == list(expected["ols_coef"])[1:]
    np.testing.assert_allclose(table["estimate"], list(expected["ols_coef"].values()), rtol=1e-10)
    for column in ("se", "t", "df", "p"):
        np.testing.assert_allclose(table[column], expected["coef_test_CR2"][column], rtol=1e-10)


@pytest.mark.parametrize("name", GOLDEN)
def test_htz_equals_clubsandwich(shared: Path, name: str) -> None:
    data, expected = golden(shared, name)
    result, wald = robust(data), expected["wald_CR2"]
    found = [result.F, result.df1, result.df2, result.p, math.exp(result.log_p)]
    np.testing.assert_allclose(found, [*(wald[key][1] for key in ("F", "df1", "df2", "p")), wald["p"][1]], rtol=1e-10)


@pytest.mark.parametrize("name", GOLDEN)
def test_random_intercept_equals_lmer(shared: Path, name: str) -> None:
    data, expected = golden(shared, name)
    fit, lmer = random_intercept(data["y"], data["group"], data["id"]), expected["lmer"]
    assert fit.log_likelihood == pytest.approx(lmer["logLik"], rel=1e-12)
    # lmer's search stops early in the variances; the likelihood is flat there.
    found = [fit.var_cluster, fit.var_residual, fit.icc, robust(data).icc]
    np.testing.assert_allclose(found, [*(lmer[key] for key in ("var_id", "var_res", "icc", "icc"))], rtol=1e-6)
    assert robust(data).icc_null == pytest.approx(expected["icc_null"], rel=1e-6)
    np.testing.assert_allclose(fit.table["estimate"], list(lmer["fixef"].values()), rtol=1e-8)
    np.testing.assert_allclose(fit.table["se"], lmer["se"], rtol=1e-7)


def test_cluster_means_of_a_balanced_design_equal_clubsandwich(shared: Path) -> None:
    data, expected = golden(shared, "sleepstudy_days3")
    assert (data.groupby(["id", "group"]).size().groupby("group").nunique() == 1).all()
    result = cluster_means(data["y"], data["group"], data["id"])
    assert result.test == "hotelling"
    assert result.p == pytest.approx(expected["wald_CR2"]["p"][1], rel=1e-10)


# --- Definitions with dense matrices ----------------------------------------------------------------------------------


class Dense:
    """CR2 of R's treatment coding, written down as in Pustejovsky & Tipton (2018) without any shortcut."""

    def __init__(self, data: pd.DataFrame) -> None:
        x = pd.get_dummies(data["group"]).to_numpy(dtype=float, copy=True)
        x[:, 0] = 1.0
        self.bread = np.linalg.inv(x.T @ x)
        self.coef = self.bread @ x.T @ data["y"].to_numpy()
        residual = data["y"].to_numpy() - x @ self.coef
        maker = np.eye(len(x)) - x @ self.bread @ x.T
        p, self.meat = [], np.zeros_like(self.bread)
        for cluster in data["id"].unique():
            rows = (data["id"] == cluster).to_numpy()
            values, vectors = np.linalg.eigh(maker[np.ix_(rows, rows)])
            adjusted = x[rows].T @ (vectors / np.sqrt(values)) @ vectors.T
            self.meat += np.outer(adjusted @ residual[rows], adjusted @ residual[rows])
            p.append(maker[:, rows] @ adjusted.T @ self.bread)
        self.p = np.array(p)  # (cluster, row, coefficient)
        self.covariance = self.bread @ self.meat @ self.bread

    def products(self, contrasts: np.ndarray) -> np.ndarray:
        return np.einsum("inq,jnr->ijqr", self.p @ contrasts.T, self.p @ contrasts.T)

    def htz(self, contrasts: np.ndarray) -> tuple[float, float]:
        q = len(contrasts)
        omega = np.einsum("iiqr->qr", self.products(contrasts))
        values, vectors = np.linalg.eigh(omega)
        g = self.products((vectors / np.sqrt(values)) @ vectors.T @ contrasts)
        variance = np.einsum("ijss,ijtt->", g, g) + np.einsum("ijst,ijts->", g, g)
        eta = q * (q + 1) / variance
        effect = contrasts @ self.coef
        wald = effect @ np.linalg.solve(contrasts @ self.covariance @ contrasts.T, effect)
        return (eta - q + 1) / (eta * q) * wald, eta - q + 1


@given(seeds)
@few
def test_closed_form_equals_the_definition(seed: int) -> None:
    data = unbalanced(seed)
    result, dense = robust(data), Dense(data)
    np.testing.assert_allclose(result.table["estimate"], dense.coef, atol=1e-12)
    np.testing.assert_allclose(result.table["se"], np.sqrt(np.diag(dense.covariance)), rtol=1e-9)
    df = [dense.htz(row[None])[1] for row in np.eye(3)]
    np.testing.assert_allclose(result.table["df"], df, rtol=1e-9)
    np.testing.assert_allclose((result.F, result.df2), dense.htz(np.eye(3)[1:]), rtol=1e-8)


def restricted_deviance(data: pd.DataFrame, *, var_cluster: float, var_residual: float) -> float:
    x, z = (pd.get_dummies(data[key]).to_numpy(dtype=float) for key in ("group", "id"))
    v = var_cluster * z @ z.T + var_residual * np.eye(len(x))
    xvx = x.T @ np.linalg.solve(v, x)
    left = data["y"].to_numpy() - x @ np.linalg.solve(xvx, x.T @ np.linalg.solve(v, data["y"].to_numpy()))
    df = len(x) - x.shape[1]
    logdets = np.linalg.slogdet(v)[1] + np.linalg.slogdet(xvx)[1]
    return float(df * np.log(2 * np.pi) + logdets + left @ np.linalg.solve(v, left))


@given(seeds)
@few
def test_reml_is_at_the_top_of_the_dense_likelihood(seed: int) -> None:
    data = unbalanced(seed)
    fit = random_intercept(data["y"], data["group"], data["id"])
    best = restricted_deviance(data, var_cluster=fit.var_cluster, var_residual=fit.var_residual)
    assert -2 * fit.log_likelihood == pytest.approx(best, rel=1e-9)
    for up in (0.99, 1.01):
        residual_off = restricted_deviance(data, var_cluster=fit.var_cluster, var_residual=up * fit.var_residual)
        cluster_off = fit.var_cluster * up if fit.var_cluster else 0.01 * fit.var_residual
        assert residual_off > best
        assert restricted_deviance(data, var_cluster=cluster_off, var_residual=fit.var_residual) > best


# --- Laws -------------------------------------------------------------------------------------------------------------


@given(seeds)
@few
def test_one_value_per_cluster_is_welchs_variance(seed: int) -> None:
    data = unbalanced(seed)
    pairs = cluster_robust(data["y"], data["group"], np.arange(len(data))).pairs
    squares = data.groupby("group")["y"].sem() ** 2
    expected = [math.sqrt(squares[a] + squares[b]) for a, b in combinations("abc", 2)]
    np.testing.assert_allclose(pairs["se"], expected, rtol=1e-10)


@given(seeds)
@few
def test_balanced_groups_of_clusters_are_a_t_test_on_cluster_means(seed: int) -> None:
    data = between(seed)
    result, means = robust(data), data.groupby(["group", "id"])["y"].mean()
    student = stats.ttest_ind(means["x"], means["y"])
    row = result.pairs.iloc[0]
    np.testing.assert_allclose(row[["t", "df", "p"]].astype(float), [student.statistic, 10, student.pvalue], rtol=1e-8)
    welch = stats.ttest_ind(means["x"], means["y"], equal_var=False)
    interval = welch.confidence_interval(0.95)
    row = cluster_means(data["y"], data["group"], data["id"]).pairs.iloc[0]
    assert (row["test"], row["n_a"], row["n_b"]) == ("welch", 6, 6)
    expected = [welch.statistic, welch.df, welch.pvalue, interval.low, interval.high]
    np.testing.assert_allclose(row[["t", "df", "p", "ci_low", "ci_high"]].astype(float), expected, rtol=1e-8)


@given(seeds)
@few
def test_a_balanced_factor_within_clusters_is_a_paired_t_test_and_hotelling(seed: int) -> None:
    data = balanced(seed)
    result, means = robust(data), cluster_means(data["y"], data["group"], data["id"])
    wide = data.groupby(["id", "group"])["y"].mean().unstack()
    for pairs in (result.pairs, means.pairs):
        tests = [stats.ttest_rel(wide[a], wide[b]) for a, b in combinations(range(3), 2)]
        np.testing.assert_allclose(pairs["t"], [test.statistic for test in tests], rtol=1e-8)
        np.testing.assert_allclose(pairs["p"], [test.pvalue for test in tests], rtol=1e-8)
        np.testing.assert_allclose(pairs["df"], 7, rtol=1e-9)
    assert (means.test, means.n_clusters, means.df1, means.df2) == ("hotelling", 8, 2, 6)
    np.testing.assert_allclose(result.F, means.F, rtol=1e-8)
    assert result.df2 == pytest.approx(means.df2, rel=1e-9)


@given(seeds)
@few
def test_htz_of_one_contrast_is_t_squared(seed: int) -> None:
    data = unbalanced(seed)
    result = robust(data[data["group"] != "c"])
    row = result.pairs.iloc[0]
    np.testing.assert_allclose(result.F, row["t"] ** 2, rtol=1e-9)
    assert (result.df1, result.df2) == (1, pytest.approx(row["df"], rel=1e-9))
    assert result.p == pytest.approx(row["p"], rel=1e-9)


def test_two_groups_of_clusters_make_welchs_f_the_square_of_his_t() -> None:
    data = between(3)
    result = cluster_means(data["y"], data["group"], data["id"])
    row = result.pairs.iloc[0]
    assert result.test == "welch"
    np.testing.assert_allclose([result.F, result.df2, result.p], [row["t"] ** 2, row["df"], row["p"]], rtol=1e-10)


def test_welchs_anova_of_cluster_means_equals_scipy() -> None:
    data = balanced(5, clusters=15, groups=1).assign(group=lambda d: d["id"] % 4)
    result = cluster_means(data["y"], data["group"], data["id"])
    means = data.groupby(["group", "id"])["y"].mean()
    expected = stats.f_oneway(*(means[group] for group in range(4)), equal_var=False)
    np.testing.assert_allclose([result.F, result.p], [expected.statistic, expected.pvalue], rtol=1e-10)


@given(seeds, st.floats(0.001, 1000), st.floats(-1e6, 1e6))
@few
def test_order_names_shift_and_scale_do_not_matter(seed: int, scale: float, shift: float) -> None:
    data = unbalanced(seed)
    moved = data.sample(frac=1, random_state=seed % 1000).assign(
        y=lambda d: d["y"] * scale + shift, id=lambda d: d["id"].map(lambda i: f"speaker {9 - i}")
    )
    before, after = robust(data), robust(moved)
    loose = 1e-6 * (1 + abs(shift) / scale * 1e-6)  # the shift itself rounds the values
    np.testing.assert_allclose(
        [after.F, after.df2, after.icc, after.effective_n],
        [before.F, before.df2, before.icc, before.effective_n],
        rtol=loose,
        atol=1e-5,
    )
    np.testing.assert_allclose(after.pairs["t"], before.pairs["t"], rtol=loose, atol=1e-5)
    np.testing.assert_allclose(after.pairs["df"], before.pairs["df"], rtol=1e-10)


@given(seeds)
@few
def test_degrees_of_freedom_lie_between_zero_and_the_number_of_clusters(seed: int) -> None:
    result = robust(unbalanced(seed))
    df = np.concatenate([result.table["df"], result.pairs["df"]])
    assert (df > 0).all()
    assert (df <= 2 * 9).all()
    assert result.df2 <= df.max()


def test_copies_of_every_cluster_add_degrees_of_freedom_but_copies_of_values_do_not() -> None:
    data = balanced(1)
    louder = pd.concat([data, data])
    more = pd.concat([data, data.assign(id=data["id"] + 100)])
    assert robust(louder).df2 == pytest.approx(robust(data).df2)
    np.testing.assert_allclose(robust(louder).F, robust(data).F)
    assert robust(more).F > 1.5 * robust(data).F
    naive = [stats.f_oneway(*(d["y"][d["group"] == g] for g in range(3))).statistic for d in (data, louder)]
    assert naive[1] > 1.5 * naive[0]


def test_pairs_are_the_differences_of_the_means_with_holm_and_intervals() -> None:
    data = unbalanced(4)
    pairs, means = robust(data).pairs, data.groupby("group")["y"].mean()
    assert list(zip(pairs["a"], pairs["b"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    np.testing.assert_allclose(pairs["diff"], [means[a] - means[b] for a, b in combinations("abc", 2)], rtol=1e-10)
    p = np.sort(pairs["p"])
    holm = np.minimum(np.maximum.accumulate(p * [3, 2, 1]), 1)
    np.testing.assert_allclose(np.sort(pairs["p_holm"]), holm)
    np.testing.assert_allclose(np.exp(pairs["log_p"]), pairs["p"])
    assert (pairs["significant"] == (pairs["p_holm"] < 0.05)).all()
    np.testing.assert_allclose(pairs["p"], 2 * stats.t.sf(abs(pairs["t"]), pairs["df"]))
    reach = stats.t.ppf(0.975, pairs["df"]) * pairs["se"]
    np.testing.assert_allclose(pairs["ci_low"], pairs["diff"] - reach)
    np.testing.assert_allclose(pairs["ci_high"], pairs["diff"] + reach)


def test_icc_of_equal_clusters_is_the_anova_estimate() -> None:
    data = balanced(2, clusters=10, groups=1, repeats=6)
    by_cluster = data.groupby("id")["y"]
    msb, msw = 6 * by_cluster.mean().var(), by_cluster.var().mean()
    result = robust(data)
    assert result.icc_null == pytest.approx((msb - msw) / (msb + 5 * msw), rel=1e-10)
    assert result.design_effect == pytest.approx(1 + 5 * result.icc, rel=1e-12)
    assert result.effective_n == pytest.approx(60 / result.design_effect, rel=1e-12)


def test_no_cluster_effect_gives_an_icc_of_zero() -> None:
    data = pd.DataFrame({"y": [1.0, -1.0, 1.0, -1.0, 1.0, -1.0], "group": "a", "id": [0, 0, 1, 1, 2, 2]})
    result = robust(data)
    assert (result.icc, result.design_effect, result.effective_n) == (0.0, 1.0, 6.0)


def test_a_tiny_p_stays_finite_in_logs() -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"id": np.arange(4000), "group": np.arange(4000) % 2})
    result = cluster_robust(rng.normal(size=4000) + 1e3 * data["group"], data["group"], data["id"])
    assert -np.inf < result.log_p < -10000
    assert result.log_p == pytest.approx(result.pairs["log_p"][0], rel=1e-9)


# --- Rejection rates under the null ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("design", null_control.DESIGNS, ids=lambda design: design.name)
def test_nested_tests_keep_their_level_where_the_naive_one_does_not(design: null_control.Design) -> None:
    data_sets = 200
    naive, *nested = null_control.rejections(design, data_sets)
    assert naive > 0.08 * data_sets
    # A test that truly rejects 5 % falls outside these bounds once in 10,000 draws.
    low, high = stats.binom.ppf([0.00005, 0.99995], data_sets, 0.05)
    for count in nested:
        assert low <= count <= high
