"""Clusters of series: their number, how distinct they are, their shapes, and the distances among series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kemfeat.arrays import AnyFloats
from kemfeat.figures.style import PALETTE, saved
from kemfeat.paths import StrPath

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_POINTS = 400
"""Most silhouettes of a cluster, and most rows of a heat map, that are drawn; more are thinned out evenly."""
_GREY = "#bdbdbd"
_COLUMNS = 3


def indices_by_k(table: pd.DataFrame, stem: StrPath | None = None, *, chosen: int) -> Figure:
    """Draw Davies-Bouldin index and mean silhouette against the number of clusters.

    Parameters
    ----------
    table : DataFrame
        One row per number of clusters, with ``k``, ``DB`` and ``Sil``.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    chosen : int
        The number of clusters that was taken.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"k": [2, 3, 4], "DB": [0.9, 0.7, 0.8], "Sil": [0.4, 0.5, 0.3]})
    >>> len(indices_by_k(table, chosen=3).axes)
    2
    """
    with saved(stem, height=4.4) as figure:
        above, below = figure.subplots(2, 1, sharex=True)
        for axes, name, label, colour in (
            (above, "Sil", "mean silhouette [-1 to 1]\nlarger is better", PALETTE[0]),
            (below, "DB", "Davies-Bouldin index\nsmaller is better", PALETTE[1]),
        ):
            finite = table[np.isfinite(table[name])]
            axes.plot(finite["k"], finite[name], color=colour, marker="o", markersize=4)
            axes.axvline(chosen, color="#555555", linestyle="--", linewidth=1, zorder=0)
            axes.set_ylabel(label)
            axes.margins(y=0.15)
        above.set_title(f"k = {chosen} is taken (dashed)", loc="left", fontsize="medium")
        below.set_xticks(table["k"])
        below.set_xlabel("number of clusters k")
    return figure


def silhouettes(widths: AnyFloats, stem: StrPath | None = None, *, labels: NDArray[np.integer[Any]]) -> Figure:
    """Draw the silhouette widths of all series, by cluster and size.

    Parameters
    ----------
    widths : ndarray, shape (n,), -1 to 1
        Silhouette width of each series.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    labels : ndarray, shape (n,), int
        Cluster of each series, counted from 1.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import numpy as np
    >>> figure = silhouettes(np.array([0.7, 0.5, 0.3, -0.1]), labels=np.array([1, 1, 2, 2]))
    >>> figure.axes[0].get_title(loc="left")
    'mean 0.35 (dashed)'
    """
    clusters, counts = np.unique(labels, return_counts=True)
    gap = max(len(widths) // 50, 1)
    lows = np.cumsum(counts + gap) - counts - gap
    with saved(stem, height=4.4) as figure:
        axes = figure.subplots()
        for cluster, low in zip(clusters, lows, strict=True):
            height, reach = _stairs(np.sort(widths[labels == cluster]))
            axes.fill_betweenx(height + low, 0, reach, step="post", color=_colour(cluster), linewidth=0)
        mean = float(widths.mean())
        axes.axvline(mean, color="#555555", linestyle="--", linewidth=1)
        axes.set_title(f"mean {mean:.2f} (dashed)", loc="left", fontsize="medium")
        axes.set_xlim(min(-0.1, float(widths.min()) * 1.05), 1)
        axes.set_ylim(-gap, lows[-1] + counts[-1] + gap)
        axes.set_yticks([])
        axes.set_ylabel("series, sorted within clusters")
        axes.set_xlabel("silhouette width [-1 to 1]")
        names = [f"cluster {cluster}, n = {count:,}" for cluster, count in zip(clusters, counts, strict=True)]
        _name_at_the_right(axes, names, lows + counts / 2)
    return figure


def _stairs(ordered: AnyFloats) -> tuple[AnyFloats, AnyFloats]:
    """Heights and widths of a staircase through sorted values, thinned out evenly where there are many."""
    places = np.linspace(0, len(ordered) - 1, min(len(ordered), _POINTS)).round()
    return np.append(places, len(ordered)), np.append(ordered[places.astype(int)], ordered[-1])


def _name_at_the_right(axes: Axes, names: Sequence[str], centres: AnyFloats) -> None:
    """Write names beside their clusters, moved apart where they would overlap."""
    bottom, top = axes.get_ylim()
    room = (top - bottom) / max(24, len(names))
    placed = np.maximum.accumulate(centres - room * np.arange(len(names))) + room * np.arange(len(names))
    highest = top - room * (len(names) - 0.5 - np.arange(len(names)))
    for name, centre, place in zip(names, centres, np.minimum(placed, highest), strict=True):
        axes.annotate(
            name,
            xy=(1.0, centre),
            xytext=(1.06, place),
            xycoords=axes.get_yaxis_transform(),
            textcoords=axes.get_yaxis_transform(),
            va="center",
            fontsize="small",
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "#555555", "relpos": (0.0, 0.5)},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One cluster as series over time.

    Parameters
    ----------
    title : str
        Name of the cluster.
    medoid : ndarray, shape (samples,)
        The series in the middle of the cluster.
    members : sequence of ndarray, each of shape (samples,)
        Some of its other series.
    barycentre : ndarray, shape (samples,), or None
        Its mean shape.

    Examples
    --------
    >>> import numpy as np
    >>> Shape(title="rising", medoid=np.linspace(0, 1, 5), members=[]).medoid.tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """

    title: str
    medoid: AnyFloats
    members: Sequence[AnyFloats]
    barycentre: AnyFloats | None = None


