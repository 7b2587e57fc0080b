"""Heart rate and its variability over one utterance, or a window around it, from the intervals between beats.

Columns named ``hrv.NAME``, and the numbers among them in this order as the array ``hrv`` (1, 5) float32, for models;
after the Task Force of the European Society of Cardiology and the North American Society of Pacing and
Electrophysiology (Circulation 93:1043, 1996):

- ``hrv.beats``: intervals that the rest is made from, int32; 0 where there is none.
- ``hrv.mean_hr`` [1/min]: 60 over the mean interval.
- ``hrv.sdnn`` [ms]: standard deviation of the intervals (n - 1).
- ``hrv.rmssd`` [ms]: root mean square of the differences between intervals that follow one another.
- ``hrv.pnn50`` [1]: share of those differences above 50 ms, 0 to 1.
- ``hrv.reason``: why a number is missing; empty where none is.

An utterance of 2 to 4 s has 2 to 5 beats. They give a heart rate, and hardly a variability: below ``min_beats``
intervals the three measures of it are NaN. An interval is used where it is 0.3 to 2 s long (30 to 200 beats a minute);
two follow one another where the second beat comes one interval after the first, to within 0.1 s, so that nothing is
compared across a gap of the sensor. The published minimum for RMSSD is 10 s at rest (Munoz and others, PLoS ONE
10:e0138921, 2015): treat these numbers as what an utterance allows, and compare them with the number of beats.

With ``context`` the beats of the same speaker and conversation up to so many seconds before and after the utterance
count, too. That makes rows of neighbours alike: split by speaker or session, never by utterance.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from kemfeat.config import FeatureConfig
from kemfeat.errors import ExtractionError
from kemfeat.features import Extract, Extractor, Media
from kemfeat.features._functionals import spec_of, with_array
from kemfeat.records import FeatureArray, Recording

_SHORTEST, _LONGEST = 0.3, 2.0
"""Intervals [s] of a living heart."""
_LARGEST = 0.05
"""Difference [s] that pNN50 counts above."""
_JITTER = 0.1
"""How far the time of a beat may be from that of the one before plus the interval [s]."""


class HrvConfig(FeatureConfig):
    """Settings of ``hrv``.

    Parameters
    ----------
    min_beats : int, >= 3
        Intervals below which no variability is told.
    context : float, 0 to 600 [s]
        Time before and after the utterance whose beats count; with 0 only those that the corpus puts in it.
    """

    context: float = Field(default=0.0, ge=0, le=600)
    min_beats: int = Field(default=5, ge=3)


def variability(times: NDArray[np.float64], intervals: NDArray[np.float64], *, min_beats: int) -> dict[str, float]:
    """Measures of the intervals between beats.

    Parameters
    ----------
    times : ndarray, shape (n,), float64 [s]
        Times of the beats, ascending.
    intervals : ndarray, shape (n,), float64 [s]
        Time since the beat before each.
    min_beats : int
        Intervals below which no variability is told.

    Returns
    -------
    dict of str to float
        ``beats``, ``mean_hr`` [1/min], ``sdnn`` and ``rmssd`` [ms], ``pnn50`` (0 to 1); NaN where there are too few.

    Examples
    --------
    >>> import numpy as np
    >>> variability(np.array([0.8, 1.6, 2.5]), np.array([0.8, 0.8, 0.9]), min_beats=3)["mean_hr"]
    72.0
    """
    usable = np.isfinite(intervals) & (intervals >= _SHORTEST) & (intervals <= _LONGEST)
    known = intervals[usable]
    told = {"beats": float(len(known)), "mean_hr": np.nan, "sdnn": np.nan, "rmssd": np.nan, "pnn50": np.nan}
    if len(known):
        told["mean_hr"] = float(np.round(60 / known.mean(), 12))
    follow = usable[1:] & usable[:-1] & (np.abs(np.diff(times) - intervals[1:]) <= _JITTER)
    changes = np.diff(intervals)[follow]
    if len(known) >= min_beats:
        told["sdnn"] = float(1000 * known.std(ddof=1))
        if len(changes) >= min_beats - 1:
            told["rmssd"] = float(1000 * np.sqrt(np.mean(changes**2)))
            told["pnn50"] = float(np.mean(np.abs(changes) > _LARGEST))
    return told


def _extract(media: Media, *, config: HrvConfig) -> FeatureArray:
    recording = _checked(media["ibi_recording"])
    if recording is None or not (used := _used(recording, context=config.context)).any():
        nothing = {**dict.fromkeys(_NUMBERS), "hrv.beats": 0, "hrv.reason": "no heart beats recorded"}
        return FeatureArray({"hrv": np.empty((0, len(_NUMBERS)), np.float32)}, nothing)
    told = variability(recording.times[used], recording.values[used], min_beats=config.min_beats)
    columns = {f"hrv.{name}": value if np.isfinite(value) else None for name, value in told.items()}
    cells = {**columns, "hrv.beats": int(told["beats"]), "hrv.reason": _reason(told, config)}
    return with_array("hrv", cells, _COLUMNS)


def _checked(recording: object) -> Recording | None:
    if recording is None or (isinstance(recording, Recording) and recording.unit == "s"):
        return recording
    found = recording.unit if isinstance(recording, Recording) else type(recording).__name__
    raise ExtractionError(f"hrv: found {found}, expected intervals in s; correct the corpus reader")


def _used(recording: Recording, *, context: float) -> NDArray[np.bool_]:
    """The beats of the utterance, and with a context those near it; of unknown length, it ends with its last beat."""
    if not context:
        return recording.own
    end = recording.length
    if not np.isfinite(end):
        end = recording.times[recording.own].max(initial=0.0)
    return recording.own | ((recording.times >= -context) & (recording.times <= end + context))


def _reason(told: dict[str, float], config: HrvConfig) -> str:
    if not told["beats"]:
        return f"no interval of {_SHORTEST} to {_LONGEST:g} s"
    if told["beats"] < config.min_beats:
        return f"fewer than {config.min_beats} intervals"
    return "" if np.isfinite(told["rmssd"]) else "too few intervals follow one another"


_NUMBERS = ("hrv.beats", "hrv.mean_hr", "hrv.sdnn", "hrv.rmssd", "hrv.pnn50")
_COLUMNS = {name: "int32" if name == "hrv.beats" else "float64" for name in _NUMBERS} | {"hrv.reason": "string"}


def _open(config: HrvConfig, resources: Path) -> Extract:  # noqa: ARG001 - the shape of an opening
    return partial(_extract, config=config)


EXTRACTOR = Extractor(
    name="hrv",
    version=1,
    config=HrvConfig,
    media=("ibi_recording",),
    specs=lambda config: (spec_of("hrv", _COLUMNS),),
    columns=_COLUMNS,
    open=_open,
)
