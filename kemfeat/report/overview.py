"""Data card, physiology, labels and provenance of a store: facts for which no array is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kemfeat import provenance
from kemfeat.corpora import columns_of, terms_of
from kemfeat.records import Terms
from kemfeat.report.tables import Cell, Table, printable, share, table
from kemfeat.store import columns, summary
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The data card.

    Parameters
    ----------
    dataset : str
        Name of the corpus.
    terms : Terms
        Licence, citation, how it was collected.
    banner : str
        What must be shown with every number; empty for a real corpus.
    counts : tuple of (str, str)
        Short facts, shown large: name and value.
    identity : tuple of (str, str)
        Digests and versions: name and value.
    settings, columns : Table
        What the store was built with, and what its columns mean.
    """

    dataset: str
    terms: Terms
    banner: str
    counts: tuple[tuple[str, str], ...]
    identity: tuple[tuple[str, str], ...]
    settings: Table
    columns: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """A section of sentences and tables.

    Parameters
    ----------
    sentences : tuple of str
        Shown first.
    tables : tuple of Table
        Shown below.
    """

    sentences: tuple[str, ...]
    tables: tuple[Table, ...]


def card(store: Store) -> Card:
    """Make the data card.

    Parameters
    ----------
    store : Store
        A finished store.

    Returns
    -------
    Card
        Its content.
    """
    return Card(
        dataset=printable(store.dataset),
        terms=terms_of(store.dataset),
        banner=provenance.BANNER if store.synthetic else "",
        counts=_counts(store),
        identity=_identity(store),
        settings=_settings(store),
        columns=_columns(store),
    )


def physiology(store: Store) -> Tables:
    """Summarise how much of each signal there is, in total and by session.

    Parameters
    ----------
    store : Store
        A finished store.

    Returns
    -------
    Tables
        One sentence, and two tables where the corpus has physiology.
    """
    utterances = store.utterances
    media = summary.media(utterances)
    if not media:
        return Tables(sentences=("The corpus has no physiology.",), tables=())
    sentence = "Signals are raw. What was not measured is masked; it is neither zero nor filled in."
    return Tables(sentences=(sentence,), tables=(_coverage(utterances, media), _by_session(utterances, media)))


def labels(store: Store) -> Tables:
    """Summarise the distribution of labels and ratings.

    Parameters
    ----------
    store : Store
        A finished store.

    Returns
    -------
    Tables
        Two sentences and three tables.
    """
    utterances = store.utterances
    ties, five = int(utterances["is_tie"].sum()), int(utterances["in_5class"].sum())
    rule = f"The label is {summary.label_rule(store.header)} (rule {store.header.label_rule}), ties joined by “;”."
    counts = f"{ties:,} of {len(store):,} utterances are ties; {five:,} are in the five-class subset."
    return Tables(sentences=(rule, counts), tables=(_emotions(utterances), _scales(utterances), _speakers(utterances)))


