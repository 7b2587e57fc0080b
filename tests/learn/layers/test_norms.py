"""kemfeat.learn.layers.norms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from kemfeat.learn.layers.norms import BatchNorm1d, BatchNorm2d
from tests.learn.layers import kit

KINDS = [(BatchNorm1d, nn.BatchNorm1d, (5, 3)), (BatchNorm1d, nn.BatchNorm1d, (5, 3, 4))]
KINDS += [(BatchNorm1d, nn.BatchNorm1d, (1, 3, 4)), (BatchNorm2d, nn.BatchNorm2d, (5, 3, 4, 2))]


@pytest.mark.parametrize(("mine", "torchs", "shape"), KINDS)
def test_of_several_numbers_it_is_torchs(mine: Any, torchs: Any, shape: tuple[int, ...]) -> None:
    one, other, x = mine(3), torchs(3), kit.random(*shape)
    for _ in range(2):
        assert torch.equal(one(x), other(x))
    assert {name: value.tolist() for name, value in one.state_dict().items()} == {
        name: value.tolist() for name, value in other.state_dict().items()
    }


@pytest.mark.parametrize(
    ("mine", "shape"), [(BatchNorm1d, (1, 3)), (BatchNorm1d, (1, 3, 1)), (BatchNorm2d, (1, 3, 1, 1))]
)
def test_one_number_is_normalised_by_what_was_seen_before(mine: Any, shape: tuple[int, ...]) -> None:
    norm = mine(3)
    norm(kit.random(8, *shape[1:]) * 3 + 1)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    x = kit.random(*shape).requires_grad_()
    found = norm(x)
    assert all(torch.equal(before[name], value) for name, value in norm.state_dict().items())
    assert torch.equal(found, norm.eval()(x))
    found.square().sum().backward()
    assert x.grad is not None
    assert x.grad.any()
