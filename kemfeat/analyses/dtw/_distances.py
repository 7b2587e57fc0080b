"""Distances of all series: in memory where they fit, in blocks on disk where they do not."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat import parallel
from kemfeat.arrays import AnyFloats, Indices
from kemfeat.config import digest
from kemfeat.stats import dtw
from kemfeat.store import blocks, disk

Series = Sequence[NDArray[np.float64]]

_VALUES, _ENDS = "series.npy", "ends.npy"
"""All series concatenated, and where each begins and ends in that [shape=(n + 1,)]; kept beside the blocks."""


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """Distances among series.

    Parameters
    ----------
    matrix : ndarray, shape (m, m), float32 or float64
        Distances among the series of ``sample``.
    sample : ndarray, shape (m,), int
        Indices of these series, ascending: all series where the matrix fits into memory.
    """

    matrix: AnyFloats
    sample: Indices


@dataclass(frozen=True, slots=True, kw_only=True)
class DistanceStorage:
    """Where distances may be kept.

    Parameters
    ----------
    memory : float [bytes]
        Memory that a matrix may take.
    folder : Path
        Folder for the blocks of a matrix that does not fit; made when needed.
    workers : int, >= 1
        Number of threads, or of processes for blocks.
    scheduler : str or None
        Address of a Dask scheduler whose workers compute the blocks instead.
    """

    memory: float
    folder: Path
    workers: int
    scheduler: str | None = None


def measure(series: Series, *, config: dtw.DtwConfig, room: DistanceStorage, seed: int) -> Distances:
    """Distances of every series to every other.

    Where they do not fit into memory, or a cluster computes them, all are written to blocks on disk, continuing where
    an earlier run was stopped, and those among a random sample, as large as memory allows, are returned.

    Raises
    ------
    StoreCorruptError
        The blocks on disk cannot be read.
    StoreWriteError
        The disk refuses blocks.
    WorkerError
        A worker died, or the workers of the scheduler cannot be used.
    """
    itemsize = np.dtype(config.dtype).itemsize
    if room.scheduler is None and len(series) ** 2 * itemsize <= room.memory:
        return Distances(
            dtw.distance_matrix(series, **config.model_dump(), n_threads=room.workers), np.arange(len(series))
        )
    matrix = _in_blocks(series, config, room)
    size = min(len(series), max(int(np.sqrt(room.memory / itemsize)), 2))
    sample = np.sort(np.random.default_rng(seed).choice(len(series), size, replace=False))
    return Distances(matrix.square(sample), sample)


def nearest(series: Series, *, medoids: Indices, config: dtw.DtwConfig) -> tuple[Indices, AnyFloats]:
    """For each series its nearest medoid, the first of equally near ones, and the distance [each shape=(n,)]."""
    by_length = np.argsort([len(values) for values in series], kind="stable")
    found = dtw.block(series, rows=medoids.tolist(), columns=by_length.tolist(), config=config)
    distances = np.empty_like(found)
    distances[:, by_length] = found
    return distances.argmin(axis=0), distances.min(axis=0)


def _in_blocks(series: Series, config: dtw.DtwConfig, room: DistanceStorage) -> blocks.SymmetricBlocks:
    """All distances on disk; similar lengths share blocks, because the pairs of a block share the longest grid."""
    with disk.writing(room.folder), parallel.open_pool(workers=room.workers, scheduler=room.scheduler) as pool:
        room.folder.mkdir(parents=True, exist_ok=True)
        identity = {"series": _fingerprint(series), "parameters": config.model_dump()}
        matrix = blocks.begin(
            pool.writes(room.folder) / f"distances-{digest(identity)[:16]}",
            order=np.argsort([len(values) for values in series], kind="stable"),
            dtype=config.dtype,
            identity=identity,
        )
        _save(series, matrix.path)
        tasks = [_Task(matrix.path, at, config) for at in matrix.unfinished()]
        for _ in pool.run(_fill, tasks, name=lambda task: f"block {task.at[0]}, {task.at[1]}"):
            pass
    return matrix


@dataclass(frozen=True, slots=True)
class _Task:
    """One block of a folder of blocks; the series are read from there, so that tasks need not carry them."""

    path: Path
    at: blocks.At
    config: dtw.DtwConfig


def _fill(task: _Task) -> None:
    matrix = blocks.open_blocks(task.path)
    values, ends = (np.load(task.path / name, mmap_mode="r", allow_pickle=False) for name in (_VALUES, _ENDS))
    rows, columns = (matrix.rows(place).tolist() for place in task.at)
    together = [np.array(values[ends[row] : ends[row + 1]]) for row in (*rows, *columns)]
    places = range(len(together))
    found = dtw.block(together, rows=places[: len(rows)], columns=places[len(rows) :], config=task.config)
    matrix.write(task.at, found)


def _save(series: Series, folder: Path) -> None:
    ends = np.cumsum([0, *map(len, series)])
    for name, array in ((_VALUES, np.concatenate(series)), (_ENDS, ends)):
        disk.atomic_write(folder / name, partial(_write, array))


def _write(array: NDArray[Any], path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def _fingerprint(series: Series) -> str:
    """SHA-256 of all values and of where each series ends."""
    hashed = hashlib.sha256(np.array([len(values) for values in series], "<i8").tobytes())
    for values in series:
        hashed.update(values.astype("<f8").tobytes())
    return hashed.hexdigest()
