"""The longest utterances."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kemfeat.lenses import Context, Lens, Suspect, foremost


def _needs(context: Context) -> str:
    if "duration" in context.store.utterances and context.store.utterances["duration"].notna().any():
        return ""
    return "needs durations, which this store does not have: build it from a corpus with audio or times"


def _look(context: Context) -> Iterable[Suspect]:
    table = context.store.utterances
    known = table[np.isfinite(table["duration"])]
    usual = float(known["duration"].median())
    return foremost(
        Suspect(name, seconds, f"lasts {seconds:.2f} s; the median of this store is {usual:.2f} s")
        for name, seconds in zip(known["id"], known["duration"], strict=True)
    )


LENS = Lens(
    name="longest",
    title="Longest",
    unit="s",
    help="The longest hundredth of the utterances, or ten if that is more, by duration; only those above the median.",
    needs=_needs,
    look=_look,
)
