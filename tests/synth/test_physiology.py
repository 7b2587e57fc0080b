from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.synth import physiology
from kemfeat.synth.physiology import SimulatedBody, draw_body

BODY = SimulatedBody(conductance=2.0, temperature=32.5, interval=0.8)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10000), st.integers(8, 4000))
def test_signals_have_their_length_and_stay_in_the_range_of_people(seed, count):
    rng = np.random.default_rng(seed)
    body = draw_body(rng)
    eda = physiology.skin_conductance(rng, body, np.zeros(count))
    temp = physiology.skin_temperature(rng, body, count)
    assert eda.shape == temp.shape == (count,)
    assert (eda > 0).all()
    assert (eda < 100).all()
    assert ((temp > 27) & (temp < 38)).all()


def test_temperature_moves_slowly_in_steps_of_two_hundredths():
    temp = physiology.skin_temperature(np.random.default_rng(0), BODY, 4000)
    hundredths = np.rint(temp * 100).astype(int)
    np.testing.assert_allclose(hundredths / 100, temp, atol=1e-9)
    assert (hundredths % 2 == 1).all()
    assert np.abs(np.diff(temp)).max() < 0.05
    assert temp.std() > 0.02


def test_arousal_makes_more_skin_conductance_responses():
    def rises(energy: float) -> float:
        rng = np.random.default_rng(1)
        eda = physiology.skin_conductance(rng, BODY, np.full(40000, energy))
        return float((np.diff(eda) > 0.02).sum())

    assert rises(1.0) > 1.5 * rises(0.0) > 2 * rises(-1.0) > 0


def test_a_response_rises_within_seconds_and_decays():
    shape = physiology._response()
    peak = int(shape.argmax())
    assert shape[0] == 0
    assert shape.max() == 1
    assert 1.0 <= peak / physiology.RATE <= 2.5
    assert (np.diff(shape[peak:]) <= 0).all()
    assert shape[-1] < 0.01


def test_intervals_are_the_distances_of_beats_and_vary_like_a_heart():
    times, intervals = physiology.heart_beats(np.random.default_rng(0), BODY, np.zeros(2400))
    np.testing.assert_allclose(np.diff(times), intervals[1:], atol=1e-9)
    assert times[-1] < 600
    assert times[-1] > 598
    assert intervals.mean() == pytest.approx(0.8, abs=0.01)
    assert 0.015 < intervals.std() < 0.06
    np.testing.assert_allclose(intervals * 64, np.rint(intervals * 64))


def test_hearts_beat_faster_with_arousal():
    calm, roused = (
        physiology.heart_beats(np.random.default_rng(0), BODY, np.full(2400, energy))[1].mean()
        for energy in (-0.5, 0.5)
    )
    assert roused < calm


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10000), st.integers(0, 500))
def test_detection_leaves_gaps(seed, count):
    kept = physiology.detected(np.random.default_rng(seed), count)
    assert kept.shape == (count,)
    assert count < 300 or 0.4 < kept.mean() < 0.95
