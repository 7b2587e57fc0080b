import csv
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kemfeat.config import validated
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features._uniform import UniformConfig
from kemfeat.features.eda import EXTRACTOR
from kemfeat.records import Signal

quick = settings(deadline=None, max_examples=60)
any_values = arrays(np.float64, st.integers(0, 400), elements=st.floats(width=64))


def extract(values, *, sampling_rate=4.0, unit="uS", **config):
    signal = None if values is None else Signal(np.asarray(values, dtype=np.float64), sampling_rate, unit)
    return EXTRACTOR.open(UniformConfig(**config), None)({"eda": signal})


@quick
@given(any_values)
def test_the_mask_is_true_exactly_where_a_finite_value_stands(values):
    made = extract(values)
    stored, mask = made.arrays["eda"], made.arrays["eda_mask"]
    assert stored.shape == mask.shape == values.shape
    assert np.array_equal(np.isfinite(stored), mask)
    assert np.isnan(stored[~mask]).all()
    assert not mask[~np.isfinite(values)].any()


@quick
@given(arrays(np.float64, st.integers(0, 400), elements=st.floats(-1e6, 1e6)))
def test_values_are_raw(values):
    made = extract(values)
    assert np.array_equal(made.arrays["eda"], values.astype(np.float32))
    assert made.arrays["eda_mask"].all()


@quick
@given(any_values, st.integers(1, 300))
def test_length_counts_what_is_stored_and_total_what_was_found(values, max_length):
    columns = extract(values, max_length=max_length).columns
    assert columns == {"eda_length": min(len(values), max_length), "eda_length_total": len(values)}


def test_missing_is_length_zero_and_never_zeros():
    made = extract(None)
    assert made.columns == {"eda_length": 0, "eda_length_total": 0}
    assert all(array.shape == (0,) for array in made.arrays.values())
    values, mask = EXTRACTOR.specs(UniformConfig())
    assert math.isnan(values.pad)
    assert mask.pad is False


def test_a_hole_is_no_end():
    made = extract([0.1, math.nan, 0.3])
    assert made.columns["eda_length"] == 3
    assert made.arrays["eda_mask"].tolist() == [True, False, True]


def test_the_input_is_left_alone():
    values = np.array([0.1, np.inf, 1e300])
    extract(values)
    assert values.tolist() == [0.1, np.inf, 1e300]


@pytest.mark.parametrize("rate", [8.0, 3.9999, math.nan])
def test_another_rate_is_refused(rate):
    with pytest.raises(ExtractionError, match=r"eda: the signal has .* expected 4; set eda\.sampling_rate"):
        extract([0.1], sampling_rate=rate)


def test_another_rate_may_be_configured():
    signal = Signal(np.array([0.1]), 8.0, "uS")
    config = validated(UniformConfig, {"sampling_rate": 8, "max_length": 320}, where="eda")
    assert EXTRACTOR.open(config, None)({"eda": signal}).columns["eda_length"] == 1
    assert [(spec.shape, spec.frame_rate) for spec in EXTRACTOR.specs(config)] == [((320,), 8.0), ((320,), 8.0)]


@pytest.mark.parametrize("medium", [Signal(np.zeros(3), 4.0, "degC"), "0.1, 0.2"])
def test_another_unit_or_medium_is_refused(medium):
    with pytest.raises(ExtractionError, match="expected a signal in uS"):
        EXTRACTOR.open(UniformConfig(), None)({"eda": medium})


@pytest.mark.parametrize(
    "values",
    [
        {"max_length": 0},
        {"sampling_rate": 0.0},
        {"sampling_rate": 1e7},
        {"sampling_rate": math.inf},
        {"max_length": 160.0},
        {"rate": 4.0},
    ],
)
def test_bad_settings_are_refused(values):
    with pytest.raises(ConfigError, match="eda"):
        validated(UniformConfig, values, where="eda")


def test_defaults_are_those_of_the_e4_wristband():
    values, mask = EXTRACTOR.specs(UniformConfig())
    assert (values.name, values.dims, values.shape, values.dtype) == ("eda", ("eda_sample",), (160,), "float32")
    assert (values.unit, values.frame_rate) == ("uS", 4.0)
    assert (mask.name, mask.dims, mask.shape, mask.dtype) == ("eda_mask", ("eda_sample",), (160,), "bool")


def test_a_real_recording_is_stored_to_float32(shared):
    path = shared / "data/kemdy20_real_media/EDA/Session01/Sess01_script01_User001F.csv"
    with path.open(newline="") as file:
        rows = [row for row in csv.reader(file) if len(row) == 3 and row[2].endswith("User001F_001")]
    made = extract([float(row[0]) for row in rows])
    assert made.columns["eda_length"] == len(rows) > 0
    assert made.arrays["eda"].tolist() == [float(np.float32(row[0])) for row in rows]
