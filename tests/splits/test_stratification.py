"""The deal: every group once, no empty bin, and no single step that would be better."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.splits.stratification import class_counts, deal


@st.composite
def problems(draw):
    bins = draw(st.integers(2, 4))
    groups = draw(st.integers(bins, 9))
    counts = draw(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=groups, max_size=groups))
    table = np.array(counts, float) + np.eye(3)[np.arange(groups) % 3]
    table = table[:, table.any(axis=0)]
    return np.column_stack([table, table.sum(axis=1)]), bins, draw(st.integers(0, 999))


def distance(bins, counts, shares):
    held = np.array([counts[bins == each].sum(axis=0) for each in range(len(shares))])
    expected = np.outer(shares, counts.sum(axis=0))
    return float(((held - expected) ** 2 / expected).sum())


@settings(deadline=None, max_examples=40)
@given(problem=problems())
def test_no_bin_is_empty_and_no_swap_or_move_helps(problem):
    counts, number, seed = problem
    shares = np.full(number, 1 / number)
    bins = deal(counts, shares=shares, rng=np.random.default_rng(seed))
    assert set(bins) == set(range(number))
    reached = distance(bins, counts, shares)
    for one, other in itertools.combinations(range(len(bins)), 2):
        swapped = bins.copy()
        swapped[[one, other]] = swapped[[other, one]]
        assert distance(swapped, counts, shares) >= reached - 1e-6
    for group, target in itertools.product(range(len(bins)), range(number)):
        moved = bins.copy()
        moved[group] = target
        if set(moved) == set(range(number)):
            assert distance(moved, counts, shares) >= reached - 1e-6


def test_shares_are_kept():
    counts = np.tile([4.0, 1.0, 5.0], (40, 1))
    bins = deal(counts, shares=(0.75, 0.25), rng=np.random.default_rng(0))
    assert np.bincount(bins).tolist() == [30, 10]


def test_counts_of_classes_end_with_all_rows():
    counts = class_counts(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 2]))
    assert counts.tolist() == [[1, 1, 0, 2], [0, 2, 1, 3]]
