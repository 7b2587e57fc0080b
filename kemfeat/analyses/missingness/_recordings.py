"""What each wristband recorded of a conversation, and where it has no samples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kemfeat.arrays import Floats
from kemfeat.store.reader import Store

HOLE = 0.125
"""Seconds between the end of one sample and the beginning of the next that make a hole: half a sample at 4 Hz, and less
than any heart beat, so that one missed beat is a hole."""

PHYSIOLOGY = ("eda", "temp", "ibi", "ecg")
"""Media in the order of tables and figures."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordingQuality:
    """One medium of one speaker in one conversation; times in seconds since the session's first sample.

    Parameters
    ----------
    session, script, speaker, medium : str
        What was recorded, of whom.
    window : tuple of float [s]
        First and last sample of the conversation, of any speaker and medium.
    values : ndarray, shape (n,), float64
        Finite values in order of time.
    begins, ends : ndarray, shape (n,), float64 [s]
        The time that each value covers: a sample lasts until the next is due, a beat reaches back by its interval.
    """

    session: str
    script: str
    speaker: str
    medium: str
    window: tuple[float, float]
    values: Floats
    begins: Floats
    ends: Floats

    @property
    def key(self) -> dict[str, str]:
        """Its key columns in a table."""
        return {"session": self.session, "script": self.script, "speaker": self.speaker, "medium": self.medium}

    @property
    def _reached(self) -> Floats:
        """Time up to which the signal was covered before each sample, and after the last [s] [shape=(n + 1,)]."""
        return np.maximum.accumulate(np.concatenate([[self.window[0]], self.ends]))

    @property
    def holes(self) -> Floats:
        """Length of the pause before each sample, and of that after the last [s] [shape=(n + 1,)]."""
        return np.maximum(np.append(self.begins, self.window[1]) - self._reached, 0.0)

    @property
    def length(self) -> float:
        """Length of the window [s]."""
        return self.window[1] - self.window[0]

    @property
    def covered(self) -> float:
        """Seconds of the window in which there is a value."""
        return self.length - float(self.holes.sum())

    @property
    def share(self) -> float:
        """Share of the window in which there is a value; NaN where the window has no length."""
        return self.covered / self.length if self.length > 0 else math.nan

    def stretches(self, least: float) -> pd.DataFrame:
        """``start end`` [s] of the pauses of at least ``least`` seconds."""
        long = self.holes >= least
        start = self._reached[long]
        return pd.DataFrame({"start": start, "end": start + self.holes[long]})


def media_of(store: Store) -> tuple[str, ...]:
    """The media of which the store has physiology, or columns for it."""
    found = set(store.signal_index["medium"]) | {
        str(name).removesuffix("_coverage") for name in store.utterances if str(name).endswith("_coverage")
    }
    return (*[name for name in PHYSIOLOGY if name in found], *sorted(found - set(PHYSIOLOGY)))


def recordings(store: Store, *, media: tuple[str, ...]) -> Iterator[RecordingQuality]:
    """Every medium of every speaker in every conversation with any sample, including empty recordings."""
    wearers = store.utterances.groupby(["session", "script"])["speaker"].unique()
    for session in store.header.sessions:
        signals = _in_conversations(_on_the_clock(store.signals(session)))
        for script, rows in signals.groupby("script"):
            window = (float(rows["begin"].min()), float(rows["end"].max()))
            known = wearers.get((session, script), ())
            for speaker in sorted({*rows["speaker"], *known}):
                for medium in media:
                    mine = rows[(rows["speaker"] == speaker) & (rows["medium"] == medium)]
                    yield _recording(mine, (session, str(script), speaker, medium), window)


def _recording(rows: pd.DataFrame, key: tuple[str, str, str, str], window: tuple[float, float]) -> RecordingQuality:
    columns = [rows[name].to_numpy(dtype=np.float64) for name in ("value", "begin", "end")]
    return RecordingQuality(*key, window, *columns)


def _in_conversations(rows: pd.DataFrame) -> pd.DataFrame:
    """The samples of conversations; a sample without a name belongs to the conversation that surrounds it, if any.

    A corpus that records whole sessions gives the conversation only for the samples of utterances.
    """
    named = rows["script"] != ""
    windows = rows[named].groupby("script").agg(begin=("begin", "min"), end=("end", "max")).sort_values("begin")
    if windows.empty:
        return rows[named]
    latest = np.searchsorted(windows["begin"], rows["begin"], side="right") - 1
    inside = (latest >= 0) & (rows["end"] <= windows["end"].to_numpy()[latest])
    around = pd.Series(windows.index.to_numpy(dtype=object)[latest], index=rows.index).where(inside, "")
    placed = rows.assign(script=rows["script"].where(named, around))
    return placed[placed["script"] != ""]


def _on_the_clock(signals: pd.DataFrame) -> pd.DataFrame:
    """Finite samples by time, with ``begin`` and ``end`` in seconds since the first."""
    rows = signals[np.isfinite(signals["value"]) & signals["time"].notna()].sort_values("time", kind="stable")
    seconds = (rows["time"] - rows["time"].min()).dt.total_seconds()
    beat = rows["sampling_rate"].isna()
    begin, end = seconds.mask(beat, seconds - rows["value"]), seconds.where(beat, seconds + 1 / rows["sampling_rate"])
    timed: pd.DataFrame = rows.assign(begin=begin, end=end)
    return timed
