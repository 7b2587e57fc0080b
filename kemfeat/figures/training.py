"""How a model learned, which classes it confuses, and how far its probabilities can be taken at their word."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kemfeat.figures.style import ON_DARK, ON_LIGHT, PALETTE, saved
from kemfeat.paths import StrPath

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_HEAD = 0.6  # room for the title [inch]
_LETTERS = 11.5  # of the title, per inch
_LOSSES = {"train_loss": "train", "valid_loss": "valid"}


def confusion(
    counts: NDArray[np.int64], stem: StrPath | None = None, *, classes: list[str], title: list[str], warning: str
) -> Figure:
    """Draw a confusion matrix: utterances in each cell, their share of the row (recall) as colour and number.

    Parameters
    ----------
    counts : ndarray, shape (C, C), int64
        Utterances; rows are true classes, columns predicted ones.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    classes : list of str
        Names of rows and columns.
    title : list of str
        Lines above the figure.
    warning : str
        Text above the title, which it also colours; empty for none.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import numpy as np
    >>> figure = confusion(np.array([[8, 2], [3, 7]]), classes=["happy", "sad"], title=["test part"], warning="")
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('predicted', 'true (utterances)')
    """
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    side = 1.4 + 0.72 * len(classes)
    with saved(stem, width=max(side + 1.6, 5.5), height=side + _HEAD) as figure:
        figure.set_layout_engine("compressed")  # the cells are square, and the default cuts the labels beside them
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(counts.shape):
            share = f"\n{shares[row, column]:.0%}" if totals[row] else ""
            axes.text(
                column, row, f"{counts[row, column]:,}{share}", ha="center", va="center", fontsize=8,
                color=ON_DARK if shares[row, column] > 0.5 else ON_LIGHT,
            )  # fmt: skip
        axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right", parse_math=False)
        rows = [f"{name} ({total:,})" for name, total in zip(classes, totals[:, 0], strict=True)]
        axes.set_yticks(range(len(classes)), rows, parse_math=False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true (utterances)")
        axes.spines[:].set_visible(False)
        figure.colorbar(image, shrink=0.7).set_label("share of the true class")
        _head(figure, title, warning)
    return figure


def reliability(bins: pd.DataFrame, stem: StrPath | None = None, *, title: list[str], warning: str) -> Figure:
    """Draw accuracy against confidence, and below it how many utterances are in each bin.

    Parameters
    ----------
    bins : DataFrame
        ``low high n confidence accuracy``; a bin without an utterance is not drawn.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    title : list of str
        Lines above the figure.
    warning : str
        Text above the title, which it also colours; empty for none.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import pandas as pd
    >>> bins = [(0.4, 0.6, 20, 0.52, 0.5), (0.6, 0.8, 30, 0.71, 0.6)]
    >>> table = pd.DataFrame(bins, columns=["low", "high", "n", "confidence", "accuracy"])
    >>> reliability(table, title=["test part"], warning="").axes[0].get_ylabel()
    'share that is right'
    """
    filled = bins[bins["n"] > 0]
    with saved(stem, width=5.5, height=5.2 + _HEAD) as figure:
        above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
        above.plot([0, 1], [0, 1], color="0.5", linestyle="--", linewidth=1, label="as it should be")
        above.plot(
            filled["confidence"], filled["accuracy"], color=PALETTE[0], marker="o", linewidth=1.4, label="this run"
        )
        above.set_ylabel("share that is right")
        above.set_ylim(-0.02, 1.02)
        above.legend(frameon=False, loc="upper left")
        below.bar(
            filled["low"], filled["n"], width=filled["high"] - filled["low"], align="edge", color=PALETTE[0], alpha=0.6
        )
        below.set_ylabel("utterances")
        below.set_xlabel("probability of the predicted class")
        below.set_xlim(0, 1)
        _head(figure, title, warning)
    return figure


def curves(history: pd.DataFrame, stem: StrPath | None = None, *, title: list[str], warning: str) -> Figure:
    """Draw losses, and below them every other number of the validation part, by epoch.

    Parameters
    ----------
    history : DataFrame
        ``epoch train_loss valid_loss kept`` and any ``valid_NAME``; the last epoch whose ``kept`` is 1 is marked.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.
    title : list of str
        Lines above the figure.
    warning : str
        Text above the title, which it also colours; empty for none.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import pandas as pd
    >>> columns = ["epoch", "train_loss", "valid_loss", "kept"]
    >>> history = pd.DataFrame([(1, 1.6, 1.5, 1), (2, 1.2, 1.3, 1), (3, 0.9, 1.4, 0)], columns=columns)
    >>> curves(history, title=["run"], warning="").axes[0].get_xlabel()
    'epoch'
    """
    others = [str(name) for name in history if str(name).startswith("valid_") and name != "valid_loss"]
    panels = 1 + len(others)
    with saved(stem, height=0.6 + 2.2 * panels + _HEAD) as figure:
        first, *rest = np.atleast_1d(figure.subplots(panels, 1, sharex=True))
        for colour, (column, name) in zip(PALETTE, _LOSSES.items(), strict=False):
            _line(first, history, column, label=name, colour=colour)
        first.set_ylabel("loss")
        for axes, column in zip(rest, others, strict=True):
            _line(axes, history, column, label="valid", colour=PALETTE[1])
            axes.set_ylabel(column.removeprefix("valid_"), parse_math=False)
        for axes in (first, *rest):
            _mark(axes, history)
        first.legend(frameon=False)
        last = (first, *rest)[-1]
        last.set_xlabel("epoch")
        last.set_xlim(history["epoch"].min() - 0.5, history["epoch"].max() + 0.5)
        last.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        _head(figure, title, warning)
    return figure


def _line(axes: Axes, history: pd.DataFrame, column: str, *, label: str, colour: str) -> None:
    axes.plot(history["epoch"], history[column], color=colour, label=label, marker="o", markersize=3, linewidth=1.4)
    axes.grid(axis="y", color="0.9", linewidth=0.6)


def _mark(axes: Axes, history: pd.DataFrame) -> None:
    """A line at the epoch whose weights were kept."""
    kept = history.loc[history["kept"] == 1, "epoch"]
    if len(kept):
        best = kept.iloc[-1]
        axes.axvline(best, color="0.4", linestyle="--", linewidth=1, label=f"kept (epoch {best:.0f})")


def _head(figure: Figure, title: list[str], warning: str) -> None:
    """What the figure is about, the warning first; a figure with a warning cannot be mistaken for one without."""
    # Not by matplotlib, which takes dollars for formulas when it wraps, whatever parse_math says.
    width = int(_LETTERS * figure.get_figwidth())
    lines = [part for line in [warning, *title] for part in textwrap.wrap(line, width)]
    figure.suptitle(
        "\n".join(lines), x=0.02, ha="left", parse_math=False, fontsize=9,
        color=PALETTE[1] if warning else "black", fontweight="bold" if warning else "normal",
    )  # fmt: skip
