"""The EDA, TEMP and IBI files of a synthetic KEMDy20: one of each per conversation and speaker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from kemfeat.synth import physiology
from kemfeat.synth.defects import BROKEN, Defects, wrong_identifier
from kemfeat.synth.layout import Turns
from kemfeat.synth.physiology import RATE, SimulatedBody

_KOREA = timedelta(hours=9)
_MARGIN = 6
"""Seconds recorded before and after the conversation."""


@dataclass(frozen=True, slots=True)
class Wearing:
    """One speaker's wristband in one conversation.

    Parameters
    ----------
    turns, defects : Turns, Defects
        The speaker's own utterances there, and what is broken in each.
    identifiers : sequence of str
        Their true identifiers.
    energy : ndarray, shape (len(turns),), float64
        Arousal of each, minus the corpus mean.
    body : SimulatedBody
        The speaker's.
    began : datetime
        Clock time of the recording, Korean; the conversation begins ``lead`` milliseconds later.
    lead : int [ms]
        From the start of the recording to that of the conversation.
    seconds : int [s]
        Length of the recording.
    """

    turns: Turns
    defects: Defects
    identifiers: Sequence[str]
    energy: NDArray[np.float64]
    body: SimulatedBody
    began: datetime
    lead: int
    seconds: int

    @property
    def broken(self) -> bool:
        """Whether this is one of the eight known broken conversations."""
        return (int(self.turns.session[0]), int(self.turns.script[0]), int(self.turns.user[0])) in BROKEN


def clocks(rng: np.random.Generator, session: int, lengths: Sequence[int]) -> list[tuple[datetime, int]]:
    """When each conversation's recording begins, and how long before the conversation itself.

    Sessions are dated from 2020-08-21 to 2020-10-18; the seventeenth was recorded last, on 2020-10-19. A conversation
    follows a video of five minutes. Recordings begin on a quarter of a second.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.
    session : int, >= 1
        Number of the session.
    lengths : sequence of int [ms]
        Duration of each conversation.

    Returns
    -------
    list of (datetime, int)
        Begin of each recording, and the milliseconds until the conversation.
    """
    elapsed = 59 if session == 17 else 58 * (session - 1) // 39
    day = datetime(2020, 8, 21) + timedelta(days=elapsed)
    now = day + timedelta(hours=11, minutes=int(rng.integers(60)))
    begun = []
    for length in lengths:
        now += timedelta(seconds=int(rng.integers(300, 360)), milliseconds=250 * int(rng.integers(4)))
        begun.append((now, 1000 * _MARGIN - int(rng.integers(0, 1000))))
        now += timedelta(milliseconds=length + 2000 * _MARGIN)
    return begun


def recording_seconds(length: int) -> int:
    """Length of the recording around a conversation.

    Parameters
    ----------
    length : int [ms]
        Duration of the conversation.

    Returns
    -------
    int [s]
        Whole seconds.
    """
    return -(-length // 1000) + 2 * _MARGIN


def files(rng: np.random.Generator, wearing: Wearing) -> dict[str, str]:
    """Text of the ``EDA``, ``TEMP`` and ``IBI`` file.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the signals.
    wearing : Wearing
        Who wears the wristband, when, and what is broken.

    Returns
    -------
    dict of str to str
        Text by kind of file.
    """
    count = int(wearing.seconds * RATE)
    offsets = np.arange(count) * 1000 / RATE
    owner = _owners(wearing, offsets)
    energy = np.where(owner >= 0, wearing.energy[owner], 0.0)
    eda, temp = _skin(rng, wearing, energy)
    clock = stamps(wearing.began, offsets)
    names = _names(wearing, hidden=wearing.defects.unannotated)
    kept = ~np.isin(owner, np.flatnonzero(wearing.defects.lost))
    header = f"{_unix(wearing.began):.6f}"
    return {
        "EDA": _uniform(header, [f"{value:.6f}" for value in eda], clock, owner, names, kept),
        "TEMP": _uniform(header, [f"{value:.2f}" for value in temp], clock, owner, names, kept),
        "IBI": "" if wearing.defects.empty_ibi[0] else f"{header}, IBI\n" + _beats(rng, wearing, energy),
    }


def _skin(
    rng: np.random.Generator, wearing: Wearing, energy: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if wearing.broken:
        return (
            physiology.flat(rng, len(energy), level=0.00128),
            np.asarray(physiology.flat(rng, len(energy), level=0.0) + 24.99),
        )
    return (
        physiology.skin_conductance(rng, wearing.body, energy),
        physiology.skin_temperature(rng, wearing.body, len(energy)),
    )


def _owners(wearing: Wearing, offsets: NDArray[np.float64]) -> NDArray[np.int64]:
    """Index of the utterance that contains each time [ms since the recording began], else -1."""
    return owners(offsets, wearing.turns.start + wearing.lead, wearing.turns.end + wearing.lead)


def owners(offsets: NDArray[np.float64], begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of the interval that contains each offset, else -1; the intervals are ordered and do not overlap.

    Parameters
    ----------
    offsets : ndarray, shape (n,), float64 [ms]
        Times to look up.
    begins, ends : ndarray, shape (m,), int64 [ms]
        The intervals.

    Returns
    -------
    ndarray, shape (n,), int64
        Index, or -1.
    """
    latest = np.searchsorted(begins, offsets, side="right") - 1
    inside = (latest >= 0) & (offsets < ends[np.maximum(latest, 0)])
    return np.where(inside, latest, -1)


