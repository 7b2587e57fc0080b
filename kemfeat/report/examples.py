"""Example utterances: what rows of the store look like."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kemfeat.figures.spectrogram import utterance
from kemfeat.report.pictures import Picture, embedded
from kemfeat.report.tables import printable
from kemfeat.store import summary
from kemfeat.store.panels import panel
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = 4
_MAX_SECONDS = 12.0


def examples(store: Store) -> tuple[Picture, ...]:
    """Draw a few utterances.

    Parameters
    ----------
    store : Store
        A finished store.

    Returns
    -------
    tuple of Picture
        At most :data:`EXAMPLES`; empty where the store has no array with a time axis.
    """
    count = min(EXAMPLES, store.utterances["emotion_first"].nunique())
    with tempfile.TemporaryDirectory() as folder:
        drawn = [_picture(store, row, Path(folder) / str(row)) for row in typical_rows(store.utterances, count)]
    return tuple(picture for picture in drawn if picture is not None)


def typical_rows(utterances: pd.DataFrame, count: int) -> list[int]:
    """Choose utterances of different emotions, the most frequent emotions first, then a second of each, and so on.

    Of each emotion it takes the utterance with the most kinds of physiology, then the nearest to the median duration.

    Parameters
    ----------
    utterances : DataFrame
        The utterance table of a store, or rows of it.
    count : int, >= 1
        How many, at most.

    Returns
    -------
    list of int
        Their places in ``utterances``.
    """
    duration = utterances["duration"]
    kinds = [utterances[f"{medium}_coverage"] > 0 for medium in summary.media(utterances)]
    order = utterances.assign(
        row=np.arange(len(utterances)),
        kinds=np.sum(kinds, axis=0) if kinds else 0,
        distance=(duration - duration.median()).abs(),
    ).sort_values(["kinds", "distance", "row"], ascending=[False, True, True])
    counts = utterances["emotion_first"].value_counts()
    rank = {name: at for at, name in enumerate(sorted(counts.index, key=lambda name: (-counts[name], name)))}
    labelled = order[order["emotion_first"].notna()]
    turns = labelled.assign(turn=labelled.groupby("emotion_first").cumcount(), rank=labelled["emotion_first"].map(rank))
    return [int(row) for row in turns.sort_values(["turn", "rank"])["row"].head(count)]


def _picture(store: Store, row: int, stem: Path) -> Picture | None:
    about = store.utterances.iloc[row]
    whole = float(about["duration"]) if about["duration"] > 0 else float(about["end"] - about["start"])
    if not whole > 0:
        return None
    seconds = min(whole, _MAX_SECONDS)
    drawn = (panel(store, name, row, seconds) for name in store.arrays)
    panels = [one for one in drawn if one is not None]
    if not panels:
        return None
    utterance(stem, panels=panels, seconds=seconds)
    name, part = printable(about["id"]), "" if seconds == whole else f" The first {seconds:g} of {whole:.1f} s."
    return Picture(
        uri=embedded(stem.with_name(f"{stem.name}.svg"), stem.with_name(f"{stem.name}.png")) or "",
        alt=f"{name}, {seconds:.1f} s, from top to bottom: {'; '.join(one.title for one in panels)}",
        caption=f"{name}: {', '.join(judged(about))}. What was not measured is grey.{part}",
        quote=printable(about["text"]) if isinstance(about["text"], str) else "",
    )


def judged(about: pd.Series[Any]) -> list[str]:
    """Write what an utterance was judged to be.

    Parameters
    ----------
    about : Series
        A row of the utterances.

    Returns
    -------
    list of str
        Its label and the ratings that it has.
    """
    known = [name for name in ("valence", "arousal") if np.isfinite(about[name])]
    return [printable(about["emotion"]), *(f"{name} {about[name]:.1f}" for name in known)]