def made_by(store: Store) -> tuple[Table, ...]:
    """List how the store and this page were made, and with which versions.

    Parameters
    ----------
    store : Store
        A finished store.

    Returns
    -------
    tuple of Table
        Of the store, of the page, of the versions.
    """
    header = store.header
    here = provenance.versions()
    rows = [(name, header.versions.get(name), here.get(name)) for name in sorted(here.keys() | header.versions.keys())]
    made = [("corpus fingerprint", header.manifest_fingerprint), ("configuration digest", header.config_digest)]
    return (
        table("provenance-store", "How the store was made", ("what", "value"), [*leaves(header.provenance), *made]),
        table(
            "provenance-page",
            "How this page was made",
            ("what", "value"),
            [("created", provenance.now()), ("command", provenance.command())],
        ),
        table("provenance-versions", "Versions", ("library", "store", "this page"), rows),
    )


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Iterate over the values of nested tables.

    Parameters
    ----------
    values : mapping of str to object
        A table; values may be tables.
    prefix : str
        Put before every name.

    Yields
    ------
    tuple of (str, object)
        Dotted name and value.

    Examples
    --------
    >>> list(leaves({"mel": {"n_mels": 128}, "seed": 0}))
    [('mel.n_mels', 128), ('seed', 0)]
    """
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _counts(store: Store) -> tuple[tuple[str, str], ...]:
    utterances = store.utterances
    known = utterances["duration"].dropna()
    return (
        ("utterances", f"{len(store):,}"),
        ("speakers", f"{utterances['speaker'].nunique():,}"),
        ("sessions", f"{utterances['session'].nunique():,}"),
        ("hours of speech", f"{known.sum() / 3600:.2f}" if len(known) else "no audio"),
        ("median length", f"{known.median():.2f} s" if len(known) else "no audio"),
        ("arrays", f"{len(store.arrays):,}"),
    )


def _identity(store: Store) -> tuple[tuple[str, str], ...]:
    header = store.header
    size = sum(file.bytes for part in header.parts for file in part.files.values())
    return (
        ("digest (the version of the store; cite it)", header.digest),
        ("format version", str(header.format_version)),
        ("size of the arrays on disk", f"{size / 1e6:,.1f} MB"),
        ("made", f"{header.provenance.get('created')} by kemfeat {header.versions.get('kemfeat')}"),
    )


def _settings(store: Store) -> Table:
    config = store.header.config.model_dump(mode="json")
    rows = [*config.pop("settings").items(), ("build", config)]
    flat = [(feature, *leaf) for feature, settings in rows for leaf in leaves(settings)]
    return table("settings", "Settings of the build", ("part", "setting", "value"), flat)


def _columns(store: Store) -> Table:
    own = columns_of(store.dataset)
    rows = [(name, columns.describe(str(name), own)) for name in store.utterances.columns]
    return table("columns", "Columns of the utterance table", ("column", "meaning"), rows)


def _coverage(utterances: pd.DataFrame, media: Iterable[str]) -> Table:
    rows = []
    for medium in media:
        have, inside = summary.covered(utterances, medium)
        rows.append((medium.upper(), have, share(have, len(utterances)), share(inside)))
    head = ("signal", "utterances with any", "share of utterances", "share of their time covered")
    return table("coverage", "Physiology: how much there is", head, rows)


def _by_session(utterances: pd.DataFrame, media: list[str]) -> Table:
    rows = [
        (name, len(group), *(share(float(group[f"{medium}_coverage"].mean())) for medium in media))
        for name, group in utterances.groupby("session", sort=True)
    ]
    head = ("session", "utterances", *(medium.upper() for medium in media))
    return table("coverage-sessions", "Mean share of an utterance that a signal covers, by session", head, rows)


def _emotions(utterances: pd.DataFrame) -> Table:
    counts = utterances["emotion"].value_counts(dropna=False)
    ordered = sorted(counts.items(), key=lambda item: (-int(item[1]), str(item[0])))
    rows = [(_label(name), int(count), share(int(count), len(utterances))) for name, count in ordered]
    return table("emotions", "Emotion", ("emotion", "utterances", "share"), rows)


def _scales(utterances: pd.DataFrame) -> Table:
    rows = []
    for name in ("valence", "arousal"):
        values = utterances[name].dropna()
        rows.append((name, len(values), *(float(v) for v in (values.mean(), values.std(), values.min(), values.max()))))
    head = ("scale", "utterances", "mean", "standard deviation", "lowest", "highest")
    return table("scales", "Valence and arousal, mean of the raters, 1 to 5", head, rows)


def _speakers(utterances: pd.DataFrame) -> Table:
    groups = utterances.groupby(["session", "speaker", "sex"], sort=True, dropna=False)
    rows = [
        (
            *map(_label, names),
            len(group),
            float(group["duration"].sum() / 60),
            share(int(group["in_5class"].sum()), len(group)),
            share(int(group["is_tie"].sum()), len(group)),
            float(group["valence"].mean()),
            float(group["arousal"].mean()),
        )
        for names, group in groups
    ]
    head = ("session", "speaker", "sex", "utterances", "minutes", "in five classes", "ties", "valence", "arousal")
    return table("speakers", "Sessions and speakers", head, rows)


def _label(value: Any) -> Any:
    """A name, or a cell that shows nothing where the corpus has none."""
    return value if isinstance(value, str | Cell) else None
