"""The colour of each emotion, the same in every figure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle

from kemfeat.figures.style import PALETTE

EMOTION_COLOURS = {
    "neutral": "0.6",
    "happy": PALETTE[4],
    "surprise": PALETTE[5],
    "angry": PALETTE[1],
    "disgust": PALETTE[2],
    "fear": PALETTE[3],
    "sad": PALETTE[0],
}
"""One colour per emotion; others share five more in alphabetical order."""

_FURTHER = (PALETTE[6], "#882255", "#44AA99", "#999933", "#332288")


def group_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each group that depends on its name and not on its rank.

    Parameters
    ----------
    names : iterable of str
        Names of the groups, of which some may be emotions.

    Returns
    -------
    dict of str to str
        By group: the emotions in their usual order, then others by name.

    Examples
    --------
    >>> group_colours(["sad", "calm", "neutral"])
    {'neutral': '0.6', 'sad': '#0072B2', 'calm': '#F0E442'}
    """
    given = {*names}
    emotions = {name: colour for name, colour in EMOTION_COLOURS.items() if name in given}
    others = cycle(_FURTHER if emotions else PALETTE[:6])
    return {**emotions, **dict(zip(sorted(given - {*emotions}), others, strict=False))}
