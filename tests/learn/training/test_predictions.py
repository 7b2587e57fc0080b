"""kemfeat.learn.training.predictions: rows of an utterance become one prediction."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from kemfeat.learn.models import build_model
from kemfeat.learn.models.tick_encoder import TickEncoderConfig
from kemfeat.learn.training.losses import ClassificationLoss
from kemfeat.learn.training.predictions import Predicted, judge, predict
from tests.learn.models import kit

WAYS = ("mean-logit", "mean-probability", "vote")
LOGITS = np.array([[2, 0, -1], [0, 1, 0], [1, 3, 0], [5, 0, 0], [-1, 0, 2]], np.float32)
IDS = ("b", "a", "b", "b", "c")


def predicted(logits: np.ndarray | None = LOGITS, **values: object) -> Predicted:
    return Predicted(**{"ids": IDS, "logits": logits, "arousal": None, "valence": None, **values})


def test_batch_norm_learns_nothing_from_what_is_predicted_or_judged() -> None:
    """P4: a validation in training mode moves the running means to those of the validation part."""
    model, batch = build_model(TickEncoderConfig(width=2)).train(), kit.batch()
    before = {name: buffer.clone() for name, buffer in model.named_buffers() if "running" in name}
    assert before
    predict(model, [batch, batch], aggregate="mean-logit")
    judge(model.train(), [batch], ClassificationLoss(), aggregate="mean-logit")
    now = dict(model.named_buffers())
    assert all(torch.equal(now[name], buffer) for name, buffer in before.items())
    model.train()(batch)
    assert any(not torch.equal(now[name], buffer) for name, buffer in before.items())


@pytest.mark.parametrize("how", WAYS)
def test_utterances_keep_the_order_in_which_they_first_occur(how) -> None:
    found = predicted().per_utterance(how)
    assert found.ids == ("b", "a", "c")
    assert found.logits.argmax(axis=1).tolist() == [0, 1, 2]


def test_each_way_is_what_it_says() -> None:
    rows = [0, 2, 3]
    logits, chances, votes = (predicted().per_utterance(how).logits[0] for how in WAYS)
    np.testing.assert_allclose(logits, LOGITS[rows].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(softmax(chances), softmax(LOGITS[rows], axis=1).mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(softmax(votes), [2 / 3, 1 / 3, 0], atol=1e-6)


def test_ratings_are_means_and_what_is_not_predicted_stays_so() -> None:
    found = predicted(None, arousal=np.array([1, 2, 3, 5, 4], np.float32)).per_utterance("vote")
    assert found.arousal.tolist() == [3, 2, 4]
    assert found.logits is None
    assert found.valence is None


@given(st.permutations(range(4)))
def test_one_row_per_utterance_is_left_alone(order: list[int]) -> None:
    ids = tuple("abcd"[place] for place in order)
    rows = Predicted(ids=ids, logits=LOGITS[:4], arousal=None, valence=None)
    assert all(rows.per_utterance(how) is rows for how in WAYS)
