"""Level and responses of skin conductance over one utterance, from what was recorded around it.

Columns named ``eda_components.NAME``, and the numbers among them in this order as the array ``eda_components``
(1, 13) float32, for models. Conductance is split into a tonic part, which drifts, and a phasic part, the responses, by
cvxEDA (Greco and others, IEEE Transactions on Biomedical Engineering 63:797, 2016):

- ``samples``: samples of the utterance that the rest is made from, int32; 0 where there is none. ``window`` [s]: EDA
  that was split. ``fit_error`` [uS]: root mean square of what neither part explains, over those samples.
- ``tonic_mean`` [uS] and ``tonic_slope`` [uS/s], by least squares.
- ``phasic_mean``, ``phasic_sd`` (n - 1), ``phasic_max`` [uS], and ``phasic_area`` [uS s], its integral; >= 0.
- ``scr_count``: skin-conductance responses whose onset is in the utterance; ``scr_per_min``; ``scr_amplitude_mean``
  [uS], from trough to peak, and ``scr_rise_time_mean`` [s], between the two. A peak may follow the end.
- ``reason``: why a number is missing; empty where none is.

A response lasts 5 to 10 s, more than most utterances: three seconds alone do not say what is level and what is
response. So ``context`` seconds before and after the utterance are split with it, of the same conversation and
speaker and without a gap of more than 5 s; everything is told of the utterance alone. Where less than 15 s are left,
nothing is told. Samples below ``min_level``, above 60 uS or that change by more than 10 uS/s are those of a loose
electrode, and samples within 5 s of them are left out, too (Kleckner and others, IEEE Transactions on Biomedical
Engineering 65:1460, 2018). So are falls faster than a response can decay, which is to 88 % in 0.25 s: the model has
nothing else to explain them by than a level far below the signal.

``context`` makes rows of neighbours alike: split by speaker or session, never by utterance.

It needs ``pip install 'kemfeat[eda]'``, the solver Clarabel.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from kemfeat.config import FeatureConfig
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features import Extract, Extractor, Media, Prepared
from kemfeat.features._functionals import spec_of, with_array
from kemfeat.features._skin_conductance import DECAY, Parts, decompose, responses
from kemfeat.records import FeatureArray, Recording

_SHORTEST = 15.0
"""EDA [s] below which nothing is told."""
_GAP = 5.0
"""Time [s] without a sample that ends a window; half the distance of two knots of the tonic part."""
_HIGHEST, _FASTEST, _TRANSITION = 60.0, 10.0, 5.0
"""Largest conductance [uS] and change [uS/s], and the time around a violation that is left out [s]."""
_MOST_RATE = 64.0
"""Sampling rate [Hz] above which a window is too long to be split; skin conductance changes within a second."""
_NOISE = 0.02
"""How much more than a response conductance may fall from one sample to the next [uS]."""

Floats = NDArray[np.float64]


class EdaComponentsConfig(FeatureConfig):
    """Settings of ``eda_components``.

    Parameters
    ----------
    context : float, 0 to 600 [s]
        EDA before and after the utterance that is split with it.
    min_amplitude : float, > 0 [uS]
        Amplitude below which a rise is no response.
    min_level : float, >= 0 [uS]
        Conductance below which the electrodes are loose.
    """

    context: float = Field(default=30.0, ge=0, le=600)
    min_amplitude: float = Field(default=0.03, gt=0)
    min_level: float = Field(default=0.05, ge=0)


class _Window(NamedTuple):
    """EDA around an utterance on a regular grid, NaN where a sample is missing, and the places of its own samples."""

    values: Floats
    own: NDArray[np.int64]
    rate: float


def _extract(media: Media, *, config: EdaComponentsConfig) -> FeatureArray:
    recording = _checked(media["eda_recording"])
    if recording is None or not (recording.own & np.isfinite(recording.values)).any():
        nothing = {**dict.fromkeys(_COLUMNS), _SAMPLES: 0, _REASON: "no EDA recorded"}
        return FeatureArray({"eda_components": np.empty((0, len(_COLUMNS) - 1), np.float32)}, nothing)
    usable = _usable(recording, lowest=config.min_level)
    window = _window(recording, usable, context=config.context)
    told: dict[str, float | int | str | None] = dict.fromkeys(_COLUMNS)
    told[_SAMPLES] = int((recording.own & usable).sum())
    if isinstance(window, str):
        told[_REASON] = window
    elif (parts := decompose(window.values, rate=window.rate)) is None:
        told[_REASON] = "the decomposition does not converge"
    else:
        found = _numbers(window, parts, smallest=config.min_amplitude)
        told |= {f"eda_components.{name}": value if np.isfinite(value) else None for name, value in found.items()}
        told[_REASON] = _reason(found, config)
    return with_array("eda_components", told, _COLUMNS)


def _checked(recording: object) -> Recording | None:
    if recording is None:
        return None
    if not isinstance(recording, Recording) or recording.unit != "uS" or recording.sampling_rate is None:
        found = recording.unit if isinstance(recording, Recording) else type(recording).__name__
        raise ExtractionError(f"eda_components: found {found}, expected samples in uS; correct the corpus reader")
    if not 0 < recording.sampling_rate <= _MOST_RATE:
        raise ExtractionError(
            f"eda_components: the signal has {recording.sampling_rate:g} samples per second, expected at most "
            f"{_MOST_RATE:g}; leave eda_components out, resample the EDA, or correct the rate in the file's header"
        )
    return recording


def _usable(recording: Recording, *, lowest: float) -> NDArray[np.bool_]:
    """The finite samples that are not near one that no skin has."""
    usable = np.isfinite(recording.values)
    times, values = recording.times[usable], recording.values[usable]
    steps, changes = np.diff(times), np.diff(values)
    falls = -changes > _NOISE + values[:-1] * -np.expm1(-steps / DECAY)
    fast = falls | (np.abs(changes) > _FASTEST * steps)
    wrong = (values < lowest) | (values > _HIGHEST) | np.append(fast, False) | np.append(False, fast)
    after = np.searchsorted(times[wrong], times - _TRANSITION)
    usable[usable] = after == np.searchsorted(times[wrong], times + _TRANSITION, side="right")
    return usable


def _window(recording: Recording, usable: NDArray[np.bool_], *, context: float) -> _Window | str:
    """The EDA that is split, or why there is none."""
    rate = float(recording.sampling_rate or 0)
    times, values, own = recording.times[usable], recording.values[usable], recording.own[usable]
    if not own.any():
        return f"loose electrodes: EDA of no skin within {_TRANSITION:g} s"
    first, last = times[own][[0, -1]]
    near = (times >= first - context) & (times <= last + context)
    times, values, own = times[near], values[near], own[near]
    part = np.cumsum(np.diff(times, prepend=times[0]) > _GAP)
    held = np.unique(part[own])
    if len(held) > 1:
        return f"a gap of more than {_GAP:g} s in the utterance"
    times, values, own = (column[part == held[0]] for column in (times, values, own))
    slots = np.rint((times - times[0]) * rate).astype(np.int64)
    if slots[-1] + 1 < _SHORTEST * rate:
        return f"less than {_SHORTEST:g} s of EDA around the utterance"
    grid = np.full(slots[-1] + 1, np.nan)
    grid[slots] = values
    return _Window(grid, np.unique(slots[own]), rate)


def _numbers(window: _Window, parts: Parts, *, smallest: float) -> dict[str, float]:
    own, rate = window.own, window.rate
    tonic, phasic = parts.tonic[own], parts.phasic[own]
    error = window.values[own] - tonic - phasic
    found = responses(parts.phasic, smallest=smallest)
    within = (found.onsets >= own[0]) & (found.onsets <= own[-1])
    count, amplitudes = int(within.sum()), found.amplitudes[within]
    rises = (found.peaks - found.onsets)[within] / rate
    many = len(own) > 1
    return {
        "window": len(window.values) / rate,
        "fit_error": float(np.sqrt(np.mean(error**2))),
        "tonic_mean": float(tonic.mean()),
        "tonic_slope": float(np.polyfit(own / rate, tonic, 1)[0]) if many else np.nan,
        "phasic_mean": float(phasic.mean()),
        "phasic_sd": float(phasic.std(ddof=1)) if many else np.nan,
        "phasic_max": float(phasic.max()),
        "phasic_area": float(phasic.sum() / rate),
        "scr_count": float(count),
        "scr_per_min": 60 * rate * count / len(own),
        "scr_amplitude_mean": float(amplitudes.mean()) if count else np.nan,
        "scr_rise_time_mean": float(rises.mean()) if count else np.nan,
    }


def _reason(found: dict[str, float], config: EdaComponentsConfig) -> str:
    reasons = [
        "" if found["scr_count"] else f"no response of {config.min_amplitude:g} uS or more",
        "" if np.isfinite(found["tonic_slope"]) else "one sample has no slope and no deviation",
    ]
    return "; ".join(filter(None, reasons))


_SAMPLES, _REASON = "eda_components.samples", "eda_components.reason"
_NAMES = (
    *("window", "fit_error", "tonic_mean", "tonic_slope", "phasic_mean", "phasic_sd", "phasic_max", "phasic_area"),
    *("scr_count", "scr_per_min", "scr_amplitude_mean", "scr_rise_time_mean"),
)
_COLUMNS = {_SAMPLES: "int32", **{f"eda_components.{name}": "float64" for name in _NAMES}, _REASON: "string"}


def _prepare(config: EdaComponentsConfig, *, root: Path, tokenizer: str) -> Prepared[EdaComponentsConfig]:  # noqa: ARG001 - the shape of a preparation
    try:
        import clarabel  # noqa: F401 - a build without it ends here, not in its workers
    except ImportError:
        raise ConfigError(
            "eda_components: needs the package clarabel, which is not installed; pip install 'kemfeat[eda]', or leave "
            "eda_components out of the features"
        ) from None
    return Prepared(config)


def _open(config: EdaComponentsConfig, resources: Path) -> Extract:  # noqa: ARG001 - the shape of an opening
    return partial(_extract, config=config)


EXTRACTOR = Extractor(
    name="eda_components",
    version=1,
    config=EdaComponentsConfig,
    media=("eda_recording",),
    specs=lambda config: (spec_of("eda_components", _COLUMNS),),
    columns=_COLUMNS,
    open=_open,
    prepare=_prepare,
)
