"""Named random streams: every draw of a synthetic corpus is a function of the seed and of what it is drawn for."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a stream of random numbers is for; the number is part of its seed, so it never changes."""

    LAYOUT = 0
    LABELS = 1
    RATINGS = 2
    DEFECTS = 3
    VOICE = 4
    SENTENCE = 5
    SPEECH = 6
    PHYSIOLOGY = 7
    FACE = 8


def generator(seed: int, stream: Stream, *key: int) -> np.random.Generator:
    """The generator of one stream and, for example, of one ``(session, index)`` within it.

    Parameters
    ----------
    seed : int, >= 0
        Seed of the corpus.
    stream : Stream
        What the numbers are for.
    *key : int, >= 0
        What they are drawn for.

    Returns
    -------
    numpy.random.Generator
        The same numbers for the same arguments.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(stream), *key)))
