"""What holds for the published models, defects included; what holds for every model is in ``tests/laws``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kemfeat.learn.models import Outputs
from tests.learn.models import kit

FAITHFUL: dict[str, Callable[[], Any]] = {
    "audio": lambda: kit.audio_model(kit.audio_config(**kit.PUBLISHED)),
    "text": lambda: kit.text_model(kit.text_config(**kit.PUBLISHED)),
    "fusion": lambda: kit.fusion_model(kit.fusion_config(**kit.PUBLISHED, extractors="train")),
}


def flat(outputs: Outputs) -> Tensor:
    """Everything that was predicted, one row per utterance."""
    parts = [part for part in (outputs.logits, outputs.arousal, outputs.valence) if part is not None]
    return torch.cat([part.detach().reshape(len(part), -1) for part in parts], dim=1)


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


@pytest.mark.parametrize("name", FAITHFUL)
def test_every_parameter_that_trains_gets_a_gradient(name: str) -> None:
    model: nn.Module = FAITHFUL[name]().train()
    outputs = model(kit.batch((9, 12, 7, 10), (8, 6, 9, 7)))
    loss = {"audio": outputs.arousal, "text": outputs.valence, "fusion": outputs.logits}[name]
    loss.square().sum().backward()
    kit.assert_what_trains_has_a_gradient(model)
