"""Mel powers where the bands are narrower than the bins; their values are tested through mel and mfcc."""

from __future__ import annotations

import numpy as np
import pytest

from kemfeat.features._mel_powers import MelPowersConfig, decibels, filters_of, mel_powers
from kemfeat.features._mel_scale import band_weights
from kemfeat.features.mel import MelConfig
from kemfeat.features.mfcc import MfccConfig

NARROW = MfccConfig(n_fft=256, hop_length=128)
"""Bands narrower than a bin."""


@pytest.mark.parametrize("config", [MelConfig(), MfccConfig(), NARROW])
def test_powers_are_the_weighted_sums_and_bands_without_a_bin_have_none(config: MelPowersConfig) -> None:
    values = np.random.default_rng(0).standard_normal(6000).astype(np.float32)
    filters = filters_of(config)
    powers = mel_powers(values, config=config, filters=filters)
    weights = band_weights(
        config.n_mels, sampling_rate=16000, n_fft=config.n_fft, fmin=config.fmin, fmax=config.fmax
    ).astype(np.float64)
    padded = np.pad(values.astype(np.float64), config.n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, config.n_fft)[:: config.hop_length]
    expected = np.abs(np.fft.rfft(frames * filters.window)) ** 2 @ weights.T
    np.testing.assert_allclose(powers, expected, rtol=1e-6, atol=1e-7)
    without = ~weights.any(axis=1)
    assert filters.empty == without.sum() == np.count_nonzero(~powers.any(axis=0))


def test_bands_without_a_bin_are_counted() -> None:
    assert filters_of(MelConfig()).empty == filters_of(MfccConfig()).empty == 0
    assert filters_of(NARROW).empty > 0


def test_levels_lie_between_the_range_and_0() -> None:
    powers = np.array([[1.0, 1e-3], [0.0, 1e-30]], dtype=np.float32)
    np.testing.assert_allclose(decibels(powers, top_db=80), [[0, -30], [-80, -80]], atol=1e-5)
