"""Contestants take turns, A B A B ..., so that whatever else the machine does falls on all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import NamedTuple

from kemfeat.errors import WorkerError

from ._record import Row

Turn = Callable[[], float]
"""One turn of a contestant: what one item cost, in seconds."""

INSTALL = "pip install 'kemfeat[bench]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """kemfeat or a peer.

    Parameters
    ----------
    open : imports and prepares what it needs; its turns come after that.
    what : for people, how it does it.
    library : what must be importable; empty for kemfeat.
    install : how to get it.
    note : what a reader must know to judge it.
    """

    open: Callable[[], Turn]
    what: str = ""
    library: str = ""
    install: str = INSTALL
    note: str = ""


class Spread(NamedTuple):
    """Median, or ratio of medians; the smallest and the largest of a round, between which it lies."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Per contestant its samples by round; of those that could not take part, why."""

    samples: dict[str, list[float]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def spread(values: Sequence[float]) -> Spread:
    """Median, smallest and largest."""
    return Spread(statistics.median(values), min(values), max(values))


def ratio(ours: Sequence[float], peer: Sequence[float]) -> Spread:
    """How many times as long the peer took: the ratio of medians, between the smallest and largest of a round."""
    rounds = [theirs / mine for mine, theirs in zip(ours, peer, strict=True)]
    return Spread(statistics.median(peer) / statistics.median(ours), min(rounds), max(rounds))


def open_all(contestants: Mapping[str, Contestant]) -> tuple[dict[str, Turn], dict[str, str]]:
    """The turns of those that are installed, and why the others are missing."""
    turns: dict[str, Turn] = {}
    missing: dict[str, str] = {}
    for name, contestant in contestants.items():
        if contestant.library and find_spec(contestant.library) is None:
            missing[name] = f"not installed: {contestant.install}"
            continue
        try:
            turns[name] = contestant.open()
        except ImportError as error:
            missing[name] = f"cannot be used here: {error}"
    return turns, missing


def alternate(turns: Mapping[str, Turn], *, rounds: int, say: Callable[[str], None]) -> Outcome:
    """Let every contestant take its turn in every round, in order; the first is kemfeat.

    Raises
    ------
    WorkerError
        kemfeat failed. A peer that fails takes no further part.
    """
    outcome = Outcome({name: [] for name in turns})
    ours = next(iter(turns))
    for number in range(1, rounds + 1):
        say(f"round {number} of {rounds}")
        for name, turn in turns.items():
            if name in outcome.missing:
                continue
            try:
                outcome.samples[name].append(turn())
            except WorkerError as error:
                if name == ours:
                    raise
                outcome.missing[name] = f"failed: {error}"
                del outcome.samples[name]
    return outcome


def rows(name: str, contestants: Mapping[str, Contestant], outcome: Outcome, *, item: str) -> list[Row]:
    """One row per peer: how many times as long it takes as kemfeat, the first contestant."""
    ours, *peers = contestants
    return [_row(f"{name}.{peer}", contestants[peer], outcome, (ours, peer), item) for peer in peers]


def _row(key: str, contestant: Contestant, outcome: Outcome, pair: tuple[str, str], item: str) -> Row:
    ours, peer = pair
    if peer not in outcome.samples:
        return Row(key=key, what=contestant.what, unit="times", missing=outcome.missing[peer], note=contestant.note)
    value, low, high = ratio(outcome.samples[ours], outcome.samples[peer])
    return Row(
        key=key,
        what=contestant.what,
        unit="times",
        value=value,
        low=low,
        high=high,
        samples={name: tuple(outcome.samples[name]) for name in pair},
        sample_unit=f"s/{item}",
        note=contestant.note,
    )


def figure(key: str, what: str, values: Sequence[float], *, unit: str, note: str = "") -> Row:
    """A row about kemfeat alone."""
    value, low, high = spread(values)
    return Row(
        key=key,
        what=what,
        unit=unit,
        value=value,
        low=low,
        high=high,
        samples={"kemfeat": tuple(values)},
        sample_unit=unit,
        note=note,
    )


def cpu_seconds(function: Callable[[], object]) -> float:
    """CPU time of this process for one call."""
    begun = time.process_time()
    function()
    return time.process_time() - begun


def wall_seconds(function: Callable[[], object]) -> float:
    """Time of the clock for one call."""
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun
