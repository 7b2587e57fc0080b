"""kemfeat.features._skin_conductance, beside its definition, a general solver, and responses that are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.optimize import minimize
from scipy.signal import lfilter

from kemfeat.features._skin_conductance import bateman, decompose, responses

pytest.importorskip("clarabel", reason="clarabel: pip install 'kemfeat[eda]'")
RATE = 4.0
Floats = NDArray[np.float64]


def response(seconds: float, onset: float, amplitude: float) -> Floats:
    """The response of the model, sampled; its largest value is the amplitude."""
    fine = np.linspace(0, 10, 10001)
    largest = (np.exp(-fine / 2) - np.exp(-fine / 0.7)).max()
    since = np.maximum(np.arange(round(seconds * RATE)) / RATE - onset, 0)
    return amplitude * (np.exp(-since / 2) - np.exp(-since / 0.7)) / largest


def skin(seconds: float = 60.0, *, noise: float = 0.002, seed: int = 0) -> Floats:
    """A level that drifts, and three responses."""
    times = np.arange(round(seconds * RATE)) / RATE
    level = 2.0 + 0.1 * np.sin(times / 12) + 0.003 * times
    found = sum(response(seconds, onset, size) for onset, size in ((9.0, 0.3), (25.0, 0.1), (41.0, 0.5)))
    return level + found + noise * np.random.default_rng(seed).standard_normal(len(times))


def test_known_responses_are_found_with_their_size_and_the_level_beneath_them() -> None:
    parts = decompose(skin(noise=0.0005), rate=RATE)
    assert parts is not None
    found = responses(parts.phasic, smallest=0.03)
    np.testing.assert_allclose(found.onsets / RATE, [9.0, 25.0, 41.0], atol=0.5)
    np.testing.assert_allclose(found.peaks / RATE, np.add([9.0, 25.0, 41.0], 1.13), atol=0.3)
    np.testing.assert_allclose(found.amplitudes, [0.3, 0.1, 0.5], rtol=0.15)
    times = np.arange(240) / RATE
    np.testing.assert_allclose(parts.tonic, 2.0 + 0.1 * np.sin(times / 12) + 0.003 * times, atol=0.05)


def test_the_filter_is_the_bateman_function() -> None:
    impulse = np.zeros(200)
    impulse[0] = 64.0  # a driver of 1 for one second
    seconds = (np.arange(200) + 0.5) / 64.0
    made = lfilter(*bateman(64.0), impulse)
    np.testing.assert_allclose(made, np.exp(-seconds / 2) - np.exp(-seconds / 0.7), atol=0.01)


def test_no_other_parts_fit_better_under_the_same_penalties() -> None:
    values = skin(20.0, noise=0.01)
    count = len(values)
    response_of = np.array([lfilter(*bateman(RATE), row) for row in np.eye(count)]).T
    splines = BSpline.design_matrix(np.arange(count) / RATE, 10.0 * np.arange(-3, 6), 3).toarray()
    line = np.c_[np.ones(count), np.linspace(0, 1, count)]
    free = splines.shape[1]
    parts = np.c_[response_of, splines, line]

    def cost(x: Floats) -> tuple[float, Floats]:
        error = parts @ x - values
        slope = parts.T @ error
        slope[:count] += 8e-4
        slope[count : count + free] += 1e-2 * x[count : count + free]
        penalty = 8e-4 * x[:count].sum() + 0.5e-2 * (x[count : count + free] ** 2).sum()
        return 0.5 * error @ error + penalty, slope

    bounds = [(0.0, None)] * count + [(None, None)] * (free + 2)
    best = minimize(
        cost, np.zeros(parts.shape[1]), jac=True, bounds=bounds, options={"maxiter": 50000, "maxfun": 100000, "ftol": 0}
    ).x
    found = decompose(values, rate=RATE)
    assert found is not None
    np.testing.assert_allclose(found.phasic, response_of @ best[:count], atol=2e-3)
    np.testing.assert_allclose(found.tonic, parts[:, count:] @ best[count:], atol=2e-3)


@settings(deadline=None, max_examples=25)
@given(st.floats(20, 70), st.integers(0, 99), st.floats(0.001, 0.05), st.sets(st.integers(5, 60), max_size=9))
def test_the_parts_are_optimal(seconds: float, seed: int, noise: float, missing: set[int]) -> None:
    values = skin(seconds, noise=noise, seed=seed)
    values[list(missing)] = np.nan
    parts = decompose(values, rate=RATE)
    assert parts is not None
    assert parts.phasic.min() >= 0
    error = np.nan_to_num(values - parts.tonic - parts.phasic)
    assert abs(error.sum()) < 1e-3, "the level is free"
    assert abs(error @ np.arange(len(error))) < 1e-3 * len(error), "its slope is free"
    against = lfilter(*bateman(RATE), error[::-1])[::-1]
    assert against.max() < 8e-4 + 1e-5, "a further impulse would cost more than it explains"


@settings(deadline=None, max_examples=25)
@given(st.floats(-1.9, 50), st.integers(0, 99))
def test_the_level_has_no_part_in_the_responses(shift: float, seed: int) -> None:
    one, other = (decompose(skin(30.0, seed=seed) + added, rate=RATE) for added in (0.0, shift))
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(other.phasic, one.phasic, atol=2e-4)
    np.testing.assert_allclose(other.tonic, one.tonic + shift, atol=2e-4)


def test_a_response_upon_another_counts_from_the_trough_between_them() -> None:
    found = responses(np.array([0.0, 0.4, 0.3, 0.25, 0.25, 0.6, 0.1, 0.12, 0.1]), smallest=0.03)
    assert found.onsets.tolist() == [0, 4]
    assert found.peaks.tolist() == [1, 5]
    np.testing.assert_allclose(found.amplitudes, [0.4, 0.35])
    assert not len(responses(np.zeros(9), smallest=0.03).onsets)
