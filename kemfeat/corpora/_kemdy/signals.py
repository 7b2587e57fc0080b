"""Turns a file of physiology into rows of the signals table, in the same way for KEMDy19 and KEMDy20."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from kemfeat.corpora._kemdy.e4 import Canonical, Recording, Sensor, read_recording
from kemfeat.corpora._kemdy.formats import STAMP
from kemfeat.corpora.layout import read_file
from kemfeat.corpora.plausibility import check_beats, check_values
from kemfeat.file_kinds import foreign_kind, is_utf16
from kemfeat.findings import UNANNOTATED_PHYSIOLOGY, UNREADABLE_RECORDING, Findings, Rule
from kemfeat.manifest import SIGNALS
from kemfeat.plural import many
from kemfeat.stale_reads import asked_again

_HEAD = 65_536
"""Bytes of a file that show its format."""

_HEADER_LINES = 2
"""Most lines before the first row."""


def report_unreadable(root: Path, paths: Iterable[str], *, findings: Findings) -> None:
    """Leave a fault for every file of physiology in another format; one that cannot be opened is left to the reading.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    paths : iterable of str
        The files, relative to ``root``.
    findings : Findings
        Receives the faults.
    """
    for path in paths:
        try:
            problem = unreadable(asked_again(root / path, _head))
        except OSError:
            continue
        if problem is not None:
            findings.fault(UNREADABLE_RECORDING, f"{path}: {problem}")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def unreadable(content: bytes) -> str | None:
    r"""Why a file has no row that can be read.

    Parameters
    ----------
    content : bytes
        Content of the file; only its beginning counts.

    Returns
    -------
    str or None
        What was found and expected; None for a file with a stamp, and for one without any line after its header.

    Examples
    --------
    >>> unreadable(b"PK\x03\x04")
    'found a zip archive; unpack it and use the file inside; expected rows with a stamp such as 2020-0821-1128-57-250'
    """
    content = content[:_HEAD]
    expected = "expected rows with a stamp such as 2020-0821-1128-57-250"
    kind = "a UTF-16 text; save it as UTF-8" if is_utf16(content) else foreign_kind(content)
    if kind is not None:
        return f"found {kind}; {expected}"
    lines = [line for line in content.splitlines() if line.strip(b" ,\t")]
    if STAMP.search(content) or len(lines) <= _HEADER_LINES:
        return None
    return f"no line can be read, the first is {lines[0][:40].decode('latin-1')!r}; {expected}; copy the file again"


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
        Rows in the order of the file; none where :func:`unreadable` says why.

    Raises
    ------
    CorpusError
        The file cannot be opened.
    """
    content = read_file(root / path)
    if unreadable(content) is not None:  # reading the manifest left a fault
        return read_recording(b"", medium=medium, canonical=canonical, where=path, findings=Findings())
    recording = read_recording(content, medium=medium, canonical=canonical, where=path, findings=findings)
    if not len(recording):
        findings.add(empty, f"{path}: no row")
    elif not any(recording.names.values()):
        findings.add(UNANNOTATED_PHYSIOLOGY, f"{path}: {many(len(recording), 'row')}, none with an id")
    if medium.has_unit:
        check_values(medium.name, recording.rows.values, where=path, findings=findings)
        if not medium.uniform:
            check_beats(recording.rows.offsets, recording.rows.values, where=path, findings=findings)
    return recording


def signals_table(recording: Recording, *, medium: str, speaker: str, script: Sequence[str] | pa.Array) -> pa.Table:
    """Rows of :data:`kemfeat.manifest.SIGNALS`; ``script`` has one entry per row."""
    count = len(recording)
    whose = {"speaker": pa.repeat(speaker, count), "script": script, "medium": pa.repeat(medium, count)}
    return pa.Table.from_pydict(recording.columns() | whose, schema=SIGNALS)


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """One table of all rows, in order."""
    return pa.concat_tables([SIGNALS.empty_table(), *tables]).combine_chunks()
