"""Utterances that sound like a copy of another."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kemfeat.findings import printable
from kemfeat.leakage import SHORT_SECONDS, fingerprints_of
from kemfeat.leakage.fingerprints import most_alike
from kemfeat.lenses import Context, Lens, Suspect


def _needs(context: Context) -> str:
    arrays = context.store.header.arrays
    if {"mel", "mel_lengths"} <= set(arrays) and arrays["mel"].axis == "utterance":
        return ""
    return "needs the array mel, which this store does not have: build it with --features mel"


def _look(context: Context) -> Iterable[Suspect]:
    store = context.store
    ids = store.utterances["id"].to_numpy(dtype=str)
    order = np.argsort(ids, kind="stable")
    prints = list(fingerprints_of(store))
    others, similarities = most_alike([prints[row] for row in order])
    rate = float(store.array("mel").attrs["frame_rate_hz"])  # type: ignore[arg-type]
    seconds = np.asarray(store.array("mel_lengths")[:]) / rate
    for place in np.flatnonzero(others >= 0).tolist():
        row, other = order[place], ids[order[others[place]]]
        short = seconds[row] < SHORT_SECONDS
        also = f"; below {SHORT_SECONDS:g} s two people's words can be as similar" if short else ""
        why = f"sounds like {printable(other)} (similarity {similarities[place]:.2f} of 1){also}"
        yield Suspect(str(ids[row]), float(similarities[place]), why)


LENS = Lens(
    name="near_duplicates",
    title="Near-identical audio",
    unit="",
    help=(
        "Utterances whose audio is a copy of another's, re-encoded, louder, with faint noise or a little shorter, by "
        "the fingerprints of `kemfeat audit`; the score is the correlation of the two."
    ),
    needs=_needs,
    look=_look,
)
