"""Emotion vocabularies and the rules that make one label from several votes.

The official KEMDy order (happy, surprise, angry, neutral, disgust, fear, sad) is also the order in which the corpus
joins ties with ``;``. Other corpora have more emotions: a vocabulary is a tuple of words in the order of its ties.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kemfeat.config import suggest
from kemfeat.errors import ConfigError, CorpusError

if TYPE_CHECKING:
    import pandas as pd

EMOTIONS: tuple[str, ...] = ("happy", "surprise", "angry", "neutral", "disgust", "fear", "sad")
FIVE_CLASSES: tuple[str, ...] = ("neutral", "sad", "happy", "surprise", "angry")
FOUR_CLASSES: tuple[str, ...] = ("neutral", "sad", "happy", "angry")
ALIASES: dict[str, str] = {"disqust": "disgust"}
SPELLINGS: dict[str, str] = {
    **ALIASES,
    "happiness": "happy",
    "joy": "happy",
    "surprised": "surprise",
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "sadness": "sad",
    "기쁨": "happy",
    "행복": "happy",
    "놀람": "surprise",
    "놀라움": "surprise",
    "분노": "angry",
    "화남": "angry",
    "중립": "neutral",
    "혐오": "disgust",
    "공포": "fear",
    "두려움": "fear",
    "슬픔": "sad",
}
"""Per common spelling the word of :data:`EMOTIONS` for it."""
TIE = ";"
LABEL_COLUMNS: tuple[str, ...] = ("emotion_speech", "emotion_face", "emotion_text", "emotion_multimodal")
"""Columns with further labels of an utterance, by what the annotators were given; each is a label rule as well."""
STORE_RULES: tuple[str, ...] = ("annotated", "votes", *LABEL_COLUMNS)
"""The label rules that a store may be built with."""
OF, EACH = "=", ","
"""Between a corpus and its rule, and between corpora: ``KEMDy20=5class,IEMOCAP=4class``."""


class _Rule(NamedTuple):
    """What a label rule does, in words, and the labels that it makes of the table of utterances."""

    about: str
    labels: Callable[[pd.DataFrame], pd.Series[Any]]


_RULES: dict[str, _Rule] = {
    "annotated": _Rule("the corpus' own label, ties kept joined by ;", lambda table: table["emotion_annotated"]),
    "first": _Rule("the first emotion of a tie", lambda table: table["emotion_first"]),
    "7class": _Rule("the seven emotions of KEMDy, ties dropped", lambda table: _among(table["emotion"], EMOTIONS)),
    "5class": _Rule(
        "the subset of system 1: ties, disgust and fear dropped", lambda table: _among(table["emotion"], FIVE_CLASSES)
    ),
    "4class": _Rule(
        "the usual subset of IEMOCAP: neutral, sad, angry and happy, where excited counts as happy",
        lambda table: _among(table["emotion"].replace("excited", "happy"), FOUR_CLASSES),
    ),
    "4class-unmerged": _Rule("the same without excited", lambda table: _among(table["emotion"], FOUR_CLASSES)),
    "votes": _Rule(
        "the raters' majority, ties dropped",
        lambda table: table["majority"].map(lambda most: most[0] if len(most) == 1 else None),
    ),
}
RULES: dict[str, str] = {name: rule.about for name, rule in _RULES.items()}
"""Per label rule of :func:`apply_rule` what it does."""


def parse_emotions(text: str, *, vocabulary: Sequence[str] = EMOTIONS) -> tuple[str, ...]:
    """Split a label such as ``"neutral;disqust"`` into known emotions, in canonical order, each once.

    Parameters
    ----------
    text : str
        One emotion or several joined by ``;``; case and surrounding spaces are ignored.
    vocabulary : sequence of str
        The emotions of the corpus, in canonical order.

    Returns
    -------
    tuple of str
        Words of the vocabulary.

    Raises
    ------
    CorpusError
        A part is not an emotion of the vocabulary or an alias of one.

    Examples
    --------
    >>> parse_emotions("disqust; Neutral")
    ('neutral', 'disgust')
    """
    parts = [part.strip().lower() for part in text.split(TIE)]
    names = {ALIASES.get(part, part) for part in parts}
    unknown = sorted(names - set(vocabulary))
    if unknown:
        raise CorpusError(
            f"label {text!r} contains {unknown[0]!r}; expected some of {', '.join(vocabulary)} joined by {TIE!r}"
        )
    return tuple(name for name in vocabulary if name in names)


def join_emotions(emotions: Sequence[str], *, vocabulary: Sequence[str] = EMOTIONS) -> str:
    """Join emotions as the corpus does, the inverse of :func:`parse_emotions`.

    Parameters
    ----------
    emotions : sequence of str
        Words of the vocabulary or aliases, in any order.
    vocabulary : sequence of str
        The emotions of the corpus, in canonical order.

    Returns
    -------
    str
        Canonical order, each once, ``;`` between them; empty when there is no emotion.

    Raises
    ------
    CorpusError
        A word is not an emotion of the vocabulary or an alias of one.

    Examples
    --------
    >>> join_emotions(["sad", "happy"])
    'happy;sad'
    """
    return TIE.join(parse_emotions(TIE.join(emotions), vocabulary=vocabulary)) if emotions else ""


def count_votes(votes: Iterable[Sequence[str]], *, vocabulary: Sequence[str] = EMOTIONS) -> dict[str, int]:
    """Count raters per emotion; a rater who chose several emotions counts for each.

    Parameters
    ----------
    votes : iterable of sequence of str
        Per rater the chosen emotions.
    vocabulary : sequence of str
        The emotions of the corpus, in canonical order.

    Returns
    -------
    dict of str to int
        Count per emotion, in canonical order.

    Examples
    --------
    >>> counts = count_votes([("happy",), ("happy", "sad")])
    >>> counts["happy"], counts["sad"], counts["fear"]
    (2, 1, 0)
    """
    counts = dict.fromkeys(vocabulary, 0)
    for named in votes:
        for emotion in named:
            counts[emotion] += 1
    return counts


def majority(counts: Mapping[str, int], *, vocabulary: Sequence[str] = EMOTIONS) -> tuple[str, ...]:
    """The emotions with the most votes.

    Parameters
    ----------
    counts : mapping of str to int
        Votes per emotion.
    vocabulary : sequence of str
        The emotions of the corpus, in canonical order.

    Returns
    -------
    tuple of str
        Several in a tie, in canonical order; empty when nobody voted.

    Examples
    --------
    >>> majority({"sad": 3, "happy": 3, "fear": 1})
    ('happy', 'sad')
    """
    top = max(counts.values(), default=0)
    return tuple(name for name in vocabulary if top > 0 and counts.get(name) == top)


class UsualLabels(NamedTuple):
    """The usual label rule and classes of a corpus, and the rule that keeps every label except ties."""

    rule: str
    classes: tuple[str, ...]
    all: str


def usual_labels(vocabulary: Sequence[str]) -> UsualLabels:
    """The label rule and the classes that are usual for a corpus.

    Parameters
    ----------
    vocabulary : sequence of str
        The emotions that the corpus knows.

    Returns
    -------
    UsualLabels
        Five classes for the seven emotions of KEMDy, four for a corpus that has excited beside happy (IEMOCAP), else
        all of them, with the corpus' own labels.

    Examples
    --------
    >>> usual_labels(EMOTIONS).rule
    '5class'
    >>> usual_labels(("calm", "tense")).classes
    ('calm', 'tense')
    """
    if set(vocabulary) <= set(EMOTIONS):
        return UsualLabels("5class", FIVE_CLASSES, "7class")
    if "excited" in vocabulary:
        return UsualLabels("4class", FOUR_CLASSES, "annotated")
    return UsualLabels("annotated", tuple(vocabulary), "annotated")


def apply_rule(utterances: pd.DataFrame, *, rule: str) -> pd.Series[Any]:
    """One label per utterance, or None where the rule drops the row.

    Parameters
    ----------
    utterances : DataFrame
        The columns ``emotion``, ``emotion_first``, ``emotion_annotated`` and ``majority`` of a store; ``emotion`` and
        ``emotion_first`` follow the rule that the store was built with.
    rule : str
        A key of :data:`RULES`, which says what each does; or one of :data:`LABEL_COLUMNS` that the store has, ties
        kept. In a joined store also a rule for each corpus, ``KEMDy20=5class,IEMOCAP=4class``.

    Returns
    -------
    Series of str or None
        Called ``emotion``; ``attrs`` has the ``rule`` and the number of rows that it ``dropped``.

    Raises
    ------
    ConfigError
        There is no such rule, or the rules are not those of the corpora of the store.

    Examples
    --------
    >>> import kemfeat
    >>> labels = apply_rule(kemfeat.open_store("stores/KEMDy20").utterances, rule="5class")
    >>> labels.attrs["rule"], set(labels.dropna()) <= {"angry", "happy", "neutral", "sad", "surprise"}
    ('5class', True)
    """
    labels = _of_each(utterances, rule) if OF in rule else _rules(utterances, rule)
    labels = labels.astype(object).where(labels.notna(), None)
    labels.attrs = {"rule": rule, "dropped": int(labels.isna().sum())}
    return labels


def _rules(utterances: pd.DataFrame, rule: str) -> pd.Series[Any]:
    """Labels under one rule."""
    further = [name for name in LABEL_COLUMNS if name in utterances]
    if rule in further:
        return utterances[rule].rename("emotion")
    if rule not in _RULES:
        raise ConfigError(f"label rule {rule!r}{suggest(rule, (*_RULES, *further))}")
    return _RULES[rule].labels(utterances).rename("emotion")


def _of_each(utterances: pd.DataFrame, rules: str) -> pd.Series[Any]:
    """Labels under a rule for each corpus of a joined store."""
    pairs = [pair.partition(OF) for pair in rules.split(EACH)]
    named = {corpus.strip(): rule.strip() for corpus, _, rule in pairs}
    here = [] if "corpus" not in utterances else sorted(utterances["corpus"].unique())
    if sorted(named) != here or len(named) < len(pairs):
        found = f"the corpora of this store are {', '.join(here)}" if here else "this store is of one corpus"
        usage = f"pass one rule for each: {EACH.join(f'{name}{OF}RULE' for name in here)}" if here else "pass one rule"
        raise ConfigError(f"label rule {rules!r}: {found}; {usage}")
    labels = utterances["emotion"].astype(object)
    for corpus, rule in named.items():
        own = utterances["corpus"] == corpus
        labels[own] = _rules(utterances[own], rule)
    return labels


def _among(labels: pd.Series[Any], classes: Sequence[str]) -> pd.Series[Any]:
    return labels.where(labels.isin(classes))
