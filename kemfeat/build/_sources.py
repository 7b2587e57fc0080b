"""The files that a build depends on: size, time and content, hashed once and trusted until they change."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kemfeat import media, parallel
from kemfeat.config import digest
from kemfeat.errors import CorpusError, MediaError
from kemfeat.store import disk

if TYPE_CHECKING:
    import pandas as pd


VIDEO = "video"
"""The group of films, and the medium."""

CLOCK = "clock"
"""The group of files without which the signals of no session can be placed."""

WORTH_A_WORKER = 50e6
"""Bytes of audio, 260 utterances of 6 s, whose extraction takes about as long as the start of a process."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Every source file.

    Parameters
    ----------
    table : DataFrame
        One row per file: path (relative, with ``/``), group, size [bytes], mtime_ns, sha256, and for audio frames,
        sampling_rate [Hz], channels and error (why it cannot be read, or None).
    hashed : int
        How many of them had to be read.
    """

    table: pd.DataFrame
    hashed: int

    def group_key(self, group: str, *, version: int) -> str:
        """Digest of the paths and contents of the files of a group, and of the version of their reader."""
        rows = self._read_with(group)
        return digest([version, list(zip(rows["path"], rows["sha256"], strict=True))])

    def hashes(self, group: str) -> dict[str, str]:
        """SHA-256 of the files of a group, by path."""
        rows = self._read_with(group)
        return dict(zip(rows["path"], rows["sha256"], strict=True))

    def _read_with(self, group: str) -> pd.DataFrame:
        """The files that are read for a group: its own, and for one of signals those that say when all began."""
        groups = (group, CLOCK) if group.startswith("signals/") else (group,)
        return self.table[self.table["group"].isin(groups)]

    def equals(self, other: pd.DataFrame | None) -> bool:
        """Whether ``other``, the table of an earlier scan, lists the same files with the same times and contents."""
        return other is not None and self.table[_IDENTITY].equals(other[_IDENTITY])


def needed(groups: Mapping[str, tuple[str, ...]], media: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The groups without films, where no feature reads them: they are by far the largest files of a corpus."""
    return {group: paths for group, paths in groups.items() if group != VIDEO or VIDEO in media}


def useful_workers(most: int, root: Path, groups: Mapping[str, tuple[str, ...]]) -> int:
    """How many processes there is work for; one for what is done before a second would have begun.

    Parameters
    ----------
    most : int
        The largest number.
    root : Path
        Folder of the corpus.
    groups : mapping of str to tuple of str
        Files by group.

    Returns
    -------
    int
        By the size of the audio, as far as it matters; ``most`` where films are decoded.
    """
    if groups.get(VIDEO):
        return most
    seen = 0
    for path in groups.get("audio", ()):
        seen += _size(root / path)
        if seen >= most * WORTH_A_WORKER:
            return most
    return max(1, int(seen / WORTH_A_WORKER)) if seen else 1


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # the scan says so
        return 0


def read_scan(path: Path) -> pd.DataFrame | None:
    """The table of an earlier scan, or None where there is none that can be used."""
    import pandas as pd

    try:
        return _typed(pd.read_parquet(path))
    except (OSError, ValueError, KeyError):
        return None


def scan(
    root: Path,
    groups: Mapping[str, tuple[str, ...]],
    *,
    known: pd.DataFrame | None,
    workers: int,
    progress: Callable[[int, int], None],
) -> Sources:
    """Stat every file, and hash those whose size or time has changed.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    groups : mapping of str to tuple of str
        Paths by group, as :meth:`~kemfeat.corpora.CorpusReader.sources` lists them.
    known : DataFrame or None
        Table of an earlier scan; None to hash everything.
    workers : int
        Threads that hash.
    progress : callable
        Called with the number of files hashed and of all to hash.

    Returns
    -------
    Sources
        Every file.

    Raises
    ------
    CorpusError
        A file cannot be read.
    """
    found = stat_all(root, groups)
    old = _EMPTY() if known is None else known
    merged = found.merge(old, on=["path", "group", "size", "mtime_ns"], how="left")
    stale = merged.index[merged["sha256"].isna()]
    tasks = list(zip(merged.loc[stale, "path"], merged.loc[stale, "group"], strict=True))
    fresh: list[dict[str, Any]] = []
    progress(0, len(tasks))
    batches = [tasks[start : start + _BATCH] for start in range(0, len(tasks), _BATCH)]
    for rows in parallel.run_threads(functools.partial(_contents, root), batches, workers=workers):
        for row in rows:
            fresh.append(row)
            progress(len(fresh), len(tasks))
    merged = merged.astype({"sha256": object, "error": object})
    for column in _CONTENT:
        merged.loc[stale, column] = [row[column] for row in fresh]
    return Sources(_typed(merged), hashed=len(tasks))


def stat_all(root: Path, groups: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """One row per file: path, group, size [bytes] and mtime_ns."""
    import pandas as pd

    return pd.DataFrame(
        [(path, group, *_stat(root, path)) for group, paths in groups.items() for path in paths],
        columns=["path", "group", "size", "mtime_ns"],
    )


_BATCH = 32
"""Files per task: giving files to threads one by one takes as long as hashing small ones."""
_CONTENT = ("sha256", "frames", "sampling_rate", "channels", "error")
_IDENTITY = ["path", "group", "size", "mtime_ns", "sha256"]


def _EMPTY() -> pd.DataFrame:  # noqa: N802 - stands for a constant that must not import pandas
    import pandas as pd

    return _typed(pd.DataFrame(columns=["path", "group", "size", "mtime_ns", *_CONTENT]))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    integers = {"frames": "Int64", "sampling_rate": "Int64", "channels": "Int64"}
    texts = dict.fromkeys(("path", "group", "sha256", "error"), object)
    typed = table.astype({**integers, **texts, "size": "int64", "mtime_ns": "int64"})
    typed["error"] = typed["error"].where(typed["error"].notna(), None)
    return typed


def _stat(root: Path, path: str) -> tuple[int, int]:
    try:
        status = os.stat(f"{root}/{path}")  # noqa: PTH116 - a Path per file costs more than the call
    except OSError as error:
        raise CorpusError(
            f"{root / path}: cannot be read ({error.strerror}); make it readable, then run again"
        ) from None
    return status.st_size, status.st_mtime_ns


def _contents(root: Path, tasks: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    return [_content(root, task) for task in tasks]


def _content(root: Path, task: tuple[str, str]) -> dict[str, Any]:
    import hashlib

    path, group = task
    try:
        if group == VIDEO:  # too large to be in memory
            return {**dict.fromkeys(_CONTENT), "sha256": disk.sha256(root / path)}
        content = disk.read_bytes(root / path)
    except OSError as error:
        raise CorpusError(
            f"{root / path}: cannot be read ({error.strerror}); make it readable, then run again"
        ) from None
    row: dict[str, Any] = {**dict.fromkeys(_CONTENT), "sha256": hashlib.sha256(content).hexdigest()}
    if group == "audio":
        try:
            header = media.read_header(content, name=path)
        except MediaError as error:
            row["error"] = str(error)
        else:
            row |= {"frames": header.frames, "sampling_rate": header.sampling_rate, "channels": header.channels}
    return row
