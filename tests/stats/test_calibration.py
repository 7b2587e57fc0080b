"""Calibration against its definition, scikit-learn's calibration curve, and probabilities that are right by design."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from kemfeat.errors import ConfigError
from kemfeat.stats.calibration import BINS, calibration

seeds = st.integers(0, 2**32 - 1)


def drawn(seed, *, n=400, speakers=8):
    """Confidence, and hits that are as frequent as it says."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.2, 1, n)
    return confidence, rng.random(n) < confidence, rng.integers(speakers, size=n)


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_bins_are_those_of_scikit_learn(seed):
    confidence, right, speakers = drawn(seed)
    found = calibration(confidence, right, speakers=speakers, resamples=2)
    accuracy, mean = calibration_curve(right, confidence, n_bins=BINS)
    filled = found.bins[found.bins["n"] > 0]
    np.testing.assert_allclose(filled["accuracy"], accuracy)
    np.testing.assert_allclose(filled["confidence"], mean)
    gaps = filled["n"] / 400 * (filled["accuracy"] - filled["confidence"]).abs()
    assert found.error.value == pytest.approx(gaps.sum())
    assert found.bins["n"].sum() == found.error.n == 400


@settings(deadline=None, max_examples=30)
@given(seeds, st.floats(0.3, 1))
def test_one_confidence_is_off_by_its_distance_from_the_accuracy(seed, confidence):
    _, right, speakers = drawn(seed)
    found = calibration(np.full(400, confidence), right, speakers=speakers, resamples=50)
    assert found.error.value == pytest.approx(abs(right.mean() - confidence))
    assert found.error.interval[0] <= found.error.interval[1]


def test_right_probabilities_have_a_small_error_and_overconfidence_a_large_one():
    confidence, right, speakers = drawn(7, n=20_000, speakers=40)
    honest = calibration(confidence, right, speakers=speakers).error
    sure = calibration(np.sqrt(confidence), right, speakers=speakers).error
    assert honest.value < 0.02
    assert sure.interval[0] > 0.1
    assert sure.value == pytest.approx(np.sqrt(confidence).mean() - right.mean(), abs=0.005)


def test_the_ends_are_in_the_first_and_last_bin():
    found = calibration([0.0, 1.0, 0.5], [False, True, True], speakers=["a", "b", "c"], bins=4, resamples=2)
    assert found.bins["n"].tolist() == [1, 1, 0, 1]
    assert found.bins["accuracy"].isna().tolist() == [False, False, True, False]


@pytest.mark.parametrize("odd", [-0.1, 1.1, np.nan, np.inf])
def test_what_is_no_probability_is_refused(odd):
    with pytest.raises(ConfigError, match=r"calibration: found a confidence of .*; expected 0 to 1"):
        calibration([0.5, odd], [True, False], speakers=["a", "b"])
    with pytest.raises(ConfigError):
        calibration([0.5], [True, False], speakers=["a"])
