"""Signals over a conversation, with the judgements of each utterance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from kemfeat.figures.emotions import group_colours
from kemfeat.figures.style import saved
from kemfeat.paths import StrPath

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def conversation(
    traces: pd.DataFrame,
    stem: StrPath | None = None,
    *,
    utterances: pd.DataFrame,
    labels: Mapping[str, str],
    title: str,
) -> Figure:
    """Draw the signals of one speaker in one conversation, with the emotion of each utterance in the background.

    Parameters
    ----------
    traces : DataFrame
        ``signal seconds value``.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    utterances : DataFrame
        ``start end emotion arousal valence``, by the same clock.
    labels : mapping of str to str
        Names of the signals with their units, from top to bottom.
    title : str
        Name of the conversation.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import pandas as pd
    >>> traces = pd.DataFrame({"signal": "eda", "seconds": [0.0, 0.25, 0.5], "value": [1.0, 1.1, 1.2]})
    >>> columns = ["start", "end", "emotion", "arousal", "valence"]
    >>> utterances = pd.DataFrame([(0.0, 0.5, "happy", 3.5, 4.0)], columns=columns)
    >>> figure = conversation(traces, utterances=utterances, labels={"eda": "EDA [µS]"}, title="Sess01, script01")
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['EDA [µS]', 'rating [1 to 5]']
    """
    from matplotlib.patches import Patch

    colours = group_colours(utterances["emotion"].dropna())
    drawn = [signal for signal in labels if (traces["signal"] == signal).any()]
    with saved(stem, width=7.2, height=1.4 + 1.2 * (len(drawn) + 1)) as figure:
        panels = figure.subplots(len(drawn) + 1, 1, sharex=True, squeeze=False)[:, 0]
        for axes, signal in zip(panels, drawn, strict=False):
            _trace(axes, traces[traces["signal"] == signal], joined=signal != "hr")
            axes.set_ylabel(labels[signal])
        _judgements(panels[-1], utterances)
        for axes in panels:
            _shade(axes, utterances, colours)
        handles: list[Artist] = [Patch(color=colour, alpha=0.45, label=name) for name, colour in colours.items()]
        handles += panels[-1].get_legend_handles_labels()[0]
        panels[0].set_title(title)
        panels[-1].set_xlabel("time since the first sample [s]")
        panels[-1].margins(x=0.01)
        figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False)
    return figure


def _trace(axes: Axes, mine: pd.DataFrame, *, joined: bool) -> None:
    if joined:
        # A line across a gap would show what was never measured.
        whole = mine["seconds"].diff().fillna(0) <= 1.0
        for _, run in mine.groupby((~whole).cumsum()):
            axes.plot(run["seconds"], run["value"], color="black", linewidth=0.8)
    else:
        axes.plot(mine["seconds"], mine["value"], ".", color="black", markersize=2)


def _judgements(axes: Axes, utterances: pd.DataFrame) -> None:
    for name, style in (("arousal", "solid"), ("valence", "dotted")):
        known = utterances.dropna(subset=name)
        axes.hlines(
            known[name], known["start"], known["end"], color="black", linestyle=style, linewidth=1.6, label=name
        )
    axes.set_ylim(0.8, 5.2)
    axes.set_yticks([1, 3, 5])
    axes.set_ylabel("rating [1 to 5]")


def _shade(axes: Axes, utterances: pd.DataFrame, colours: Mapping[str, str]) -> None:
    for emotion, colour in colours.items():
        mine = utterances[utterances["emotion"] == emotion]
        for start, end in zip(mine["start"], mine["end"], strict=True):
            axes.axvspan(start, end, color=colour, alpha=0.45, linewidth=0.5)  # an edge keeps the shortest visible
