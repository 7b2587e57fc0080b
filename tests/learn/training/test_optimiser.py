"""kemfeat.learn.training.optimiser."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from kemfeat.learn.settings import AudioConfig, TrainConfig
from kemfeat.learn.training.optimiser import decayed, optimiser_of, schedule_of


def config(**values: Any) -> TrainConfig:
    return TrainConfig.model_validate({"loss": "mse", "learning_rate": 1.0, "epochs": 8, **values})


def rates(times: int, *, steps: int = 5, **values: Any) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    schedule, found = schedule_of(optimizer, config(**values), steps=steps), []
    for _ in range(times):
        found.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return found


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.BatchNorm1d(3), nn.Linear(3, 1, bias=False))


def test_biases_and_normalisations_do_not_decay_and_every_parameter_is_in_one_group() -> None:
    model = network()
    model[3].weight.requires_grad_(requires_grad=False)
    heavy, light = decayed(model, config(weight_decay=0.1))
    assert {id(one) for one in heavy["params"]} == {id(model[0].weight)}
    assert light["weight_decay"] == 0.0
    trained = [id(one) for one in model.parameters() if one.requires_grad]
    assert sorted(map(id, [*heavy["params"], *light["params"]])) == sorted(trained)
    assert len(decayed(model, config())) == 1


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
def test_the_optimizer_is_that_of_torch(name: str, kind: type[torch.optim.Optimizer]) -> None:
    found = optimiser_of(network(), config(optimizer=name, weight_decay=0.2), AudioConfig())
    assert type(found) is kind
    assert [group["weight_decay"] for group in found.param_groups] == [0.2, 0.0]
    assert {group["lr"] for group in found.param_groups} == {1.0}


def test_decay_of_adamw_is_not_in_the_gradient() -> None:
    model = nn.Linear(1, 1, bias=False)
    before = model.weight.item()
    model.weight.grad = torch.zeros_like(model.weight)
    optimiser_of(model, config(optimizer="adamw", weight_decay=0.1), AudioConfig()).step()
    assert model.weight.item() == pytest.approx(before * 0.9)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"schedule": "exponential", "gamma": 0.5}, [0.5**n for n in range(8)]),
        ({"schedule": "step", "gamma": 0.5, "period": 3}, [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]),
        ({"schedule": "cosine"}, [(1 + math.cos(math.pi * n / 8)) / 2 for n in range(8)]),
        ({"schedule": "cosine", "period": 4}, [(1 + math.cos(math.pi * n / 4)) / 2 for n in range(8)]),
        ({"schedule": "linear"}, [1 - n / 8 for n in range(8)]),
        ({"schedule": "constant"}, [1.0] * 8),
        ({"schedule": "linear", "warmup": 0.25}, [1 / 3, 2 / 3, *(1 - n / 6 for n in range(6))]),
    ],
)
def test_learning_rates_epoch_by_epoch(values: dict[str, Any], expected: list[float]) -> None:
    assert rates(8, **values) == pytest.approx(expected, abs=1e-7)


def test_learning_rates_step_by_step() -> None:
    found = rates(40, schedule="linear", schedule_by="step", warmup=0.1)
    assert found[:5] == pytest.approx([1 / 5, 2 / 5, 3 / 5, 4 / 5, 1])
    assert found[-1] == pytest.approx(1 / 36)
