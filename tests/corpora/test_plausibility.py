"""Values that no sensor on a person gives are named with their range and a cause; all others pass."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.corpora.plausibility import RANGES, check_values
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
        ("temp", [33.1, 33.2, 382.21], "artefacts"),
        ("ecg", [2048, 2100], "microvolts"),
    ],
)
def test_the_likely_cause_is_named(medium, values, cause):
    (found,) = examples(medium, values)
    assert found.rpartition("; ")[2].startswith("perhaps ")
    assert cause in found
