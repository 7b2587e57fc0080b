"""Spectra against the sum that defines a discrete Fourier transform."""

from __future__ import annotations

import numpy as np
import pytest

from kemfeat.features._spectra import spectra
from kemfeat.features._windows import hann


@pytest.mark.parametrize(("n_fft", "hop_length"), [(2, 1), (10, 7), (400, 160), (640, 320)])
def test_is_the_sum_that_defines_it(n_fft: int, hop_length: int) -> None:
    samples = np.random.default_rng(0).standard_normal(3 * n_fft + 5).astype(np.float32)
    made = spectra(samples, window=hann(n_fft), hop_length=hop_length)
    turns = np.exp(-2j * np.pi / n_fft * np.outer(np.arange(n_fft), np.arange(1 + n_fft // 2)))
    starts = range(0, len(samples) - n_fft + 1, hop_length)
    expected = np.stack([(samples[start : start + n_fft] * hann(n_fft)) @ turns for start in starts])
    assert made.shape == expected.shape
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-11)


def test_a_frame_has_the_same_bits_beside_any_others() -> None:
    samples = np.random.default_rng(1).standard_normal(5000).astype(np.float32)
    whole = spectra(samples, window=hann(400), hop_length=160)
    for t in range(0, len(whole), 7):
        alone = spectra(samples[t * 160 : t * 160 + 400], window=hann(400), hop_length=160)
        np.testing.assert_allclose(whole[t], alone[0], rtol=0, atol=1e-12)
