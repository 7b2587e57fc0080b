"""What holds for every model: padding, batch size, evaluation, gradients, seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from kemfeat.learn.models import Outputs, build_model
from tests.learn.models import kit

CORRECTED: dict[str, Callable[[], Any]] = {
    "audio": kit.audio_model,
    "text": kit.text_model,
    "fusion": kit.fusion_model,
}
FAITHFUL: dict[str, Callable[[], Any]] = {
    "audio": lambda: kit.audio_model(kit.audio_config(**kit.PUBLISHED)),
    "text": lambda: kit.text_model(kit.text_config(**kit.PUBLISHED)),
    "fusion": lambda: kit.fusion_model(kit.fusion_config(**kit.PUBLISHED, extractors="train")),
}
lengths = st.lists(st.tuples(st.integers(1, 12), st.integers(2, 9)), min_size=1, max_size=4)


def flat(outputs: Outputs) -> Tensor:
    """Everything that was predicted, one row per utterance."""
    parts = [part for part in (outputs.logits, outputs.arousal, outputs.valence) if part is not None]
    return torch.cat([part.detach().reshape(len(part), -1) for part in parts], dim=1)


@pytest.mark.parametrize("name", CORRECTED)
@settings(max_examples=8, deadline=None)
@given(sizes=lengths, frames=st.integers(0, 20), tokens=st.integers(0, 20))
def test_padded_length_changes_nothing(name: str, sizes: list[tuple[int, int]], frames: int, tokens: int) -> None:
    model, batch = CORRECTED[name](), kit.batch(*zip(*sizes, strict=True))
    torch.testing.assert_close(
        flat(model(batch)), flat(model(kit.longer(batch, frames=frames, tokens=tokens))), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("name", CORRECTED)
def test_what_stands_in_the_padding_changes_nothing(name: str) -> None:
    model, batch = CORRECTED[name](), kit.longer(kit.batch(), frames=4, tokens=4)
    before = flat(model(batch))
    assert batch.mel is not None
    assert batch.input_ids is not None
    assert batch.attention_mask is not None
    for row, length in enumerate(batch.mel_lengths):
        batch.mel[row, :, int(length) :] = torch.nan
    batch.input_ids[batch.attention_mask == 0] = 5
    torch.testing.assert_close(flat(model(batch)), before, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", CORRECTED)
def test_one_utterance_alone_is_predicted_as_in_a_batch(name: str) -> None:
    model, batch = CORRECTED[name](), kit.batch()
    alone = torch.cat([flat(model(kit.single(batch, row))) for row in range(3)])
    torch.testing.assert_close(alone, flat(model(batch)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", CORRECTED)
def test_two_evaluations_are_equal(name: str) -> None:
    model, batch = CORRECTED[name](), kit.batch()
    assert torch.equal(flat(model(batch)), flat(model(batch)))


@pytest.mark.parametrize("name", FAITHFUL)
def test_two_evaluations_of_the_published_model_differ(name: str) -> None:
    model, batch = FAITHFUL[name](), kit.batch()
    assert not torch.equal(flat(model(batch)), flat(model(batch)))  # K6


@pytest.mark.parametrize("name", FAITHFUL)
def test_the_padded_length_changes_the_published_prediction(name: str) -> None:
    changes = {**kit.PUBLISHED, "dropout": 0.0}
    made = {
        "audio": lambda: kit.audio_model(kit.audio_config(**changes)),
        "text": lambda: kit.text_model(kit.text_config(**changes)),
        "fusion": lambda: kit.fusion_model(kit.fusion_config(**changes)),
    }
    model, batch = made[name](), kit.batch()
    moved = (flat(model(batch)) - flat(model(kit.longer(batch, frames=9, tokens=9)))).abs()
    assert moved.max() > 1e-4  # K7


@pytest.mark.parametrize("variant", [CORRECTED, FAITHFUL], ids=["corrected", "faithful"])
@pytest.mark.parametrize("name", CORRECTED)
def test_every_parameter_that_trains_gets_a_gradient(name: str, variant: dict[str, Callable[[], nn.Module]]) -> None:
    model = variant[name]().train()
    batch = kit.batch((9, 12, 7, 10), (8, 6, 9, 7))
    outputs = model(batch)
    loss = {"audio": outputs.arousal, "text": outputs.valence, "fusion": outputs.logits}[name]
    loss.square().sum().backward()
    for parameter_name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.isfinite().all(), parameter_name
            assert parameter.grad.any(), parameter_name
        else:
            assert parameter.grad is None, parameter_name


def test_weights_depend_on_the_seed_alone_and_the_global_generator_stays() -> None:
    config = kit.audio_config()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (build_model(config, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["head.out.weight"], other["head.out.weight"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", CORRECTED)
def test_a_gpu_predicts_as_the_cpu_does_also_in_half_precision(name: str) -> None:
    model, batch = CORRECTED[name](), kit.batch()
    expected = flat(model(batch))
    model, moved = model.cuda(), batch.to("cuda")
    torch.testing.assert_close(flat(model(moved)).cpu(), expected, rtol=0, atol=1e-3)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        torch.testing.assert_close(flat(model(moved)).float().cpu(), expected, rtol=0, atol=0.1)
