"""The EDA, TEMP and ECG files of a synthetic KEMDy19: one of each per session and person.

A row carries the identifier of the utterance it falls in, whoever of the two speaks. Published: the fields of a row,
which scenes have no rows, and that ECG has 250 samples a second. Not published, so guessed: the period is in seconds,
the time is a stamp as in KEMDy20, the ECG is in millivolts.

EDA and TEMP run through the whole session; ECG, the bulk of it, only to :data:`MARGIN` seconds around utterances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from kemfeat.synth import physiology
from kemfeat.synth.kemdy19 import _ecg
from kemfeat.synth.kemdy19._layout import SCENES, Scenes
from kemfeat.synth.wristband import owners, stamps

MARGIN = 2.0
BIO_POOR = ((1, "impro03"), (1, "impro04"), (3, "script04"), (6, "script02"), (7, "script02"))
"""(session, scene) without physiology."""

_PAUSE = 15
"""Seconds before and after each scene; half of them go with a scene that has no physiology."""


def openings(rng: np.random.Generator, scenes: Scenes) -> NDArray[np.int64]:
    """When the scene of each utterance begins, milliseconds since both devices were started [shape=(utterances,)]."""
    now = 0
    begun = np.zeros(len(SCENES) + 1, dtype=np.int64)
    for scene in range(1, len(SCENES) + 1):
        now += 1000 * int(rng.integers(_PAUSE, 2 * _PAUSE))
        begun[scene] = now
        now += int(scenes.end[scenes.script == scene].max(initial=0)) + 1000 * _PAUSE
    return begun[scenes.script]


def bio_poor(scenes: Scenes) -> NDArray[np.bool_]:
    """Which utterances of a session lie in a scene without physiology."""
    wanting = [SCENES.index(scene) + 1 for session, scene in BIO_POOR if session == scenes.session[0]]
    return np.isin(scenes.script, wanting)


@dataclass(frozen=True, slots=True)
class Wearing:
    """One person's devices in one session; every array has a row for each utterance of either person.

    Parameters
    ----------
    identifiers : sequence of str
        Identifiers of the utterances.
    begins, ends : ndarray, shape (utterances,), int64 [ms]
        Since the devices were started.
    energy : ndarray, shape (utterances,), float64
        The person's arousal, minus the corpus mean.
    lost : ndarray, shape (utterances,), bool
        Whether the utterance is in a scene without physiology.
    body : SimulatedBody
        The person's.
    began : datetime
        Clock time at which the devices were started; a whole second.
    """

    identifiers: Sequence[str]
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    energy: NDArray[np.float64]
    lost: NDArray[np.bool_]
    body: physiology.SimulatedBody
    began: datetime

    def times(self, rate: float) -> NDArray[np.float64]:
        """Milliseconds since the devices were started at which they sample."""
        return np.arange(round((self.ends.max() / 1000 + _PAUSE) * rate)) * 1000 / rate

    def owners(self, offsets: NDArray[np.float64]) -> NDArray[np.int64]:
        """Index of the utterance at each offset, else -1."""
        return owners(offsets, self.begins, self.ends)

    def near(self, chosen: NDArray[np.bool_], offsets: NDArray[np.float64], *, margin: float) -> NDArray[np.bool_]:
        """Whether one of the ``chosen`` utterances is going on, or at most ``margin`` seconds away."""
        edges = np.zeros(len(offsets) + 1, dtype=np.int64)
        np.add.at(edges, np.searchsorted(offsets, self.begins[chosen] - 1000 * margin), 1)
        np.add.at(edges, np.searchsorted(offsets, self.ends[chosen] + 1000 * margin), -1)
        return np.asarray(np.cumsum(edges)[:-1] > 0)


def clock(session: int) -> datetime:
    """When the devices of a session were started; a guess, two sessions a day from 2019-09-16."""
    return datetime(2019, 9, 16, 10 if session % 2 else 15) + timedelta(days=(session - 1) // 2)


def files(rng: np.random.Generator, wearing: Wearing) -> dict[str, str]:
    """Text of the ``EDA``, ``TEMP`` and ``ECG`` file."""
    offsets = wearing.times(physiology.RATE)
    owner = wearing.owners(offsets)
    energy = np.where(owner >= 0, wearing.energy[owner], 0.0)
    eda = physiology.skin_conductance(rng, wearing.body, energy)
    temp = physiology.skin_temperature(rng, wearing.body, len(energy))
    return {
        "EDA": _wrist(wearing, [f"{value:.6f}" for value in eda.tolist()]),
        "TEMP": _wrist(wearing, [f"{value:.2f}" for value in temp.tolist()]),
        "ECG": _chest(rng, wearing, energy),
    }


def _wrist(wearing: Wearing, values: Sequence[str]) -> str:
    """Rows ``value,period,time`` and, in utterances, the identifier."""
    offsets = wearing.times(physiology.RATE)
    kept = ~wearing.near(wearing.lost, offsets, margin=_PAUSE / 2)
    rows = zip(values, stamps(wearing.began, offsets), _names(wearing, offsets), kept.tolist(), strict=True)
    return "".join(f"{value},{1 / physiology.RATE:g},{stamp}{name}\n" for value, stamp, name, keep in rows if keep)


def _chest(rng: np.random.Generator, wearing: Wearing, energy: NDArray[np.float64]) -> str:
    """Rows ``time,ecg,timestamp`` and, in utterances, the identifier."""
    times, intervals = physiology.heart_beats(rng, wearing.body, energy)
    offsets = wearing.times(_ecg.RATE)
    ecg = _ecg.electrocardiogram(rng, times, intervals, count=len(offsets))
    kept = wearing.near(~wearing.lost, offsets, margin=MARGIN)
    offsets = offsets[kept]
    rows = zip(
        (offsets / 1000).tolist(),
        ecg[kept].tolist(),
        stamps(wearing.began, offsets),
        _names(wearing, offsets),
        strict=True,
    )
    return "".join(f"{time:.3f},{value:.3f},{stamp}{name}\n" for time, value, stamp, name in rows)


def _names(wearing: Wearing, offsets: NDArray[np.float64]) -> list[str]:
    """What follows the stamp of each row."""
    names = [*(f",{name}" for name in wearing.identifiers), ""]
    return [names[index] for index in wearing.owners(offsets).tolist()]
