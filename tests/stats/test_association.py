from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from kemfeat.errors import ConfigError
from kemfeat.stats.association import associate


def drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(3, size=n), rng.choice(["angry", "happy", "neutral"], n), rng.choice(["s1", "s2", "s3"], n)


def test_measures_are_those_of_scipy_and_scikit_learn():
    clusters, classes, speakers = drawn(200)
    found = associate(clusters, classes=classes, speakers=speakers, permutations=19)
    expected = stats.chi2_contingency(found.counts, correction=False)
    assert (found.chi2, found.df, found.p_chi2) == pytest.approx((expected.statistic, expected.dof, expected.pvalue))
    assert found.cramers_v == pytest.approx(stats.contingency.association(found.counts, method="cramer"))
    assert found.ami == pytest.approx(adjusted_mutual_info_score(clusters, classes))
    assert found.ari == pytest.approx(adjusted_rand_score(clusters, classes))
    assert found.clusters == ("0", "1", "2")
    assert found.classes == ("angry", "happy", "neutral")
    assert found.counts[1, 2] == np.sum((clusters == 1) & (classes == "neutral"))


def test_clusters_that_are_the_classes_are_certain():
    _, classes, speakers = drawn(90)
    found = associate(classes, classes=classes, speakers=speakers)
    assert (found.ami, found.ari, found.cramers_v) == pytest.approx((1, 1, 1))
    assert found.p_permutation == pytest.approx(1 / 1000)


def test_clusters_that_merely_tell_speakers_apart_are_no_evidence():
    rng = np.random.default_rng(0)
    speakers = np.repeat(["s1", "s2"], 200)
    classes = np.where(rng.random(400) < np.where(speakers == "s1", 0.8, 0.2), "happy", "angry")
    found = associate(speakers, classes=classes, speakers=speakers, permutations=199)
    assert found.p_chi2 < 1e-10
    assert found.p_permutation == 1


def test_the_permutation_test_holds_its_level_under_speaker_effects():
    rng = np.random.default_rng(1)
    speakers = np.repeat(np.arange(8), 30)
    p_values = []
    for _ in range(200):
        taste, level = rng.random(8), rng.random(8)
        classes, clusters = rng.random(240) < taste[speakers], rng.random(240) < level[speakers]
        found = associate(clusters, classes=classes, speakers=speakers, permutations=39)
        p_values.append((found.p_permutation, found.p_chi2))
    within, naive = (np.mean(np.array(p_values) <= 0.05, axis=0)).tolist()
    assert within < 0.11  # 99.9 % of 200 draws at the level of 5 %
    assert naive > 0.3


def test_the_seed_decides_and_the_order_of_utterances_does_not_matter():
    clusters, classes, speakers = drawn(60, seed=3)
    found = associate(clusters, classes=classes, speakers=speakers)
    again = associate(clusters, classes=classes, speakers=speakers)
    order = np.random.default_rng(0).permutation(60)
    shuffled = associate(clusters[order], classes=classes[order], speakers=speakers[order])
    assert found.p_permutation == again.p_permutation
    assert shuffled.chi2 == pytest.approx(found.chi2)
    assert shuffled.p_permutation == pytest.approx(found.p_permutation, abs=0.06)


@pytest.mark.parametrize(("clusters", "classes"), [([1, 1], ["a", "b"]), ([1, 2], ["a", "a"]), ([1], ["a"])])
def test_one_cluster_or_one_class_is_no_association(clusters: Any, classes: Any):
    found = associate(clusters, classes=classes, speakers=classes, permutations=9)
    assert (found.chi2, found.df, found.p_chi2, found.cramers_v, found.p_permutation) == (0, 0, 1, 0, 1)


@pytest.mark.parametrize(
    ("clusters", "classes", "permutations", "message"),
    [
        ([1, 2], ["a"], 9, "found shapes .2,., .1,., .1,."),
        ([], [], 9, "at least one utterance"),
        ([1], ["a"], 0, "permutations is 0"),
    ],
)
def test_what_cannot_be_crossed_is_refused(clusters: Any, classes: Any, permutations: int, message: str):
    with pytest.raises(ConfigError, match=message):
        associate(clusters, classes=classes, speakers=classes, permutations=permutations)
