"""delta against librosa, its laws, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.config import validated
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features import mel
from kemfeat.features.delta import EXTRACTOR, DeltaConfig, slopes
from kemfeat.media import read_audio
from kemfeat.records import FeatureArray

AGREEMENT = 1e-5  # dB per frame; librosa fits the edges in the precision it is given


def levels(frames: int, bands: int = 5, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-80, 0, (frames, bands)).astype(np.float32)


def mel_feature(frames: int, bands: int = 128, *, stored: int | None = None) -> FeatureArray:
    lengths = np.array(frames if stored is None else stored, dtype=np.int32)
    return FeatureArray({"mel": levels(frames, bands), "mel_lengths": lengths})


def extract(feature: FeatureArray | None, **settings: Any) -> FeatureArray:
    return EXTRACTOR.open(DeltaConfig(**settings), Path())({"mel": feature})


@given(st.sampled_from([3, 5, 9, 15]), st.integers(0, 60), st.integers(0, 9))
@settings(deadline=None, max_examples=60)
def test_agrees_with_librosa(width: int, more: int, seed: int) -> None:
    values = levels(width + more, seed=seed)
    ours = slopes(values, width=width)
    assert ours.dtype == np.float32
    for precision, tolerance in ((np.float64, 1e-6), (np.float32, AGREEMENT)):
        theirs = librosa.feature.delta(values.T.astype(precision), width=width).T
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=tolerance)


def test_agrees_with_librosa_on_real_clips(shared: Path) -> None:
    extract_mel = mel.EXTRACTOR.open(mel.MelConfig(), Path())
    for path in sorted((shared / "data" / "kemdy20_real_media" / "wav").rglob("*.wav"))[::5]:
        feature = extract_mel({"audio": read_audio(path)})
        delta = extract(feature).arrays["delta"]
        theirs = librosa.feature.delta(feature.arrays["mel"].T).T
        np.testing.assert_allclose(delta, theirs, rtol=0, atol=2 * AGREEMENT)


@given(st.integers(1, 40), st.floats(-5, 5), st.sampled_from([3, 9]))
@settings(deadline=None, max_examples=40)
def test_the_delta_of_a_ramp_is_its_slope(frames: int, slope: float, width: int) -> None:
    ramp = (slope * np.arange(frames, dtype=np.float64)[:, None] + [0, -40]).astype(np.float32)
    expected = 0 if frames == 1 else slope
    np.testing.assert_allclose(slopes(ramp, width=width), np.full((frames, 2), expected), atol=1e-5)


@given(st.integers(2, 8), st.integers(0, 9))
@settings(deadline=None, max_examples=20)
def test_a_clip_shorter_than_the_width_has_the_slope_of_its_line(frames: int, seed: int) -> None:
    values = levels(frames, seed=seed)
    line = np.polyfit(np.arange(frames), values.astype(np.float64), 1)[0]
    np.testing.assert_allclose(slopes(values, width=9), np.tile(line, (frames, 1)), rtol=1e-6, atol=1e-5)


@given(st.integers(9, 30), st.integers(0, 9))
@settings(deadline=None, max_examples=20)
def test_edges_follow_the_same_rule_as_short_clips(frames: int, seed: int) -> None:
    """Whatever the length, an edge frame has the slope of the line through the frames its window can hold."""
    values = levels(frames, seed=seed)
    delta = slopes(values, width=9)
    np.testing.assert_array_equal(delta[:5], slopes(values[:9], width=9)[:5])
    np.testing.assert_array_equal(delta[-5:], slopes(values[-9:], width=9)[-5:])


def test_level_does_not_matter_and_time_reversal_changes_the_sign() -> None:
    values = levels(40)
    np.testing.assert_allclose(slopes(values + np.float32(16), width=9), slopes(values, width=9), atol=1e-5)
    np.testing.assert_allclose(slopes(values[::-1].copy(), width=9), -slopes(values, width=9)[::-1], atol=1e-5)


def test_the_last_stored_frame_sees_the_frames_behind_it() -> None:
    feature = mel_feature(40, stored=20)
    delta = extract(feature, max_frames=20)
    assert delta.arrays["delta"].shape == (40, 128)
    assert delta.arrays["delta_lengths"] == 20
    expected = slopes(feature.arrays["mel"], width=9)[19]
    np.testing.assert_array_equal(delta.arrays["delta"][19], expected)


def test_arrays_and_columns_are_those_announced() -> None:
    feature = extract(mel_feature(12))
    specs = EXTRACTOR.specs(DeltaConfig())
    for spec in specs:
        assert feature.arrays[spec.name].ndim == len(spec.dims) == len(spec.shape)
        assert feature.arrays[spec.name].dtype == spec.dtype
    assert specs[0].shape == (512, 128)
    assert specs[0].pad == 0
    assert feature.columns.keys() == EXTRACTOR.columns.keys()


def test_float16_records_its_error() -> None:
    feature = extract(mel_feature(30, stored=20), max_frames=20, dtype="float16")
    delta = feature.arrays["delta"][:20]
    error = np.abs(delta.astype(np.float16).astype(np.float64) - delta).max()
    assert feature.columns["delta_rounding_error"] == error > 0


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (None, "no mel"),
        (mel_feature(5, 64), "mel has 64 bands, delta.n_mels is 128; set delta.n_mels to 64"),
        (mel_feature(600, stored=600), "600 of 600 mel frames are stored, delta.max_frames is 512"),
        (mel_feature(300, stored=256), "256 of 300 mel frames are stored, delta.max_frames is 512"),
    ],
)
def test_refusals(feature: FeatureArray | None, message: str) -> None:
    with pytest.raises(ExtractionError, match=message):
        extract(feature)


@pytest.mark.parametrize("width", [1, 8, "9"])
def test_settings_out_of_range_are_refused(width: Any) -> None:
    with pytest.raises(ConfigError, match="delta: width"):
        validated(DeltaConfig, {"width": width}, where="delta")


def test_a_build_gives_delta_the_shape_of_mel() -> None:
    before = {"mel": mel.MelConfig(n_mels=64, max_frames=100)}
    followed = EXTRACTOR.follow(DeltaConfig(), before)
    assert (followed.max_frames, followed.n_mels) == (100, 64)
    with pytest.raises(ConfigError, match=r"delta\.n_mels: found 32, but mel\.n_mels is 64"):
        EXTRACTOR.follow(DeltaConfig(n_mels=32), before)
