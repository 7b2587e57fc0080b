from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import kmedoids
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from kemfeat.errors import ConfigError
from kemfeat.stats.clustering import best_of, bootstrap_stability, fasterpam, tsclust

laws = settings(deadline=None, max_examples=40)


def distances_of(points: np.ndarray) -> np.ndarray:
    return np.abs(points[:, None] - points[None]).sum(axis=-1)


def islands(*sizes: int, seed: int = 0) -> np.ndarray:
    """Points around centres that lie 10 apart on a line."""
    rng = np.random.default_rng(seed)
    return distances_of(np.concatenate([rng.normal(10 * place, 1, size=(size, 1)) for place, size in enumerate(sizes)]))


@st.composite
def distances_and_k(draw: st.DrawFn) -> tuple[np.ndarray, int, np.random.Generator]:
    n = draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    # few different places, so that many series are alike and clusters can lose all their members
    points = rng.integers(0, draw(st.integers(1, 40)), size=(n, 2)).astype(float)
    return distances_of(points), draw(st.integers(1, n)), rng


@laws
@given(distances_and_k())
def test_labels_are_nearest_medoids_and_the_cost_is_their_sum(case: tuple[np.ndarray, int, np.random.Generator]):
    D, k, rng = case
    for found in (tsclust(D, k, init=rng.choice(len(D), k, replace=False)), fasterpam(D, k, restarts=2, seed=1)):
        np.testing.assert_array_equal(found.labels, D[:, found.medoids].argmin(axis=1))
        assert found.cost == pytest.approx(D[:, found.medoids].min(axis=1).sum())
        assert found.medoids.shape == (k,)
        assert found.converged


@laws
@given(distances_and_k())
def test_another_pass_of_the_alternation_changes_nothing(case: tuple[np.ndarray, int, np.random.Generator]):
    D, k, rng = case
    found = tsclust(D, k, init=rng.choice(len(D), k, replace=False))
    for cluster in range(k):
        members = np.flatnonzero(found.labels == cluster)
        if len(members):
            sums = D[np.ix_(members, members)].sum(axis=1)
            assert sums[members == found.medoids[cluster]] == pytest.approx(sums.min())
    if len(np.unique(found.medoids)) == k:
        assert tsclust(D, k, init=found.medoids).iterations == 2


