"""kemfeat.learn.models._tokens."""

from __future__ import annotations

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.learn.models._tokens import guessed_mask, joined, length_mask, mean_of_real, packed, padded_end, sinusoids


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=4))
def test_packing_brings_real_tokens_to_the_front_in_order(rows: list[list[bool]]) -> None:
    mask_BT = torch.tensor(rows)
    x_BTH = torch.arange(mask_BT.numel() * 2.0).view(*mask_BT.shape, 2)
    packed_BTH, front_BT = packed(x_BTH, mask_BT)
    assert torch.equal(front_BT, length_mask(mask_BT.sum(dim=1), size=6))
    for row in range(len(rows)):
        assert torch.equal(packed_BTH[row][front_BT[row]], x_BTH[row][mask_BT[row]])


def test_joining_keeps_the_padding_between() -> None:
    audio = (torch.zeros(1, 3, 2), torch.tensor([[True, False, False]]))
    text = (torch.ones(1, 2, 2), torch.tensor([[True, False]]))
    tokens, mask = joined([audio, text])
    assert tokens.shape == (1, 5, 2)
    assert mask.tolist() == [[True, False, False, True, False]]


def test_guessing_takes_one_zero_for_padding() -> None:
    x_BTF = torch.tensor([[[1.0, 2.0], [3.0, 0.0], [0.0, 0.0]]])
    assert guessed_mask(x_BTF, torch.ones(1, 3, dtype=torch.bool)).tolist() == [[True, False, False]]


def test_sinusoids_are_the_published_formula() -> None:
    table = sinusoids(torch.zeros(1, 7, 6))
    assert table.shape == (7, 6)
    for step in range(7):
        for pair in range(3):
            angle = step / 10000 ** (2 * pair / 6)
            assert math.isclose(table[step, 2 * pair], math.sin(angle), abs_tol=1e-6)
            assert math.isclose(table[step, 2 * pair + 1], math.cos(angle), abs_tol=1e-6)
    assert sinusoids(torch.zeros(1, 4, 5)).shape == (4, 5)


def test_pooling() -> None:
    x_BTH = torch.tensor([[[1.0], [3.0], [100.0]], [[5.0], [5.0], [5.0]]])
    mask_BT = torch.tensor([[True, True, False], [False, False, False]])
    assert mean_of_real(x_BTH, mask_BT).tolist() == [[2.0], [0.0]]
    assert padded_end(x_BTH, mask_BT).tolist() == [[100.0], [5.0]]
