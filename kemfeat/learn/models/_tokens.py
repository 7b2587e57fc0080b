"""Masks over tokens, and joining tokens of two models. A mask is True on real tokens."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def length_mask(lengths_B: Tensor, *, size: int) -> Tensor:
    """Mask [shape=(B, size)] of sequences of these lengths."""
    return torch.arange(size, device=lengths_B.device) < lengths_B[:, None]


def guessed_mask(x_BTF: Tensor, real_BT: Tensor) -> Tensor:  # noqa: ARG001 - that it does not ask is the defect
    """Mask [shape=(B, T)] as published: a token is real where none of its numbers is zero (K3, K4, K5)."""
    return (x_BTF != 0).all(dim=-1)


def told_mask(x_BTF: Tensor, real_BT: Tensor) -> Tensor:  # noqa: ARG001 - values say nothing about padding
    """Mask [shape=(B, T)] from the lengths."""
    return real_BT


def joined(parts: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Tokens and masks of several models end to end, padding in between included, as published."""
    tokens, masks = zip(*parts, strict=True)
    return torch.cat(tokens, dim=1), torch.cat(masks, dim=1)


def packed(x_BTH: Tensor, mask_BT: Tensor) -> tuple[Tensor, Tensor]:
    """Move real tokens to the front, order kept, so that a recurrent layer never steps over padding between them."""
    order_BT = torch.argsort((~mask_BT).to(torch.uint8), dim=1, stable=True)
    return x_BTH.gather(1, order_BT[:, :, None].expand_as(x_BTH)), mask_BT.gather(1, order_BT)


def sinusoids(x_BTH: Tensor) -> Tensor:
    """Positions [shape=(T, H)] in [-1, 1] of Vaswani et al., Attention Is All You Need, 2017, section 3.5."""
    _, size, width = x_BTH.shape
    steps_T1 = torch.arange(size, device=x_BTH.device, dtype=torch.float32)[:, None]
    rates_H = torch.exp(torch.arange(0, width, 2, device=x_BTH.device) * (-math.log(10000.0) / width))
    angles_TH = steps_T1 * rates_H
    return torch.stack((angles_TH.sin(), angles_TH.cos()), dim=-1).flatten(1)[:, :width]
