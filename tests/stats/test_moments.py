"""Moments of any parts, merged, are the moments of the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.stats.moments import Moments, merged, moments

BINS = 3


def drawn(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    values = generator.normal(-40, [1, 10, 1e-3], (rows, 7, BINS)).astype(np.float32)
    lengths = generator.integers(0, 8, rows)
    values[np.arange(7) >= lengths[:, None]] = -1e30
    return values, lengths


def real(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    return values[np.arange(values.shape[1]) < lengths[:, None]].astype(np.float64)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 30), cut=st.integers(0, 30))
def test_parts_merge_into_the_whole(seed: int, rows: int, cut: int) -> None:
    values, lengths = drawn(seed, rows)
    found = merged([moments(values[:cut], lengths[:cut]), moments(values[cut:], lengths[cut:])], bins=BINS)
    frames = real(values, lengths)
    assert found.count == len(frames)
    if len(frames):
        np.testing.assert_allclose(found.mean, frames.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(found.m2, ((frames - frames.mean(axis=0)) ** 2).sum(axis=0), rtol=1e-9, atol=1e-12)


def test_a_large_offset_does_not_drown_the_variance() -> None:
    values = (1e4 + np.random.default_rng(0).normal(0, 1, (5, 100, 1))).astype(np.float32)
    found = moments(values, np.full(5, 100))
    np.testing.assert_allclose(found.std, values.astype(np.float64).reshape(-1, 1).std(axis=0), rtol=1e-9)


def test_no_frames_have_no_deviation() -> None:
    nothing = moments(np.full((2, 4, BINS), np.nan, np.float32), np.zeros(2, int))
    assert nothing.count == 0
    assert np.isnan(nothing.std).all()
    one = Moments(2, np.ones(BINS), np.full(BINS, 8.0))
    assert merged([nothing, one, nothing], bins=BINS) is one
    assert one.std == pytest.approx(np.full(BINS, 2.0))
