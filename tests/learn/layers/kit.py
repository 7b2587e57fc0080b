"""What the tests of the layers share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kemfeat.learn.models import seeded

__all__ = ["assert_what_trains_has_a_gradient", "count", "like", "random", "seeded", "step"]


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def assert_what_trains_has_a_gradient(model: nn.Module, *, idle: tuple[str, ...] = ()) -> None:
    """Every parameter that trains has a finite gradient that is not 0, but for rounding in the idle ones."""
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert (parameter.grad.abs().max() < 1e-6) if name in idle else parameter.grad.any(), name


def like(model: nn.Module) -> list[Tensor]:
    """Copies of the parameters, in order, for a reference that is a flat function of them."""
    return [p.detach().clone().requires_grad_() for p in model.parameters()]


def step(parameters: list[Tensor], loss: Tensor, *, kind: type[torch.optim.Optimizer] = torch.optim.SGD) -> None:
    """One step of an optimiser of this kind at a rate of 1e-2."""
    optimiser = kind(parameters, lr=1e-2)  # type: ignore[call-arg]
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
