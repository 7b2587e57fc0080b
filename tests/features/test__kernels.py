"""The compiled loops against NumPy."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.features._kernels import decibels, window_frames, window_sums


def test_window_frames() -> None:
    samples = np.arange(20, dtype=np.float32)
    window = np.array([0.5, 1.0, 2.0, 0.25])
    frames = np.empty((5, 4))
    window_frames(samples, window, 3, frames)
    expected = np.lib.stride_tricks.sliding_window_view(samples, 4)[:13:3] * window
    np.testing.assert_array_equal(frames, expected)


def levels(powers: np.ndarray, *, reference: float = 1.0, floor: float = 1e-10, top_db: float = 1000.0) -> np.ndarray:
    out = np.empty_like(powers)
    decibels(powers, reference, floor, top_db, out)
    return out


@given(st.lists(st.floats(2**-100, 2**100, width=32), min_size=1, max_size=40), st.floats(2**-60, 2**60, width=32))
@settings(deadline=None, max_examples=200)
def test_decibels_are_the_logarithm_rounded_once(powers: list[float], reference: float) -> None:
    values = np.float32(powers)
    expected = 10 * np.log10(values.astype(np.float64)) - 10 * np.log10(reference)
    found = levels(values, reference=reference, floor=2**-120)
    np.testing.assert_allclose(found, expected, rtol=6e-8, atol=2e-12)


def test_decibels_around_every_power_of_two_and_its_root() -> None:
    middles = np.float32(2.0) ** np.arange(-30, 30, dtype=np.float32) * np.float32([[1], [np.sqrt(0.5)]])
    values = np.concatenate([np.nextafter(middles, 0), middles, np.nextafter(middles, np.inf)]).ravel()
    np.testing.assert_allclose(levels(values), 10 * np.log10(values.astype(np.float64)), rtol=6e-8, atol=2e-12)


def test_decibels_stop_at_the_floor_and_below_the_top() -> None:
    found = levels(np.float32([100, 1, 0, -0.0]), reference=100, floor=0.01, top_db=30)
    np.testing.assert_allclose(found, [0, -20, -30, -30], rtol=1e-7)
    assert found[0] == 0
    np.testing.assert_allclose(levels(np.float32([0, 1]), floor=0.01), [-20, 0], rtol=1e-6)


def test_window_sums_stay_inside() -> None:
    values = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32)
    weights = np.array([1.0, -2.0, 4.0])
    sums = np.empty_like(values)
    window_sums(values, weights, sums)
    middle = [0, *range(7), 6]
    np.testing.assert_allclose(sums, np.stack([weights @ values[first : first + 3] for first in middle]), rtol=1e-5)
