from __future__ import annotations

import json
from pathlib import Path

import kmedoids
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_samples, silhouette_score

from kemfeat.errors import ConfigError
from kemfeat.stats.validity import indices, silhouette_widths

LINE = np.abs(np.subtract.outer([0.0, 1.0, 3.0, 10.0, 12.0], [0.0, 1.0, 3.0, 10.0, 12.0]))
LABELS = [0, 0, 0, 1, 1]
MEDOIDS = [1, 3]


def clustered(n: int, k: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, 3))
    D = np.abs(points[:, None] - points).sum(axis=-1)
    medoids = rng.choice(n, k, replace=False)
    return D, D[:, medoids].argmin(axis=1), medoids


def spelled_out(D: np.ndarray, labels: np.ndarray, medoids: np.ndarray) -> dict[str, float]:
    """The definitions, one series and one pair at a time."""
    n, k = len(D), len(medoids)
    own = np.array([D[i, medoids[labels[i]]] for i in range(n)])
    members = [np.flatnonzero(labels == cluster) for cluster in range(k)]
    S = [own[ids].mean() for ids in members]
    M = D[np.ix_(medoids, medoids)]
    g = min(range(n), key=lambda i: D[i].sum())
    moved = sum(len(ids) * D[medoids[cluster], g] for cluster, ids in enumerate(members))
    others = [[other for other in range(k) if other != cluster] for cluster in range(k)]
    worst = [
        sum(own[i] for i in ids) / min(max(D[i, j] for i in range(n) if i not in ids) for j in ids) for ids in members
    ]
    gap = min(D[np.ix_(members[a], members[b])].min() for a in range(k) for b in others[a])
    return {
        "SF": 1 - 1 / np.exp(np.exp(moved / (n * k) - sum(S))),
        "CH": (n - k) / (k - 1) * moved / own.sum(),
        "DB": float(np.mean([max((S[a] + S[b]) / M[a, b] for b in others[a]) for a in range(k)])),
        "DBstar": float(
            np.mean([max(S[a] + S[b] for b in others[a]) / min(M[a, b] for b in others[a]) for a in range(k)])
        ),
        "D": gap / max(D[np.ix_(ids, ids)].max() for ids in members),
        "COP": sum(worst) / n,
    }


@settings(deadline=None, max_examples=40)
@given(st.integers(6, 40), st.integers(2, 5), st.integers(0, 10_000))
def test_every_index_is_its_definition(n: int, k: int, seed: int):
    D, labels, medoids = clustered(n, k, seed)
    found = indices(D, labels, medoids)
    assert found.pop("Sil") == pytest.approx(silhouette_score(D, labels, metric="precomputed"), rel=1e-12)
    assert found == pytest.approx(spelled_out(D, labels, medoids), rel=1e-12, abs=1e-14)


def test_more_series_than_are_looked_at_in_one_go():
    D, labels, medoids = clustered(700, 4, 0)
    found = indices(D, labels, medoids)
    assert found["Sil"] == pytest.approx(float(kmedoids.silhouette(D, labels)[0]), rel=1e-12)
    assert found["D"] == pytest.approx(spelled_out(D, labels, medoids)["D"], rel=1e-12)


def test_indices_worked_by_hand():
    # distances to medoids 1 0 2 | 0 2: S = 1, 1; M = 9; sums from all 26 23 21 28 34: the third is in the middle
    found = indices(LINE, LABELS, MEDOIDS)
    assert list(found) == ["Sil", "SF", "CH", "DB", "DBstar", "D", "COP"]
    assert found["CH"] == pytest.approx(3 * (3 * 2 + 2 * 7) / 5)
    assert found["DB"] == pytest.approx(2 / 9)
    assert found["DBstar"] == pytest.approx(2 / 9)
    assert found["D"] == pytest.approx(7 / 3)
    assert found["COP"] == pytest.approx((3 / 9 + 2 / 10) / 5)
    assert found["SF"] == pytest.approx(1 - np.exp(-np.exp(20 / 10 - 2)))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_neither_the_order_of_series_nor_the_names_of_clusters_count(seed: int, random: object):
    D, labels, medoids = clustered(30, 4, seed)
    rng = np.random.default_rng(seed)
    order, names = rng.permutation(30), rng.permutation(4)
    place, name = np.argsort(order), np.argsort(names)
    shuffled = indices(D[np.ix_(order, order)], names[labels[order]], place[medoids[name]])
    assert shuffled == pytest.approx(indices(D, labels, medoids), rel=1e-11)


def test_a_cluster_without_members_is_left_out():
    assert indices(LINE, [0, 0, 0, 2, 2], [1, 0, 3]) == indices(LINE, LABELS, MEDOIDS)


def test_silhouette_widths_are_those_of_scikit_learn_and_their_mean_is_the_index():
    D, labels, medoids = clustered(600, 4, seed=2)
    widths = silhouette_widths(D, labels, medoids)
    np.testing.assert_allclose(widths, silhouette_samples(D, labels, metric="precomputed"), rtol=1e-12, atol=1e-15)
    assert widths.mean() == indices(D, labels, medoids)["Sil"]


def test_golden_silhouette_widths(shared: Path):
    golden = shared / "data" / "golden"
    stored = json.loads((golden / "dtw_clusters.json").read_text())
    D = np.loadtxt(golden / "dtw_basic_default_minmax.csv", delimiter=",")
    run = stored["k5_seed1"]
    widths = silhouette_widths(D, np.array(run["cluster"]) - 1, np.array(run["medoids"]) - 1)
    np.testing.assert_allclose(widths, stored["silhouette_k5_seed1"]["width"], rtol=1e-12, atol=1e-13)


def test_a_series_alone_in_its_cluster_has_no_silhouette():
    found = indices(LINE, [0, 0, 0, 0, 1], [1, 4])
    assert found["Sil"] == pytest.approx(silhouette_score(LINE, [0, 0, 0, 0, 1], metric="precomputed"))


def test_equal_series_divide_by_zero_without_a_word():
    found = indices(np.zeros((4, 4)), [0, 0, 1, 1], [0, 2])
    assert found["Sil"] == 0
    assert np.isnan(found["DB"])
    assert np.isnan(found["D"])


def test_golden_dtwclust_cvi(shared: Path):
    folder = shared / "data" / "golden"
    D = np.loadtxt(folder / "dtw_basic_default_minmax.csv", delimiter=",")
    stored = json.loads((folder / "dtw_clusters.json").read_text())
    entries = [entry for name, entry in stored.items() if name.startswith(("k5_seed", "k2to10_seed"))]
    runs = [run for entry in entries for run in (entry if isinstance(entry, list) else [entry])]
    assert runs
    for run in runs:
        found = indices(D, np.array(run["cluster"]) - 1, np.array(run["medoids"]) - 1)
        assert found == pytest.approx(run["cvi"], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ("labels", "medoids", "message"),
    [
        ([0, 0, 1], MEDOIDS, "3 labels for a matrix of shape"),
        ([1, 1, 1, 1, 1], MEDOIDS, "1 cluster has members"),
        ([0, 0, 0, 1, 2], MEDOIDS, "labels run from 0 to 2, but there are 2 medoids"),
        ([-1, 0, 0, 1, 1], MEDOIDS, "labels run from -1 to 1"),
        (LABELS, [1, 5], "not all among series 0 to 4"),
    ],
)
def test_what_does_not_fit_is_refused(labels: list[int], medoids: list[int], message: str):
    with pytest.raises(ConfigError, match=message):
        indices(LINE, labels, medoids)
