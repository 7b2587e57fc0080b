"""The annotation files of a synthetic KEMDy20: 37 columns below two header rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kemfeat.labels import EMOTIONS
from kemfeat.synth.layout import Turns
from kemfeat.synth.ratings import KINDS, RATERS, Ratings

HEADER = (
    ",".join(["Numb", "WAV", " ", "Segment ID", "Total Evaluation", " ", " ", *(f"{name}, , " for name in RATERS)]),
    ",".join([" ", "start", "end", " ", *["Emotion,Valence,Arousal"] * (1 + len(RATERS))]),
)


def table(turns: Turns, ratings: Ratings, identifiers: list[str]) -> str:
    """Text of one session's annotation file.

    Parameters
    ----------
    turns : Turns
        The session's utterances.
    ratings : Ratings
        What the raters say of each.
    identifiers : list of str
        Their identifiers, spelled as in the file.

    Returns
    -------
    str
        Two header rows and one row per utterance.
    """
    lines = [_line(index, turns, ratings, identifiers[index]) for index in range(len(turns))]
    return "\n".join([*HEADER, *lines, ""])


def _line(index: int, turns: Turns, ratings: Ratings, identifier: str) -> str:
    said = evaluation(ratings, index, kinds=_KINDS, names=_EMOTIONS)
    return ",".join([str(index + 1), seconds(turns.start[index]), seconds(turns.end[index]), identifier, said])


def evaluation(ratings: Ratings, index: int, *, kinds: Sequence[str], names: Sequence[str]) -> str:
    """The 33 cells of one utterance: emotion, valence and arousal, in total and of each rater.

    Parameters
    ----------
    ratings : Ratings
        What the raters say of all utterances.
    index : int, >= 0
        Which utterance.
    kinds : sequence of str
        Spelling of the final labels.
    names : sequence of str
        Spelling of the seven emotions.

    Returns
    -------
    str
        The cells, joined by commas.
    """
    total = [kinds[ratings.kind[index]], _mean(ratings.valence[index]), _mean(ratings.arousal[index])]
    raters = zip(ratings.votes[index], ratings.valence[index], ratings.arousal[index], strict=True)
    return ",".join([*total, *(f"{names[vote]},{valence},{arousal}" for vote, valence, arousal in raters)])


def seconds(milliseconds: int) -> str:
    """Seconds with up to eight significant digits, as the corpus writes them.

    Parameters
    ----------
    milliseconds : int [ms]
        The time.

    Returns
    -------
    str
        The cell.

    Examples
    --------
    >>> seconds(12345)
    '12.345'
    """
    return f"{milliseconds / 1000:.8g}"


def spelled(kind: str) -> str:
    """The label in KEMDy20's spelling.

    Parameters
    ----------
    kind : str
        Label in kemfeat's spelling.

    Returns
    -------
    str
        The same label as the files write it.
    """
    return kind.replace("disgust", "disqust")


_KINDS = [spelled(kind) for kind in KINDS]
_EMOTIONS = [spelled(name) for name in EMOTIONS]


def _mean(reports: NDArray[np.int64]) -> str:
    """One decimal; an integer has none."""
    return f"{int(reports.sum()) / len(reports):g}"
