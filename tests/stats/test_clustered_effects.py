"""Effect sizes over clusters: the plain ones inside, coverage by simulation, no interval for few clusters."""

from __future__ import annotations

import numpy as np
import pytest

from kemfeat.errors import ConfigError
from kemfeat.stats import group_tests as gt
from kemfeat.stats.clustered_effects import clustered_effects


def drawn(rng: np.random.Generator, *, speakers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    speaker, emotion = np.repeat(np.arange(speakers), 20), np.tile([0, 1], speakers * 10)
    response = 0.6 * rng.normal(size=(speakers, 2))
    return response[speaker, emotion] + rng.normal(size=len(speaker)), emotion, speaker


def test_the_estimates_are_the_plain_ones():
    values, emotion, speaker = drawn(np.random.default_rng(0), speakers=6)
    found, plain = clustered_effects(values, emotion, speaker).iloc[0], gt.games_howell(values, emotion).iloc[0]
    assert found["cliffs_delta"] == plain["cliffs_delta"]
    assert found["g"] == pytest.approx(plain["hedges_g"], rel=0.02)  # without its correction for few values


@pytest.mark.parametrize("speakers", [6, 15])
def test_intervals_hold_the_truth(speakers):
    rng, held = np.random.default_rng(3), np.zeros(2)
    for _ in range(120):
        row = clustered_effects(*drawn(rng, speakers=speakers)).iloc[0]
        held += (row["g_low"] <= 0 <= row["g_high"], row["delta_low"] <= 0 <= row["delta_high"])
    assert (held >= 105).all()  # binomial(120, .93) is below with probability 0.01


def test_few_clusters_have_effects_but_no_interval():
    row = clustered_effects(*drawn(np.random.default_rng(0), speakers=4)).iloc[0]
    assert np.isfinite([row["g"], row["cliffs_delta"]]).all()
    assert np.isnan([row["g_low"], row["delta_high"]]).all()
    assert row["reason"] == "a group occurs in 4 clusters; an interval needs 5"


def test_lengths_that_differ_are_refused_and_constants_have_no_g():
    with pytest.raises(ConfigError, match="one group and one cluster"):
        clustered_effects([1.0, 2.0], ["a"], ["x", "y"])
    row = clustered_effects([0.1] * 20, list("ab") * 10, np.repeat(np.arange(10), 2)).iloc[0]
    assert np.isnan(row["g"])
    assert row["cliffs_delta"] == 0


def test_groups_that_do_not_overlap_have_a_delta_without_interval():
    rng, groups, clusters = np.random.default_rng(0), np.tile(["a", "b"], 30), np.repeat(np.arange(6), 10)
    row = clustered_effects(rng.random(60) + 2 * (groups == "b"), groups, clusters).iloc[0]
    assert row["cliffs_delta"] == -1
    assert np.isnan([row["delta_low"], row["delta_high"]]).all()
    assert row["g_low"] < row["g"] < row["g_high"]
    assert row["reason"] == "no interval of Cliff's delta: it is the same without any cluster"


def test_constant_groups_have_no_effect_and_say_so():
    groups, clusters = np.tile(["a", "b"], 30), np.repeat(np.arange(6), 10)
    row = clustered_effects(np.where(groups == "a", 1.0, 2.0), groups, clusters).iloc[0]
    assert np.isnan(row[["g", "g_low", "g_high", "delta_low", "delta_high"]].astype(float)).all()
    assert row["reason"].startswith("no group varies: no standardised difference; no interval of Cliff's delta")
