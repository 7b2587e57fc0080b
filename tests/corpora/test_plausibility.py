"""Values that no sensor on a person gives are named with their range and a cause; all others pass."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.corpora.kemdy20 import READER
from kemfeat.corpora.plausibility import RANGES, check_beats, check_values
from kemfeat.findings import Findings


def examples(medium, values):
    findings = Findings()
    check_values(medium, np.array(values, np.float64), where="f.csv", findings=findings)
    return [example for finding in findings.merged() for example in finding.examples]


@given(st.sampled_from(sorted(RANGES)), st.data())
def test_exactly_what_is_outside_the_range_is_named(medium, data):
    values = data.draw(st.lists(st.floats(-1e5, 1e5) | st.just(float("nan")), max_size=8))
    lowest, highest = RANGES[medium]
    outside = [value for value in values if value < lowest or value > highest]
    known = [value for value in values if value == value]
    found = examples(medium, values)
    if medium != "eda":
        assert len(found) == bool(outside)
    if outside:
        assert found[0].startswith(f"f.csv: {len(outside)} of {len(known)} values of {medium.upper()} outside ")
        assert f"found {min(known):g} to {max(known):g}; perhaps " in found[0]


@pytest.mark.parametrize(
    ("medium", "values", "cause"),
    [
        ("ibi", [812, 790], "milliseconds"),
        ("ibi", [72, 75], "beats per minute"),
        ("eda", [-5, -5.1], "normalised"),
        ("eda", [100_000, 99_000], "nanosiemens, or a resistance"),
        ("eda", [1.0, 2.0, 400.0], "artefacts"),
        ("temp", [91.4, 92], "Fahrenheit"),
        ("temp", [306.1], "kelvin"),
        ("temp", [0.4, 2.1], "EDA and TEMP swapped"),
        ("temp", [12.0, 13.5, 14.0], "EDA and TEMP swapped?), or a sensor that was not worn"),
        ("eda", [33.1, 33.15, 33.2, 33.1], "skin temperature: are EDA and TEMP swapped?"),
        ("eda", [3e-6, 3.1e-6, 2.9e-6], "siemens, or a sensor that was not worn"),
        ("eda", [0.0, 0.0], "siemens, or a sensor that was not worn"),
        ("temp", [33.1, 33.2, 382.21], "artefacts"),
        ("ecg", [2048, 2100], "microvolts"),
    ],
)
def test_the_likely_cause_is_named(medium, values, cause):
    (found,) = examples(medium, values)
    assert found.rpartition("; ")[2].startswith("perhaps ")
    assert cause in found


@pytest.mark.parametrize(
    ("medium", "values"),
    [
        ("eda", [0.0013, 0.0013, 0.0]),
        ("eda", [0.0, 0.0755, 1.02]),
        ("eda", [29.0, 31.0, 33.0, 35.0]),
        ("eda", [5.43, 5.43]),
        ("eda", []),
        ("temp", [24.99, 24.99]),
        ("temp", [20.0, 39.9]),
    ],
)
def test_what_a_sensor_on_a_person_gives_passes(medium, values):
    assert examples(medium, values) == []


def beats(times, intervals):
    findings = Findings()
    check_beats(np.array(times, np.float64), np.array(intervals, np.float64), where="i.csv", findings=findings)
    return [example for finding in findings.merged() for example in finding.examples]


@given(
    st.lists(st.tuples(st.floats(0.4, 1.5), st.floats(0.0, 20.0)), min_size=2, max_size=20),
    st.sampled_from([(1.0, 1.0), (1000.0, 1.0), (0.001, 1.0), (1.0, 1000.0)]),
)
def test_beats_whose_times_and_intervals_have_different_units_are_named(steps, scales):
    intervals = np.array([interval for interval, _ in steps])
    times = np.cumsum(intervals + [gap for _, gap in steps])
    found = beats(times * scales[0], intervals * scales[1])
    apart = np.median(np.diff(times)) / np.median(intervals) * scales[0] / scales[1]
    assert len(found) == (not 0.01 <= apart <= 300)
    if scales[0] == scales[1]:
        assert not found
    elif scales[0] > scales[1]:
        assert "perhaps one is in milliseconds" in found[0]


@pytest.mark.parametrize("times", [[], [0.5], [np.nan, 0.5]])
def test_one_beat_has_no_distance(times):
    assert beats(times, [0.8] * len(times)) == []


def test_real_signals_and_their_units_pass(shared):
    root = shared / "data/kemdy20_real_media"
    found = [READER.read_signals(root, session)[1] for session in ("Sess01", "Sess02")]
    assert "implausible-signal" not in {finding.rule for findings in found for finding in findings}
