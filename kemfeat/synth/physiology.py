"""Wristband signals of one speaker in one conversation: skin conductance, skin temperature, heart beats.

Times are seconds since the recording began. All parameters are plausible for an Empatica E4, none is fitted to data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 4.0
"""Samples per second of EDA and TEMP."""
RESPONSES_PER_SECOND = 0.05
RESPONSE_SLOPE = 1.2
"""Log increase of the rate of skin-conductance responses per point of arousal."""
TEMP_STEP = 0.02
BEAT_TICK = 1 / 64
EDA_TICK = 0.001281


@dataclass(frozen=True, slots=True)
class SimulatedBody:
    """A speaker at rest: skin conductance [uS], skin temperature [degC], beat interval [s]."""

    conductance: float
    temperature: float
    interval: float


def draw_body(rng: np.random.Generator) -> SimulatedBody:
    """A plausible young adult.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.

    Returns
    -------
    SimulatedBody
        Levels at rest.
    """
    level, warmth, calm = rng.standard_normal(3)
    return SimulatedBody(
        conductance=float(np.clip(np.exp(0.6 + 0.7 * level), 0.2, 12.0)),
        temperature=float(32.6 + 0.9 * warmth),
        interval=float(np.clip(0.80 + 0.08 * calm, 0.6, 1.05)),
    )


def skin_conductance(rng: np.random.Generator, body: SimulatedBody, energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """EDA at 4 Hz: a drifting tonic level plus responses.

    Responses rise within a second and decay over some four, at a rate that grows with arousal.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.
    body : SimulatedBody
        Whose skin.
    energy : ndarray, shape (n,), float64
        Arousal around each sample, minus the corpus mean.

    Returns
    -------
    ndarray, shape (n,), float64 [uS]
        The signal.
    """
    tonic = body.conductance * np.exp(0.15 * _drift(rng, len(energy), seconds=60.0))
    happens = rng.random(len(energy)) < RESPONSES_PER_SECOND / RATE * np.exp(RESPONSE_SLOPE * energy)
    heights = happens * body.conductance * np.exp(rng.normal(-2.2, 0.6, size=len(energy)))
    values = tonic + np.convolve(heights, _response())[: len(energy)] + rng.normal(0.0, 0.002, size=len(energy))
    return np.asarray(np.maximum(np.rint(values / EDA_TICK), 1) * EDA_TICK)


def skin_temperature(rng: np.random.Generator, body: SimulatedBody, count: int) -> NDArray[np.float64]:
    """TEMP at 4 Hz; slow, in steps of 0.02.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.
    body : SimulatedBody
        Whose skin.
    count : int, >= 0 [samples]
        Length.

    Returns
    -------
    ndarray, shape (count,), float64 [degC]
        The signal.
    """
    slope = rng.normal(0.0, 0.15) * np.linspace(-1.0, 1.0, count)
    values = body.temperature + slope + 0.15 * _drift(rng, count, seconds=90.0)
    # The wristband shows odd hundredths.
    return np.asarray(np.floor(values / TEMP_STEP) * TEMP_STEP + 0.01)


def heart_beats(
    rng: np.random.Generator, body: SimulatedBody, energy: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every heart beat, before any is dropped.

    The interval swings with breath (0.25 Hz) and pressure (0.1 Hz) and shortens with arousal.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.
    body : SimulatedBody
        Whose heart.
    energy : ndarray, shape (n,), float64
        Arousal around each sample at 4 Hz, minus the corpus mean.

    Returns
    -------
    times : ndarray, shape (m,), float64 [s]
        Since the recording began.
    intervals : ndarray, shape (m,), float64 [s]
        Since the previous beat.
    """
    seconds = len(energy) / RATE
    count = int(seconds / 0.4) + 2
    rough = np.arange(count) * body.interval
    swing = 0.030 * np.sin(2 * np.pi * (0.25 * rough + rng.random()))
    swing += 0.020 * np.sin(2 * np.pi * (0.10 * rough + rng.random()))
    haste = 0.04 * energy[np.minimum((rough * RATE).astype(int), len(energy) - 1)]
    intervals = np.clip(body.interval + swing - haste + rng.normal(0.0, 0.012, size=count), 0.4, 1.5)
    intervals = np.rint(intervals / BEAT_TICK) * BEAT_TICK
    times = np.cumsum(intervals)
    inside = times < seconds
    return times[inside], intervals[inside]


def detected(rng: np.random.Generator, count: int) -> NDArray[np.bool_]:
    """Which beats the wristband detects: runs of some 12 beats, gaps of some 5.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.
    count : int, >= 0
        How many beats there are.

    Returns
    -------
    ndarray, shape (count,), bool
        True where a beat is detected.
    """
    runs = np.empty(count, dtype=np.int64)
    runs[0::2] = rng.geometric(1 / 12, size=len(runs[0::2]))
    runs[1::2] = rng.geometric(1 / 5, size=len(runs[1::2]))
    return np.repeat(np.arange(count) % 2 == 0, runs)[:count]


def flat(rng: np.random.Generator, count: int, *, level: float) -> NDArray[np.float64]:
    """What a sensor without contact shows: one level, now and then a spike.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.
    count : int, >= 0 [samples]
        Length.
    level : float
        The level, in the sensor's unit.

    Returns
    -------
    ndarray, shape (count,), float64
        The signal.
    """
    return np.asarray(level * (1 + 2 * (rng.random(count) < 0.004)))


def _drift(rng: np.random.Generator, count: int, *, seconds: float) -> NDArray[np.float64]:
    """A smooth random curve of unit spread and the given time scale [shape=(count,)]."""
    knots = int(count / (seconds * RATE)) + 4
    where = (np.arange(count) / (seconds * RATE)) + rng.random()
    heights = rng.standard_normal(knots)
    below = where.astype(int)
    blend = 0.5 - 0.5 * np.cos(np.pi * (where - below))
    return np.asarray(heights[below] * (1 - blend) + heights[below + 1] * blend)


def _response() -> NDArray[np.float64]:
    """A skin-conductance response of height 1 at 4 Hz: the difference of two exponentials (0.75 s and 4 s)."""
    time = np.arange(int(25 * RATE)) / RATE
    shape = np.exp(-time / 4.0) - np.exp(-time / 0.75)
    return np.asarray(shape / shape.max())
