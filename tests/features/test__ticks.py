import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.config import FeatureConfig
from kemfeat.errors import ExtractionError
from kemfeat.features import Outline
from kemfeat.features._ticks import tick_rows, ticks_of
from kemfeat.records import Signal
from tests.features.kit import both, signal, stamps

quick = settings(deadline=None, max_examples=60)
slot_sets = st.lists(st.integers(0, 80), unique=True, max_size=40).map(sorted)


def rows(signals, duration=1.0):
    return tick_rows(FeatureConfig(), Outline(duration, signals))


@quick
@given(slot_sets, slot_sets)
def test_a_tick_is_where_both_have_a_sample(eda, temp):
    ticks = ticks_of(both(eda, temp), feature="x")
    joined = sorted(set(eda) & set(temp))
    np.testing.assert_array_equal(ticks.clock, stamps(joined).astype(np.int64))
    np.testing.assert_array_equal(ticks.tracks["eda"].at(ticks.clock), joined)


@quick
@given(slot_sets, slot_sets)
def test_rows_tell_clock_place_and_window_whatever_the_audio(eda, temp):
    made = rows(both(eda, temp), duration=float("nan"))
    joined = np.array(sorted(set(eda) & set(temp)))
    assert made["clock"].dtype == "datetime64[ms]"
    np.testing.assert_array_equal(made["clock"], stamps(joined))
    np.testing.assert_allclose(made["time"], 0.25 * (joined - joined[:1]))
    np.testing.assert_allclose(made["end"] - made["start"], 2.75)
    np.testing.assert_allclose((made["end"] + made["start"]) / 2, made["time"])


def test_the_first_tick_lies_at_the_beginning_of_the_audio():
    made = rows(both(range(5), range(2, 9)))
    assert made["time"].tolist() == [0.0, 0.25, 0.5]
    assert made["start"][0] == -1.375


@pytest.mark.parametrize("signals", [{}, {"eda": signal("eda", [1])}, {"temp": signal("temp", [1])}, both([1], [2])])
def test_without_a_common_clock_there_is_no_tick(signals):
    assert {name: (len(cells), cells.dtype.name) for name, cells in rows(signals).items()} == {
        "clock": (0, "datetime64[ms]"),
        "start": (0, "float64"),
        "end": (0, "float64"),
        "time": (0, "float64"),
    }


def test_a_sample_without_a_value_or_a_stamp_counts_for_nothing():
    times = stamps(range(4))
    times[3] = np.datetime64("NaT")
    eda = Signal(np.array([0.1, np.nan, 0.3, 0.4]), 4.0, "uS", times)
    assert rows({"eda": eda, "temp": signal("temp", range(4))})["time"].tolist() == [0.0, 0.5]


def test_unordered_and_repeated_stamps_are_sorted_and_counted_once():
    made = ticks_of(
        {"eda": signal("eda", [3, 1, 1, 2], [30, 10, 11, 20]), "temp": signal("temp", [1, 2, 3])}, feature="x"
    )
    assert made.tracks["eda"].at(made.clock).tolist() == [10, 20, 30]


@quick
@given(st.lists(st.integers(0, 60), unique=True, min_size=1, max_size=40).map(sorted))
def test_windows_hold_what_stands_in_each_slot(slots):
    ticks = ticks_of(both(slots), feature="x")
    expected = [[k if k in slots else np.nan for k in range(slot - 5, slot + 6)] for slot in slots]
    np.testing.assert_array_equal(ticks.tracks["eda"].around(ticks.clock), expected)


@quick
@given(st.lists(st.integers(0, 3000), unique=True, min_size=1, max_size=30).map(sorted))
def test_a_slot_takes_the_nearest_sample_within_half_a_period(offsets):
    clock = np.array(offsets, dtype=np.int64)
    times = (clock + 10**12).astype("datetime64[ms]")
    track = ticks_of({"eda": Signal(clock.astype(float), 4.0, "uS", times)}, feature="x").tracks["eda"]
    made = track.around(track.clock)
    wanted = clock[:, None] + 250 * np.arange(-5, 6)
    distance = np.abs(wanted[..., None] - clock).min(axis=-1)
    np.testing.assert_array_equal(np.isfinite(made), distance < 125)
    np.testing.assert_array_equal(np.abs(made - wanted)[distance < 125], distance[distance < 125])


def test_neighbours_are_in_order_and_repeat_the_ends():
    ticks = ticks_of(both([0, 1, 40]), feature="x")
    assert ticks.neighbours().tolist() == [
        [0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2],
        [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2],
        [0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2],
    ]


@pytest.mark.parametrize(
    ("eda", "message"),
    [
        (Signal(np.zeros(2), 4.0, "degC", stamps([0, 1])), "eda is degC, expected a signal in uS"),
        ("0.1", "eda is str, expected a signal in uS"),
        (Signal(np.zeros(2), 8.0, "uS", stamps([0, 1])), "eda has 8 samples per second, expected 4"),
        (Signal(np.zeros(2), 4.0, "uS"), "eda has no clock"),
    ],
)
def test_signals_that_have_no_ticks_are_refused(eda, message):
    with pytest.raises(ExtractionError, match=f"x: {message}"):
        ticks_of({"eda": eda, "temp": signal("temp", [0, 1])}, feature="x")
