import numpy as np
import pytest

from kemfeat.errors import ExtractionError
from kemfeat.features.ecg import EXTRACTOR, EcgConfig
from kemfeat.records import Signal


def extract(values, *, rate=250.0, unit="mV", **config):
    signal = None if values is None else Signal(np.asarray(values, dtype=np.float64), rate, unit)
    return EXTRACTOR.open(EcgConfig(**config), None)({"ecg": signal})


def test_values_are_raw_and_the_rate_is_recorded():
    values = np.random.default_rng(0).normal(size=6000)
    made = extract(values)
    np.testing.assert_array_equal(made.arrays["ecg"], values.astype(np.float32))
    assert made.arrays["ecg_mask"].all()
    assert made.columns == {"ecg_length": 5000, "ecg_length_total": 6000, "ecg_sampling_rate": 250.0}


def test_missing_has_no_rate_and_no_samples():
    made = extract(None)
    assert made.columns == {"ecg_length": 0, "ecg_length_total": 0, "ecg_sampling_rate": 0.0}
    assert not len(made.arrays["ecg"])


def test_a_row_holds_20_seconds_of_millivolts():
    values, mask = EXTRACTOR.specs(EcgConfig())
    assert (values.shape, values.frame_rate, values.unit) == ((5000,), 250.0, "mV")
    assert (mask.name, mask.pad) == ("ecg_mask", False)


def test_another_rate_is_taken_where_it_was_asked_for_and_refused_elsewhere():
    assert extract(np.zeros(9), rate=500.0, sampling_rate=500.0).columns["ecg_sampling_rate"] == 500.0
    with pytest.raises(ExtractionError, match=r"ecg: the signal has 500 samples per second, expected 250"):
        extract(np.zeros(9), rate=500.0)
    with pytest.raises(ExtractionError, match="found uS, expected a signal in mV"):
        extract(np.zeros(9), unit="uS")