def medoids(shapes: Sequence[Shape], stem: StrPath | None = None, *, rate: float, label: str) -> Figure:
    """Draw the medoid of every cluster in front of some of its members.

    Parameters
    ----------
    shapes : sequence of Shape
        One per cluster, at least one.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    rate : float [Hz]
        Samples per second.
    label : str
        What the values are, with their unit.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import numpy as np
    >>> rise, fall = np.linspace(0, 1, 20), np.linspace(1, 0, 20)
    >>> first, second = Shape(title="rising", medoid=rise, members=[]), Shape(title="falling", medoid=fall, members=[])
    >>> figure = medoids([first, second], rate=4.0, label="EDA, scaled")
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['rising', 'falling']
    """
    rows = -(-len(shapes) // _COLUMNS)
    with saved(stem, width=7.2, height=0.5 + 1.8 * rows) as figure:
        grid = figure.subplots(rows, min(_COLUMNS, len(shapes)), sharex=True, sharey=True, squeeze=False)
        for place, axes in enumerate(grid.flat):
            if place < len(shapes):
                _draw_shape(axes, shapes[place], rate=rate, colour=_colour(place + 1))
            else:
                axes.set_axis_off()
            if place < len(shapes) and place + _COLUMNS >= len(shapes):
                axes.tick_params(labelbottom=True)
        if shapes[0].barycentre is not None:
            figure.legend(handles=grid[0, 0].lines[-2:], loc="outside upper right", ncols=2, frameon=False)
        figure.supxlabel("time [s]", fontsize="medium")
        figure.supylabel(label, fontsize="medium")
    return figure


def _draw_shape(axes: Axes, shape: Shape, *, rate: float, colour: str) -> None:
    for member in shape.members:
        axes.plot(np.arange(len(member)) / rate, member, color=_GREY, linewidth=0.4, zorder=1)
    series = np.arange(len(shape.medoid)) / rate
    axes.plot(series, shape.medoid, color=colour, linewidth=1.8, marker="o", markersize=2, label="medoid", zorder=3)
    if shape.barycentre is not None:
        times = np.arange(len(shape.barycentre)) / rate
        axes.plot(times, shape.barycentre, color="black", linewidth=1, linestyle="--", label="barycentre", zorder=4)
    axes.set_title(shape.title, fontsize="small", loc="left")


def distances(D: AnyFloats, stem: StrPath | None = None, *, labels: NDArray[np.integer[Any]], label: str) -> Figure:
    """Draw a heat map of distances, series sorted by cluster.

    Parameters
    ----------
    D : ndarray, shape (n, n)
        Distances among the series.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    labels : ndarray, shape (n,), int
        Cluster of each series, counted from 1.
    label : str
        What the distances are, with their unit.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import numpy as np
    >>> D = np.abs(np.subtract.outer([0.0, 1.0, 5.0], [0.0, 1.0, 5.0]))
    >>> figure = distances(D, labels=np.array([1, 1, 2]), label="DTW distance")
    >>> figure.axes[0].get_xlabel()
    'cluster (3 of 3 series)'
    """
    order = np.argsort(labels, kind="stable")
    shown = order[np.linspace(0, len(order) - 1, min(len(order), _POINTS)).round().astype(int)]
    part = D[np.ix_(shown, shown)]
    with saved(stem, width=5.6, height=4.8) as figure:
        axes = figure.subplots()
        # Without this a few very long series would make all others look alike.
        top = float(np.quantile(part, 0.99)) or float(part.max()) or 1.0
        image = axes.imshow(part, cmap="cividis", vmin=0, vmax=top, interpolation="nearest", aspect="auto")
        figure.colorbar(image, ax=axes, label=label, extend="max")
        clusters, firsts, counts = np.unique(labels[shown], return_index=True, return_counts=True)
        for first in firsts[1:]:
            axes.axhline(first - 0.5, color="white", linewidth=0.8)
            axes.axvline(first - 0.5, color="white", linewidth=0.8)
        wide = counts >= len(shown) / 40
        centres = (firsts + (counts - 1) / 2)[wide]
        axes.set_xticks(centres, clusters[wide])
        axes.set_yticks(centres, clusters[wide])
        axes.set_xlabel(f"cluster ({len(shown):,} of {len(labels):,} series)")
        axes.set_ylabel("cluster")
    return figure


def _colour(cluster: int) -> str:
    return PALETTE[(int(cluster) - 1) % len(PALETTE)]
