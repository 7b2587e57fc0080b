"""kemfeat.learn.models.audit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kemfeat.errors import ConfigError
from kemfeat.learn.models import check_gradients, check_trainable, trainable_audit
from tests.learn.models import kit


def test_one_row_per_part() -> None:
    model = kit.fusion_model()
    table = check_trainable(model).set_index("part")
    assert list(table.index) == ["audio", "text", "encoder", "head"]
    assert table["frozen"].tolist() == [True, True, False, False]
    assert table["parameters"].sum() == sum(p.numel() for p in model.parameters())
    assert table["trainable"].tolist() == [0, 0, *table["parameters"].tolist()[2:]]


def test_the_text_encoder_is_the_frozen_part_of_the_text_model() -> None:
    table = trainable_audit(kit.text_model())
    assert table.loc[table["frozen"], "part"].tolist() == ["text_encoder"]


def test_a_frozen_part_that_would_train_is_refused() -> None:
    model = kit.text_model()
    model.text_encoder.requires_grad_(requires_grad=True)
    with pytest.raises(ConfigError, match="text_encoder: "):
        check_trainable(model)


def test_a_head_that_would_not_train_is_refused() -> None:
    model = kit.audio_model()
    model.head.out.bias.requires_grad_(requires_grad=False)
    with pytest.raises(ConfigError, match="head: "):
        check_trainable(model)


def test_a_model_in_which_nothing_trains_is_refused() -> None:
    model = nn.Sequential(kit.text_model().text_encoder)
    with pytest.raises(ConfigError, match="no part that trains"):
        check_trainable(model)


class _Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.pooler = nn.Linear(2, 1), nn.Linear(2, 1)


def test_a_parameter_that_nothing_depends_on_is_refused_unless_it_is_declared() -> None:
    model = _Unused()
    model.used(torch.ones(1, 2)).sum().backward()
    with pytest.raises(ConfigError, match=r"_Unused: no prediction depends on pooler.weight, pooler.bias, so 2 of 4"):
        check_gradients(model)
    check_gradients(model, idle=("pooler",))
    model.pooler.requires_grad_(requires_grad=False)
    check_gradients(model)
