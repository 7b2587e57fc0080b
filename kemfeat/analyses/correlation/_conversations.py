"""What body and judgement did over a conversation: one row per utterance, in time order, and the change to the next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kemfeat.stats.correlation import NOISE
from kemfeat.store.reader import Store

SIGNALS = {"eda": "EDA [uS]", "temp": "TEMP [degC]", "hr": "HR [1/min]"}
"""Means over an utterance, with their units; HR is 60 over the mean beat interval."""

CONVERSATION = ["session", "script", "speaker"]


def by_utterance(store: Store, *, labels: str) -> pd.DataFrame:
    """One row per utterance, those of a conversation in time order.

    Returns
    -------
    DataFrame
        ``id session script speaker emotion arousal valence eda temp hr``: signals are means of the finite samples that
        the corpus assigns to the utterance, from its own speaker's recording; NaN where there is none.
    """
    table = store.utterances
    order = table.assign(emotion=store.labels(labels)).sort_values([*CONVERSATION, "start"], kind="stable")
    means = _means(store).reindex(order["id"])
    columns = order[["id", *CONVERSATION, "emotion", "arousal", "valence"]].reset_index(drop=True)
    for name in ("eda", "temp"):
        columns[name] = means[name].to_numpy() if name in means else np.nan
    columns["hr"] = 60 / means["ibi"].to_numpy() if "ibi" in means else np.nan
    return columns


def changes(utterances: pd.DataFrame) -> pd.DataFrame:
    """What changed since the same speaker's previous utterance in the same conversation; the first has no row.

    Parameters
    ----------
    utterances : DataFrame
        Result of :func:`by_utterance`.

    Returns
    -------
    DataFrame
        ``session script speaker conversation`` and first differences ``arousal valence eda temp hr``; ``emotion`` is 1
        where the label differs, 0 where it is the same. NaN where either utterance lacks the value.
    """
    grouped = utterances.groupby(CONVERSATION, sort=False)
    numbers = ["arousal", "valence", *SIGNALS]
    levels, steps = utterances[numbers], grouped[numbers].diff()
    # Means of equal samples may differ by rounding; such a step counts as 0.
    steps = steps.mask(steps.abs() <= NOISE * levels.abs(), 0.0)
    changed = utterances[CONVERSATION].join(steps)
    now, before = utterances["emotion"], grouped["emotion"].shift()
    changed["emotion"] = (now != before).astype(np.float64).where(now.notna() & before.notna())
    changed["conversation"] = changed[CONVERSATION].agg(" ".join, axis=1)
    return changed[grouped.cumcount() > 0].reset_index(drop=True)


def trace(store: Store, conversation: Sequence[str]) -> pd.DataFrame:
    """``signal seconds value id`` of one speaker in one conversation, seconds since the first sample."""
    session, script, speaker = conversation
    rows = store.signals(session)
    rows = rows[(rows["script"] == script) & (rows["speaker"] == speaker) & np.isfinite(rows["value"])]
    rows = rows[rows["medium"].isin(["eda", "temp", "ibi"])].sort_values("time", kind="stable")
    beat = rows["medium"] == "ibi"
    return pd.DataFrame(
        {
            "signal": rows["medium"].mask(beat, "hr"),
            "seconds": (rows["time"] - rows["time"].min()).dt.total_seconds(),
            "value": rows["value"].mask(beat, 60 / rows["value"].where(beat & (rows["value"] > 0))),
            "id": rows["id"],
        }
    )


def _means(store: Store) -> pd.DataFrame:
    """Mean of each medium over each utterance: one row per utterance, one column per medium."""
    speakers = store.utterances.set_index("id")["speaker"]
    parts = []
    for session in store.header.sessions:
        rows = store.signals(session)
        own = rows["id"].notna() & (rows["id"].map(speakers) == rows["speaker"]) & np.isfinite(rows["value"])
        usable = own & ((rows["medium"] != "ibi") | (rows["value"] > 0))
        parts.append(rows[usable].groupby(["id", "medium"])["value"].mean())
    return pd.concat(parts).unstack() if parts else pd.DataFrame()
