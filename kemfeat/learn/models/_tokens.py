"""Tokens: their masks and positions, joining those of two models, and the recurrent head that pools them.

A mask is True on real tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from kemfeat.learn.settings import StackConfig


def length_mask(lengths_B: Tensor, *, size: int) -> Tensor:
    """Mask of shape (B, size) of sequences of these lengths."""
    return torch.arange(size, device=lengths_B.device) < lengths_B[:, None]


def guessed_mask(x_BTF: Tensor, real_BT: Tensor) -> Tensor:  # noqa: ARG001 - that it does not ask is the defect
    """Mask of shape (B, T) as published: a token is real where none of its numbers is zero (K3, K4, K5)."""
    return (x_BTF != 0).all(dim=-1)


def told_mask(x_BTF: Tensor, real_BT: Tensor) -> Tensor:  # noqa: ARG001 - values say nothing about padding
    """Mask of shape (B, T) from the lengths."""
    return real_BT


def joined(parts: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Tokens and masks of several models end to end, including the padding in between, as published."""
    tokens, masks = zip(*parts, strict=True)
    return torch.cat(tokens, dim=1), torch.cat(masks, dim=1)


def packed(x_BTH: Tensor, mask_BT: Tensor) -> tuple[Tensor, Tensor]:
    """Move real tokens to the front, order kept, so that a recurrent layer never steps over padding between them."""
    order_BT = torch.argsort((~mask_BT).to(torch.uint8), dim=1, stable=True)
    return x_BTH.gather(1, order_BT[:, :, None].expand_as(x_BTH)), mask_BT.gather(1, order_BT)


def sinusoids(x_BTH: Tensor) -> Tensor:
    """Positions of shape (T, H) in [-1, 1], from Vaswani et al., Attention Is All You Need, 2017, section 3.5."""
    _, size, width = x_BTH.shape
    steps_T1 = torch.arange(size, device=x_BTH.device, dtype=torch.float32)[:, None]
    rates_H = torch.exp(torch.arange(0, width, 2, device=x_BTH.device) * (-math.log(10000.0) / width))
    angles_TH = steps_T1 * rates_H
    return torch.stack((angles_TH.sin(), angles_TH.cos()), dim=-1).flatten(1)[:, :width]


Pooling = Callable[[Tensor, Tensor], Tensor]
"""(outputs of shape (B, T, H), mask of shape (B, T)) -> Tensor of shape (B, H)."""


def mean_of_real(x_BTH: Tensor, mask_BT: Tensor) -> Tensor:
    """Mean over real tokens; zeros for a row without any."""
    weights_BT1 = mask_BT[:, :, None].float()  # float32 also under autocast: sums over hundreds of tokens
    return (x_BTH.float() * weights_BT1).sum(dim=1) / weights_BT1.sum(dim=1).clamp_min(1.0)


def padded_end(x_BTH: Tensor, mask_BT: Tensor) -> Tensor:  # noqa: ARG001 - that it does not look at the mask is K7
    """The last step, however much of what comes before it is padding (K7)."""
    return x_BTH[:, -1]


_POOLS: dict[Literal["mean", "padded-end"], Pooling] = {"mean": mean_of_real, "padded-end": padded_end}


class RecurrentHead(nn.Module):
    """A recurrent network of this ``kind`` over the tokens, pooling, and a linear layer to ``n_outputs``."""

    def __init__(
        self, hidden_size: int, *, kind: type[nn.GRU] | type[nn.LSTM], n_outputs: int, config: StackConfig
    ) -> None:
        super().__init__()
        self.recurrent = kind(
            hidden_size, config.recurrent_size, num_layers=2, bias=False, batch_first=True, dropout=config.dropout
        )
        self.out = nn.Linear(config.recurrent_size, n_outputs)
        self._pool = _POOLS[config.pooling]

    def forward(self, x_BTH: Tensor, mask_BT: Tensor) -> Tensor:
        """Outputs of shape (B, n_outputs); padding must come after the real tokens."""
        steps_BTR, _ = self.recurrent(x_BTH)
        out: Tensor = self.out(self._pool(steps_BTR, mask_BT))
        return out
