import csv
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.config import validated
from kemfeat.errors import ConfigError
from kemfeat.features.tick_physiology import EXTRACTOR, TickPhysiologyConfig
from kemfeat.records import Signal
from tests.features.kit import both, signal

quick = settings(deadline=None, max_examples=60)
slot_sets = st.lists(st.integers(0, 60), unique=True, max_size=40).map(sorted)


def extract(signals, **config):
    made = EXTRACTOR.open(TickPhysiologyConfig(**config), None)({"eda": None, "temp": None, **signals})
    assert dict(made.columns) == {}
    return made.arrays


@quick
@given(slot_sets, slot_sets)
def test_the_middle_is_the_tick_and_the_mask_tells_what_was_measured(eda, temp):
    made = extract(both(eda, temp))
    joined = sorted(set(eda) & set(temp))
    for medium in ("eda", "temp"):
        values, mask = made[f"tick_{medium}"], made[f"tick_{medium}_mask"]
        assert values.shape == mask.shape == (len(joined), 11)
        assert values.dtype == np.float32
        assert values[:, 5].tolist() == joined
        np.testing.assert_array_equal(mask, np.isfinite(values))
        steps = values - np.array(joined, dtype=np.float32).reshape(-1, 1)
        assert (steps[mask] == np.tile(np.arange(-5, 6), (len(joined), 1))[mask]).all(), "a slot holds its own time"


def test_each_medium_has_its_own_samples():
    made = extract({"eda": signal("eda", range(11)), "temp": signal("temp", [5])})
    assert made["tick_eda_mask"].tolist() == [[True] * 11]
    assert made["tick_temp_mask"].tolist() == [[False] * 5 + [True] + [False] * 5]


def test_a_window_never_closes_up_over_a_gap():
    made = extract(both([0, 1, 2, 40, 41]))
    np.testing.assert_array_equal(made["tick_eda"][2], [*[np.nan] * 3, 0, 1, 2, *[np.nan] * 5])
    np.testing.assert_array_equal(made["tick_eda"][3], [*[np.nan] * 5, 40, 41, *[np.nan] * 4])


@quick
@given(slot_sets)
def test_faithful_repeats_the_ends_by_order(slots):
    made = extract(both(slots), preset="faithful")
    padded = [slots[0]] * 5 + slots + [slots[-1]] * 5 if slots else []
    expected = [padded[tick : tick + 11] for tick in range(len(slots))]
    assert made["tick_eda"].tolist() == expected
    assert made["tick_temp"].tolist() == expected
    assert made["tick_eda_mask"].all()


@quick
@given(st.integers(0, 40))
def test_inside_of_an_unbroken_utterance_both_presets_agree(count):
    default, faithful = extract(both(range(count))), extract(both(range(count)), preset="faithful")
    inside = slice(5, max(count - 5, 5))
    np.testing.assert_array_equal(default["tick_eda"][inside], faithful["tick_eda"][inside])


def test_what_float32_cannot_hold_is_masked():
    made = extract({"eda": signal("eda", [0, 1], [1e300, 1.0]), "temp": signal("temp", [0, 1])})
    assert made["tick_eda_mask"][:, 5].tolist() == [False, True]


def test_an_unknown_setting_is_refused():
    with pytest.raises(ConfigError, match="tick_physiology: unknown key 'window'"):
        validated(TickPhysiologyConfig, {"window": 11}, where="tick_physiology")


def test_real_recordings_share_their_clock(shared):
    root, person = shared / "data/kemdy20_real_media", "Session01/Sess01_script01_User001F.csv"
    signals = {medium: read(root / medium.upper() / person, unit) for medium, unit in (("eda", "uS"), ("temp", "degC"))}
    made = extract(signals)
    assert len(made["tick_eda"]) == len(signals["eda"].values) > 0
    assert made["tick_eda"][:, 5].tolist() == signals["eda"].values.astype(np.float32).tolist()


def read(path, unit):
    with path.open(newline="") as file:
        rows = [row for row in csv.reader(file) if len(row) == 3 and row[2].endswith("User001F_001")]
    times = [np.datetime64(datetime.strptime(row[1] + "000", "%Y-%m%d-%H%M-%S-%f"), "ms") for row in rows]
    return Signal(np.array([float(row[0]) for row in rows]), 4.0, unit, np.array(times))