def test_the_alternation_worked_by_hand():
    D = distances_of(np.array([[0.0], [1.0], [2.0], [10.0], [11.0]]))
    found = tsclust(D, 2, init=[0, 1])
    # pass 1: 0 | 1 2 3 4, sums 20 18 18 20, medoids 0 2; pass 2: 0 1 | 2 3 4, sums 17 9 10, medoids 0 3;
    # pass 3: 0 1 2 | 3 4, sums 3 2 3, medoids 1 3; pass 4 changes nothing
    np.testing.assert_array_equal(found.labels, [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(found.medoids, [1, 3])
    assert found.cost == 3
    assert found.iterations == 4


def test_a_cluster_that_loses_all_members_takes_the_farthest_series():
    D = distances_of(np.array([[0.0], [0.0], [1.0], [50.0]]))
    found = tsclust(D, 2, init=[0, 1])
    np.testing.assert_array_equal(found.labels, [0, 0, 0, 1])


def test_a_large_cluster_is_summed_in_parts_to_the_same_medoid():
    D = islands(1500)
    assert tsclust(D, 1, init=[3]).medoids[0] == D.sum(axis=1).argmin()


def golden_runs(shared: Path) -> list[dict[str, Any]]:
    stored = json.loads((shared / "data" / "golden" / "dtw_clusters.json").read_text())
    entries = [entry for name, entry in stored.items() if name.startswith(("k5_seed", "k2to10_seed"))]
    return [run for entry in entries for run in (entry if isinstance(entry, list) else [entry])]


def golden_distances(shared: Path) -> np.ndarray:
    return np.loadtxt(shared / "data" / "golden" / "dtw_basic_default_minmax.csv", delimiter=",")


def test_golden_tsclust_runs(shared: Path):
    D, runs = golden_distances(shared), golden_runs(shared)
    assert runs
    for run in runs:
        found = tsclust(D, run["k"], init=np.array(run["init"]) - 1)
        np.testing.assert_array_equal(found.labels + 1, run["cluster"])
        np.testing.assert_array_equal(found.medoids + 1, run["medoids"])
        assert (found.iterations, found.converged) == (run["iter"], run["converged"])
        assert found.cost == pytest.approx(run["cldist_sum"], rel=1e-12)


def test_golden_fasterpam_is_at_least_as_good_as_r_cluster_pam(shared: Path):
    D = golden_distances(shared)
    stored = json.loads((shared / "data" / "golden" / "dtw_clusters.json").read_text())
    for run, costs in zip(stored["cluster_pam"], stored["tsclust_cost"], strict=True):
        cost = fasterpam(D, run["k"], restarts=10).cost
        assert cost <= run["cost_total"] * (1 + 1e-12)
        assert cost <= min(costs) * (1 + 1e-12)


def test_fasterpam_finds_the_islands_from_every_start():
    D = islands(30, 50, 20)
    found = fasterpam(D, 3, restarts=5)
    np.testing.assert_array_equal(found.labels, np.repeat([0, 1, 2], [30, 50, 20]))
    assert found.stability == 1
    assert np.ptp(found.restart_costs) == pytest.approx(0)


def test_no_swap_of_a_medoid_improves_what_fasterpam_found():
    rng = np.random.default_rng(3)
    D = distances_of(rng.normal(size=(40, 2)))
    found = fasterpam(D, 4)
    for place in range(4):
        for candidate in range(40):
            medoids = found.medoids.copy()
            medoids[place] = candidate
            assert D[:, medoids].min(axis=1).sum() >= found.cost - 1e-9


def test_the_best_restart_is_kept_and_the_seed_decides():
    D = distances_of(np.random.default_rng(0).normal(size=(150, 3)))
    found, again, other = (fasterpam(D, 12, restarts=6, seed=seed) for seed in (0, 0, 1))
    assert found.cost == min(found.restart_costs)
    assert len(set(found.restart_costs)) > 1
    assert found.restart_costs == again.restart_costs
    assert found.restart_costs != other.restart_costs
    np.testing.assert_array_equal(found.labels, again.labels)
    assert 0 < found.stability < 1
    assert np.isnan(fasterpam(D, 12, restarts=1).stability)


def test_the_best_of_several_alternations_knows_the_others():
    D = distances_of(np.random.default_rng(0).normal(size=(150, 3)))
    runs = [tsclust(D, 8, init=np.random.default_rng(seed).choice(150, 8, replace=False)) for seed in range(5)]
    best = best_of(runs)
    assert best.restart_costs == tuple(run.cost for run in runs)
    assert best.cost == min(best.restart_costs)
    place = best.restart_costs.index(best.cost)
    others = [adjusted_rand_score(best.labels, run.labels) for i, run in enumerate(runs) if i != place]
    assert best.stability == pytest.approx(np.mean(others))
    assert np.isnan(best_of(runs[:1]).stability)


def test_single_precision_distances_serve_as_well():
    D = islands(30, 50, 20).astype(np.float32)
    assert fasterpam(D, 3).cost == pytest.approx(kmedoids.pam(D.astype(float), 3).loss, rel=1e-5)


def test_resampling_keeps_clear_clusters_and_shakes_arbitrary_ones():
    clear = bootstrap_stability(islands(40, 40, 40), 3, resamples=5)
    arbitrary = bootstrap_stability(distances_of(np.random.default_rng(0).random((120, 4))), 7, resamples=5)
    np.testing.assert_array_equal(clear, np.ones(5))
    assert arbitrary.shape == (5,)
    assert arbitrary.mean() < 0.8


def test_resampling_looks_at_a_sample_of_many_series():
    scores = bootstrap_stability(islands(300, 300), 2, resamples=3, max_series=50)
    np.testing.assert_array_equal(scores, np.ones(3))


def test_the_agreement_of_restarts_is_their_mean_adjusted_rand_index():
    D = distances_of(np.random.default_rng(5).normal(size=(60, 2)))
    found = fasterpam(D, 8, restarts=2, seed=4)
    rng = np.random.default_rng(4)
    runs = [kmedoids.fasterpam(D, rng.choice(60, 8, replace=False), n_cpu=1) for _ in range(2)]
    assert found.stability == pytest.approx(adjusted_rand_score(runs[0].labels, runs[1].labels))


@pytest.mark.parametrize(
    ("D", "k", "message"),
    [
        (np.zeros((2, 3)), 1, "shape .2, 3."),
        (np.array([[0, np.inf], [1, 0]]), 1, "a DTW window that is too narrow"),
        (np.array([[0, np.nan], [1, 0]]), 1, "not finite"),
        (np.zeros((2, 2)), 0, "k is 0; expected 1 to 2"),
        (np.zeros((2, 2)), 3, "k is 3; expected 1 to 2"),
    ],
)
def test_what_cannot_be_clustered_is_refused(D: np.ndarray, k: int, message: str):
    with pytest.raises(ConfigError, match=message):
        fasterpam(D, k)
    with pytest.raises(ConfigError, match=message):
        tsclust(D, k, init=[0])
    with pytest.raises(ConfigError, match=message):
        bootstrap_stability(D, k)


@pytest.mark.parametrize("init", [[0], [1, 1], [0, 4], [-1, 2], [0, 1, 2]])
def test_first_medoids_must_be_k_different_series(init: list[int]):
    with pytest.raises(ConfigError, match="expected 2 different series from 0 to 3"):
        tsclust(np.zeros((4, 4)), 2, init=init)


def test_no_start_is_refused():
    with pytest.raises(ConfigError, match="restarts is 0"):
        fasterpam(np.zeros((4, 4)), 2, restarts=0)
