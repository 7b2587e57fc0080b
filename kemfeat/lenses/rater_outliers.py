"""Utterances where a single rater is far from the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from kemfeat.arrays import Floats
from kemfeat.findings import printable
from kemfeat.lenses import Context, Lens, Suspect

if TYPE_CHECKING:
    import pandas as pd

_FAR = 3.5
"""Robust z from which a value is an outlier (Iglewicz and Hoaglin 1993)."""
_SIGMA = 1.4826
"""SD of a normal distribution in units of its median absolute deviation."""
_LEAST = 0.5
"""Least spread of the others [points of the scale]: whole points cannot show a smaller one."""
_RATERS = 4
_RATED = ("valence", "arousal")


def distances(ratings: Floats) -> Floats:
    """How far each rating is from the others of the same utterance.

    Parameters
    ----------
    ratings : ndarray, shape (n, raters), float64 [points]
        Ratings of n utterances, two of each at least; NaN where a rater did not judge.

    Returns
    -------
    ndarray, shape (n, raters), float64
        Robust z: the distance from the median of the other ratings, divided by 1.4826 times their median absolute
        deviation, and by half a point at least; NaN where there is no rating.

    References
    ----------
    Iglewicz and Hoaglin, How to Detect and Handle Outliers, ASQC (1993); here each rating is compared with the others
    alone.

    Examples
    --------
    >>> import numpy as np
    >>> distances(np.array([[3.0, 3.0, 3.0, 5.0]])).tolist()
    [[0.0, 0.0, 0.0, 4.0]]
    """
    found = np.empty(ratings.shape)
    for rater in range(ratings.shape[1]):
        others = np.delete(ratings, rater, axis=1)
        middle = np.nanmedian(others, axis=1)
        deviation = np.nanmedian(np.abs(others - middle[:, None]), axis=1)
        found[:, rater] = np.abs(ratings[:, rater] - middle) / np.maximum(_SIGMA * deviation, _LEAST)
    return found


def _needs(context: Context) -> str:
    counts = context.store.ratings.groupby("id")[list(_RATED)].count()
    if (counts >= _RATERS).to_numpy().any():
        return ""
    return (
        f"needs ratings of valence or arousal by {_RATERS} raters or more, which this store does not have: build it "
        "from a corpus with them"
    )


def _look(context: Context) -> Iterable[Suspect]:
    best: dict[str, Suspect] = {}
    for name in _RATED:
        for found in _outliers(context.store.ratings, name):
            if found.id not in best or found.score > best[found.id].score:
                best[found.id] = found
    return best.values()


def _outliers(table: pd.DataFrame, name: str) -> Iterator[Suspect]:
    """The utterances in which exactly one rater is an outlier."""
    known = table[np.isfinite(table[name])].sort_values(["id", "rater"])
    known = known[known.groupby("id")["id"].transform("size") >= _RATERS]
    if known.empty:
        return
    wide = known.assign(place=known.groupby("id").cumcount()).pivot(index="id", columns="place", values=["rater", name])
    ratings, raters = wide[name].to_numpy(np.float64), wide["rater"].to_numpy()
    far = distances(ratings)
    for row in np.flatnonzero(np.count_nonzero(far >= _FAR, axis=1) == 1).tolist():
        place = int(np.nanargmax(far[row]))
        others = np.delete(ratings[row], place)
        why = (
            f"{printable(str(raters[row, place]))} rated {name} {ratings[row, place]:g}, the median of "
            f"{np.count_nonzero(~np.isnan(others))} others is {np.nanmedian(others):g} (z = {far[row, place]:.1f})"
        )
        yield Suspect(str(wide.index[row]), float(far[row, place]), why)


LENS = Lens(
    name="rater_outliers",
    title="Rater outliers",
    unit="z",
    help=(
        "Utterances where one rater of four or more, and no other, is at least 3.5 robust standard deviations from the "
        "median of the others in valence or arousal (Iglewicz and Hoaglin 1993)."
    ),
    needs=_needs,
    look=_look,
)
