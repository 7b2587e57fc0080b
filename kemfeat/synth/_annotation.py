"""The annotation files of a synthetic KEMDy20: 37 columns below two header rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kemfeat.labels import EMOTIONS
from kemfeat.synth._layout import Turns
from kemfeat.synth._ratings import KINDS, RATERS, Ratings

HEADER = (
    ",".join(["Numb", "WAV", " ", "Segment ID", "Total Evaluation", " ", " ", *(f"{name}, , " for name in RATERS)]),
    ",".join([" ", "start", "end", " ", *["Emotion,Valence,Arousal"] * (1 + len(RATERS))]),
)

_SPELLING = {"disgust": "disqust"}


def table(turns: Turns, ratings: Ratings, identifiers: list[str]) -> str:
    """Text of one session's file; ``identifiers`` as the file shall spell them."""
    lines = [_line(index, turns, ratings, identifiers[index]) for index in range(len(turns))]
    return "\n".join([*HEADER, *lines, ""])


def _line(index: int, turns: Turns, ratings: Ratings, identifier: str) -> str:
    total = [spelled(KINDS[ratings.kind[index]]), _mean(ratings.valence[index]), _mean(ratings.arousal[index])]
    raters = zip(ratings.votes[index], ratings.valence[index], ratings.arousal[index], strict=True)
    cells = [f"{spelled(EMOTIONS[vote])},{valence},{arousal}" for vote, valence, arousal in raters]
    return ",".join(
        [str(index + 1), seconds(turns.start[index]), seconds(turns.end[index]), identifier, *total, *cells]
    )


def seconds(milliseconds: int) -> str:
    """Seconds with up to eight significant digits, as the corpus writes them."""
    return f"{milliseconds / 1000:.8g}"


def spelled(kind: str) -> str:
    """The label in the corpus' spelling."""
    return ";".join(_SPELLING.get(name, name) for name in kind.split(";"))


def _mean(reports: NDArray[np.int64]) -> str:
    """One decimal; an integer has none."""
    return f"{int(reports.sum()) / len(reports):g}"
