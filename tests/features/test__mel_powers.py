"""Mel powers where the bands are narrower than the bins; their values are tested through mel and mfcc."""

from __future__ import annotations

import warnings

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.features._mel_powers import MelPowersConfig, band_weights, decibels, filters_of, mel_powers, to_hz, to_mel
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


@given(
    rate=st.sampled_from([8000, 16000, 22050, 44100, 48000]),
    n_fft=st.sampled_from([256, 400, 512, 2048, 4096]),
    n_mels=st.integers(1, 256),
    edges=st.tuples(st.floats(0, 1500), st.floats(0.4, 1)),
)
@settings(deadline=None, max_examples=60)
def test_weights_are_those_of_librosa(rate: int, n_fft: int, n_mels: int, edges: tuple[float, float]) -> None:
    fmin, fmax = edges[0], edges[1] * rate / 2
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Empty filters", category=UserWarning)
        expected = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax)
    found = band_weights(n_mels, sampling_rate=rate, n_fft=n_fft, fmin=fmin, fmax=fmax)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)


def test_default_weights_are_those_of_librosa_to_the_bit() -> None:
    expected = librosa.filters.mel(sr=16000, n_fft=2048, n_mels=128, fmin=100, fmax=8000)
    found = band_weights(128, sampling_rate=16000, n_fft=2048, fmin=100, fmax=8000)
    np.testing.assert_array_equal(found, expected)


@given(st.floats(0, 20_000))
@settings(deadline=None, max_examples=50)
def test_scale_is_that_of_librosa_and_back(frequency: float) -> None:
    assert to_mel(frequency) == pytest.approx(librosa.hz_to_mel(frequency), rel=1e-12)
    assert to_hz(np.array([to_mel(frequency)]))[0] == pytest.approx(frequency, rel=1e-9, abs=1e-12)
