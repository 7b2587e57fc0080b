"""The evaluation files of one dialog of a synthetic IEMOCAP: what the observers and the actors say of each turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from kemfeat.synth.iemocap._layout import TICKS
from kemfeat.synth.iemocap._ratings import Named, Rated, Scales

HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]"
COMMENTS = ("blasé", "fâchée", "naïve", "laughs at the end", "close to the other one", "very tired", "déçu")
COMMENTED = 0.02
"""Share of the lines of a person that end in a comment; a guess, as are the comments."""

T = TypeVar("T", Named, Scales)


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance: its identifier, start and end [1 / TICKS s], and what people say of it."""

    identifier: str
    start: int
    end: int
    rated: Rated

    @property
    def actor(self) -> str:
        """``F`` or ``M``."""
        return self.identifier[-4]


def evaluation(rng: np.random.Generator, turns: Sequence[Turn]) -> bytes:
    """The dialog's main file, latin-1: a header, then one block per turn, those of the woman first.

    A dialog with turns has at least one comment, and that is not ASCII.
    """
    comments = _comments(rng)
    blocks = [_block(turn, comments) for actor in "FM" for turn in turns if turn.actor == actor]
    return "\n".join([HEADER, "", *blocks]).encode("latin-1")


def folders(turns: Sequence[Turn]) -> dict[str, bytes]:
    """Per path below ``EmoEvaluation``, without what every name begins with, the files of single people."""
    rated = turns[0].rated
    files = {}
    for index, observer in enumerate(rated.panel.categorical):
        votes = [(turn, turn.rated.votes[index]) for turn in turns]
        files[f"Categorical/{{}}_{observer.lower()}_cat.txt"] = _list(votes, _alone_category)
    for index, observer in enumerate(rated.panel.attribute):
        scales = [(turn, turn.rated.scales[index]) for turn in turns]
        files[f"Attribute/{{}}_{observer.lower()}_atr.txt"] = _list(scales, _alone_scales)
    return files | _own_files(turns)


def _own_files(turns: Sequence[Turn]) -> dict[str, bytes]:
    files = {}
    for actor in "FM":
        votes = [(turn, vote) for turn in turns if turn.actor == actor and (vote := turn.rated.own_vote)]
        scales = [(turn, own) for turn in turns if turn.actor == actor and (own := turn.rated.own_scales)]
        if votes:
            files[f"Self-evaluation/{{}}_{actor.lower()}_cat.txt"] = _list(votes, _alone_category)
            files[f"Self-evaluation/{{}}_{actor.lower()}_atr.txt"] = _list(scales, _alone_scales)
    return files


def _list(rows: Sequence[tuple[Turn, T]], spelled: Callable[[T], str]) -> bytes:
    return "".join(f"{turn.identifier} :{spelled(said)} ()\n" for turn, said in rows).encode("ascii")


def _alone_category(named: Named) -> str:
    return " ".join(f"{category};" for category in named)


def _alone_scales(scales: Scales) -> str:
    valence, activation, dominance = scales
    return f"act {activation}; :val {valence}; :dom {dominance};"


def _block(turn: Turn, comments: Iterator[str]) -> str:
    """The lines of one turn, each ended."""
    rated, own = turn.rated, f"{turn.actor}1"
    means = ", ".join(f"{mean:.4f}" for mean in rated.mean)
    lines = [f"[{seconds(turn.start)} - {seconds(turn.end)}]\t{turn.identifier}\t{rated.code}\t[{means}]"]
    votes = [*zip(rated.panel.categorical, rated.votes, strict=True)]
    scales = [*zip(rated.panel.attribute, rated.scales, strict=True)]
    votes += [(own, rated.own_vote)] if rated.own_vote else []
    scales += [(own, rated.own_scales)] if rated.own_scales else []
    lines += [f"C-{who}:\t{'; '.join(named)};\t({next(comments)})" for who, named in votes]
    lines += [f"A-{who}:\tval {v}; act {a}; dom  {d};\t({next(comments)})" for who, (v, a, d) in scales]
    return "\n".join([*lines, ""])


def seconds(ticks: int) -> str:
    """Seconds with four decimals, exactly."""
    return f"{ticks // TICKS}.{ticks % TICKS:04}"


def _comments(rng: np.random.Generator) -> Iterator[str]:
    yield COMMENTS[0]
    while True:
        yield COMMENTS[int(rng.integers(len(COMMENTS)))] if rng.random() < COMMENTED else ""
