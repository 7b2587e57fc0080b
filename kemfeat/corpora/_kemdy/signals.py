"""Turns a file of physiology into rows of the signals table, in the same way for KEMDy19 and KEMDy20."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from kemfeat.corpora._kemdy.e4 import Canonical, Recording, Sensor, read_recording
from kemfeat.corpora.layout import read_file
from kemfeat.corpora.plausibility import check_values
from kemfeat.findings import UNANNOTATED_PHYSIOLOGY, Findings, Rule
from kemfeat.manifest import SIGNALS


def read_reported(
    root: Path, path: str, *, medium: Sensor, canonical: Canonical, empty: Rule, findings: Findings
) -> Recording:
    """Read one file, with a finding where it has no row (``empty``) or no row that belongs to an utterance.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    path : str
        The file, relative to ``root``.
    medium : Sensor
        The kind of recording.
    canonical : callable
        Gives the utterance of an id as written.
    empty : Rule
        The rule for a file without rows.
    findings : Findings
        Receives what is wrong.

    Returns
    -------
    Recording
        Rows in the order of the file.

    Raises
    ------
    CorpusError
        The file cannot be opened.
    """
    recording = read_recording(
        read_file(root / path), medium=medium, canonical=canonical, where=path, findings=findings
    )
    if not len(recording):
        findings.add(empty, f"{path}: no row")
    elif not any(recording.names.values()):
        findings.add(UNANNOTATED_PHYSIOLOGY, f"{path}: {len(recording)} rows, none with an id")
    if medium.has_unit:
        check_values(medium.name, recording.rows.values, where=path, findings=findings)
    return recording


def signals_table(recording: Recording, *, medium: str, speaker: str, script: Sequence[str] | pa.Array) -> pa.Table:
    """Rows of :data:`kemfeat.manifest.SIGNALS`; ``script`` has one entry per row."""
    count = len(recording)
    whose = {"speaker": pa.repeat(speaker, count), "script": script, "medium": pa.repeat(medium, count)}
    return pa.Table.from_pydict(recording.columns() | whose, schema=SIGNALS)


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """One table of all rows, in order."""
    return pa.concat_tables([SIGNALS.empty_table(), *tables]).combine_chunks()
