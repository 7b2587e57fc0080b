"""What a sensor recorded around an utterance, as far as the conversation reaches that the utterance belongs to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kemfeat.manifest import RECORDINGS, UNITS
from kemfeat.records import Medium, Recording

if TYPE_CHECKING:
    import pandas as pd

LENGTH = "length"
"""The column of :func:`utterance_lengths` in the rows of a partition."""

_READ = ["id", "speaker", "script", "medium", "time", "value", "sampling_rate"]


def utterance_lengths(utterances: pd.DataFrame) -> pd.Series[float]:
    """Seconds from start to end of each utterance, or of its audio where there is no end; NaN where neither says."""
    return (utterances["end"] - utterances["start"]).fillna(utterances["duration"])


def session_recordings(path: Path, rows: pd.DataFrame, names: Collection[str]) -> dict[tuple[str, str], Medium]:
    """The recordings around some utterances of one session, as :func:`recordings` gives them.

    Parameters
    ----------
    path : Path
        Staged signals of the session; absent where it has none.
    rows : DataFrame
        Utterances: id, speaker, script, clock_start and length.
    names : collection of str
        Names of :data:`kemfeat.manifest.RECORDINGS`.

    Returns
    -------
    dict of tuple to Recording
        By (utterance, name).
    """
    if not names or not path.is_file():
        return {}
    state = path.stat()
    tracks = _read_tracks(path, tuple(sorted(names)), (state.st_ino, state.st_size, state.st_mtime_ns))
    return _recordings(tracks, rows)


def recordings(signals: pa.Table, rows: pd.DataFrame, names: Collection[str]) -> dict[tuple[str, str], Medium]:
    """The recording of its own speaker around each utterance, back and forth to the next row of another conversation.

    A conversation is a script of a session; rows without one are between conversations and count as part of any beside
    them. Where the rows of a conversation do not ascend in time in the order of the file, as where the signals of each
    utterance are a file of their own without a clock, an utterance has its own rows only.

    Parameters
    ----------
    signals : Table
        Signals of a session.
    rows : DataFrame
        Utterances: id, speaker, script, length [s], and clock_start, from which times count.
    names : collection of str
        Names of :data:`kemfeat.manifest.RECORDINGS`.

    Returns
    -------
    dict of tuple to Recording
        By (utterance, name).
    """
    return _recordings(_tracks(signals, names), rows)


@dataclass(frozen=True, slots=True)
class _Track:
    """The rows of one speaker and medium in a session, by time; of steady scripts, that is the order of the file."""

    time: NDArray[np.datetime64]
    value: NDArray[np.float64]
    ids: NDArray[Any]
    scripts: NDArray[Any]
    steady: frozenset[str]
    rate: float | None
    unit: str

    def around(self, utterance: Any) -> Recording:
        start = np.datetime64(utterance.clock_start, "ms")
        own = self.ids == utterance.id
        kept = self._conversation(utterance.script, own, start) if utterance.script in self.steady else own
        return Recording(
            times=(self.time[kept] - start) / np.timedelta64(1000, "ms"),
            values=self.value[kept],
            own=own[kept],
            length=float(utterance.length),
            unit=self.unit,
            sampling_rate=self.rate,
        )

    def _conversation(self, script: str, own: NDArray[np.bool_], start: np.datetime64) -> NDArray[np.bool_]:
        """The rows between those of other conversations before and after the utterance."""
        foreign = np.flatnonzero(~np.isin(self.scripts, ("", script)))
        begin = np.argmax(own) if own.any() else np.searchsorted(self.time, start)
        place = np.searchsorted(foreign, begin)
        edges = np.concatenate([[-1], foreign, [len(own)]])
        inside = np.zeros(len(own), dtype=np.bool_)
        inside[edges[place] + 1 : edges[place + 1]] = True
        return inside


_Tracks = dict[tuple[str, str], _Track]
"""Tracks by (speaker, name of the recording)."""


def _recordings(tracks: _Tracks, rows: pd.DataFrame) -> dict[tuple[str, str], Medium]:
    timed = list(rows[rows["clock_start"].notna()].itertuples(index=False))
    return {
        (str(row.id), name): track.around(row)
        for (speaker, name), track in tracks.items()
        for row in timed
        if row.speaker == speaker
    }


@lru_cache(maxsize=1)
def _read_tracks(path: Path, names: tuple[str, ...], state: tuple[int, ...]) -> _Tracks:  # noqa: ARG001 - the state distinguishes versions of the file
    """The tracks of a session, cached because consecutive partitions often read the same session."""
    media = pa.array([RECORDINGS[name] for name in names])
    return _tracks(pq.read_table(path, columns=_READ, filters=pc.field("medium").isin(media)), names)


def _tracks(signals: pa.Table, names: Collection[str]) -> _Tracks:
    table = signals.select(_READ).filter(pc.is_valid(signals["time"]))
    found: _Tracks = {}
    for name in names:
        of_medium = table.filter(pc.equal(table["medium"], RECORDINGS[name]))
        for speaker in pc.unique(of_medium["speaker"]).to_pylist():
            found[speaker, name] = _track(of_medium.filter(pc.equal(of_medium["speaker"], speaker)))
    return found


def _track(rows: pa.Table) -> _Track:
    """The rows of one speaker and medium, at least one, in the order of the file."""
    columns = {name: rows[name].to_numpy() for name in _READ}
    time, scripts = columns["time"].astype("datetime64[ms]"), columns["script"]
    order = np.argsort(time, kind="stable")
    rate = float(columns["sampling_rate"][0])
    return _Track(
        time=time[order],
        value=columns["value"][order],
        ids=columns["id"][order],
        scripts=scripts[order],
        steady=frozenset(name for name in set(scripts) if _ascends(time[np.isin(scripts, ("", name))])),
        rate=rate if np.isfinite(rate) else None,
        unit=UNITS[columns["medium"][0]],
    )


def _ascends(time: NDArray[np.datetime64]) -> bool:
    return bool((np.diff(time) > np.timedelta64(0, "ms")).all())
