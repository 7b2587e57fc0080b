"""log_spectrogram against scipy.signal.spectrogram, its laws, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.config import validated
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features.log_spectrogram import EXTRACTOR, LogSpectrogramConfig, densities, differences
from kemfeat.media import read_audio
from kemfeat.records import FeatureArray, Signal

AGREEMENT = 2e-6
"""Natural logarithms: what storing values up to 23 in float32 costs."""

FLOOR = float(np.float32(np.log(1e-10)))


def extract(values: np.ndarray, *, rate: float = 16000, **settings: Any) -> FeatureArray:
    media = {"audio": Signal(values.astype(np.float32), rate, "1")}
    return EXTRACTOR.open(LogSpectrogramConfig(**settings), Path())(media)


def scipy_logarithms(values: np.ndarray, *, n_fft: int = 640, hop_length: int = 320) -> np.ndarray:
    _, _, density = scipy.signal.spectrogram(
        values.astype(np.float64), 16000, "hann", n_fft, n_fft - hop_length, detrend=False
    )
    return np.log(density.T + 1e-10)


def noise(n_samples: int, *, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(n_samples)).astype(np.float32)


CLIPS = {
    "silence": np.zeros(9000, dtype=np.float32),
    "click": np.eye(1, 9000, 4000, dtype=np.float32)[0],
    "one frame": noise(640),
    "one sample short of two frames": noise(959),
    "two frames": noise(960),
    "20 s": noise(320_000),
    "constant": np.full(9000, 0.5, dtype=np.float32),
    "Nyquist": np.tile(np.float32([0.5, -0.5]), 4500),
    "faint": 1e-4 * noise(9000),
}


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize(("scale", "full_scale"), [("unit", 1), ("int16", 32768)])
def test_agrees_with_scipy(clip: str, scale: str, full_scale: int) -> None:
    values = CLIPS[clip]
    made = extract(values, scale=scale).arrays["log_spectrogram"]
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, scipy_logarithms(full_scale * values), rtol=0, atol=AGREEMENT)


def test_agrees_with_scipy_on_every_real_clip(shared: Path) -> None:
    extractor = EXTRACTOR.open(LogSpectrogramConfig(preset="faithful"), Path())
    worst, shortest = 0.0, 10**9
    for path in sorted((shared / "data" / "kemdy20_real_media" / "wav").rglob("*.wav")):
        signal = read_audio(path)
        expected = scipy_logarithms(np.rint(32768 * signal.values).astype(np.int16))
        made = extractor({"audio": signal})
        levels = made.arrays["log_spectrogram"]
        worst = max(worst, float(np.abs(levels[: len(expected)] - expected).max()))
        assert not levels[len(expected) :].any()
        assert made.columns["log_spectrogram_frames_total"] == len(expected)
        shortest = min(shortest, len(expected))
    assert 0 < worst <= AGREEMENT
    assert shortest < 100, "no clip was filled up"


@pytest.mark.parametrize(("n_fft", "hop_length"), [(400, 160), (512, 512), (1000, 333)])
def test_agrees_with_scipy_for_other_frames(n_fft: int, hop_length: int) -> None:
    values = noise(20_000)
    made = extract(values, n_fft=n_fft, hop_length=hop_length)
    expected = scipy_logarithms(values, n_fft=n_fft, hop_length=hop_length)
    np.testing.assert_allclose(made.arrays["log_spectrogram"], expected, rtol=0, atol=AGREEMENT)


def test_agrees_with_the_short_time_transform_that_scipy_recommends() -> None:
    values = noise(16_000).astype(np.float64)
    transform = scipy.signal.ShortTimeFFT(
        scipy.signal.get_window("hann", 640), 320, 16000, fft_mode="onesided2X", scale_to="psd"
    )
    inside = transform.spectrogram(values)[:, transform.lower_border_end[1] - transform.p_min :].T
    made = densities(values.astype(np.float32), config=LogSpectrogramConfig())
    expected = inside[: len(made)] * np.r_[1, np.full(319, 1.0), 1]
    np.testing.assert_allclose(made, expected, rtol=1e-5)


@given(st.integers(640, 9000), st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_the_density_adds_up_to_the_power_of_the_windowed_frames(n_samples: int, seed: int) -> None:
    values = noise(n_samples, seed=seed)
    made = densities(values, config=LogSpectrogramConfig())
    window = scipy.signal.get_window("hann", 640)
    frames = np.lib.stride_tricks.sliding_window_view(values.astype(np.float64), 640)[::320] * window
    power = np.sum(frames**2, axis=1) / np.sum(window**2)
    np.testing.assert_allclose(made.sum(axis=1) * 16000 / 640, power, rtol=1e-9)


@given(st.integers(640, 9000), st.floats(1.5, 100), st.integers(0, 9))
@settings(deadline=None, max_examples=25)
def test_louder_is_more_by_the_same_everywhere(n_samples: int, gain: float, seed: int) -> None:
    values = noise(n_samples, seed=seed)
    density = densities(values, config=LogSpectrogramConfig())
    louder = densities(np.float32(gain) * values, config=LogSpectrogramConfig())
    np.testing.assert_allclose(louder, np.float64(np.float32(gain)) ** 2 * density, rtol=1e-3, atol=1e-14)


@pytest.mark.parametrize(("difference", "axis"), [("time", 0), ("frequency", 1)])
def test_differences_are_those_of_what_is_stored(difference: str, axis: int) -> None:
    arrays = extract(noise(4000), difference=difference).arrays
    level, delta, delta2 = (arrays[f"log_spectrogram{end}"] for end in ("", "_delta", "_delta2"))
    for values, steps in ((level, delta), (delta, delta2)):
        np.testing.assert_array_equal(np.take(steps, range(1, values.shape[axis]), axis), np.diff(values, axis=axis))
        np.testing.assert_array_equal(np.take(steps, 0, axis), np.take(steps, 1, axis))


@pytest.mark.parametrize("axis", [0, 1])
def test_the_differences_of_a_ramp_are_its_slope_and_those_of_one_value_0(axis: int) -> None:
    ramp = np.moveaxis(np.tile(3 * np.arange(9, dtype=np.float32), (4, 1)), 1, axis)
    np.testing.assert_array_equal(differences(ramp, axis=axis), np.full_like(ramp, 3))
    single = np.take(ramp, [5], axis)
    np.testing.assert_array_equal(differences(single, axis=axis), np.zeros_like(single))


def test_a_tone_in_time_has_no_difference_along_time_and_one_along_frequency() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 / 16000 * np.arange(9600))
    assert np.abs(extract(tone).arrays["log_spectrogram_delta"][:, 38:43]).max() < 1e-4
    faithful = extract(tone, preset="faithful").arrays["log_spectrogram_delta"][:28]
    assert np.abs(faithful).max() > 1


def test_the_published_preset_fills_short_clips_with_a_loud_value() -> None:
    made, (spec, *_) = extract(noise(4000), preset="faithful"), EXTRACTOR.specs(LogSpectrogramConfig(preset="faithful"))
    assert made.columns["log_spectrogram_frames_total"] == made.columns["log_spectrogram_frames"] == 11
    for name in ("log_spectrogram", "log_spectrogram_delta", "log_spectrogram_delta2"):
        assert made.arrays[name].shape == (100, 321)
        assert not made.arrays[name][11:].any()
        assert made.arrays[f"{name}_lengths"] == 100
    assert spec.pad == 0


def test_the_default_pads_with_silence_and_counts_what_is_real() -> None:
    specs = {spec.name: spec for spec in EXTRACTOR.specs(LogSpectrogramConfig())}
    assert specs["log_spectrogram"].pad == FLOOR
    assert specs["log_spectrogram_delta"].pad == specs["log_spectrogram_delta2"].pad == 0
    made = extract(np.zeros(4000))
    assert (made.arrays["log_spectrogram"] == FLOOR).all()
    assert made.arrays["log_spectrogram_lengths"] == 11
    assert specs["log_spectrogram"].shape == (1024, 321)
    assert specs["log_spectrogram"].frame_rate == 50


def test_frames_beyond_the_limit_are_counted() -> None:
    made = extract(noise(16_000), max_frames=10)
    assert made.arrays["log_spectrogram_delta_lengths"] == 10
    assert made.columns == {"log_spectrogram_frames": 10, "log_spectrogram_frames_total": 49}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(639), "639 samples at 16000 Hz are less than a frame of 640"),
        (np.r_[np.zeros(700), np.nan], "NaN or infinite"),
        (np.zeros((900, 2)), "2 channels.*set log_spectrogram.channel"),
    ],
)
def test_refusals(values: np.ndarray, message: str) -> None:
    with pytest.raises(ExtractionError, match=message):
        extract(values, channels="refuse")


def test_a_missing_clip_is_refused() -> None:
    with pytest.raises(ExtractionError, match="log_spectrogram: the utterance has no audio"):
        EXTRACTOR.open(LogSpectrogramConfig(), Path())({"audio": None})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hop_length": 700}, "leaves samples between frames"),
        ({"n_fft": 641}, "multiple of 2"),
        ({"min_frames": 2000}, "must not lie above max_frames 1024"),
        ({"preset": "faithfull"}, "did you mean 'faithful'"),
        ({"pad_value": "zero"}, "pad_value"),
    ],
)
def test_settings_out_of_range_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validated(LogSpectrogramConfig, given, where="log_spectrogram")
