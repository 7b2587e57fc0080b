"""Estimates with their intervals, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kemfeat.figures.style import PALETTE, saved
from kemfeat.paths import StrPath

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def dots(
    estimates: pd.DataFrame,
    stem: StrPath | None = None,
    *,
    label: str,
    span: tuple[float, float] | None = None,
    units: pd.DataFrame | None = None,
) -> Figure:
    """Draw a point and an interval for each estimate, the first row on top.

    Parameters
    ----------
    estimates : DataFrame
        ``row series value low high``; one colour and marker per series, no interval where it is NaN.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    label : str
        What the values are, with their unit.
    span : tuple of float or None
        Limits of the axis, where the values have limits.
    units : DataFrame or None
        ``row series value`` of the units that the estimates are means of, drawn small in the background.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("valence", "ICC", 0.3, 0.2, 0.4), ("arousal", "ICC", 0.4, 0.3, 0.5)]
    >>> estimates = pd.DataFrame(rows, columns=["row", "series", "value", "low", "high"])
    >>> dots(estimates, label="ICC(2,1)", span=(0, 1)).axes[0].get_xlabel()
    'ICC(2,1)'
    """
    rows = list(dict.fromkeys(estimates["row"]))
    series = list(dict.fromkeys(estimates["series"]))
    place = {row: -at for at, row in enumerate(rows)}
    step = 0.7 / len(series) if len(series) > 1 else 0.0
    with saved(stem, height=1.2 + len(rows) * max(0.2, 0.11 * len(series))) as figure:
        axes = figure.add_subplot()
        axes.grid(axis="x", color="0.9", linewidth=0.6)
        if span is None:
            axes.axvline(0, color="0.5", linewidth=0.8)
        for number, name in enumerate(series):
            shift = ((len(series) - 1) / 2 - number) * step
            colour = PALETTE[number % 8]
            if units is not None:
                behind = units[units["series"] == name]
                at = behind["row"].map(place) + shift
                axes.scatter(behind["value"], at, s=6, color=colour, alpha=0.25, linewidth=0)
            mine = estimates[estimates["series"] == name]
            at = (mine["row"].map(place) + shift).to_numpy(dtype=np.float64)
            known = np.isfinite(mine["low"].to_numpy(dtype=np.float64))
            axes.hlines(at[known], mine["low"][known], mine["high"][known], color=colour, linewidth=1.2)
            axes.plot(
                mine["value"], at, linestyle="", color=colour, marker=_MARKERS[number % 8], markersize=4, label=name
            )
        axes.set_yticks([place[row] for row in rows], [str(row) for row in rows])
        axes.set_ylim(0.6 - len(rows), 0.6)
        axes.set_xlabel(label)
        if span is not None:
            pad = 0.02 * (span[1] - span[0])
            axes.set_xlim(span[0] - pad, span[1] + pad)
        if len(series) > 1:
            figure.legend(loc="outside lower center", ncols=min(4, len(series)), frameon=False)
    return figure
