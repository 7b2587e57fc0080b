"""Times in a table of windows: seconds since the session began, or a clock that can be read in one way only."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from kemfeat.corpora.e4._recordings import EARLIEST, LATEST
from kemfeat.corpora.text import number
from kemfeat.errors import CorpusError

_CLOCK = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)


class Moment(NamedTuple):
    """A time: seconds since 1970 where it is a clock, otherwise since the session began."""

    seconds: float
    is_clock: bool


def read_moment(text: str, *, zone: ZoneInfo | None) -> Moment:
    """The time in a cell.

    Parameters
    ----------
    text : str
        Seconds since the session began, from 0 on; seconds since 1970; or a date and time as in ISO 8601.
    zone : ZoneInfo or None
        Where the clock was that a time without an offset was read from; None where nobody said so.

    Returns
    -------
    Moment
        The time.

    Raises
    ------
    CorpusError
        It is no such time, or can be read in two ways.

    Examples
    --------
    >>> read_moment("12.5", zone=None)
    Moment(seconds=12.5, is_clock=False)
    >>> read_moment("2019-06-11T21:03:45+02:00", zone=None)
    Moment(seconds=1560279825.0, is_clock=True)
    """
    value = number(text)
    if 0 <= value < LATEST:
        return Moment(value, is_clock=value >= EARLIEST)
    if value >= LATEST:
        raise CorpusError(f"found {text[:40]!r}, expected seconds since 1970; milliseconds are 1000 times as large")
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise CorpusError(
            f"found {text[:40]!r}, expected seconds since the session began, seconds since 1970, or a time such as "
            "2019-06-11T21:03:45+02:00"
        )
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise CorpusError(f"found {text[:40]!r}, which does not exist ({error})") from None
    return Moment(_utc(time, text, zone).timestamp(), is_clock=True)


def clock_text(seconds: float) -> str:
    """A time for messages.

    Parameters
    ----------
    seconds : float [s]
        Since 1970.

    Returns
    -------
    str
        In UTC.

    Examples
    --------
    >>> clock_text(1560279825.25)
    '2019-06-11T19:03:45Z'
    """
    return datetime.fromtimestamp(math.floor(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _utc(time: datetime, text: str, zone: ZoneInfo | None) -> datetime:
    if time.tzinfo is not None:
        return time
    if zone is None:
        raise CorpusError(
            f"found {text[:40]!r}, local time or UTC; write the offset after it, such as {text[:40]}+09:00 or "
            f"{text[:40]}Z, or time_zone in e4.toml"
        )
    early, late = (time.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() != late.utcoffset():
        raise CorpusError(
            f"found {text[:40]!r}, when the clocks of {zone.key} change, so that it is twice or never; write the "
            "offset after it"
        )
    return early
