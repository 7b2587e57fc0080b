"""The compiled loops against NumPy, and without a place to keep the machine code."""

from __future__ import annotations

import numpy as np

from kemfeat.features._kernels import band_powers, window_frames, window_sums


def test_window_frames() -> None:
    samples = np.arange(20, dtype=np.float32)
    window = np.array([0.5, 1.0, 2.0, 0.25])
    frames = np.empty((5, 4))
    window_frames(samples, window, 3, frames)
    expected = np.lib.stride_tricks.sliding_window_view(samples, 4)[:13:3] * window
    np.testing.assert_array_equal(frames, expected)


def test_band_powers() -> None:
    rng = np.random.default_rng(0)
    spectra = rng.standard_normal((7, 50)) + 1j * rng.standard_normal((7, 50))
    first_bins, widths = np.array([0, 3, 10]), np.array([4, 1, 40])
    bands = np.zeros((3, 50))
    for band, first, width in zip(bands, first_bins, widths, strict=True):
        band[first : first + width] = rng.uniform(0.1, 1, width)
    powers = np.empty((7, 3), dtype=np.float32)
    band_powers(spectra, first_bins, np.cumsum([0, *widths]), bands[bands > 0], powers)
    np.testing.assert_allclose(powers, np.abs(spectra) ** 2 @ bands.T, rtol=1e-6)


def test_window_sums_stay_inside() -> None:
    values = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32)
    weights = np.array([1.0, -2.0, 4.0])
    sums = np.empty_like(values)
    window_sums(values, weights, sums)
    middle = [0, *range(7), 6]
    np.testing.assert_allclose(sums, np.stack([weights @ values[first : first + 3] for first in middle]), rtol=1e-5)


def test_nan_survives_reordered_sums() -> None:
    spectra = np.full((1, 40), np.nan + 0j)
    powers = np.zeros((1, 1), dtype=np.float32)
    band_powers(spectra, np.array([0]), np.array([0, 40]), np.ones(40), powers)
    assert np.isnan(powers).all()
