"""How often one rater chooses one class where another chooses each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from kemfeat.figures.style import ON_DARK, ON_LIGHT, saved
from kemfeat.paths import StrPath

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 14
"""Most classes drawn, the most frequent ones; the tables contain all."""


def confusion(pairs: pd.DataFrame, stem: StrPath | None = None) -> Figure:
    """Draw what other raters choose where one chooses each class; rows add up to 1.

    Parameters
    ----------
    pairs : DataFrame
        ``emotion other coincidences share``, one row for each pair of classes.
    stem : str, PathLike or None
        Path without suffix of the SVG and PNG to write; None writes none.

    Returns
    -------
    matplotlib.figure.Figure
        What was drawn; a notebook shows it.

    Examples
    --------
    >>> import pandas as pd
    >>> pairs = pd.DataFrame({"emotion": ["happy", "happy", "sad", "sad"], "other": ["happy", "sad"] * 2})
    >>> figure = confusion(pairs.assign(coincidences=[6, 2, 2, 2], share=[0.75, 0.25, 0.5, 0.5]))
    >>> figure.axes[0].get_xlabel()
    'what another rater of the same utterance chooses'
    """
    sizes = pairs.groupby("emotion", sort=False)["coincidences"].sum()
    names = [name for name in sizes.index if name in set(sizes.nlargest(MOST_CLASSES).index)]
    shares = pairs.pivot(index="emotion", columns="other", values="share").loc[names, names].to_numpy()
    side = 1.6 + 0.5 * len(names)
    with saved(stem, width=side + 1.2, height=side) as figure:
        figure.set_layout_engine("compressed")  # the cells are square, and the default cuts the labels beside them
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row in range(len(names)):
            for column in range(len(names)):
                share = shares[row, column]
                ink = ON_DARK if share > 0.5 else ON_LIGHT
                axes.text(
                    column, row, f"{share:.2f}".removeprefix("0"), ha="center", va="center", color=ink, fontsize=7
                )
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), [f"{name} ({sizes[name]:,.0f})" for name in names])
        axes.set_xlabel("what another rater of the same utterance chooses")
        axes.set_ylabel("what one rater chooses (ratings)")
        axes.spines[:].set_visible(False)
        bar = figure.colorbar(image, shrink=0.7)
        bar.set_label("share of the pairs")
        if len(names) < len(sizes):
            axes.set_title(f"the {len(names)} most frequent of {len(sizes)}")
    return figure
