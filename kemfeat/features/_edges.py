"""The edges between the ticks of a chunk of a conversation, found by one sweep over the clock."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def edges(
    clock: NDArray[np.int64], speakers: NDArray[np.int64], *, max_gap: int, cross_speaker: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of nodes near in time.

    Two nodes are joined, in both directions, when they have one speaker and are at most ``max_gap`` apart, or, across
    speakers, when they have the same clock. A node is joined with itself.

    Parameters
    ----------
    clock : milliseconds, ascending [shape=(n,)].
    speakers : a number for each node's speaker [shape=(n,)].
    max_gap : milliseconds, at least 0.
    cross_speaker : whether nodes of different speakers are joined at all.

    Returns
    -------
    source, target : ndarray [shape=(m,)]
        Ends of the edges, by target, then by source.
    """
    # Nodes within the gap stand side by side, so what is looked at is at most so many times the edges as people speak.
    first = np.searchsorted(clock, clock - max_gap, side="left")
    last = np.searchsorted(clock, clock + max_gap, side="right")
    counts = last - first
    target = np.repeat(np.arange(len(clock)), counts)
    source = np.arange(len(target)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    joined = speakers[source] == speakers[target]
    if cross_speaker:
        joined |= clock[source] == clock[target]
    return source[joined], target[joined]
