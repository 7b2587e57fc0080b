"""A store as files for other programs: one format each, found by its name.

A file of this room has a function that writes a :class:`Selection` into an empty folder, and ends in ``EXPORTER``.
It writes rows in their order, every one with its id, and reads them block by block: a store is larger than
memory. The same store gives the same bytes: no time, host or command is written.

:func:`export_store` does what is the same for all: it selects, writes aside, describes, and puts in place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from kemfeat import plugins
from kemfeat.config import suggest
from kemfeat.errors import UnknownPluginError
from kemfeat.export._describe import describe
from kemfeat.export._folder import made_aside
from kemfeat.export._selection import ExportBlock, RowProgress, Selection, select, silent
from kemfeat.paths import StrPath, to_path
from kemfeat.store.reader import Store

__all__ = ["Export", "ExportBlock", "Exporter", "Selection", "export_store"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """A format of exports.

    Parameters
    ----------
    name : str
        What ``--to`` calls it.
    description : str
        What it writes, in one line.
    reading : str
        How to read it, for the export's ``README.md``.
    write : callable
        Writes a selection into an existing empty folder; errors of the disk are left to the caller.
    front_matter : str
        What ``README.md`` must begin with.
    """

    name: str
    description: str
    reading: str
    write: Callable[[Selection, Path], None]
    front_matter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What an export has made.

    Parameters
    ----------
    path : Path
        Its folder.
    format : str
        Name of the format.
    axis : str
        Row axis of its arrays.
    arrays : tuple of str
        Their names.
    rows, dropped : int
        Rows that were written, and rows that the label rule left out.
    files, bytes : int
        How many files, and their size.
    """

    path: Path
    format: str
    axis: str
    arrays: tuple[str, ...]
    rows: int
    dropped: int
    files: int
    bytes: int


def export_store(
    store: Store,
    *,
    to: str,
    out: StrPath,
    arrays: Sequence[str] | None = None,
    labels: str | None = None,
    ids: Collection[str] | None = None,
    progress: RowProgress = silent,
) -> Export:
    """Write a store in another format.

    Parameters
    ----------
    store : Store
        What to write.
    to : str
        Name of a format.
    out : str or PathLike
        Folder, absent or empty; it appears when everything is in it.
    arrays : sequence of str or None
        Names of arrays on one row axis; None for all on ``utterance``, or on the first axis that has any.
    labels : str or None
        A rule of :func:`kemfeat.labels.apply_rule`: ``emotion`` follows it, and rows that it drops are left out.
        None keeps every row and the store's own labels.
    ids : collection of str or None
        Utterances whose rows are written, in the order of the store; None for all.
    progress : callable
        Gets the rows written, and how many there are.

    Returns
    -------
    Export
        What was written, and how much.

    Raises
    ------
    UnknownPluginError
        There is no such format.
    ConfigError
        An array, rule or utterance is unknown, the arrays are on several axes, or ``out`` is not empty or in the store.
    StoreCorruptError
        The store is not what its header says.
    StoreWriteError
        The disk refuses.

    Examples
    --------
    >>> import kemfeat
    >>> made = export_store(kemfeat.open_store("stores/KEMDy20"), to="tsv-npy", out="export", arrays=["eda"])
    >>> made.rows, made.arrays
    (36, ('eda',))
    """
    out = to_path(out)
    exporter = _exporter(to)
    selection = select(store, arrays=arrays, labels=labels, ids=ids, progress=progress)
    with made_aside(out, store=store.path) as folder:
        progress(0, len(selection))
        exporter.write(selection, folder)
        describe(selection, folder, name=exporter.name, top=exporter.front_matter, reading=exporter.reading)
        sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return Export(
        path=out,
        format=exporter.name,
        axis=selection.axis,
        arrays=selection.arrays,
        rows=len(selection),
        dropped=selection.dropped,
        files=len(sizes),
        bytes=sum(sizes),
    )


def _exporter(to: str) -> Exporter:
    found: Exporter
    try:
        found = plugins.find("export", to)
    except UnknownPluginError:
        known = [plugins.find("export", name).name for name in plugins.names("export")]
        raise UnknownPluginError(f"--to {to}: no such format{suggest(to, known)}") from None
    return found
