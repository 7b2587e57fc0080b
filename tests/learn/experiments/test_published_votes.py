"""kemfeat.learn.experiments.published_votes: the published formulas, from the description of their defects."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from kemfeat.errors import ConfigError
from kemfeat.learn.experiments.published_votes import boosted, product_vote, softmax_over_all
from tests.learn.experiments.marks import needs_lightgbm
from tests.learn.experiments.test_votes import CLASSES, drawn


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 12))
def test_one_softmax_sums_to_1_over_everything(seed: int, rows: int) -> None:
    """J3."""
    logits = np.random.default_rng(seed).normal(scale=3, size=(rows, CLASSES))
    found = softmax_over_all(logits)
    assert found.sum() == pytest.approx(1)
    assert np.allclose(found, softmax(logits))
    assert np.allclose(softmax_over_all(logits + 700), found)


def test_a_large_row_makes_all_others_small() -> None:
    """J3: what a model says of one utterance depends on all others."""
    logits = np.random.default_rng(1).normal(size=(5, CLASSES))
    before = softmax_over_all(logits)
    logits[0] += 10
    assert (softmax_over_all(logits)[1:] < before[1:] / 100).all()


@given(seed=st.integers(0, 2**32 - 1))
def test_the_published_vote_takes_the_best_product_of_a_voter(seed: int) -> None:
    """J4: for every voter the number of those who agree times its own weight; the largest of them wins."""
    chances, _ = drawn(seed, 8)
    weights = np.random.default_rng(seed).dirichlet(np.ones(len(chances)))
    found = product_vote(chances, weights)
    votes = chances.argmax(axis=2)
    for row in range(chances.shape[1]):
        products = [(votes[:, row] == votes[voter, row]).sum() * weights[voter] for voter in range(len(weights))]
        assert found[row].argmax() == votes[int(np.argmax(products)), row]
    assert np.allclose(found.sum(axis=1), 1)


def test_where_all_differ_the_heaviest_model_decides() -> None:
    """J4, as published: .2 sound, .5 text, .3 both."""
    votes = np.eye(CLASSES)[[0, 1, 2]][:, None, :]
    assert product_vote(votes, np.array([0.2, 0.5, 0.3])).argmax() == 1


@needs_lightgbm
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1))
def test_lightgbm_sees_labels_alone(seed: int) -> None:
    """J4: how sure a model is changes nothing."""
    chances, classes = drawn(seed, 120)
    found = boosted(chances[:, :80], classes[:80], chances[:, 80:])
    doubted = 0.5 * chances + 0.5 / CLASSES
    assert np.array_equal(boosted(doubted[:, :80], classes[:80], chances[:, 80:]), found)
    assert np.allclose(found.sum(axis=1), 1)


@needs_lightgbm
def test_lightgbm_finds_what_labels_say(capfd: pytest.CaptureFixture[str]) -> None:
    chances, classes = drawn(5, 600, skill=2.0)
    classes = classes % 3
    swapped = chances[..., [1, 0, 2, 3]]
    found = boosted(swapped[:, :400], classes[:400], swapped[:, 400:])
    assert (found.argmax(axis=1) == classes[400:]).mean() > 0.6
    assert (found[:, 3] == 0).all(), "a class that was never seen"
    assert capfd.readouterr() == ("", ""), "a library does not print"


def test_without_lightgbm_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    chances, classes = drawn(5, 20)
    with pytest.raises(ConfigError, match=r"needs the package lightgbm, .* pip install 'kemfeat\[stacking\]'"):
        boosted(chances, classes, chances)
