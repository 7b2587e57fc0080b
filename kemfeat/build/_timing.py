"""Scales the course of a small build to the duration of a large one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kemfeat.build.trial_build import Event, Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """How much a build has to do.

    Parameters
    ----------
    files : int
        Source files.
    sessions : int
        Sessions with physiology.
    signals : int [bytes]
        Size of the physiology.
    rows : int
        Rows to extract, on all axes.
    work : float
        Seconds of audio, or utterances where no feature is made from audio.
    parts : int
        Partitions.
    """

    files: int
    sessions: int
    signals: int
    rows: int
    work: float
    parts: int


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of a build by stage, in order."""

    stages: Mapping[str, float]

    @property
    def seconds(self) -> float:
        """Seconds from the start of the command to its end."""
        return sum(self.stages.values())


def time_of(
    measured: Measured, sampled: Amounts, whole: Amounts, *, reading: float, hashing: float, workers: int
) -> Timing:
    """Scale the course of a sample's build to the whole corpus.

    In every stage, the first wave of tasks, which starts the workers, is taken as measured, and what follows is scaled
    by the amount. What happens between the stages hardly depends on the amount and is taken as measured.

    Parameters
    ----------
    measured : Measured
        Build of the sample.
    sampled, whole : Amounts
        What that build had to do, and what the whole build has to do.
    reading : float [s]
        Time to list and read the whole annotation; that of the sample was read before.
    hashing : float [s]
        Time to hash a file while no workers are starting.
    workers : int
        Worker processes.

    Returns
    -------
    Timing
        Of the whole build.
    """
    stages = {stage: [event for event in measured.events if event.stage == stage] for stage in _STAGES}
    began, ended = ({stage: some[place].time for stage, some in stages.items()} for place in (0, -1))
    extract = stages["extract"]
    return Timing(
        {
            "start": began["hash"] - measured.began,
            "read": reading + began["parse"] - ended["hash"],
            "hash": ended["hash"] - began["hash"] + max(whole.files - sampled.files, 0) * hashing,
            "parse": _grown(
                stages["parse"],
                first=workers,
                whole=whole.sessions,
                heavier=_ratio(whole.signals, whole.sessions, sampled.signals, sampled.sessions),
            ),
            "plan": began["extract"] - ended["parse"],
            "extract": _grown(
                extract,
                # Every event but the first is the end of a task, and tasks on other axes have more rows.
                first=extract[min(workers, len(extract) - 1)].done,
                whole=whole.rows,
                heavier=_ratio(whole.work, whole.rows, sampled.work, sampled.rows),
            ),
            "finish": measured.ended - ended["extract"],
        }
    )


_STAGES = ("hash", "parse", "extract")


def _grown(course: Sequence[Event], *, first: int, whole: int, heavier: float) -> float:
    """Seconds of a stage over ``whole`` units: as measured up to ``first`` of them, then at a steady rate."""
    start, last = course[0], course[-1]
    warm = next(event for event in course if event.done >= min(first, last.total))
    steady = (last.time - warm.time) / (last.done - warm.done) if last.done > warm.done else _mean(start, last)
    return warm.time - start.time + max(whole - warm.done, 0) * steady * heavier


def _mean(start: Event, last: Event) -> float:
    return (last.time - start.time) / last.done if last.done else 0.0


def _ratio(whole: float, of: float, part: float, of_part: float) -> float:
    """How much heavier a unit of the whole is than one of the part."""
    return (whole / of) / (part / of_part) if of and part and of_part else 1.0
