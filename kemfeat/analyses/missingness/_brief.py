"""Which columns of each table a reader sees first, and the tests as lines in the style of the APA."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from kemfeat.analyses import apa, rows
from kemfeat.analyses.brief import Brief, Column, values
from kemfeat.figures.units import signal_name, signal_words

_MEDIUM = Column(head="Signal", of=("medium",), words=signal_words())
_WHOSE = values(session="Session", script="Script", speaker="Speaker")
_BY = {"all": "All", "session": "Session", "speaker": "Speaker", "emotion": "Emotion"}

BRIEFS = {
    "coverage": Brief(
        title="Utterances with each signal",
        columns=(
            Column(head="By", of=("by",), words=_BY),
            *values(group="Group"),
            _MEDIUM,
            *values(present="Utterances with it"),
            Column(head="Share [95 % CI]", of=("share", "ci_low", "ci_high"), form="interval"),
        ),
        where={"by": ("all", "emotion")},
    ),
    "association": Brief(
        title="Whether having a signal depends on emotion",
        columns=(
            _MEDIUM,
            *values(cramers_v="Cramér's V"),
            Column(head="p within speakers", of=("p_within_speakers",), form="p"),
            Column(head="p (Holm)", of=("p_holm",), form="p"),
        ),
    ),
    "recordings": Brief(
        title="Recordings of each speaker",
        columns=(
            *_WHOSE,
            _MEDIUM,
            Column(head="Share of the conversation", of=("share",), form="share"),
            *values(longest_hole_s="Longest pause (s)"),
        ),
    ),
    "ibi_irregularity": Brief(
        title="Heart beats of each speaker",
        columns=(
            *_WHOSE,
            *values(beats="Beats", dropouts_per_min="Dropouts (1/min)", mean_ibi_s="Mean interval (s)"),
        ),
    ),
    "empty_stretches": Brief(
        title="Long pauses of recordings",
        columns=(*_WHOSE, _MEDIUM, *values(start_s="From (s)", length_s="Length (s)")),
    ),
}


def lines(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    """The test of each signal as one line."""
    made = (
        apa.line(
            f"{signal_name(row.medium)} and emotion",
            apa.chi_square(row.chi2, df=row.df, n=row.utterances),
            apa.effect("Cramér's V", row.cramers_v, bounded=True),
            apa.p_value(row.p_within_speakers, "permutation within speakers p"),
            apa.p_value(row.p_holm, "Holm-adjusted p"),
        )
        for row in rows(tables["association"])
    )
    return {"association": tuple(filter(None, made))}
