"""kemfeat.learn.experiments.votes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression

from kemfeat.errors import AnalysisError
from kemfeat.learn.experiments.votes import (
    Chances,
    fitted_stacker,
    fitted_weights,
    hard_vote,
    normalised,
    soft_vote,
    stacked,
)
from kemfeat.learn.run_facts import StackerFacts

MODELS, CLASSES = 3, 4
cases = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 12))


def drawn(seed: int, rows: int, *, skill: float = 1.0) -> tuple[Chances, Any]:
    rng = np.random.default_rng(seed)
    classes = rng.integers(CLASSES, size=rows)
    right = np.eye(CLASSES)[classes] * np.array([2.0, 1.0, 0.1])[:, None, None] * skill
    return softmax(rng.normal(size=(MODELS, rows, CLASSES)) + right, axis=2), classes


@given(case=cases, weights=st.lists(st.floats(0.01, 1), min_size=MODELS, max_size=MODELS))
def test_votes_are_distributions_and_do_not_depend_on_other_rows(case: tuple[int, int], weights: list[float]) -> None:
    chances, _ = drawn(*case)
    shares = normalised(weights, models=MODELS)
    for vote in (soft_vote, hard_vote):
        found = vote(chances, shares)
        assert np.allclose(found.sum(axis=1), 1)
        assert found.min() >= 0
        alone = np.concatenate([vote(chances[:, row : row + 1], shares) for row in range(chances.shape[1])])
        assert np.allclose(found, alone, atol=1e-12)  # J3: no row rescales another
        turned = vote(chances[::-1], shares[::-1])
        assert np.allclose(found, turned, atol=1e-12)


@given(case=cases, place=st.integers(0, MODELS - 1))
def test_a_model_with_all_the_weight_decides(case: tuple[int, int], place: int) -> None:
    chances, _ = drawn(*case)
    weights = np.eye(MODELS)[place]
    assert np.array_equal(soft_vote(chances, weights), chances[place])
    assert np.array_equal(hard_vote(chances, weights).argmax(axis=1), chances[place].argmax(axis=1))


def test_a_hard_vote_adds_the_weights_of_those_who_agree() -> None:
    """J4: two voters of .3 beat one of .4; the published product would let each voter count its own weight twice."""
    votes = np.eye(CLASSES)[[0, 1, 1]][:, None, :]
    assert hard_vote(votes, np.array([0.4, 0.3, 0.3]))[0, :2] == pytest.approx([0.4, 0.6], abs=1e-5)
    published = {1: 2 * 0.1, 0: 1 * 0.4}  # votes times the weight of one who voted so
    assert max(published, key=published.__getitem__) == 0
    assert hard_vote(votes, np.array([0.4, 0.1, 0.5])).argmax() == 1


def test_three_votes_for_three_classes_go_to_the_largest_weight_and_a_tie_to_the_surer_model() -> None:
    votes = 0.7 * np.eye(CLASSES)[[0, 1, 2]][:, None, :] + 0.3 / CLASSES
    assert hard_vote(votes, np.array([0.2, 0.5, 0.3])).argmax() == 1
    votes[2] = 0.9 * np.eye(CLASSES)[2] + 0.1 / CLASSES
    assert hard_vote(votes, normalised((), models=3)).argmax() == 2


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_fitted_weights_are_the_most_likely(seed: int) -> None:
    chances, classes = drawn(seed, 40)
    right = np.take_along_axis(chances, classes[None, :, None], axis=2)[..., 0]

    def loss(scores: Any) -> float:
        return -float(np.log(np.exp(log_softmax(scores)) @ right).mean())

    best = min(minimize(loss, start, method="BFGS").fun for start in (np.zeros(MODELS), np.array([3.0, 0.0, 0.0])))
    weights = fitted_weights(chances, classes)
    assert weights.sum() == pytest.approx(1)
    assert -float(np.log(weights @ right).mean()) <= best + 1e-4


def test_a_useless_model_loses_its_weight() -> None:
    chances, classes = drawn(3, 400, skill=2.0)
    weights = fitted_weights(chances, classes)
    assert weights[0] > 0.6
    assert weights[0] > weights[1] > weights[2]


def test_stacking_learns_that_a_model_confuses_two_classes() -> None:
    chances, classes = drawn(5, 400, skill=2.0)
    swapped = chances[:1, :, [1, 0, 2, 3]]
    found = stacked(swapped[:, 300:], fitted_stacker(swapped[:, :300], classes[:300]))
    assert (swapped[0, 300:].argmax(axis=1) == classes[300:]).mean() < 0.6
    assert (found.argmax(axis=1) == classes[300:]).mean() > 0.8
    assert np.allclose(found.sum(axis=1), 1)


def test_stacking_sees_probabilities_and_not_the_numbers_of_labels() -> None:
    """J4: with the classes in another order, the prediction is the same in that order."""
    chances, classes = drawn(6, 200)
    order = np.array([2, 0, 3, 1])
    renamed = np.argsort(order)[classes]
    found = stacked(chances[:, 150:], fitted_stacker(chances[:, :150], classes[:150]))
    other = stacked(chances[:, 150:][..., order], fitted_stacker(chances[:, :150][..., order], renamed[:150]))
    assert np.allclose(other, found[:, order], atol=1e-3)
    doubted = 0.5 * chances + 0.5 / CLASSES  # the same labels, less sure
    assert not np.allclose(stacked(doubted[:, 150:], fitted_stacker(chances[:, :150], classes[:150])), found, atol=1e-3)


def test_a_class_that_was_never_seen_has_no_probability() -> None:
    chances, classes = drawn(7, 60)
    classes = classes % 3
    found = stacked(chances[:, 50:], fitted_stacker(chances[:, :50], classes[:50]))
    assert (found[:, 3] == 0).all()
    with pytest.raises(AnalysisError, match="50 labelled utterances of 1 class"):
        stacked(chances[:, 50:], fitted_stacker(chances[:, :50], np.zeros(50, np.int64)))


@pytest.mark.parametrize("weights", [(1.0,), (1.0, -1.0, 1.0), (0.0, 0.0, 0.0), (1.0, np.nan, 1.0), (np.inf, 1.0, 1.0)])
def test_what_is_not_a_weight_is_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(AnalysisError, match="expected one number for each run"):
        normalised(weights, models=3)


@pytest.mark.parametrize("classes", [2, 5])
def test_a_stacker_predicts_as_scikit_learn_does(classes: int) -> None:
    rng = np.random.default_rng(4)
    chances, truth = rng.dirichlet(np.ones(classes), size=(3, 80)), rng.integers(0, classes, 80)
    rows = np.concatenate(list(np.log(chances)), axis=1)
    expected = LogisticRegression(max_iter=5000).fit(rows[:60], truth[:60]).predict_proba(rows[60:])
    kept = StackerFacts.model_validate_json(fitted_stacker(chances[:, :60], truth[:60]).model_dump_json())
    np.testing.assert_allclose(stacked(chances[:, 60:], kept), expected, atol=1e-12)
    with pytest.raises(AnalysisError, match="a stacker that was fitted on others"):
        stacked(chances[:2], kept)
