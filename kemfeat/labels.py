"""Emotion vocabularies and the rules that make one label of several votes.

The official KEMDy order (happy, surprise, angry, neutral, disgust, fear, sad) is also the order in which the corpus
joins ties with ``;``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kemfeat.errors import CorpusError

EMOTIONS: tuple[str, ...] = ("happy", "surprise", "angry", "neutral", "disgust", "fear", "sad")
FIVE_CLASSES: tuple[str, ...] = ("neutral", "sad", "happy", "surprise", "angry")
ALIASES: dict[str, str] = {"disqust": "disgust"}
TIE = ";"


def parse_emotions(text: str) -> tuple[str, ...]:
    """Split a label such as ``"neutral;disqust"`` into known emotions, in canonical order, each once.

    Parameters
    ----------
    text : one label or several joined by ``;``; case and spaces around are ignored.

    Raises
    ------
    CorpusError
        A part is not an emotion of :data:`EMOTIONS` or an alias of one.
    """
    parts = [part.strip().lower() for part in text.split(TIE)]
    names = {ALIASES.get(part, part) for part in parts}
    unknown = sorted(names - set(EMOTIONS))
    if unknown:
        raise CorpusError(
            f"label {text!r} holds {unknown[0]!r}; expected some of {', '.join(EMOTIONS)} joined by {TIE!r}"
        )
    return tuple(name for name in EMOTIONS if name in names)


def join_emotions(emotions: Sequence[str]) -> str:
    """Join emotions as the corpus does: canonical order, ``;`` between."""
    return TIE.join(emotions)


def count_votes(votes: Iterable[Sequence[str]]) -> dict[str, int]:
    """Count raters per emotion; a rater who named several emotions counts for each."""
    counts = dict.fromkeys(EMOTIONS, 0)
    for named in votes:
        for emotion in named:
            counts[emotion] += 1
    return counts


def majority(counts: dict[str, int]) -> tuple[str, ...]:
    """The emotions with the most votes, in canonical order; empty when nobody voted."""
    top = max(counts.values(), default=0)
    return tuple(name for name in EMOTIONS if top > 0 and counts[name] == top)
