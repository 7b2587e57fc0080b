"""kemfeat.learn.training.losses."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor
from torch.nn import functional

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models import Outputs
from kemfeat.learn.training.losses import LogitGuard, Loss, Sums, class_weights, make_loss
from tests.learn.models import kit

WEIGHTS = torch.tensor([0.2, 1.0, 2.0, 0.5, 3.0])


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def labelled(emotion: Tensor) -> Batch:
    return replace(kit.batch((3,) * len(emotion), (3,) * len(emotion)), emotion=emotion)


def rated(arousal: Tensor) -> Batch:
    return replace(kit.batch((3,) * len(arousal), (3,) * len(arousal)), arousal=arousal)


def loss_of(loss: Loss, *parts: tuple[Outputs, Batch]) -> float:
    sums: list[Sums] = [loss.sums(*part).detach() for part in parts]
    return float(loss.value(reduce(add, sums)))


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 11), max_size=3, unique=True))
def test_an_epoch_is_the_loss_of_all_utterances_however_they_are_batched(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), 12]
    truth, predicted, logits, classes = normal(12), normal(12, seed=1), 3 * normal(12, 5, seed=2), torch.arange(12) % 5
    spans = [slice(a, b) for a, b in pairwise(edges)]
    ratings = [(Outputs(arousal=predicted[span]), rated(truth[span])) for span in spans]
    emotions = [(Outputs(logits=logits[span]), labelled(classes[span])) for span in spans]
    rmse = math.sqrt(float(((truth - predicted) ** 2).mean()))
    assert loss_of(make_loss("rmse", task="arousal"), *ratings) == pytest.approx(rmse, rel=1e-5)
    assert loss_of(make_loss("mse", task="arousal"), *ratings) == pytest.approx(rmse**2, rel=1e-5)
    expected = float(functional.cross_entropy(logits, classes, weight=WEIGHTS))
    weighted = make_loss("cross-entropy", task="emotion", class_weights=WEIGHTS)
    assert loss_of(weighted, *emotions) == pytest.approx(expected, rel=1e-5)


def test_utterances_without_a_label_weigh_nothing() -> None:
    loss = make_loss("mse", task="arousal")
    predicted = torch.tensor([1.0, 2.0], requires_grad=True)
    sums = loss.sums(Outputs(arousal=predicted), rated(torch.tensor([3.0, math.nan])))
    assert float(loss.value(sums).detach()) == 4.0
    loss.value(sums).backward()
    assert predicted.grad is not None
    assert predicted.grad.tolist() == [-4.0, 0.0]

    logits = normal(2, 5).requires_grad_()
    loss = make_loss("cross-entropy", task="emotion")
    sums = loss.sums(Outputs(logits=logits), labelled(torch.tensor([1, -1])))
    assert float(loss.value(sums).detach()) == pytest.approx(-float(logits.log_softmax(1)[0, 1].detach()), rel=1e-6)
    loss.value(sums).backward()
    assert logits.grad is not None
    assert not logits.grad[1].any()


def test_nothing_labelled_is_a_loss_of_zero_and_finite_gradients() -> None:
    logits = normal(2, 5).requires_grad_()
    loss = make_loss("cross-entropy", task="emotion")
    value = loss.value(loss.sums(Outputs(logits=logits), labelled(torch.tensor([-1, -1]))))
    value.backward()
    assert float(value.detach()) == 0.0
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_probabilities_are_refused_in_the_second_batch() -> None:
    loss = make_loss("cross-entropy", task="emotion")
    outputs, batch = Outputs(logits=(4 * normal(3, 5)).softmax(dim=1)), labelled(torch.tensor([0, 1, 2]))
    loss.sums(outputs, batch)
    with pytest.raises(ConfigError, match=r"probabilities.*P3"):
        loss.sums(outputs, batch)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_probabilities_are_found_in_half_precision(dtype: torch.dtype) -> None:
    guard = LogitGuard()
    guard.check(normal(16, 5).softmax(dim=1).to(dtype))
    with pytest.raises(ConfigError):
        guard.check(normal(16, 5, seed=1).softmax(dim=1).to(dtype))


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 8), scale=st.sampled_from([1e-3, 0.1, 1.0, 10.0]))
def test_logits_raise_no_false_alarm(seed: int, size: int, scale: float) -> None:
    guard = LogitGuard()
    for step in range(4):
        guard.check(scale * normal(size, 5, seed=seed + step))
        guard.check((scale * normal(size, 5, seed=seed + step)).abs())
        guard.check((scale * normal(size, 5, seed=seed + step)).log_softmax(dim=1))
    assert guard.check(torch.full((size, 5), 0.2)) is None, "a guard that has seen logits looks no more"


def test_one_odd_batch_is_no_alarm() -> None:
    guard = LogitGuard()
    odd = torch.full((1, 5), 0.2)
    assert [guard.check(batch) for batch in (odd, normal(4, 5), odd, odd)] == [None] * 4, "an alarm would be raised"


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    classes = np.repeat(np.arange(5), [88, 3, 6, 2, 1])
    expected = compute_class_weight("balanced", classes=np.arange(5), y=classes)
    found = class_weights(torch.tensor([*classes, -1, -1]), n_classes=5)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


def test_a_class_that_is_not_there_weighs_nothing() -> None:
    assert class_weights(torch.tensor([0, 0, 2]), n_classes=4).tolist() == [0.375, 0.0, 0.75, 0.0]
    with pytest.raises(AnalysisError, match="no utterance of the training part"):
        class_weights(torch.tensor([-1, -1]), n_classes=4)


def test_what_does_not_fit_is_refused() -> None:
    for kind, task in (("mse", "emotion"), ("cross-entropy", "valence")):
        with pytest.raises(ConfigError, match="does not fit the task"):
            make_loss(kind, task=task)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="predicts no valence"):
        make_loss("mse", task="valence").sums(Outputs(), kit.batch())
    with pytest.raises(ConfigError, match="predicts no emotion"):
        make_loss("cross-entropy", task="emotion").sums(Outputs(), kit.batch())
