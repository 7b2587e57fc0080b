"""A course of events is scaled: what was measured stays, more work never takes less time."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.build._timing import Amounts, time_of
from kemfeat.build.trial_build import Event

SAMPLED = Amounts(files=40, sessions=4, signals=4000, rows=12, work=24.0, parts=6)


class Course:
    """A build of two workers: tasks of 2 rows; two warm up for 3 s, then two end every half second."""

    began = 100.0
    ended = 110.0
    events = (
        Event(time=101.0, stage="hash", done=0, total=40),
        Event(time=102.0, stage="hash", done=40, total=40),
        Event(time=102.5, stage="parse", done=0, total=4),
        Event(time=103.0, stage="parse", done=2, total=4),
        Event(time=103.5, stage="parse", done=4, total=4),
        Event(time=104.0, stage="extract", done=0, total=12),
        Event(time=107.0, stage="extract", done=2, total=12),
        Event(time=107.0, stage="extract", done=4, total=12),
        Event(time=107.5, stage="extract", done=6, total=12),
        Event(time=107.5, stage="extract", done=8, total=12),
        Event(time=108.0, stage="extract", done=10, total=12),
        Event(time=108.0, stage="extract", done=12, total=12),
    )


def timed(whole, **changes):
    return time_of(Course, SAMPLED, whole, **{"reading": 0.0, "hashing": 0.01, "workers": 2, **changes})


def test_the_sample_itself_takes_what_it_took():
    assert timed(SAMPLED).seconds == pytest.approx(Course.ended - Course.began)
    assert timed(SAMPLED, reading=2.5).stages["read"] == pytest.approx(3.0)


def test_what_comes_behind_the_first_wave_has_one_speed():
    whole = replace(SAMPLED, rows=120, work=240.0, parts=60)
    assert timed(whole).stages["extract"] == pytest.approx(3 + (120 - 4) / 8)
    heavier = replace(whole, work=480.0)
    assert timed(heavier).stages["extract"] == pytest.approx(3 + 2 * (120 - 4) / 8)
    assert timed(replace(SAMPLED, sessions=40, signals=40_000)).stages["parse"] == pytest.approx(0.5 + 38 / 4)
    assert timed(replace(SAMPLED, files=1040)).stages["hash"] == pytest.approx(1 + 1000 * 0.01)


MORE = st.integers(0, 10_000)


@given(MORE, MORE, MORE, MORE)
@settings(deadline=None, max_examples=50)
def test_more_of_anything_never_takes_less(files, signals, rows, work):
    whole = replace(
        SAMPLED,
        files=SAMPLED.files + files,
        signals=SAMPLED.signals + signals,
        rows=SAMPLED.rows + rows,
        work=2.0 * (SAMPLED.rows + rows) + work,
    )
    assert timed(whole).seconds >= timed(SAMPLED).seconds - 1e-9


def test_a_corpus_without_physiology_has_nothing_to_parse():
    class Silent(Course):
        events = tuple(
            replace(event, done=0, total=0, time=102.5) if event.stage == "parse" else event for event in Course.events
        )

    none = replace(SAMPLED, sessions=0, signals=0)
    assert time_of(Silent, none, none, reading=0.0, hashing=0.0, workers=2).stages["parse"] == 0
