"""Places the samples and beats of a session in its windows: the rows of the table of signals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from kemfeat.arrays import Floats
from kemfeat.corpora.e4._plan import Plan
from kemfeat.corpora.e4._recorded import recording_of
from kemfeat.corpora.e4._recordings import Beats, Samples
from kemfeat.corpora.e4._sessions import RECORDINGS
from kemfeat.corpora.e4._windows import Window
from kemfeat.corpora.plausibility import check_beats, check_values
from kemfeat.findings import Findings
from kemfeat.manifest import SIGNALS

WHOLE_SESSION = "all"
"""Script of a window whose table names none."""

_NEAR = 1e-6
"""Seconds by which a sample may be early and still be in a window: starts are decimal."""


def session_tables(plan: Plan, session: str, root: Path, findings: Findings) -> Iterator[pa.Table]:
    """The rows of a session: each sample under the id of its window, once for each, or under none where it is in none.

    Parameters
    ----------
    plan : Plan
        The windows.
    session : str
        Name of the session.
    root : Path
        Folder of the sessions.
    findings : Findings
        Receives what is wrong with its recordings.

    Yields
    ------
    pyarrow.Table
        Rows of :data:`kemfeat.manifest.SIGNALS`, medium by medium in order of time; none where no window is in the
        session.
    """
    found = plan.sessions[session]
    windows = [window for window in plan.windows if window.session == session]
    for medium, name in RECORDINGS.items() if windows else ():
        recording = recording_of(found.session, medium, root, findings)
        if recording is None:
            continue
        where = found.session.where(name)
        times, values, offsets = _in_time(recording, findings)
        check_values(medium, values, where=where, findings=findings)
        if isinstance(recording, Beats):
            check_beats(offsets, values, where=where, findings=findings)
        owners, rows = _placed(windows, times - found.begin)
        scripts = np.array([*map(script_of, windows), ""], dtype=object)
        count = len(rows)
        columns = {
            "id": pa.array(np.array([*(window.id for window in windows), None], dtype=object)[owners], pa.string()),
            "speaker": pa.repeat(plan.participants[session], count),
            "script": pa.array(scripts[owners], pa.string()),
            "medium": pa.repeat(medium, count),
            "time": pa.array(np.round(1000 * times[rows]).astype("datetime64[ms]"), pa.timestamp("ms")),
            "value": pa.array(values[rows]),
            "offset": pa.array(offsets[rows], pa.float64(), mask=np.isnan(offsets[rows])),
            "sampling_rate": pa.repeat(pa.scalar(getattr(recording, "rate", None), pa.float64()), count),
        }
        yield pa.Table.from_pydict(columns, schema=SIGNALS)


def _in_time(recording: Samples | Beats, findings: Findings) -> tuple[Floats, Floats, Floats]:
    """Times [s] since 1970, values, and offsets [s] (NaN for samples), by time."""
    if isinstance(recording, Samples):
        values = recording.values(findings)
        return recording.start + np.arange(len(values)) / recording.rate, values, np.full(len(values), np.nan)
    order = np.argsort(recording.offsets, kind="stable")
    offsets = recording.offsets[order]
    return recording.start + offsets, recording.intervals[order], offsets


def _placed(windows: Sequence[Window], times: Floats) -> tuple[np.ndarray, np.ndarray]:
    """For each row its window, -1 for none, and its sample: from the start of a window on, and before its end."""
    edges = np.searchsorted(times, np.array([(each.start, each.end) for each in windows]) - _NEAR)
    inside = [np.arange(first, last) for first, last in edges]
    outside = np.setdiff1d(np.arange(len(times)), np.concatenate(inside))
    rows = np.concatenate([*inside, outside])
    owners = np.repeat([*range(len(windows)), -1], [*map(len, inside), len(outside)])
    order = np.argsort(rows, kind="stable")
    return owners[order], rows[order]


def script_of(window: Window) -> str:
    """The part of the session that a window belongs to.

    Parameters
    ----------
    window : Window
        The window.

    Returns
    -------
    str
        As the table says, else :data:`WHOLE_SESSION`.
    """
    return (window.row.script if window.row else "") or WHOLE_SESSION
