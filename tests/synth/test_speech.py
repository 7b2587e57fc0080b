from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.synth.sentences import sentence
from kemfeat.synth.speech import _resonators, draw_voice, speak, target_syllables

TEXT = "어제 친구가 카페에서 크게 웃었는데 진짜 재미있었어요."


def _pitch(samples: np.ndarray) -> float:
    """Median fundamental of the loud frames [Hz], by autocorrelation."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(float), 1024)[::512]
    frames = frames[frames.std(axis=1) > np.percentile(frames.std(axis=1), 60)]
    spectrum = np.abs(np.fft.rfft(frames - frames.mean(axis=1, keepdims=True), 2048)) ** 2
    lags = np.fft.irfft(spectrum)[:, 40:230]
    return float(np.median(16000 / (40 + lags.argmax(axis=1))))


def _say(seed: int, energy: float, *, sex: str = "M", samples: int = 32000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return speak(rng, TEXT, voice=draw_voice(rng, sex=sex), energy=energy, samples=samples)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.floats(-2, 2), st.integers(1, 80000), st.sampled_from(["", "응", "AI", TEXT, "뭐?"]))
def test_any_length_and_text_gives_clean_samples(seed, energy, samples, text):
    rng = np.random.default_rng(seed)
    audio = speak(rng, text, voice=draw_voice(rng, sex="F"), energy=energy, samples=samples)
    assert audio.dtype == np.int16
    assert audio.shape == (samples,)
    assert np.mean(np.abs(audio.astype(int)) >= 32767) < 0.02


def test_the_same_seed_gives_the_same_bytes():
    assert _say(5, 0.3).tobytes() == _say(5, 0.3).tobytes()
    assert _say(5, 0.3).tobytes() != _say(6, 0.3).tobytes()


def test_pitch_follows_sex_and_the_voice_asked_for():
    low, high = [_pitch(_say(seed, 0.0)) for seed in range(8)], [_pitch(_say(seed, 0.0, sex="F")) for seed in range(8)]
    assert min(low) > 85
    assert max(low) < 165 < min(high)
    assert max(high) < 300
    rng = np.random.default_rng(1)
    voice = draw_voice(rng, sex="M")
    assert _pitch(speak(rng, TEXT, voice=voice, energy=0.0, samples=48000)) == pytest.approx(voice.pitch, rel=0.2)


def test_pitch_and_level_rise_with_arousal_across_speakers():
    energy = np.random.default_rng(0).normal(0.0, 0.28, size=120)
    clips = [_say(seed, value) for seed, value in enumerate(energy)]
    pitch = np.log([_pitch(clip) for clip in clips])
    level = np.log([clip.astype(float).std() for clip in clips])
    assert np.corrcoef(energy, pitch)[0, 1] > 0.4
    assert np.corrcoef(energy, level)[0, 1] > 0.4
    speed = [target_syllables(draw_voice(np.random.default_rng(1), sex="F"), energy=e, seconds=5) for e in (-1, 0, 1)]
    assert speed == sorted(speed)


def test_speech_has_pauses_a_noise_floor_and_the_long_term_spectrum_of_speech():
    clip = _say(2, 0.0, samples=80000).astype(float) / 32768
    power = np.abs(np.fft.rfft(clip.reshape(-1, 400) * np.hanning(400), axis=1)) ** 2
    frames = 10 * np.log10(power.sum(axis=1))
    assert 30 < np.percentile(frames, 95) - np.percentile(frames, 3) < 65
    bands = 10 * np.log10([power[:, a:b].mean() for a, b in ((2, 25), (25, 75), (100, 200))])
    assert bands[0] > bands[1] > bands[2]
    assert np.abs(clip).min() < 1e-3
    assert (np.abs(clip[:200]) > 0).any(), "a pause is quiet, not digital silence"


def test_resonators_have_unit_gain_at_zero_and_peak_at_their_centre():
    centres, widths = np.array([500.0, 1500.0]), np.array([60.0, 100.0])
    a, b, c = _resonators(centres, widths)
    np.testing.assert_allclose(a / (1 - b - c), 1.0)
    hertz = np.arange(1.0, 8000.0)
    z = np.exp(-2j * np.pi * hertz / 16000)[:, None]
    assert (np.abs(np.abs(a / (1 - b * z - c * z**2)).argmax(axis=0) - centres) < 15).all()


def test_a_generated_sentence_fits_its_duration():
    rng = np.random.default_rng(4)
    voice = draw_voice(rng, sex="F")
    counts = [len(sentence(rng, tone=0, syllables=target_syllables(voice, energy=0, seconds=6))) for _ in range(50)]
    assert 20 < np.mean(counts) < 55