def _names(wearing: Wearing, *, hidden: NDArray[np.bool_]) -> list[str]:
    """What a row of each utterance has after its stamp; the last entry is for rows outside."""
    rows = zip(wearing.identifiers, wearing.defects.orphaned, hidden, strict=True)
    names = ["" if hide else "," + (wrong_identifier(name) if wrong else name) for name, wrong, hide in rows]
    return [*names, ""]


def _uniform(
    header: str,
    values: Sequence[str],
    stamps: Sequence[str],
    owner: NDArray[np.int64],
    names: Sequence[str],
    kept: NDArray[np.bool_],
) -> str:
    rows = zip(values, stamps, owner.tolist(), kept.tolist(), strict=True)
    lines = [f"{value},{stamp}{names[index]}" for value, stamp, index, keep in rows if keep]
    return "\n".join([header, f"{RATE:.6f}", *lines, ""])


def _beats(rng: np.random.Generator, wearing: Wearing, energy: NDArray[np.float64]) -> str:
    times, intervals = physiology.heart_beats(rng, wearing.body, energy)
    offsets = np.rint(times * 1000)
    owner = _owners(wearing, offsets)
    kept = _detected(rng, wearing, owner)
    names = _names(wearing, hidden=np.zeros(len(wearing.turns), dtype=bool))
    clock = stamps(wearing.began, offsets[kept])
    rows = zip(times[kept].tolist(), intervals[kept].tolist(), clock, owner[kept].tolist(), strict=True)
    return "".join(f"{time:.6f},{interval:.6f},{stamp}{names[index]}\n" for time, interval, stamp, index in rows)


def _detected(rng: np.random.Generator, wearing: Wearing, owner: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Beats that the file lists: none in utterances without, at least one in all others that hold one."""
    kept = physiology.detected(rng, len(owner))
    for index in range(len(wearing.turns)):
        mine = np.flatnonzero(owner == index)
        if wearing.defects.no_beats[index]:
            kept[mine] = False
        elif len(mine) and not kept[mine].any():
            kept[mine[len(mine) // 2]] = True
    return kept


def stamps(began: datetime, offsets: NDArray[np.float64]) -> list[str]:
    """Time stamps in the corpus' spelling.

    Parameters
    ----------
    began : datetime
        When the recording began.
    offsets : ndarray, shape (n,), float64 [ms]
        Times since then.

    Returns
    -------
    list of str
        ``YYYY-MMDD-HHMM-SS-mmm``.
    """
    times = np.datetime64(began, "ms") + offsets.astype("timedelta64[ms]")
    return [
        f"{s[:4]}-{s[5:7]}{s[8:10]}-{s[11:13]}{s[14:16]}-{s[17:19]}-{s[20:23]}"
        for s in np.datetime_as_string(times, unit="ms").tolist()
    ]


def _unix(began: datetime) -> float:
    return (began - _KOREA).replace(tzinfo=UTC).timestamp()
