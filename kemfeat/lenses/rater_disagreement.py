"""Utterances on which the raters disagree most."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from kemfeat.arrays import Floats
from kemfeat.findings import printable
from kemfeat.lenses import Context, Lens, Suspect

if TYPE_CHECKING:
    import pandas as pd

_VOTES = "votes_"
_HALF_SCALE = 2.0
"""Largest SD of ratings from 1 to 5, half of them at each end."""


def entropy(counts: Floats) -> Floats:
    """Shannon's entropy of the votes of each row.

    Parameters
    ----------
    counts : ndarray, shape (n, emotions), float64
        Votes per emotion.

    Returns
    -------
    ndarray, shape (n,), float64 [bit]
        0 where all votes are for one emotion; NaN where there are fewer than two.

    Examples
    --------
    >>> import numpy as np
    >>> entropy(np.array([[5.0, 5.0, 0.0], [10.0, 0.0, 0.0]])).tolist()
    [1.0, 0.0]
    """
    total = counts.sum(axis=1, keepdims=True)
    shares = counts / np.where(total > 0, total, 1)
    bits = -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1) + 0.0
    return np.where(total[:, 0] >= 2, bits, np.nan)


def _needs(context: Context) -> str:
    ratings = context.store.ratings
    if (ratings.groupby("id").size() >= 2).any():
        return ""
    return "needs two raters or more for an utterance, which this store does not have: build it from a corpus with them"


def _look(context: Context) -> Iterable[Suspect]:
    table = context.store.utterances
    votes = [str(name) for name in table if str(name).startswith(_VOTES)]
    counts = table[votes].to_numpy(np.float64)
    bits = entropy(counts)
    ratings = context.store.ratings.sort_values(["id", "rater"])
    spreads = {name: _spread(ratings, name).reindex(table["id"]).to_numpy(np.float64) for name in _RATED}
    parts = np.stack([bits / np.log2(max(len(votes), 2)), *(spread / _HALF_SCALE for spread in spreads.values())])
    known = ~np.isnan(parts)
    scores = np.where(known, parts, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    names = [name.removeprefix(_VOTES) for name in votes]
    for row in np.flatnonzero(scores > 0).tolist():
        said = [f"SD of {name} {spread[row]:.2f}" for name, spread in spreads.items() if np.isfinite(spread[row])]
        if np.isfinite(bits[row]):
            said.insert(0, f"votes {_counted(names, counts[row])} ({bits[row]:.2f} bit)")
        yield Suspect(str(table["id"].iloc[row]), float(scores[row]), "; ".join(said))


_RATED = ("valence", "arousal")


def _spread(ratings: pd.DataFrame, name: str) -> pd.Series[float]:
    """Population SD of the ratings of each utterance; absent where there are fewer than two."""
    known = ratings[np.isfinite(ratings[name])]
    grouped = known.groupby("id")[name]
    spreads: pd.Series[float] = grouped.std(ddof=0)[grouped.size() >= 2]
    return spreads


def _counted(names: list[str], counts: Floats) -> str:
    order = sorted(range(len(names)), key=lambda each: (-counts[each], names[each]))
    return ", ".join(f"{printable(names[each])} {counts[each]:.0f}" for each in order if counts[each])


LENS = Lens(
    name="rater_disagreement",
    title="Rater disagreement",
    unit="",
    help=(
        "Utterances on which the raters disagree: the mean of the entropy of the votes (Shannon 1948), divided by that "
        "of equal votes for every emotion, and the SDs of valence and arousal, divided by half the scale of 1 to 5."
    ),
    needs=_needs,
    look=_look,
)
