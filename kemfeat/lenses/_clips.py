"""What is heard in the audio of every utterance: its level, and how much of it is clipped."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kemfeat import media, parallel, waveform
from kemfeat.errors import AnalysisError, MediaError
from kemfeat.findings import printable
from kemfeat.manifest import SEGMENT
from kemfeat.records import Signal
from kemfeat.store.reader import Store

_FULL = 1 - 2**-14
"""Two steps of 16 bit below full scale."""
_RUN = 3
"""Samples at full scale in a row that count as clipped, not as a peak that just fits."""


class Clip(NamedTuple):
    """The audio of an utterance.

    Parameters
    ----------
    id : str
        Id of the utterance.
    level : float [dB]
        That of its loudest channel; -inf for silence. See :func:`kemfeat.media.channel_levels`.
    clipped, samples : int
        Samples in runs at full scale in its worst channel, and all of that channel.
    """

    id: str
    level: float
    clipped: int
    samples: int


class _Part(NamedTuple):
    """An utterance's part of a file; NaN where the file is its own."""

    id: str
    start: float
    end: float


def measured(store: Store, root: Path) -> tuple[Clip, ...]:
    """Measure every utterance whose audio is in the corpus; files that are absent or damaged are left to validation.

    Parameters
    ----------
    store : Store
        The store.
    root : Path
        Folder of the corpus that it was built from.

    Returns
    -------
    tuple of Clip
        One for each utterance that could be read.

    Raises
    ------
    AnalysisError
        None of the files of the store is below the folder, or a file has another size than when the store was built.
    """
    files = _files(store)
    sizes = {path: int(size) for path, size in zip(store.sources["path"], store.sources["size"], strict=True)}
    paths = {name: _below(root, name) for name in files}
    there = {name: path for name, path in paths.items() if path is not None and path.is_file()}
    if files and not there:
        raise AnalysisError(
            f"{root}: has none of the {len(files):,} audio files of this store, such as {printable(min(files))!r}; "
            "give the folder of the corpus that it was built from"
        )
    for name, path in there.items():
        if (size := path.stat().st_size) != sizes.get(name, size):
            raise AnalysisError(
                f"{root}: {printable(name)} has {size:,} bytes and had {sizes[name]:,} when the store was built; give "
                "the corpus that it was built from, or build the store again"
            )
    tasks = [(path, files[name]) for name, path in there.items()]
    read = parallel.run_threads(_measure, tasks, workers=parallel.default_workers())
    return tuple(clip for clips in read for clip in clips)


def _files(store: Store) -> dict[str, list[_Part]]:
    """Per audio file of the store, the utterances in it."""
    table = store.utterances
    if "audio" not in table:
        return {}
    times = [table[name] if name in table else [math.nan] * len(table) for name in SEGMENT]
    files: dict[str, list[_Part]] = {}
    for name, audio, start, end in zip(table["id"], table["audio"], *times, strict=True):
        if isinstance(audio, str):
            files.setdefault(audio, []).append(_Part(name, start, end))
    return files


def _below(root: Path, name: str) -> Path | None:
    """A file of the corpus; None where its path, or what a link there leads to, is not below the folder."""
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\0" in name:
        return None
    path = root.joinpath(*pure.parts)
    return path if path.resolve().is_relative_to(root.resolve()) else None


def _measure(task: tuple[Path, list[_Part]]) -> list[Clip]:
    path, parts = task
    try:
        signal = media.read_audio(path)
    except MediaError:
        return []
    return list(_measured(signal, parts, str(path)))


def _measured(signal: Signal, parts: list[_Part], name: str) -> Iterator[Clip]:
    for part in parts:
        try:
            own = signal if math.isnan(part.start) else waveform.cut(signal, part.start, part.end, name=name)
        except MediaError:
            continue
        channels = own.values.reshape(len(own.values), -1).T
        clipped = max(clipped_samples(channel) for channel in channels)
        yield Clip(part.id, float(waveform.channel_levels(own).max()), clipped, len(own.values))


def clipped_samples(samples: NDArray[np.float32]) -> int:
    """How many samples are in runs of at least three at full scale on one side.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
        One channel; full scale is [-1, 1].

    Returns
    -------
    int
        Number of samples.
    """
    side = np.where(samples >= _FULL, 1, np.where(samples <= -_FULL, -1, 0))
    starts = np.flatnonzero(np.diff(side, prepend=2))
    lengths = np.diff(starts, append=len(side))
    return int(lengths[(side[starts] != 0) & (lengths >= _RUN)].sum())
