"""Counts of classes, and distributions of lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kemfeat.figures.style import PALETTE, saved
from kemfeat.paths import StrPath

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 24
"""Most classes drawn, the most frequent ones; the tables contain all."""


def class_counts(classes: pd.DataFrame, stem: StrPath | None = None) -> Figure:
    """Draw how many utterances each class has, on a logarithmic scale, because the rare ones matter most.

    Parameters
    ----------
    classes : DataFrame
        ``emotion utterances``, and ``speakers`` where known; the first row is on top.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import kemfeat
    >>> counts = kemfeat.open_store("stores/KEMDy20").utterances["emotion_first"].value_counts()
    >>> figure = class_counts(counts.rename_axis("emotion").reset_index(name="utterances"))
    >>> figure.axes[0].get_xlabel()
    'utterances (logarithmic)'
    """
    drawn = classes.head(MOST_CLASSES)
    counts = drawn["utterances"].to_numpy(dtype=np.float64)
    with saved(stem, height=1.0 + 0.3 * len(drawn)) as figure:
        axes = figure.add_subplot()
        # Points, not bars: the length of a bar means nothing on a logarithmic scale.
        axes.hlines(range(len(drawn)), 0.8, np.maximum(counts, 0.8), color="0.85", linewidth=1)
        axes.plot(np.maximum(counts, 0.8), range(len(drawn)), "o", color=PALETTE[0], markersize=6)
        for at, row in enumerate(drawn.to_dict("records")):
            speakers = f" ({row['speakers']:,} speakers)" if "speakers" in row else ""
            axes.annotate(
                f"{row['utterances']:,}{speakers}", (max(row["utterances"], 0.8), at),
                xytext=(7, 0), textcoords="offset points", va="center", fontsize=8,
            )  # fmt: skip
        axes.set_xscale("log")
        axes.set_xlim(0.8, max(counts.max(), 1) * 12)
        axes.set_yticks(range(len(drawn)), [str(name) for name in drawn["emotion"]])
        axes.set_ylim(len(drawn) - 0.5, -0.5)
        axes.set_xlabel("utterances (logarithmic)")
        if len(drawn) < len(classes):
            axes.set_title(f"the {len(drawn)} most frequent of {len(classes)}")
    return figure


def histogram(values: pd.Series, stem: StrPath | None = None, *, label: str, limit: float | None = None) -> Figure:
    """Draw the distribution of values, and the limit beyond which they are cut.

    Parameters
    ----------
    values : Series of float, >= 0
        The values, without NaN.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    label : str
        What the values are, with their unit.
    limit : float or None
        The largest value that is not cut.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import kemfeat
    >>> utterances = kemfeat.open_store("stores/KEMDy20").utterances
    >>> figure = histogram(utterances["duration"], label="duration [s]")
    >>> figure.axes[0].get_xlabel()
    'duration [s]'
    """
    numbers = values.to_numpy(dtype=np.float64)
    with saved(stem, height=3.0) as figure:
        axes = figure.add_subplot()
        edges = np.linspace(0, max(numbers.max(), 1e-9), 61).tolist()
        axes.hist(numbers, bins=edges, color=PALETTE[0])
        if limit is not None and limit < numbers.max():
            beyond = int(np.sum(numbers > limit))
            axes.hist(
                numbers[numbers > limit], bins=edges, color=PALETTE[1], label=f"{beyond:,} of {len(numbers):,} cut"
            )
        if limit is not None:
            axes.axvline(limit, color="black", linestyle="--", linewidth=1, label=f"a row holds {limit:,.0f}")
            axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)  # "best" takes seconds
        axes.set_xlabel(label)
        axes.set_ylabel("utterances")
    return figure
