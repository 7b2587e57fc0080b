"""Places the samples and beats of a session in its windows: the rows of the table of signals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from kemfeat.arrays import Floats
from kemfeat.corpora.e4._embraceplus import Recording
from kemfeat.corpora.e4._plan import Cut, Span
from kemfeat.corpora.e4._recorded import recordings_of
from kemfeat.corpora.e4._recordings import Beats
from kemfeat.corpora.plausibility import check_beats, check_values
from kemfeat.findings import Findings
from kemfeat.manifest import SIGNALS

_NEAR = 1e-6
"""Seconds by which a sample may be early and still be in a window: starts are decimal."""


def session_tables(cut: Cut, root: Path, findings: Findings) -> Iterator[pa.Table]:
    """The rows of a session: each sample under the id of its window, once for each, or under none where it is in none.

    Parameters
    ----------
    cut : Cut
        The session and its windows.
    root : Path
        Folder of the sessions.
    findings : Findings
        Receives what is wrong with the values.

    Yields
    ------
    pyarrow.Table
        Rows of :data:`kemfeat.manifest.SIGNALS`, medium by medium in order of time.
    """
    ids = np.array([*(span.id for span in cut.spans), None], dtype=object)
    scripts = np.array([*(span.script for span in cut.spans), ""], dtype=object)
    found = recordings_of(cut.session, root, Findings()).media  # the manifest says what is wrong with the files
    for medium, recording in found.items():
        times, values, offsets, filled = recording.timed(findings)
        _check(medium, recording, values, findings=findings)
        owners, rows = _kept(*_placed(cut.spans, times - cut.begin), filled=filled)
        columns = {
            "id": pa.array(ids[owners], pa.string()),
            "speaker": pa.repeat(cut.participant, len(rows)),
            "script": pa.array(scripts[owners], pa.string()),
            "medium": pa.repeat(medium, len(rows)),
            "time": pa.array(np.round(1000 * times[rows]).astype("datetime64[ms]"), pa.timestamp("ms")),
            "value": pa.array(values[rows]),
            "offset": pa.array(offsets[rows], pa.float64(), mask=np.isnan(offsets[rows])),
            "sampling_rate": pa.repeat(pa.scalar(getattr(recording, "rate", None), pa.float64()), len(rows)),
        }
        yield pa.Table.from_pydict(columns, schema=SIGNALS)


def _check(medium: str, recording: Recording, values: Floats, *, findings: Findings) -> None:
    check_values(medium, values, where=recording.where, findings=findings)
    if isinstance(recording, Beats):
        check_beats(recording.offsets, recording.intervals, where=recording.where, findings=findings)


def _placed(spans: Sequence[Span], times: Floats) -> tuple[np.ndarray, np.ndarray]:
    """For each row its window, -1 for none, and its sample: from the start of a window on, and before its end."""
    edges = np.searchsorted(times, np.array([(each.start, each.end) for each in spans]) - _NEAR)
    inside = [np.arange(first, last) for first, last in edges]
    outside = np.setdiff1d(np.arange(len(times)), np.concatenate(inside))
    rows = np.concatenate([*inside, outside])
    owners = np.repeat([*range(len(spans)), -1], [*map(len, inside), len(outside)])
    order = np.argsort(rows, kind="stable")
    return owners[order], rows[order]


def _kept(owners: np.ndarray, rows: np.ndarray, *, filled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without the rows of missing samples, but those of a window in which anything was recorded."""
    missing = filled[rows]
    keep = ~missing | ((owners >= 0) & np.isin(owners, owners[~missing]))
    return owners[keep], rows[keep]
