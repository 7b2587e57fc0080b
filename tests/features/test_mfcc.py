"""mfcc against librosa and scikit-learn, its laws, and what it refuses."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import scale

from kemfeat.config import validated
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features.mfcc import EXTRACTOR, MfccConfig, coefficients, zscored
from kemfeat.media import read_audio
from kemfeat.records import FeatureArray, Signal

AGREEMENT = 1e-4
"""dB of a coefficient, and standard deviations of a z-score."""


def extract(values: np.ndarray, **settings: Any) -> FeatureArray:
    media = {"audio": Signal(values.astype(np.float32), 16000.0, "1")}
    return EXTRACTOR.open(MfccConfig(**settings), Path())(media)


def librosa_mfcc(values: np.ndarray, **settings: Any) -> np.ndarray:
    arguments = {"n_mfcc": 100, "n_fft": 400, "hop_length": 160, **settings}
    with warnings.catch_warnings():
        # Bands without a bin are part of what is compared.
        warnings.filterwarnings("ignore", message="Empty filters detected", category=UserWarning)
        warnings.filterwarnings("ignore", message="n_fft=.* is too large", category=UserWarning)
        return librosa.feature.mfcc(y=values.astype(np.float64), sr=16000, **arguments)


def noise(n_samples: int, *, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(n_samples)).astype(np.float32)


CLIPS = {
    "silence": np.zeros(9000, dtype=np.float32),
    "click": np.eye(1, 9000, 4000, dtype=np.float32)[0],
    "one sample": np.float32([0.3]),
    "just short of a frame": noise(399),
    "20 s": noise(320_000),
    "tone": np.sin(0.1 * np.arange(20_000)).astype(np.float32),
    "faint": 1e-4 * noise(9000),
    "loud behind faint": noise(20_000) * np.repeat(np.float32([1e-4, 1]), 10_000),
}


@pytest.mark.parametrize("clip", CLIPS)
def test_coefficients_agree_with_librosa(clip: str) -> None:
    made = extract(CLIPS[clip], zscore=False).arrays["mfcc"]
    assert made.dtype == np.float32
    np.testing.assert_allclose(made.T, librosa_mfcc(CLIPS[clip]), rtol=0, atol=AGREEMENT)


@pytest.mark.parametrize(
    "given",
    [
        {"n_mfcc": 13},
        {"n_mels": 40, "n_mfcc": 40},
        {"n_fft": 2048, "hop_length": 512},
        {"n_fft": 256, "hop_length": 64},
        {"fmin": 60.0},
    ],
)
def test_coefficients_agree_with_librosa_for_other_settings(given: dict[str, Any]) -> None:
    made = extract(noise(9000), zscore=False, **given).arrays["mfcc"]
    np.testing.assert_allclose(made.T, librosa_mfcc(noise(9000), **given), rtol=0, atol=AGREEMENT)


def test_agrees_with_what_was_published_on_every_real_clip(shared: Path) -> None:
    extractor = EXTRACTOR.open(MfccConfig(), Path())
    worst = 0.0
    for path in sorted((shared / "data" / "kemdy20_real_media" / "wav").rglob("*.wav")):
        signal = read_audio(path)
        expected = scale(librosa_mfcc(signal.values), axis=1)
        worst = max(worst, float(np.abs(extractor({"audio": signal}).arrays["mfcc"].T - expected).max()))
    assert 0 < worst <= AGREEMENT


@given(st.integers(2, 400), st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_a_zscore_has_mean_0_and_deviation_1(frames: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(random.normal(size=7) * 100, 10.0 ** random.integers(-3, 3, 7), size=(frames, 7))
    made = zscored(values)
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(made.std(axis=0), 1, rtol=1e-9)
    np.testing.assert_allclose(made, scale(values), rtol=0, atol=1e-9)


def test_what_does_not_deviate_is_0_and_noise_in_its_last_digits_stays_unseen() -> None:
    values = np.full((50, 3), -80.0)
    values[:, 1] += 1e-9 * np.arange(50)
    values[:, 2] += np.arange(50)
    made = zscored(values)
    assert not made[:, :2].any()
    assert made[:, 2].any()
    assert not extract(np.zeros(9000)).arrays["mfcc"].any()
    assert not extract(noise(100)).arrays["mfcc"].any(), "one frame is its own mean"


def test_the_zscore_is_taken_over_all_frames_before_any_is_cut() -> None:
    values = noise(32_000) * np.linspace(0, 1, 32_000, dtype=np.float32) ** 4
    long, short = extract(values), extract(values, max_frames=50)
    np.testing.assert_array_equal(long.arrays["mfcc"], short.arrays["mfcc"])
    assert short.arrays["mfcc_lengths"] == 50
    assert short.columns == {"mfcc_frames": 50, "mfcc_frames_total": 201}


def test_level_moves_the_first_coefficient_alone() -> None:
    powers = np.random.default_rng(0).random((9, 128)).astype(np.float32) + np.float32(0.1)
    quiet, loud = (coefficients(each, n_mfcc=128, top_db=80) for each in (powers, powers * np.float32(1024)))
    moved = loud - quiet
    np.testing.assert_allclose(moved[:, 0], np.sqrt(128) * 10 * np.log10(1024), rtol=1e-6)
    np.testing.assert_allclose(moved[:, 1:], 0, atol=1e-4)


def test_time_is_the_first_axis_and_the_mask_marks_real_frames() -> None:
    made = extract(noise(16_000))
    specs = {spec.name: spec for spec in EXTRACTOR.specs(MfccConfig())}
    assert made.arrays["mfcc"].shape == (101, 100)
    assert made.arrays["mfcc_mask"].shape == (101,)
    assert made.arrays["mfcc_mask"].all()
    assert specs["mfcc"].dims == ("frame", "coefficient")
    assert specs["mfcc"].shape == (465, 100)
    assert specs["mfcc"].pad == 0
    assert specs["mfcc_mask"].pad is False
    assert specs["mfcc"].frame_rate == 100
    assert EXTRACTOR.specs(MfccConfig(zscore=False))[0].unit == "dB"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full(4096, np.nan), "NaN, infinite or huge"),
        (np.full(4096, 1e30), "NaN, infinite or huge"),
        (np.zeros(0), "mfcc: 0 samples .* less than one"),
    ],
)
def test_refusals(values: np.ndarray, message: str) -> None:
    with pytest.raises(ExtractionError, match=message):
        extract(values)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_mfcc": 129}, "n_mfcc 129 must not lie above n_mels 128"),
        ({"fmax": 9000.0}, "half the sampling_rate"),
        ({"hop_length": 401}, "leaves samples between frames"),
        ({"n_mfccs": 13}, "did you mean 'n_mfcc'"),
    ],
)
def test_settings_out_of_range_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validated(MfccConfig, given, where="mfcc")
