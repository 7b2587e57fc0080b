"""A declared unit converts, and an unknown one is none."""

import numpy as np
import pytest

from kemfeat.corpora.folder._units import CONVERSIONS, converted, find_unit
from kemfeat.manifest import UNITS


@pytest.mark.parametrize(
    ("medium", "unit", "value", "expected"),
    [
        ("eda", "nS", 2500.0, 2.5),
        ("eda", "mS", 0.0025, 2.5),
        ("eda", "S", 2.5e-6, 2.5),
        ("eda", "kOhm", 400.0, 2.5),
        ("eda", "Ohm", 400_000.0, 2.5),
        ("temp", "degF", 91.4, 33.0),
        ("temp", "K", 306.15, 33.0),
        ("ecg", "uV", 1500.0, 1.5),
        ("ecg", "V", 0.0015, 1.5),
        ("ibi", "ms", 812.0, 0.812),
    ],
)
def test_a_value_in_a_declared_unit(medium, unit, value, expected):
    assert converted(np.array([value]), medium=medium, unit=unit) == pytest.approx([expected])


def test_the_units_of_kemfeat_are_the_default_and_change_nothing():
    values = np.array([0.1, -3.0, 1e9])
    for medium, unit in UNITS.items():
        assert find_unit(medium, "") == unit
        assert unit in CONVERSIONS[medium]
        assert np.array_equal(converted(values, medium=medium, unit=unit), values)


@pytest.mark.parametrize(("medium", "text", "unit"), [("temp", "°F", "degF"), ("eda", "µS", "uS"), ("ibi", "MS", "ms")])
def test_spellings_of_a_unit(medium, text, unit):
    assert find_unit(medium, text) == unit


@pytest.mark.parametrize(("medium", "text"), [("ibi", "uS"), ("temp", "s"), ("eda", "1"), ("ecg", "bpm")])
def test_the_unit_of_another_signal_is_none(medium, text):
    assert find_unit(medium, text) is None


def test_a_resistance_of_zero_is_no_value():
    assert np.isnan(converted(np.array([0.0]), medium="eda", unit="kOhm")).all()
