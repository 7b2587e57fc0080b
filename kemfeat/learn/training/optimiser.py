"""The optimizer of a recipe and how its learning rate changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import lr_scheduler

from kemfeat.learn.models import spec_of
from kemfeat.learn.settings import ModelConfig, TrainConfig

_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._BatchNorm)


def decayed(model: nn.Module, config: TrainConfig) -> Sequence[dict[str, Any]]:
    """Parameter groups with one learning rate: decay for weights, none for biases and the weights of normalisations.

    Parameters
    ----------
    model : nn.Module
        The model.
    config : TrainConfig
        Settings of training.

    Returns
    -------
    sequence of dict
        One group where nothing decays, else two.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not config.weight_decay:
        return [{"params": trained}]
    exempt = set(map(id, _without_decay(model)))
    groups = (
        {"params": [one for one in trained if id(one) not in exempt]},
        {"params": [one for one in trained if id(one) in exempt], "weight_decay": 0.0},
    )
    return [group for group in groups if group["params"]]


def _without_decay(model: nn.Module) -> Iterator[nn.Parameter]:
    for part in model.modules():
        for name, parameter in part.named_parameters(recurse=False):
            if isinstance(part, _NORMS) or "bias" in name:
                yield parameter


def optimiser_of(model: nn.Module, config: TrainConfig, settings: ModelConfig) -> torch.optim.Optimizer:
    """The optimizer of a recipe, over all parameters that train.

    Parameters
    ----------
    model : nn.Module
        The model.
    config : TrainConfig
        Settings of training.
    settings : ModelConfig
        Settings of the model, whose kind may have parameter groups of its own.

    Returns
    -------
    torch.optim.Optimizer
        Adam or AdamW.
    """
    groups = list((spec_of(settings).groups or decayed)(model, config))
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    return kind(groups, lr=config.learning_rate, weight_decay=config.weight_decay)


def schedule_of(optimizer: torch.optim.Optimizer, config: TrainConfig, *, steps: int) -> lr_scheduler.LRScheduler:
    """How the learning rates change; ``step()`` is called once per epoch or per step of the optimizer.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        The optimizer.
    config : TrainConfig
        Settings of training.
    steps : int, >= 1
        Steps of the optimizer in an epoch.

    Returns
    -------
    LRScheduler
        A schedule of torch; one that rises in a straight line, then falls, where there is a warm-up.

    Examples
    --------
    >>> import torch
    >>> config = TrainConfig(loss="mse", learning_rate=1.0, schedule="linear", epochs=4, warmup=0.5)
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=config.learning_rate)
    >>> schedule, rates = schedule_of(optimizer, config, steps=10), []
    >>> for _ in range(4):
    ...     rates.append(round(schedule.get_last_lr()[0], 3))
    ...     optimizer.step()
    ...     schedule.step()
    >>> rates
    [0.333, 0.667, 1.0, 0.5]
    """
    times = config.epochs * (steps if config.schedule_by == "step" else 1)
    rising = round(config.warmup * times)
    if not rising:
        return _falling(optimizer, config, times=times)
    first = lr_scheduler.LinearLR(optimizer, start_factor=1 / (rising + 1), total_iters=rising)
    return lr_scheduler.SequentialLR(
        optimizer, [first, _falling(optimizer, config, times=times - rising)], milestones=[rising]
    )


def _falling(optimizer: torch.optim.Optimizer, config: TrainConfig, *, times: int) -> lr_scheduler.LRScheduler:
    period = config.period or times
    match config.schedule:
        case "exponential":
            return lr_scheduler.ExponentialLR(optimizer, config.gamma)
        case "step":
            return lr_scheduler.StepLR(optimizer, period, config.gamma)
        case "cosine":
            return lr_scheduler.CosineAnnealingLR(optimizer, period)
        case "linear":
            return lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=times)
        case "constant":
            return lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=0)
