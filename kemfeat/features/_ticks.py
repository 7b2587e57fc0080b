"""The row axis ``tick``: the 4 Hz clock of a wristband within an utterance.

A tick is a clock time at which the wearer has both an EDA and a TEMP sample. A sample counts where its value is
finite. The two are joined on the clock, stamp by stamp, so a gap in either leaves a gap between ticks.

**Clock alignment.** The first tick of an utterance is placed at second 0 of its audio. The corpora do not say where
between two samples the audio begins, so a tick's place in the audio is wrong by up to one period, 0.25 s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kemfeat.config import FeatureConfig
from kemfeat.errors import ExtractionError
from kemfeat.features import AxisRows, Outline
from kemfeat.records import Medium, Signal

RATE = 4.0
"""Ticks per second, Hz."""

SAMPLES = 11
"""Samples of the window around a tick; the tick is the one in the middle."""

WINDOW = SAMPLES / RATE
"""What the window covers, s: every sample stands for the period around it."""

ROWS_FACTOR = 16

_PERIOD = np.int64(1000 / RATE)  # ms
_OFFSETS = np.arange(SAMPLES) - SAMPLES // 2
_UNITS = {"eda": "uS", "temp": "degC"}


@dataclass(frozen=True, slots=True)
class Track:
    """The finite samples of one medium.

    Parameters
    ----------
    clock : ndarray, shape (n,), int64 [ms]
        Times, ascending, each once.
    values : ndarray, shape (n,), float64
        Samples in the medium's unit.
    """

    clock: NDArray[np.int64]
    values: NDArray[np.float64]

    def at(self, clock: NDArray[np.int64]) -> NDArray[np.float64]:
        """The values at clock times that each have a sample."""
        return self.values[np.searchsorted(self.clock, clock)]

    def around(self, clock: NDArray[np.int64]) -> NDArray[np.float64]:
        """Windows [shape=(n, 11)] around clock times [shape=(n,)], slot by slot a period apart.

        A slot contains the sample nearest to its time, if that is less than half a period away, and NaN otherwise: a
        window neither leaves the utterance nor closes up over a gap.
        """
        wanted = clock[:, None] + _PERIOD * _OFFSETS
        found = np.searchsorted(self.clock, wanted)
        before, after = np.maximum(found - 1, 0), np.minimum(found, len(self.clock) - 1)
        nearer = wanted - self.clock[before] <= self.clock[after] - wanted
        nearest = np.where(nearer, before, after)
        distance = np.abs(self.clock[nearest] - wanted)
        return np.where(distance < _PERIOD / 2, self.values[nearest], np.nan)


@dataclass(frozen=True, slots=True)
class Ticks:
    """The ticks of one utterance.

    Parameters
    ----------
    clock : ndarray, shape (n,), int64 [ms]
        When they are.
    tracks : mapping of str to Track
        The samples of ``eda`` and of ``temp``.
    """

    clock: NDArray[np.int64]
    tracks: Mapping[str, Track]

    def __len__(self) -> int:
        return len(self.clock)

    @property
    def times(self) -> NDArray[np.float64]:
        """Seconds since the first tick, which is their place in the audio."""
        return (self.clock - self.clock[:1]) / 1000

    def neighbours(self) -> NDArray[np.int64]:
        """The numbers of the 11 ticks around each [shape=(n, 11)], in order; ends repeated, gaps ignored."""
        numbers: NDArray[np.int64] = np.arange(len(self))[:, None] + _OFFSETS
        return numbers.clip(0, len(self) - 1)


def ticks_of(signals: Mapping[str, Medium | None], *, feature: str) -> Ticks:
    """The ticks of an utterance; none without EDA or without TEMP.

    Raises
    ------
    ExtractionError
        A signal has another unit or rate, or no clock.
    """
    tracks = {medium: _track(signals.get(medium), medium=medium, feature=feature) for medium in _UNITS}
    clock = np.intersect1d(tracks["eda"].clock, tracks["temp"].clock, assume_unique=True)
    return Ticks(clock, tracks)


def tick_rows(_config: FeatureConfig, outline: Outline) -> AxisRows:
    """The rows of an utterance on the axis ``tick``, the same for every feature on it.

    Returns
    -------
    dict
        ``clock`` : datetime64[ms] of the tick. ``time`` : its second in the audio. ``start``, ``end`` : the window of
        2.75 s around it, s; at the ends of an utterance it reaches beyond the audio, so ``start`` may be negative.
    """
    ticks = ticks_of(outline.signals, feature="tick")
    times = ticks.times
    return {
        "clock": ticks.clock.astype("datetime64[ms]"),
        "start": times - WINDOW / 2,
        "end": times + WINDOW / 2,
        "time": times,
    }


def _track(signal: Medium | None, *, medium: str, feature: str) -> Track:
    if signal is None:
        return Track(np.empty(0, dtype=np.int64), np.empty(0))
    stamps, values = _checked(signal, medium=medium, feature=feature)
    held = np.isfinite(values) & ~np.isnat(stamps)
    clock, first = np.unique(stamps[held].astype("datetime64[ms]").astype(np.int64), return_index=True)
    return Track(clock, values[held][first].astype(np.float64))


def _checked(signal: Medium, *, medium: str, feature: str) -> tuple[NDArray[np.datetime64], NDArray[np.floating]]:
    unit = _UNITS[medium]
    if not isinstance(signal, Signal) or signal.unit != unit:
        found = signal.unit if isinstance(signal, Signal) else type(signal).__name__
        raise ExtractionError(f"{feature}: {medium} is {found}, expected a signal in {unit}; correct the corpus reader")
    if signal.sampling_rate != RATE:
        raise ExtractionError(
            f"{feature}: {medium} has {signal.sampling_rate:g} samples per second, expected {RATE:g}; leave the "
            "features of the axis tick out, or correct the rate in the file's header"
        )
    if signal.times is None:
        raise ExtractionError(
            f"{feature}: {medium} has no clock, expected a time for each sample; leave the features of the axis tick "
            "out"
        )
    return signal.times, signal.values
