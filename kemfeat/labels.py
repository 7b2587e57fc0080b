"""Emotion vocabularies and the rules that make one label of several votes.

The official KEMDy order (happy, surprise, angry, neutral, disgust, fear, sad) is also the order in which the corpus
joins ties with ``;``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kemfeat.config import suggest
from kemfeat.errors import ConfigError, CorpusError

if TYPE_CHECKING:
    import pandas as pd

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
    """Join emotions as the corpus does: canonical order, each once, ``;`` between; no emotion gives ``""``.

    Raises
    ------
    CorpusError
        As :func:`parse_emotions`, whose inverse this is.
    """
    return TIE.join(parse_emotions(TIE.join(emotions))) if emotions else ""


def count_votes(votes: Iterable[Sequence[str]]) -> dict[str, int]:
    """Count raters per emotion; a rater who named several emotions counts for each."""
    counts = dict.fromkeys(EMOTIONS, 0)
    for named in votes:
        for emotion in named:
            counts[emotion] += 1
    return counts


def majority(counts: Mapping[str, int]) -> tuple[str, ...]:
    """The emotions with the most votes, in canonical order; empty when nobody voted."""
    top = max(counts.values(), default=0)
    return tuple(name for name in EMOTIONS if top > 0 and counts.get(name) == top)


def apply_rule(utterances: pd.DataFrame, *, rule: str) -> pd.Series[Any]:
    """One label per utterance, or None where the rule drops the row.

    Parameters
    ----------
    utterances : table with the columns ``emotion``, ``emotion_first``, ``emotion_annotated`` and ``majority`` of a
        store; ``emotion`` and ``emotion_first`` follow the rule that the store was built with.
    rule : ``annotated``, the corpus' own label, ties kept joined by ``;``; ``first``, the first emotion of a tie;
        ``7class``, ties dropped; ``5class``, system 1's subset, ties and disgust and fear dropped; ``votes``, the
        raters' majority, ties dropped.

    Returns
    -------
    Series
        Named ``emotion``; ``attrs`` hold the ``rule`` and how many rows it ``dropped``.

    Raises
    ------
    ConfigError
        No such rule.
    """
    known = {
        "annotated": lambda: utterances["emotion_annotated"],
        "first": lambda: utterances["emotion_first"],
        "7class": lambda: utterances["emotion"].where(utterances["emotion"].isin(EMOTIONS)),
        "5class": lambda: utterances["emotion"].where(utterances["emotion"].isin(FIVE_CLASSES)),
        "votes": lambda: utterances["majority"].map(lambda most: most[0] if len(most) == 1 else None),
    }
    if rule not in known:
        raise ConfigError(f"label rule {rule!r}{suggest(rule, known)}")
    labels = known[rule]().rename("emotion")
    labels = labels.astype(object).where(labels.notna(), None)
    labels.attrs = {"rule": rule, "dropped": int(labels.isna().sum())}
    return labels
