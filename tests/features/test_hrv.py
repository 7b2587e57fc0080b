"""kemfeat.features.hrv."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.errors import ExtractionError
from kemfeat.features.hrv import EXTRACTOR, HrvConfig, variability
from kemfeat.records import Recording
from kemfeat.store.columns import describe

INTERVALS = st.lists(st.floats(0.4, 1.5), min_size=6, max_size=60)


def hrv(intervals: Any, times: Any = None, own: Any = None, length: float = 3.0, **settings: Any) -> dict[str, Any]:
    values = np.asarray(intervals, dtype=float)
    times = np.cumsum(values) if times is None else np.asarray(times, dtype=float)
    own = np.ones(len(values), dtype=bool) if own is None else np.asarray(own)
    beats = Recording(times=times, values=values, own=own, length=length, unit="s")
    columns = EXTRACTOR.open(HrvConfig(**settings), Path())({"ibi_recording": beats}).columns
    return {name.removeprefix("hrv."): value for name, value in columns.items()}


def test_numbers_by_hand() -> None:
    found = hrv([0.8, 0.86, 0.8, 0.8, 0.84])
    assert found["beats"] == 5
    assert found["mean_hr"] == pytest.approx(60 / 0.82)
    assert found["sdnn"] == pytest.approx(28.2843, abs=1e-3)
    assert found["rmssd"] == pytest.approx(1000 * np.sqrt((0.06**2 * 2 + 0.04**2) / 4))
    assert found["pnn50"] == 0.5
    assert found["reason"] == ""


@given(INTERVALS)
def test_the_same_as_the_textbook(intervals: list[float]) -> None:
    values = np.array(intervals)
    found = variability(np.cumsum(values), values, min_beats=5)
    assert found["sdnn"] == pytest.approx(1000 * np.std(values, ddof=1))
    assert found["rmssd"] == pytest.approx(1000 * np.sqrt(np.mean(np.diff(values) ** 2)))
    assert found["pnn50"] == pytest.approx(np.mean(np.abs(np.diff(values)) > 0.05))


@given(INTERVALS, st.floats(0, 1e4))
def test_it_does_not_matter_when_the_utterance_began(intervals: list[float], start: float) -> None:
    values = np.array(intervals)
    one, other = (variability(np.cumsum(values) + shift, values, min_beats=5) for shift in (0.0, start))
    assert one == pytest.approx(other)


def test_nothing_is_compared_across_a_gap() -> None:
    values = [0.8, 0.8, 0.8, 1.2, 1.2, 1.2]
    times = [0.8, 1.6, 2.4, 30.0, 31.2, 32.4]
    assert hrv(values, times, min_beats=3)["rmssd"] == 0.0
    assert hrv(values, min_beats=3)["rmssd"] > 100


def test_what_two_seconds_cannot_carry_is_missing_with_a_reason() -> None:
    found = hrv([0.8, 0.9, 0.8])
    assert found["mean_hr"] == pytest.approx(72)
    assert (found["sdnn"], found["rmssd"], found["pnn50"]) == (None, None, None)
    assert found["reason"] == "fewer than 5 intervals"
    assert hrv([0.1, 5.0])["reason"] == "no interval of 0.3 to 2 s"
    nothing = EXTRACTOR.open(HrvConfig(), Path())({"ibi_recording": None}).columns
    assert (nothing["hrv.beats"], nothing["hrv.reason"]) == (0, "no heart beats recorded")
    apart = hrv([0.8] * 6, np.arange(6) * 10.0)
    assert apart["sdnn"] == pytest.approx(0, abs=1e-9)
    assert apart["rmssd"] is None
    assert apart["reason"] == "too few intervals follow one another"


def test_the_context_is_so_many_seconds_before_and_after_the_utterance() -> None:
    intervals, times = np.full(60, 0.8) + 0.02 * (np.arange(60) % 3), np.arange(60) - 30.0
    own = (times >= 0) & (times < 3)
    assert hrv(intervals, times, own)["beats"] == 3
    wide = hrv(intervals, times, own, context=10.0)
    assert wide["beats"] == 24, "from -10 to 13 s, both included"
    assert wide["sdnn"] == pytest.approx(1000 * np.std(intervals[20:44], ddof=1))
    assert hrv(intervals, times, own, length=np.nan, context=10.0)["beats"] == 23, "it ends with its last beat"
    nobody = np.zeros(60, dtype=bool)
    assert hrv(intervals, times, nobody)["reason"] == "no heart beats recorded"
    assert hrv(intervals, times, nobody, context=10.0)["beats"] == 24


@given(st.floats(0, 40))
def test_a_wider_context_never_has_fewer_beats(context: float) -> None:
    intervals, times = np.full(60, 0.8), np.arange(60) - 30.0
    own = np.abs(times) < 2
    assert hrv(intervals, times, own)["beats"] <= hrv(intervals, times, own, context=context)["beats"]


def test_another_unit_is_refused() -> None:
    beats = Recording(times=np.zeros(1), values=np.ones(1), own=np.ones(1, bool), length=1.0, unit="uS")
    with pytest.raises(ExtractionError, match="hrv: found uS, expected intervals in s; correct the corpus reader"):
        EXTRACTOR.open(HrvConfig(), Path())({"ibi_recording": beats})


def test_every_column_has_a_meaning() -> None:
    assert all(describe(name, {}) for name in EXTRACTOR.columns)
