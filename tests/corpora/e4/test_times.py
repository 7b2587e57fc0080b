"""Times of windows: however a moment is written, it is the same moment, or a sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.corpora.e4._times import clock_text, read_moment
from kemfeat.errors import CorpusError

SECONDS = st.integers(1_300_000_000, 1_900_000_000)


@given(SECONDS, st.integers(-14 * 4, 14 * 4), st.sampled_from([" ", "T"]), st.sampled_from(["", ":"]))
def test_a_time_with_an_offset_is_one_moment(seconds: int, quarters: int, between: str, colon: str) -> None:
    there = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=15 * quarters)))
    text = there.isoformat(between)
    text = text if colon else text[:-3] + text[-2:]
    assert read_moment(text, zone=ZoneInfo("Asia/Seoul")) == (seconds, True)
    assert read_moment(str(seconds), zone=None) == (seconds, True)
    assert read_moment(clock_text(seconds), zone=None) == (seconds, True)


@given(SECONDS, st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Seoul", "Australia/Lord_Howe", "UTC"]))
def test_a_local_time_is_the_moment_of_its_zone_or_is_refused(seconds: int, name: str) -> None:
    zone = ZoneInfo(name)
    local = datetime.fromtimestamp(seconds, UTC).astimezone(zone).replace(tzinfo=None)
    offsets = {local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}
    if len(offsets) == 1:
        assert read_moment(local.isoformat(), zone=zone) == (seconds, True)
    else:
        with pytest.raises(CorpusError, match="twice or never"):
            read_moment(local.isoformat(), zone=zone)
    with pytest.raises(CorpusError, match="local time or UTC"):
        read_moment(local.isoformat(), zone=None)


@pytest.mark.parametrize("text", ["2019-03-31T02:30", "2019-10-27 02:30:00"])
def test_an_hour_that_is_never_or_twice_is_refused(text: str) -> None:
    with pytest.raises(CorpusError, match="when the clocks of Europe/Berlin change"):
        read_moment(text, zone=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    "text",
    ["", "-1", "1_0", "12,5", "inf", "11/06/2019 10:00", "2019-06-11", "20190611T100000", "10:00", "2019-W24-2T10:00Z"],
)
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(CorpusError, match="expected seconds since the session began"):
        read_moment(text, zone=ZoneInfo("UTC"))


def test_times_that_do_not_exist_are_refused() -> None:
    with pytest.raises(CorpusError, match="does not exist"):
        read_moment("2019-06-31T10:00Z", zone=None)
    with pytest.raises(CorpusError, match="milliseconds are 1000 times as large"):
        read_moment("1560279825000", zone=None)
