"""What body and judgement did over a conversation: one row per utterance, in time order, and the change to the next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kemfeat.stats.rounding import NOISE
from kemfeat.store.reader import Store

SIGNALS = {"eda": "EDA [µS]", "temp": "TEMP [°C]", "hr": "HR [1/min]"}
"""Means over an utterance, with their units; HR is 60 over the mean beat interval."""

CONVERSATION = ["session", "script", "speaker"]


def by_utterance(store: Store, *, labels: str, columns: Sequence[str] = ()) -> pd.DataFrame:
    """One row per utterance, those of a conversation in time order.

    Returns
    -------
    DataFrame
        ``id session script speaker emotion arousal valence eda temp hr``, then ``columns`` of the store: signals are
        means of the finite samples that the corpus assigns to the utterance, from its own speaker's recording; NaN
        where there is none.
    """
    table = store.utterances
    order = table.assign(emotion=store.labels(labels)).sort_values([*CONVERSATION, "start"], kind="stable")
    judged = order[["id", *CONVERSATION, "emotion", "arousal", "valence"]].reset_index(drop=True)
    found = with_signals(judged, _named(_means(store)))
    return found.assign(**{name: order[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in columns})


def with_signals(utterances: pd.DataFrame, means: pd.DataFrame) -> pd.DataFrame:
    """The utterances with these means of their signals, which have their id as index."""
    found = means.reindex(utterances["id"])
    return utterances.assign(**{name: found[name].to_numpy(dtype=np.float64) for name in SIGNALS})


def changes(utterances: pd.DataFrame) -> pd.DataFrame:
    """What changed since the same speaker's previous utterance in the same conversation; the first has no row.

    Parameters
    ----------
    utterances : DataFrame
        Result of :func:`by_utterance`.

    Returns
    -------
    DataFrame
        ``session script speaker conversation`` and first differences ``arousal valence eda temp hr`` and of further
        columns; ``emotion`` is 1 where the label differs, 0 where it is the same. NaN where either utterance lacks the
        value.
    """
    grouped = utterances.groupby(CONVERSATION, sort=False)
    numbers = [name for name in utterances if name not in ("id", "emotion", *CONVERSATION)]
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


def at_lags(store: Store, *, lags: Sequence[int]) -> dict[int, pd.DataFrame]:
    """Mean of each medium over the time of each utterance, shifted by so many seconds: one table per lag.

    The time of an utterance runs from its first to its last sample of the medium. A window takes samples from the same
    speaker's recording of the same conversation only, and counts where it has at least half as many as the window
    that is not shifted: at the ends of a recording there is no value.

    Returns
    -------
    dict of int to DataFrame
        By lag ``eda temp hr``, with the id of the utterance as index.
    """
    speakers = store.utterances.set_index("id")["speaker"]
    parts = []
    for session in store.header.sessions:
        rows = _usable(store.signals(session)).dropna(subset="time").sort_values("time", kind="stable")
        for (_, speaker, medium), recording in rows.groupby(["script", "speaker", "medium"], sort=False):
            own = recording["id"].notna() & (recording["id"].map(speakers) == speaker)
            parts.append(_shifted(recording, own, lags).assign(medium=str(medium)))
    table = pd.concat(parts) if parts else pd.DataFrame(columns=["id", "medium", *lags])
    return {lag: _named(table.groupby(["id", "medium"])[lag].mean().unstack()) for lag in lags}


def _shifted(recording: pd.DataFrame, own: pd.Series, lags: Sequence[int]) -> pd.DataFrame:
    """``id`` and one column for each lag; ``recording`` is in the order of time."""
    time, value = recording["time"].to_numpy("datetime64[ms]").astype(np.int64), recording["value"].to_numpy()
    spans = (
        pd.DataFrame({"id": recording["id"], "time": time})[own.to_numpy()].groupby("id")["time"].agg(["min", "max"])
    )
    sums = np.concatenate([[0.0], np.cumsum(value - value[0])])
    ends = {lag: [_at(time, spans, side, 1000 * lag) for side in ("min", "max")] for lag in (0, *lags)}
    least = (ends[0][1] - ends[0][0]) / 2
    columns: dict[object, object] = {"id": spans.index}
    for lag in lags:
        first, last = ends[lag]
        count = last - first
        means = (sums[last] - sums[first]) / np.maximum(count, 1) + value[0]
        columns[lag] = np.where((count > 0) & (count >= least), means, np.nan)
    return pd.DataFrame(columns)


def _at(time: NDArray[np.int64], spans: pd.DataFrame, side: str, shift: int) -> NDArray[np.intp]:
    """Number of the first sample at or after the start, or after the end, of each span that is shifted."""
    return time.searchsorted(spans[side].to_numpy() + shift, "left" if side == "min" else "right")


def _named(means: pd.DataFrame) -> pd.DataFrame:
    """Columns ``eda temp hr`` of means by medium."""
    columns = {name: means.get(name, np.nan) for name in ("eda", "temp")}
    return pd.DataFrame({**columns, "hr": 60 / means["ibi"] if "ibi" in means else np.nan}, index=means.index)


def _usable(rows: pd.DataFrame) -> pd.DataFrame:
    usable = np.isfinite(rows["value"]) & ((rows["medium"] != "ibi") | (rows["value"] > 0))
    found: pd.DataFrame = rows[usable]
    return found


def _means(store: Store) -> pd.DataFrame:
    """Mean of each medium over each utterance: one row per utterance, one column per medium."""
    speakers = store.utterances.set_index("id")["speaker"]
    parts = []
    for session in store.header.sessions:
        rows = _usable(store.signals(session))
        own = rows["id"].notna() & (rows["id"].map(speakers) == rows["speaker"])
        parts.append(rows[own].groupby(["id", "medium"])["value"].mean())
    return pd.concat(parts).unstack() if parts else pd.DataFrame()
