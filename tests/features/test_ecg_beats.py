"""Beats of synthetic electrocardiograms whose R peaks are known, and of what is none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features.ecg_beats import EXTRACTOR, EcgBeatsConfig
from kemfeat.records import FeatureArray, Signal

pytest.importorskip("sleepecg", reason="the extra `ecg` is not installed")

WAVES = ((0.12, -0.18, 0.025), (-0.1, -0.026, 0.010), (1.0, 0.0, 0.011), (-0.2, 0.028, 0.012), (0.3, 0.26, 0.05))
"""P, Q, R, S and T: height [mV], place [s] from the R peak, width [s]."""


def electrocardiogram(peaks: np.ndarray, *, seconds: float, rate: float = 250.0, noise: float = 0.02) -> np.ndarray:
    """Waves around known R peaks, on a baseline that wanders, in noise [mV]."""
    times = np.arange(round(seconds * rate)) / rate
    waves = sum(
        height * np.exp(-0.5 * ((times[:, None] - peaks - place) / width) ** 2).sum(axis=1)
        for height, place, width in WAVES
    )
    wander = 0.3 * np.sin(2 * np.pi * 0.25 * times)
    return waves + wander + noise * np.random.default_rng(0).standard_normal(len(times))


def extract(values: np.ndarray, *, rate: float = 250.0, times: Any = None, **settings: Any) -> FeatureArray:
    return EXTRACTOR.open(EcgBeatsConfig(**settings), Path())({"ecg": Signal(values, rate, "mV", times)})


def clock(samples: int, *, rate: float = 250.0) -> np.ndarray:
    return np.datetime64("2019-08-21T11:28:57", "ms") + (1000 / rate * np.arange(samples)).astype("timedelta64[ms]")


@pytest.mark.parametrize("rate", [128.0, 250.0, 500.0])
@pytest.mark.parametrize("heart_rate", [62, 70, 120, 170])
def test_finds_known_peaks_to_two_samples(rate: float, heart_rate: int) -> None:
    intervals = 60 / heart_rate * np.random.default_rng(heart_rate).normal(1, 0.02, size=60)
    peaks = 0.3 + np.r_[0, np.cumsum(intervals)]
    peaks = peaks[peaks < 14.7]
    made = extract(electrocardiogram(peaks, seconds=15, rate=rate), rate=rate)
    found = made.arrays["ecg_beat_times"]
    assert len(found) == len(peaks)
    assert np.abs(found - peaks).max() <= 2 / rate
    np.testing.assert_allclose(made.arrays["ecg_ibi"][1:], np.diff(peaks), atol=3 / rate)
    assert made.columns["ecg_ibi_mean"] == pytest.approx(np.diff(peaks).mean(), abs=1 / rate)
    assert made.columns["ecg_heart_rate"] == pytest.approx(60 / np.diff(peaks).mean(), rel=0.01)


@given(st.floats(0.6, 1.1), st.floats(0.2, 0.5), st.floats(2.0, 12.0), st.floats(0.01, 1e4))
@settings(deadline=None, max_examples=25)
def test_finds_the_beats_of_any_utterance_of_any_amplitude(
    interval: float, first: float, seconds: float, gain: float
) -> None:
    peaks = np.arange(first, seconds - 0.2, interval)
    found = extract(gain * electrocardiogram(peaks, seconds=seconds)).arrays["ecg_beat_times"]
    assert all(np.abs(found - peak).min() <= 2 / 250 for peak in peaks)
    assert len(found) - len(peaks) <= 1, "half a beat at the end may be one"


def test_an_interval_is_the_time_since_the_beat_before_and_the_first_has_none() -> None:
    arrays = extract(electrocardiogram(np.arange(0.5, 9, 0.8), seconds=9)).arrays
    times, intervals = arrays["ecg_beat_times"], arrays["ecg_ibi"]
    assert np.isnan(intervals[0])
    np.testing.assert_allclose(intervals[1:], np.diff(times), atol=1e-6)
    np.testing.assert_array_equal(arrays["ecg_ibi_mask"], np.arange(len(times)) > 0)
    assert arrays["ecg_beat_times_mask"].all()


@pytest.mark.parametrize("clocked", [True, False])
def test_no_interval_spans_a_gap_and_times_go_on_behind_it(clocked: bool) -> None:
    peaks = np.arange(0.5, 12, 0.8)
    values = electrocardiogram(peaks, seconds=12)
    lost = slice(1250, 1500)
    if clocked:
        made = extract(np.delete(values, lost), times=np.delete(clock(len(values)), lost))
    else:
        values[lost] = np.nan
        made = extract(values)
    times, intervals = made.arrays["ecg_beat_times"], made.arrays["ecg_ibi"]
    kept = peaks[(peaks < 5) | (peaks >= 6)]
    assert all(np.abs(times - peak).min() <= 2 / 250 for peak in kept)
    assert np.nanmax(intervals) < 0.85
    assert np.flatnonzero(np.isnan(intervals)).tolist() == [0, int(np.searchsorted(times, 5.5))]


def test_a_clock_that_jitters_is_no_gap() -> None:
    values = electrocardiogram(np.arange(0.5, 9, 0.8), seconds=9)
    jitter = np.random.default_rng(0).integers(0, 20, len(values)).cumsum() // 10 * 4
    steps = np.datetime64("2019-08-21", "ms") + np.minimum(jitter, 4 * np.arange(len(values))).astype("timedelta64[ms]")
    np.testing.assert_array_equal(
        extract(values, times=steps).arrays["ecg_beat_times"], extract(values).arrays["ecg_beat_times"]
    )


NO_HEART = {
    "no sample": np.empty(0),
    "one sample": np.ones(1),
    "short": electrocardiogram(np.array([0.5]), seconds=0.9, rate=128.0),
    "flat": np.full(2000, 0.3),
    "all NaN": np.full(2000, np.nan),
    "flat, then a few samples": np.r_[np.zeros(2000), np.ones(5)],
    "beyond float32": np.full(2000, 1e300),
    "a hum with more peaks than the detector has room for": np.sin(2 * np.pi * 19 * np.arange(298) / 128),
}


@pytest.mark.parametrize("signal", NO_HEART)
def test_what_holds_no_heart_has_no_beats_and_is_no_error(signal: str) -> None:
    made = extract(NO_HEART[signal], rate=128.0)
    assert not any(len(array) for array in made.arrays.values())
    assert made.columns["ecg_beats_length"] == made.columns["ecg_beats_length_total"] == 0
    assert made.columns["ecg_heart_rate"] is made.columns["ecg_ibi_mean"] is None


@given(st.integers(0, 2000), st.sampled_from([100.0, 128.0, 250.0, 500.0]), st.integers(0, 3), st.integers(0, 10**6))
@settings(deadline=None, max_examples=60)
def test_noise_of_any_kind_has_ascending_times_inside_it(samples: int, rate: float, kind: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    values = (
        random.normal(size=samples),
        random.normal(size=samples).cumsum(),
        np.round(0.3 * random.normal(size=samples)),
        np.sin(2 * np.pi * random.uniform(1, 20) * np.arange(samples) / rate),
    )[kind]
    made = extract(values, rate=rate)
    times = made.arrays["ecg_beat_times"]
    assert (np.diff(times) > 0.1).all()
    assert ((times >= 0) & (times < samples / rate)).all()
    assert made.columns["ecg_beats_length_total"] == len(times)


# fmt: off
NOISE_BEATS = (
    89, 156, 226, 310, 395, 453, 507, 564, 676, 754, 839, 894, 958, 1020, 1078, 1135, 1193, 1259, 1314,
    1368, 1427, 1480, 1580, 1635, 1686, 1741, 1800, 1853, 1949, 2040, 2093, 2164, 2228, 2286, 2337, 2425, 2479,
)
# fmt: on
"""Samples at which sleepecg 0.6.0 finds beats in noise."""


def test_beats_in_noise_are_those_they_were() -> None:
    made = extract(np.random.default_rng(42).normal(size=2500))
    assert np.rint(250 * made.arrays["ecg_beat_times"]).astype(int).tolist() == list(NOISE_BEATS)


def test_beats_beyond_the_limit_are_counted() -> None:
    made = extract(electrocardiogram(np.arange(0.5, 9, 0.8), seconds=9), max_beats=4)
    assert (made.columns["ecg_beats_length"], made.columns["ecg_beats_length_total"]) == (4, 11)


def test_missing_is_no_beat() -> None:
    made = EXTRACTOR.open(EcgBeatsConfig(), Path())({"ecg": None})
    assert made.columns == {
        "ecg_beats_length": 0,
        "ecg_beats_length_total": 0,
        "ecg_ibi_mean": None,
        "ecg_heart_rate": None,
    }


def test_a_wrong_unit_and_a_low_rate_are_refused() -> None:
    extractor = EXTRACTOR.open(EcgBeatsConfig(), Path())
    with pytest.raises(ExtractionError, match="ecg_beats: found uS, expected a signal in mV"):
        extractor({"ecg": Signal(np.zeros(9), 250.0, "uS")})
    with pytest.raises(ExtractionError, match="64 samples per second, expected at least 100"):
        extractor({"ecg": Signal(np.zeros(9), 64.0, "mV")})


def test_without_the_detector_a_build_ends_before_it_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sleepecg", None)
    monkeypatch.delitem(sys.modules, "sleepecg.heartbeats", raising=False)
    with pytest.raises(ConfigError, match=r"pip install 'kemfeat\[ecg\]'"):
        EXTRACTOR.prepare(EcgBeatsConfig(), root=tmp_path, tokenizer="")
    with pytest.raises(ConfigError, match="leave ecg_beats out"):
        EXTRACTOR.open(EcgBeatsConfig(), tmp_path)
