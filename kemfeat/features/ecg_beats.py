"""Heart beats found in the electrocardiogram: when, how far apart, how fast.

``ecg_beat_times`` [s] and ``ecg_ibi`` [s], each (max_beats,) float32 with a mask, along ``beat``. A time counts from
the utterance's first ECG sample. An interval is the time since the previous beat, as in ``ibi``; the first beat of the
utterance, and the first after a gap, has none and is NaN. Columns: ``ecg_beats_length`` beats stored (0 = missing, or
none found), ``ecg_beats_length_total`` beats found, ``ecg_ibi_mean`` the mean interval [s], and ``ecg_heart_rate``,
60 divided by it [1/min]; both are missing where there is no interval.

Beats are R peaks, found by :func:`sleepecg.detect_heartbeats`: Pan and Tompkins (IEEE Trans. Biomed. Eng. 32:230, 1985)
with a zero-phase filter, so that a time is exact to a sample. It comes with ``pip install 'kemfeat[ecg]'``.

- **Gaps**: where the clock jumps or a sample is not finite the recording is cut, and each part is searched alone.
- **Too short**: a part of less than a second is not searched. A beat at the very end of a part may be lost.
- **Slow hearts**: the detector assumes that a part has a beat in its first second. Where it has none, the wave before
  the first R peak may be taken for it; below 55 beats per minute expect a few beats too many.
- **No heart in it**: a flat line has no beat, nor has noise in which the detector finds one all the time. In other
  noise it finds beats that mean nothing: look at the intervals before you trust them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from kemfeat.config import FeatureConfig
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features import Extract, Extractor, Media, Prepared
from kemfeat.features._uniform import masked
from kemfeat.records import FeatureArray, FeatureSpec, Medium, Signal

Detect = Callable[..., NDArray[np.int64]]

_LOWEST_RATE = 100.0
"""Least sampling rate [Hz] that the detector's authors recommend."""

_SHORTEST = 1.0
"""Length [s] below which a part is not searched."""

_GAP = 10
"""Periods between two samples above which the recording has a gap; jitter of a clock stays below."""


class EcgBeatsConfig(FeatureConfig):
    """Settings of ``ecg_beats``.

    Parameters
    ----------
    max_beats : int, >= 1
        Beats stored per row.
    """

    max_beats: int = Field(default=64, ge=1)


