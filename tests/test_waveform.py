"""Channels and rates of sound: levels, one channel of several, another rate, silence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.media import decode_audio
from kemfeat.records import Signal
from kemfeat.waveform import channel_levels, is_silent, resample, to_mono, wav_bytes


def test_one_channel_of_two() -> None:
    stereo = Signal(np.array([[0.0, 0.5], [0.25, 0.75]], dtype=np.float32), 8000, "1")
    first, mean = to_mono(stereo, policy="first"), to_mono(stereo, policy="mean")
    np.testing.assert_array_equal(first.values, np.float32([0, 0.25]))
    np.testing.assert_array_equal(mean.values, np.float32([0.25, 0.5]))
    assert first.values.flags.c_contiguous
    assert to_mono(first, policy="mean") is first


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_an_offset_is_no_sound(offset: float, other: float) -> None:
    speech = 0.1 * np.sin(np.arange(400) / 3)
    stereo = Signal(np.stack([np.full(400, offset), speech + other], axis=1).astype(np.float32), 8000, "1")
    levels = channel_levels(stereo)
    assert levels[0] == -np.inf
    assert levels[1] == pytest.approx(10 * np.log10(np.var(speech)), abs=1e-3)
    np.testing.assert_array_equal(to_mono(stereo, policy="loudest").values, stereo.values[:, 1])


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_a_resampled_tone_is_the_tone_at_the_other_rate(rate: int) -> None:
    def tone(at: int) -> np.ndarray:
        return np.sin(2 * np.pi * 440 * np.arange(at) / at).astype(np.float32)

    resampled = resample(Signal(tone(rate), rate, "1"), target=16000)
    assert resampled.sampling_rate == 16000
    assert resampled.values.dtype == np.float32
    assert len(resampled.values) == 16000
    inside = slice(1000, -1000)  # the filter rings at the ends
    np.testing.assert_allclose(resampled.values[inside], tone(16000)[inside], atol=1e-3)


def test_the_same_rate_is_left_alone() -> None:
    signal = Signal(np.ones(3, dtype=np.float32), 16000, "1")
    assert resample(signal, target=16000) is signal


def test_silence_is_exact() -> None:
    assert is_silent(Signal(np.zeros((5, 2), dtype=np.float32), 16000, "1"))
    assert is_silent(Signal(np.float32([[0.25, 0], [0.25, 0]]), 16000, "1"))  # a constant offset is not heard
    assert not is_silent(Signal(np.float32([0, 1 / 32768]), 16000, "1"))
    assert not is_silent(Signal(np.float32([[0, 0], [0, 1 / 32768]]), 16000, "1"))


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=50), st.integers(1, 2))
def test_a_wav_file_has_the_samples_that_it_was_made_of(samples: list[int], channels: int) -> None:
    values = np.repeat(np.float32(samples)[:, None] / np.float32(32768), channels, axis=1)
    found = decode_audio(wav_bytes(Signal(values, 22050, "1")), name="made.wav")
    assert found.sampling_rate == 22050
    np.testing.assert_array_equal(found.values.reshape(values.shape), values)


def test_what_is_above_full_scale_is_clipped() -> None:
    found = decode_audio(wav_bytes(Signal(np.float32([2.0, -3.0]), 8000, "1")), name="made.wav")
    np.testing.assert_array_equal(found.values, np.float32([32767 / 32768, -1]))
