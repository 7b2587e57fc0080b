from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import find_peaks

from kemfeat.synth.kemdy19._ecg import RATE, electrocardiogram
from kemfeat.synth.physiology import draw_body, heart_beats


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10000))
def test_every_beat_can_be_found_again_to_within_a_sample(seed):
    rng = np.random.default_rng(seed)
    times, intervals = heart_beats(rng, draw_body(rng), np.zeros(400))
    ecg = electrocardiogram(rng, times, intervals, count=25000)
    found, _ = find_peaks(ecg, height=0.5 * ecg.max(), distance=int(0.3 * RATE))
    inner = times[times < 99.9]
    nearest = np.abs(found[:, None] / RATE - inner).min(axis=0)
    assert len(found) in {len(inner), len(inner) + 1}
    assert nearest.max() <= 1.5 / RATE


def test_waves_have_the_order_and_the_size_of_a_chest_lead():
    times = np.arange(1.0, 60.0)
    ecg = electrocardiogram(np.random.default_rng(0), times, np.ones(59), count=15250)
    beat = np.mean([ecg[round(t * RATE) - 75 : round(t * RATE) + 125] for t in times[:58]], axis=0)
    assert beat.argmax() == 75
    assert 0.5 < beat.max() < 2
    p_wave, q, s, t_wave = (float(beat[75 + round(at * RATE)]) for at in (-0.17, -0.032, 0.036, 0.28))
    assert 0 < p_wave < t_wave < 0.5 * beat.max()
    assert q < 0 < p_wave
    assert s < 0 < t_wave


@pytest.mark.parametrize("count", [0, 1, 30])
def test_the_length_is_the_one_asked_for(count):
    assert electrocardiogram(np.random.default_rng(0), np.array([0.05]), np.array([0.8]), count=count).shape == (count,)
