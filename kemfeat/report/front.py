"""The first screen: verdicts, classes, coverage, and what to watch out for in three ranks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kemfeat.corpora import terms_of
from kemfeat.figures.emotions import group_colours
from kemfeat.labels import TIE
from kemfeat.plural import many
from kemfeat.report.results import Card, Damaged, Result
from kemfeat.report.tables import printable
from kemfeat.store import summary
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd

MOST_CARDS = 9
"""Findings that are seen at once; the others are folded."""

Rank = Literal["problem", "caution", "note"]

MOST_BARS = 9
"""Classes with a bar of their own; the others share one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A class of the corpus.

    Parameters
    ----------
    name : str
        The emotion.
    count : str
        Its utterances.
    share : float, 0 to 1
        Of all utterances.
    colour : str
        That of the emotion in every figure, as ``#rrggbb``.
    """

    name: str
    count: str
    share: float
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """How much of a signal there is, session by session.

    Parameters
    ----------
    name : str
        The signal.
    share : float, 0 to 1
        Mean share of an utterance that it covers, over all utterances.
    sessions : tuple of (str, float)
        Name of each session and the same share in it.
    """

    name: str
    share: float
    sessions: tuple[tuple[str, float], ...]

    @property
    def words(self) -> str:
        """What is to be seen."""
        name, least = min(self.sessions, key=lambda session: session[1])
        return f"{self.name} covers {self.share:.0%} of an utterance on average; least in {name}, {least:.0%}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to watch out for.

    Parameters
    ----------
    rank : {"problem", "caution", "note"}
        A problem makes something wrong or absent, a caution limits what may be concluded, a note is good to know.
    text : str
        One sentence.
    about : str
        Title of the analysis that says so; empty for the store.
    anchor : str
        Where in the page there is more.
    """

    rank: Rank
    text: str
    about: str
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Content of the first screen.

    Parameters
    ----------
    what : str
        One sentence on what the store is.
    cards : tuple of (Result, Card)
        Every finding and the analysis that made it.
    most_cards : int
        How many of them are seen at once.
    bars : tuple of Bar
        The classes, the largest first.
    strips : tuple of Strip
        The signals.
    notices : dict of str to tuple of Notice
        By rank, the worst first; ranks without any are absent.
    """

    what: str
    cards: tuple[tuple[Result, Card], ...]
    most_cards: int
    bars: tuple[Bar, ...]
    strips: tuple[Strip, ...]
    notices: dict[Rank, tuple[Notice, ...]]


def front(store: Store, results: Iterable[Result | Damaged]) -> Front:
    """Make the first screen.

    Parameters
    ----------
    store : Store
        A finished store.
    results : iterable of Result or Damaged
        The analyses of the store.

    Returns
    -------
    Front
        Its content.
    """
    results = tuple(results)
    found = [*_of_store(store), *(notice for result in results for notice in _of_result(result))]
    ranks: tuple[Rank, ...] = ("problem", "caution", "note")
    by_rank = {rank: tuple(notice for notice in found if notice.rank == rank) for rank in ranks}
    return Front(
        what=_what(store),
        cards=tuple((result, card) for result in results if isinstance(result, Result) for card in result.verdicts),
        most_cards=MOST_CARDS,
        bars=_bars(store.utterances),
        strips=tuple(_strips(store.utterances)),
        notices={rank: notices for rank, notices in by_rank.items() if notices},
    )


def _what(store: Store) -> str:
    utterances, features = store.utterances, store.header.features
    hours = float(utterances["duration"].sum()) / 3600
    audio = f", {hours:,.1f} hours of speech" if hours else ""
    speakers, sessions = (many(utterances[name].nunique(), name) for name in ("speaker", "session"))
    made = f"{many(len(features), 'feature')}: {', '.join(features)}"
    return f"{many(len(store), 'utterance')} of {speakers} in {sessions}{audio}, as {made}."


def _bars(utterances: pd.DataFrame) -> tuple[Bar, ...]:
    labels = utterances["emotion"].astype(object)
    tied = labels.map(lambda name: isinstance(name, str) and TIE in name).astype(bool)
    counts = labels.mask(tied, "tie").fillna("no label").value_counts()
    largest = sorted(counts.items(), key=lambda item: (-int(item[1]), str(item[0])))
    rest = sum(int(count) for _, count in largest[MOST_BARS:])
    colours = group_colours(map(str, counts.index.difference(["tie", "no label"])))
    shown = [*largest[:MOST_BARS], *([(f"{len(largest) - MOST_BARS} others", rest)] if rest else [])]
    return tuple(
        Bar(
            name=printable(name),
            count=f"{int(count):,}",
            share=int(count) / max(len(utterances), 1),
            colour=hex_colour(colours.get(str(name), "0.8")),
        )
        for name, count in shown
    )


def hex_colour(colour: str) -> str:
    """A colour of a figure as HTML has it.

    Parameters
    ----------
    colour : str
        As of :mod:`kemfeat.figures.emotions`, where ``0.6`` is a grey.

    Returns
    -------
    str
        ``#rrggbb``.

    Examples
    --------
    >>> hex_colour("0.6"), hex_colour("#0072B2")
    ('#999999', '#0072B2')
    """
    return colour if colour.startswith("#") else f"#{3 * f'{round(float(colour) * 255):02x}'}"


def _strips(utterances: pd.DataFrame) -> Iterator[Strip]:
    for medium in summary.media(utterances):
        share = utterances[f"{medium}_coverage"].fillna(0.0)
        means = share.groupby(utterances["session"], sort=True).mean()
        sessions = tuple((printable(name), float(mean)) for name, mean in means.items())
        if sessions:
            yield Strip(name=medium.upper(), share=float(share.mean()), sessions=sessions)


def _of_store(store: Store) -> Iterator[Notice]:
    for feature, rows in summary.missing_rows(store.header).items():
        if rows:
            text = f"{feature} could not be extracted from {many(rows, 'row')}"
            yield Notice(rank="problem", text=text, about="", anchor="features")
    for cut in summary.cuts(store.header, store.utterances):
        if cut.rows:
            text = f"{cut.what} of {cut.rows:,} utterances is cut at the stored length"
            yield Notice(rank="note", text=text, about="", anchor="features")
    yield Notice(rank="note", text=terms_of(store.dataset).licence, about="Licence", anchor="card")


def _of_result(result: Result | Damaged) -> Iterator[Notice]:
    if isinstance(result, Damaged):
        text = f"analyses/{result.name} is not shown: {result.reason}"
        yield Notice(rank="problem", text=text, about="", anchor="analyses")
        return
    stale = ["it was made from another version of this store; run it again"] if result.stale else []
    for text in (*stale, *result.problems):
        yield Notice(rank="problem", text=text, about=result.title, anchor=result.anchor)
    for text in result.warnings:
        yield Notice(rank="caution", text=text, about=result.title, anchor=result.anchor)
