"""mel against librosa, its laws, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kemfeat.config import validated
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features.mel import EXTRACTOR, MelConfig, decibels
from kemfeat.media import read_audio
from kemfeat.records import FeatureArray, Signal

AGREEMENT = 1e-4  # dB


def extract(values: np.ndarray, *, rate: int = 16000, **settings: Any) -> FeatureArray:
    media = {"audio": Signal(values.astype(np.float32), rate, "1")}
    return EXTRACTOR.open(MelConfig(**settings), Path())(media)


def librosa_mel(values: np.ndarray, *, pad_mode: str = "constant") -> np.ndarray:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_fft=.* is too large", category=UserWarning)
        powers = librosa.feature.melspectrogram(y=values, sr=16000, n_mels=128, fmin=100, fmax=8000, pad_mode=pad_mode)
    return librosa.power_to_db(powers, ref=np.max).T


def noise(n_samples: int, *, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(n_samples)).astype(np.float32)


def click(n_samples: int = 16000) -> np.ndarray:
    return np.eye(1, n_samples, n_samples // 2, dtype=np.float32)[0]


CLIPS = {
    "silence": np.zeros(16000, dtype=np.float32),
    "click": click(),
    "click in faint noise": click() + 1e-4 * noise(16000),
    "one sample": np.float32([0.3]),
    "two samples": np.float32([0.3, -0.1]),
    "half a frame": noise(1024),
    "half a frame and one": noise(1025),
    "just short of a frame": noise(2047),
    "40 s": noise(640_000) * np.linspace(0, 1, 640_000, dtype=np.float32) ** 4,
    "faint": 1e-4 * noise(16000),
    "tone": np.sin(0.1 * np.arange(50_000)).astype(np.float32),
    "constant": np.full(20_000, 0.5, dtype=np.float32),
    "Nyquist": np.tile(np.float32([0.5, -0.5]), 10_000),
    "loud behind faint": noise(40_000) * np.repeat(np.float32([1e-4, 1]), 20_000),
}


@pytest.mark.parametrize("pad_mode", ["constant", "reflect"])
@pytest.mark.parametrize("clip", CLIPS)
def test_agrees_with_librosa(clip: str, pad_mode: str) -> None:
    values = CLIPS[clip]
    mel = extract(values, pad_mode=pad_mode).arrays["mel"]
    assert mel.dtype == np.float32
    for precision in (np.float32, np.float64):
        expected = librosa_mel(values.astype(precision), pad_mode=pad_mode)
        np.testing.assert_allclose(mel, expected, rtol=0, atol=AGREEMENT)


def test_agrees_with_librosa_on_every_real_clip(shared: Path) -> None:
    extractor = EXTRACTOR.open(MelConfig(), Path())
    worst = 0.0
    for path in sorted((shared / "data" / "kemdy20_real_media" / "wav").rglob("*.wav")):
        signal = read_audio(path)
        difference = extractor({"audio": signal}).arrays["mel"] - librosa_mel(signal.values.astype(np.float64))
        worst = max(worst, float(np.abs(difference).max()))
    assert 0 < worst <= AGREEMENT


@pytest.mark.parametrize(("n_fft", "hop_length"), [(400, 160), (512, 160), (1024, 257), (2000, 500), (4096, 1024)])
def test_agrees_with_librosa_for_other_frames(n_fft: int, hop_length: int) -> None:
    values = noise(30_000)
    ours = extract(values, n_fft=n_fft, hop_length=hop_length, n_mels=40).arrays["mel"]
    powers = librosa.feature.melspectrogram(
        y=values.astype(np.float64), sr=16000, n_fft=n_fft, hop_length=hop_length, n_mels=40, fmin=100, fmax=8000
    )
    np.testing.assert_allclose(ours, librosa.power_to_db(powers, ref=np.max).T, rtol=0, atol=AGREEMENT)


@given(st.integers(600, 20_000), st.floats(0.25, 1.0), st.integers(0, 9))
@settings(deadline=None, max_examples=25)
def test_range_shape_and_loudness(n_samples: int, gain: float, seed: int) -> None:
    values = noise(n_samples, seed=seed)
    feature = extract(values)
    mel = feature.arrays["mel"]
    assert mel.shape == (1 + n_samples // 512, 128)
    assert mel.max() == 0
    assert mel.min() >= -80
    np.testing.assert_allclose(extract(values * np.float32(gain)).arrays["mel"], mel, rtol=0, atol=2e-3)


def test_silence_is_0_db_everywhere() -> None:
    assert not extract(np.zeros(5000)).arrays["mel"].any()


def test_frames_do_not_depend_on_what_lies_far_behind() -> None:
    values = np.concatenate([click(30_000), 0.01 * noise(40_000)])
    short, long = extract(values[:50_000]).arrays["mel"], extract(values).arrays["mel"]
    np.testing.assert_array_equal(short[:90], long[:90])


def test_decibels_of_known_powers() -> None:
    powers = np.float32([[100.0, 10.0], [1.0, 0.0]])
    np.testing.assert_allclose(decibels(powers, top_db=80.0), [[0, -10], [-20, -80]], atol=1e-6)
    np.testing.assert_allclose(decibels(powers, top_db=15.0), [[0, -10], [-15, -15]], atol=1e-6)


def test_frames_beyond_the_limit_are_kept_for_delta_and_counted() -> None:
    feature = extract(noise(16000), max_frames=10)
    assert feature.arrays["mel"].shape == (32, 128)
    assert feature.arrays["mel_lengths"] == 10
    assert (feature.columns["mel_frames"], feature.columns["mel_frames_total"]) == (10, 32)


def test_arrays_and_columns_are_those_announced() -> None:
    feature = extract(noise(4000))
    specs = EXTRACTOR.specs(MelConfig())
    assert {spec.name: len(spec.shape) for spec in specs} == {"mel": 2, "mel_lengths": 0}
    for spec in specs:
        assert feature.arrays[spec.name].ndim == len(spec.dims) == len(spec.shape)
        assert feature.arrays[spec.name].dtype == spec.dtype
    assert feature.columns.keys() == EXTRACTOR.columns.keys()
    assert specs[0].shape == (512, 128)
    assert specs[0].frame_rate == 31.25


def test_float16_records_its_error() -> None:
    feature = extract(noise(40_000), dtype="float16", max_frames=20)
    mel = feature.arrays["mel"][:20]
    assert feature.columns["mel_rounding_error"] == np.abs(mel.astype(np.float16).astype(np.float64) - mel).max()
    assert 0 < feature.columns["mel_rounding_error"] <= 2**-5  # half a step between 64 and 128
    assert extract(noise(4000)).columns["mel_rounding_error"] == 0


@pytest.mark.parametrize(
    ("given", "pad"),
    [({}, -80.0), ({"top_db": 60.0}, -60.0), ({"preset": "kor-2022"}, 0.0), ({"pad_value": -100.0}, -100.0)],
)
def test_padding_is_the_floor_unless_said_otherwise(given: dict[str, Any], pad: float) -> None:
    assert EXTRACTOR.specs(MelConfig(**given))[0].pad == pad


def test_other_rates_and_channels_are_brought_in_and_recorded() -> None:
    time = np.arange(48_000) / 48_000
    tone = np.sin(2 * np.pi * 1000 * time)
    stereo = np.stack([tone, np.zeros(48_000)], axis=1)
    feature = extract(stereo, rate=48_000)
    assert feature.columns["source_sampling_rate"] == 48_000
    assert feature.columns["source_channels"] == 2
    direct = extract(np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)).arrays["mel"]
    assert feature.arrays["mel"].shape == direct.shape
    assert np.array_equal(feature.arrays["mel"][5:-5].argmax(axis=1), direct[5:-5].argmax(axis=1))
    halved = extract(stereo, rate=48_000, channels="mean").arrays["mel"]
    np.testing.assert_allclose(halved[5:-5].max(axis=1), 0, atol=0.1)


@pytest.mark.parametrize(
    ("values", "rate", "given", "message"),
    [
        (np.zeros((9, 2)), 16000, {"channels": "refuse"}, "2 channels.*set mel.channel"),
        (np.zeros(9), 44100, {"resample": False}, "at 44100 Hz, expected 16000 Hz; set mel.resample"),
        (np.zeros(1), 48000, {}, "less than one"),
        (np.zeros(0), 16000, {}, "less than one"),
        (np.full(4096, np.nan), 16000, {}, "NaN, infinite or huge"),
        (np.full(4096, 1e30), 16000, {}, "NaN, infinite or huge"),
    ],
)
def test_refusals(values: np.ndarray, rate: int, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ExtractionError, match=message):
        extract(values, rate=rate, **given)


def test_a_missing_clip_is_refused() -> None:
    with pytest.raises(ExtractionError, match="no audio"):
        EXTRACTOR.open(MelConfig(), Path())({"audio": None})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fmax": 8001.0}, "fmax 8001 Hz is above half the sampling_rate"),
        ({"fmin": 8000.0}, "fmin 8000 Hz must lie below fmax"),
        ({"fmin": float("nan")}, "fmin"),
        ({"hop_length": 4096}, "hop_length 4096 leaves samples"),
        ({"n_fft": 2047}, "n_fft: .*multiple of 2"),
        ({"pad_value": float("inf")}, "finite number"),
        ({"pad_value": "zero"}, "pad_value"),
        ({"preset": "kor-2021"}, "did you mean 'kor-2022'"),
        ({"n_mel": 64}, "did you mean 'n_mels'"),
        ({"dtype": "float64"}, "dtype"),
    ],
)
def test_settings_out_of_range_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validated(MelConfig, given, where="mel")


def test_bands_without_a_bin_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"of n_mels=128 bands are narrower than a bin of n_fft=256"):
        EXTRACTOR.open(MelConfig(n_fft=256, hop_length=128), Path())


def test_configuration_is_frozen() -> None:
    with pytest.raises(ValidationError):
        MelConfig().n_mels = 64  # type: ignore[misc]


def test_another_process_makes_the_same_bytes() -> None:
    program = (
        "import sys, json, hashlib, numpy as np; from pathlib import Path;"
        "from kemfeat.features.mel import EXTRACTOR, MelConfig; from kemfeat.records import Signal;"
        "values = np.random.default_rng(0).standard_normal(20_000).astype('f4');"
        "mel = EXTRACTOR.open(MelConfig(), Path())({'audio': Signal(values, 16000, '1')}).arrays['mel'];"
        "print(json.dumps(hashlib.sha256(mel.tobytes()).hexdigest()))"
    )
    runs = [subprocess.run([sys.executable, "-c", program], capture_output=True, check=True) for _ in range(2)]
    assert json.loads(runs[0].stdout) == json.loads(runs[1].stdout)
