import csv
import itertools
import math
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import ExtractionError
from kemfeat.features._uniform import UniformConfig
from kemfeat.features.ibi import CLOCK_STEP, EXTRACTOR
from kemfeat.records import Events, Signal

quick = settings(deadline=None, max_examples=100)
milliseconds = st.integers(-2000, 45000).map(lambda count: count / 1000)
intervals = st.one_of(st.integers(1, 3000).map(lambda count: count / 1000), st.just(0.75))
beats = st.lists(st.tuples(milliseconds, intervals), max_size=40)
wild = st.lists(st.tuples(st.floats(width=64), st.floats(width=64)), max_size=10)


def extract(pairs, *, unit="s", **config):
    times, values = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    return EXTRACTOR.open(UniformConfig(**config), None)({"ibi": Events(times, values, unit)})


def expected(pairs, *, points, rate=4.0):
    """The definition, one grid point at a time."""
    grid = [math.nan] * points
    for time, interval in sorted(pairs):
        for point in range(points):
            if time - interval + CLOCK_STEP < point / rate <= time + CLOCK_STEP:
                grid[point] = interval
    return np.float32(grid)


def padded(made, *, points):
    grid = np.full(points, np.nan, dtype=np.float32)
    grid[: len(made.arrays["ibi"])] = made.arrays["ibi"]
    return grid


@quick
@given(beats)
def test_every_grid_point_gets_the_beat_that_covers_it(pairs):
    made = extract(pairs, max_length=160)
    assert np.array_equal(padded(made, points=160), expected(pairs, points=160), equal_nan=True)


@quick
@given(beats)
def test_the_mask_is_true_exactly_where_a_beat_stands(pairs):
    made = extract(pairs)
    mask = made.arrays["ibi_mask"]
    assert np.array_equal(mask, np.isfinite(made.arrays["ibi"]))
    assert made.columns["ibi_samples"] == mask.sum() <= 160
    assert mask[-1:].all()


@quick
@given(beats, st.randoms(use_true_random=False))
def test_the_order_of_the_beats_does_not_matter(pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    first, second = extract(pairs), extract(shuffled)
    assert first.columns == second.columns
    assert first.arrays["ibi"].tobytes() == second.arrays["ibi"].tobytes()


@quick
@given(st.lists(intervals, min_size=1, max_size=30), st.integers(0, 5000))
def test_beats_that_follow_each_other_leave_no_hole(following, start):
    times = start / 1000 + np.cumsum(following)
    made = extract(list(zip(times, following, strict=True)), max_length=1000)
    inside = [k for k in range(1000) if start / 1000 + CLOCK_STEP < k / 4 <= times[-1]]
    assert made.arrays["ibi_mask"][inside].all()


@quick
@given(beats, wild)
def test_every_beat_is_counted_and_unusable_ones_change_nothing(pairs, broken):
    broken = [(time, -abs(interval)) for time, interval in broken] + [(math.nan, 0.8), (1.0, math.nan), (math.inf, 0.8)]
    made, clean = extract(pairs + broken), extract(pairs)
    assert made.arrays["ibi"].tobytes() == clean.arrays["ibi"].tobytes()
    assert made.columns["ibi_length"] == len(pairs) + len(broken)
    assert made.columns["ibi_beats_dropped"] == clean.columns["ibi_beats_dropped"] + len(broken)


@quick
@given(wild)
def test_no_value_a_file_may_hold_breaks_the_grid(pairs):
    made = extract(pairs)
    assert np.isfinite(made.arrays["ibi"][made.arrays["ibi_mask"]]).all()
    assert 0 <= made.columns["ibi_beats_dropped"] <= made.columns["ibi_length"] == len(pairs)


def test_gaps_stay_gaps():
    made = extract([(1.0, 0.75), (3.0, 0.5)])
    nan = math.nan
    want = [nan, nan, 0.75, 0.75, 0.75, nan, nan, nan, nan, nan, nan, 0.5, 0.5]
    assert np.array_equal(made.arrays["ibi"], np.float32(want), equal_nan=True)
    assert made.columns == {"ibi_length": 2, "ibi_samples": 5, "ibi_beats_dropped": 0}


def test_the_later_of_two_overlapping_beats_wins():
    assert extract([(1.0, 0.5), (1.25, 0.75)]).arrays["ibi"].tolist()[3:] == [0.75, 0.75, 0.75]


def test_beats_outside_the_view_are_dropped_and_counted():
    made = extract([(-0.1, 0.8), (0.5, 0.8), (2.2, 0.8), (90.0, 0.8)], max_length=8)
    assert made.columns == {"ibi_length": 4, "ibi_samples": 5, "ibi_beats_dropped": 2}
    assert len(made.arrays["ibi"]) == 8


@pytest.mark.parametrize("medium", [None, Events(np.empty(0), np.empty(0), "s")])
def test_no_beats_is_length_zero(medium):
    made = EXTRACTOR.open(UniformConfig(), None)({"ibi": medium})
    assert [array.shape for array in made.arrays.values()] == [(0,), (0,)]
    assert set(made.columns.values()) == {0}


@pytest.mark.parametrize("medium", [Events(np.ones(1), np.ones(1), "ms"), Signal(np.ones(3), 4.0, "s")])
def test_another_unit_or_medium_is_refused(medium):
    with pytest.raises(ExtractionError, match="expected beats with intervals in s"):
        EXTRACTOR.open(UniformConfig(), None)({"ibi": medium})


def real_beats(folder):
    """Per utterance of the reference tree its (time, interval) pairs, by the clock of its first beat."""
    found = {}
    for path in sorted(folder.glob("Session*/*.csv")):
        with path.open(newline="") as file:
            for row in csv.reader(file):
                if len(row) == 4:
                    clock = datetime.strptime(row[2] + "000", "%Y-%m%d-%H%M-%S-%f")
                    found.setdefault(row[3], []).append((clock, float(row[1])))
    return [[((clock - rows[0][0]).total_seconds(), value) for clock, value in rows] for rows in found.values()]


def test_real_beats_follow_each_other_without_holes(shared):
    """The clock cuts microseconds off; the interval of a beat still reaches back to the beat before it."""
    followed = 0
    for pairs in real_beats(shared / "data/kemdy20_real_media/IBI"):
        made = extract(pairs)
        assert np.array_equal(padded(made, points=160), expected(pairs, points=160), equal_nan=True)
        assert (made.columns["ibi_length"], made.columns["ibi_beats_dropped"]) == (len(pairs), 0)
        for (before, _), (time, interval) in itertools.pairwise(pairs):
            if abs(time - interval - before) < 0.002:
                points = [k for k in range(160) if before < k / 4 <= time]
                assert made.arrays["ibi_mask"][points].all()
                followed += 1
    assert followed > 50