def beats_of(signal: Signal, *, detect: Detect) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The heart beats of an electrocardiogram.

    Parameters
    ----------
    signal : Signal
        The recording, with its rate and clock.
    detect : callable
        Finds R peaks: samples and their rate in, sample numbers out.

    Returns
    -------
    times : ndarray, shape (n,), float64 [s]
        R peaks, since the first sample.
    intervals : ndarray, shape (n,), float64 [s]
        Time since the previous beat; NaN for the first of every part of the recording.
    """
    parts = [start + _peaks(values, signal.sampling_rate, detect) for start, values in _parts(signal)]
    intervals = [np.diff(part, prepend=np.nan) for part in parts]
    return np.concatenate([np.empty(0), *parts]), np.concatenate([np.empty(0), *intervals])


def _parts(signal: Signal) -> Iterator[tuple[float, NDArray[np.float64]]]:
    """The stretches without a gap: the second at which each begins, and its samples."""
    with np.errstate(over="ignore"):
        finite = np.isfinite(signal.values.astype(np.float32))
    joined = finite[1:] & finite[:-1] & _steady(signal)
    edges = [0, *(np.flatnonzero(~joined) + 1), len(finite)]
    for first, last in pairwise(edges):
        if last - first >= _SHORTEST * signal.sampling_rate:
            yield _second(signal, first), signal.values[first:last].astype(np.float64)


def _steady(signal: Signal) -> NDArray[np.bool_] | bool:
    """Whether a sample follows the one before it without a gap [shape=(n - 1,)]; a missing stamp is one."""
    if signal.times is None:
        return True
    steps = np.diff(signal.times) / np.timedelta64(1, "s")
    steady: NDArray[np.bool_] = (steps >= 0) & (steps <= _GAP / signal.sampling_rate)
    return steady


def _second(signal: Signal, sample: int) -> float:
    if signal.times is None:
        return sample / signal.sampling_rate
    return float((signal.times[sample] - signal.times[0]) / np.timedelta64(1, "s"))


def _peaks(values: NDArray[np.float64], rate: float, detect: Detect) -> NDArray[np.float64]:
    """R peaks [s] in samples without a gap [shape=(n,)]."""
    moving = np.flatnonzero(values != values[0])
    if len(moving) == 0 or len(values) - moving[0] < _SHORTEST * rate:
        return np.empty(0)
    try:
        # The detector in C reads and writes past the end of its arrays where clips are short or beats are many.
        found = detect(values[moving[0] :], rate, backend="python")
    except IndexError:  # a beat every 0.2 s, throughout, is more than its list of intervals can hold
        return np.empty(0)
    times: NDArray[np.float64] = (found + moving[0]) / rate
    return times


def _extract(media: Media, *, config: EcgBeatsConfig, detect: Detect) -> FeatureArray:
    signal = _checked(media["ecg"])
    times, intervals = beats_of(signal, detect=detect) if signal else (np.empty(0), np.empty(0))
    known = intervals[np.isfinite(intervals)]
    mean = float(known.mean()) if len(known) else None
    return FeatureArray(
        {**masked(times, name="ecg_beat_times"), **masked(intervals, name="ecg_ibi")},
        {
            "ecg_beats_length": min(len(times), config.max_beats),
            "ecg_beats_length_total": len(times),
            "ecg_ibi_mean": mean,
            "ecg_heart_rate": None if mean is None else 60 / mean,
        },
    )


def _checked(signal: Medium | None) -> Signal | None:
    if signal is None:
        return None
    if not isinstance(signal, Signal) or signal.unit != "mV":
        found = signal.unit if isinstance(signal, Signal) else type(signal).__name__
        raise ExtractionError(f"ecg_beats: found {found}, expected a signal in mV; correct the corpus reader")
    if signal.sampling_rate < _LOWEST_RATE:
        raise ExtractionError(
            f"ecg_beats: the signal has {signal.sampling_rate:g} samples per second, expected at least "
            f"{_LOWEST_RATE:g}; leave ecg_beats out, or correct the rate in the file's header"
        )
    return signal


def _specs(config: EcgBeatsConfig) -> tuple[FeatureSpec, ...]:
    times = FeatureSpec(
        name="ecg_beat_times",
        dims=("beat",),
        shape=(config.max_beats,),
        dtype="float32",
        pad=float("nan"),
        fill=float("nan"),
        unit="s",
        description="R peaks, since the utterance's first ECG sample",
    )
    intervals = replace(times, name="ecg_ibi", description="time since the beat before")
    return (times, _mask(times), intervals, _mask(intervals))


def _mask(of: FeatureSpec) -> FeatureSpec:
    described = f"True where {of.name} holds a value"
    return replace(of, name=f"{of.name}_mask", dtype="bool", pad=False, fill=False, unit="1", description=described)


def _detector() -> Detect:
    try:
        from sleepecg.heartbeats import detect_heartbeats
    except ImportError:
        raise ConfigError(
            "ecg_beats: needs the package sleepecg, which is not installed; pip install 'kemfeat[ecg]', or leave "
            "ecg_beats out of the features"
        ) from None
    detect: Detect = detect_heartbeats
    return detect


def _prepare(config: EcgBeatsConfig, *, root: Path, tokenizer: str) -> Prepared[EcgBeatsConfig]:  # noqa: ARG001 - the shape of a preparation
    _detector()  # a build without it ends here, not in its workers
    return Prepared(config)


def _open(config: EcgBeatsConfig, _resources: Path) -> Extract:
    return partial(_extract, config=config, detect=_detector())


EXTRACTOR = Extractor(
    name="ecg_beats",
    version=1,
    config=EcgBeatsConfig,
    media=("ecg",),
    specs=_specs,
    columns={
        "ecg_beats_length": "int32",
        "ecg_beats_length_total": "int32",
        "ecg_ibi_mean": "float64",
        "ecg_heart_rate": "float64",
    },
    open=_open,
    prepare=_prepare,
)
