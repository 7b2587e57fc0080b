"""The pairs of a signal and a judgement, and their correlations within conversations and over speakers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kemfeat.analyses.correlation._conversations import CONVERSATION, SIGNALS
from kemfeat.stats.correlation import pooled_z, within

TARGETS = ("emotion", "arousal", "valence")
ALPHA = 0.05


def pairs_of(columns: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    """Every signal, and every column of the utterances beside them, with every judgement."""
    return tuple((signal, target) for target in TARGETS for signal in (*SIGNALS, *columns))


PAIRS = pairs_of()
"""Those of the signals alone, which have lags."""


def sides(changed: pd.DataFrame, signal: str, target: str) -> tuple[pd.Series, pd.Series]:
    """What is correlated: a change of emotion has no sign."""
    return changed[signal].abs() if target == "emotion" else changed[signal], changed[target]


def within_conversations(changed: pd.DataFrame, signal: str, target: str, *, ranks: bool = False) -> pd.DataFrame:
    """The correlation within each conversation of each speaker."""
    x, y = sides(changed, signal, target)
    found = within(x, y=y, groups=changed["conversation"], ranks=ranks).rename(columns={"group": "conversation"})
    names = changed[["conversation", *CONVERSATION]].drop_duplicates()
    found = names.merge(found, on="conversation").drop(columns="conversation")
    return found.assign(signal=signal, target=target)[[*CONVERSATION, "signal", "target", "n", "r", "z"]]


def over_units(conversations: pd.DataFrame, unit: str, *, pairs: Sequence[tuple[str, str]] = PAIRS) -> pd.DataFrame:
    """Mean z of each unit: a speaker, or the two speakers of a session."""
    known = conversations.dropna(subset="z")
    parts = []
    for signal, target in pairs:
        part = of(known, (signal, target))
        z = pooled_z(part["z"], n=part["n"], units=part[unit])
        counted = part.groupby(unit).size().rename("conversations")
        table = pd.concat([counted, z], axis=1).rename_axis(unit).reset_index()
        parts.append(table.assign(signal=signal, target=target, r=np.tanh(table["z"])))
    return pd.concat(parts, ignore_index=True)[["signal", "target", unit, "conversations", "z", "r"]]


def of(table: pd.DataFrame, pair: tuple[str, str]) -> pd.DataFrame:
    """The rows of one pair."""
    return table[(table["signal"] == pair[0]) & (table["target"] == pair[1])]


def named(signal: str, target: str) -> str:
    """A pair as it is called in sentences."""
    return f"{signal.upper() if signal in SIGNALS else signal} with {target}"
