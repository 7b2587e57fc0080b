from __future__ import annotations

import numpy as np
import pytest

from kemfeat.stats.dtw import _kernels as kernels

QUERIES = np.random.default_rng(0).normal(size=23)
OFFSETS = np.array([0, 1, 9, 23])
LENGTHS = np.array([7, 1, 4, 7, 6])
TARGETS = np.random.default_rng(1).normal(size=(7, 5))


def totals(targets: np.ndarray, lengths: np.ndarray, *, squared: bool = False, weight: float = 2.0) -> np.ndarray:
    out = np.full((3, targets.shape[1]), np.nan)
    kernels.totals(QUERIES, OFFSETS, targets, lengths, squared, weight, out)
    return out


def totals_in_band(targets: np.ndarray, window: int, *, squared: bool = False, weight: float = 2.0) -> np.ndarray:
    out = np.full((3, targets.shape[1]), np.nan)
    kernels.totals_in_band(QUERIES[:, None], OFFSETS, targets[:, None], LENGTHS, window, squared, weight, out)
    return out


@pytest.mark.parametrize("padding", [0.0, -1e9, 1e300])
def test_padding_never_enters(padding: float):
    padded = np.where(np.arange(7)[:, None] < LENGTHS, TARGETS, padding)
    np.testing.assert_array_equal(totals(padded, LENGTHS), totals(TARGETS, LENGTHS))
    np.testing.assert_array_equal(totals_in_band(padded, 2), totals_in_band(TARGETS, 2))


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("weight", [1.0, 2.0])
def test_one_lane_or_many_give_the_same_bits(squared: bool, weight: float):
    together = totals(TARGETS, LENGTHS, squared=squared, weight=weight)
    alone = [
        totals(TARGETS[:length, [lane]], LENGTHS[[lane]], squared=squared, weight=weight)[:, 0]
        for lane, length in enumerate(LENGTHS)
    ]
    np.testing.assert_array_equal(together, np.transpose(alone))


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("weight", [1.0, 2.0])
def test_the_quick_loop_and_the_general_one_give_the_same_bits(squared: bool, weight: float):
    quick = totals(TARGETS, LENGTHS, squared=squared, weight=weight)
    np.testing.assert_array_equal(totals_in_band(TARGETS, 23, squared=squared, weight=weight), quick)
