"""Inter-beat intervals on a regular grid, in seconds.

``ibi`` (max_length,) float32 and ``ibi_mask`` along ``ibi_sample``, 4 Hz by default. A beat at time t with interval v
follows the previous beat by v seconds: it covers (t - v, t]. Point k of the grid is k / sampling_rate seconds after
the utterance's physiology began and takes the interval of the beat that covers it. Nothing is interpolated: where no
beat was detected the value is NaN and the mask False. Where beats overlap, the later one wins. The beats themselves,
in full, are in the store's signals.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kemfeat.errors import ExtractionError
from kemfeat.features import Extract, Extractor, Media
from kemfeat.features._uniform import UniformConfig, masked, masked_specs
from kemfeat.records import Events, FeatureArray

CLOCK_STEP = 1e-6
"""Resolution of the corpora's beat times [s]. A beat that ends this close before a grid point reaches it, so that beats
which follow each other leave no hole between them by rounding."""


def _open(config: UniformConfig, _resources: Path) -> Extract:
    return partial(_extract, config=config)


def _extract(media: Media, *, config: UniformConfig) -> FeatureArray:
    found = _checked(media["ibi"])
    beats = _usable(found)
    first, last = _covered(beats, config=config)
    seen = (last >= 0) & (first < config.max_length)
    shown = seen & (first <= last)  # a beat shorter than a step may lie between two points
    grid = np.full(min(max(last[shown], default=-1) + 1, config.max_length), np.nan)
    for start, stop, interval in zip(first[shown], last[shown] + 1, beats.values[shown], strict=True):
        grid[max(start, 0) : stop] = interval
    arrays = masked(grid, name="ibi")
    columns = {
        "ibi_length": len(found.times),
        "ibi_samples": int(arrays["ibi_mask"].sum()),
        "ibi_beats_dropped": len(found.times) - int(seen.sum()),
    }
    return FeatureArray(arrays, columns)


def _checked(beats: object) -> Events:
    if beats is None:
        return Events(np.empty(0), np.empty(0), "s")
    if not isinstance(beats, Events) or beats.unit != "s":
        found = beats.unit if isinstance(beats, Events) else type(beats).__name__
        raise ExtractionError(f"ibi: found {found}, expected beats with intervals in s; correct the corpus reader")
    return beats


def _usable(beats: Events) -> Events:
    """Beats with a finite time and a positive finite interval, by time, the longer of two simultaneous ones last."""
    usable = np.isfinite(beats.times) & (beats.values > 0) & (beats.values < np.finfo(np.float32).max)
    times, values = beats.times[usable], beats.values[usable]
    order = np.lexsort((values, times))
    return Events(times[order], values[order], beats.unit)


def _covered(beats: Events, *, config: UniformConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last grid point that each beat covers; the first is above the last where it covers none."""

    def last_point(times: NDArray[np.float64]) -> NDArray[np.int64]:
        near = np.clip(times, -1.0, config.max_length / config.sampling_rate + 1.0)
        return np.floor((near + CLOCK_STEP) * config.sampling_rate).astype(np.int64)

    return last_point(beats.times - beats.values) + 1, last_point(beats.times)


EXTRACTOR = Extractor(
    name="ibi",
    version=1,
    config=UniformConfig,
    media=("ibi",),
    specs=partial(masked_specs, name="ibi", unit="s", description="interval of the heart beat that covers the moment"),
    columns={"ibi_length": "int32", "ibi_samples": "int32", "ibi_beats_dropped": "int32"},
    open=_open,
)
"""Columns: ``ibi_length`` counts the beats (0 = missing), ``ibi_samples`` the grid points with a value, and
``ibi_beats_dropped`` the beats that the grid cannot show: outside of it, or without a positive finite interval."""
