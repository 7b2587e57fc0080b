import numpy as np
import pytest

from kemfeat.errors import ExtractionError
from kemfeat.features import eda
from kemfeat.features._uniform import UniformConfig
from kemfeat.features.temp import EXTRACTOR
from kemfeat.records import Signal

CONFIG = UniformConfig()


def test_degrees_are_stored_as_they_are():
    made = EXTRACTOR.open(CONFIG, None)({"temp": Signal(np.array([32.27, np.nan, 32.29]), 4.0, "degC")})
    assert np.array_equal(made.arrays["temp"], np.float32([32.27, np.nan, 32.29]), equal_nan=True)
    assert made.arrays["temp_mask"].tolist() == [True, False, True]
    assert made.columns == {"temp_length": 3, "temp_length_total": 3}


def test_missing_is_length_zero():
    made = EXTRACTOR.open(CONFIG, None)({"temp": None})
    assert [array.shape for array in made.arrays.values()] == [(0,), (0,)]
    assert set(made.columns.values()) == {0}


def test_microsiemens_are_refused():
    with pytest.raises(ExtractionError, match="temp: found uS, expected a signal in degC"):
        EXTRACTOR.open(CONFIG, None)({"temp": Signal(np.zeros(3), 4.0, "uS")})


def test_temp_is_eda_in_another_unit():
    values = np.linspace(30, 35, 200)
    temp = EXTRACTOR.open(CONFIG, None)({"temp": Signal(values, 4.0, "degC")})
    same = eda.EXTRACTOR.open(CONFIG, None)({"eda": Signal(values, 4.0, "uS")})
    assert np.array_equal(temp.arrays["temp"], same.arrays["eda"])
    assert list(temp.columns.values()) == list(same.columns.values()) == [160, 200]
    assert {spec.unit for spec in EXTRACTOR.specs(CONFIG)} == {"degC", "1"}
    assert {dim for spec in EXTRACTOR.specs(CONFIG) for dim in spec.dims} == {"temp_sample"}
