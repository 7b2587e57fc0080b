"""Distances of all series: in memory where they fit, in blocks on disk where they do not."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat import parallel
from kemfeat.config import digest
from kemfeat.stats import dtw
from kemfeat.store import blocks

Floats = NDArray[np.floating[Any]]
Places = NDArray[np.intp]
Series = Sequence[NDArray[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """Distances among series.

    Parameters
    ----------
    matrix : among those of ``sample`` [shape=(m, m)].
    sample : which series these are, rising [shape=(m,)]: all of them where the matrix fits into memory.
    """

    matrix: Floats
    sample: Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where distances may lie.

    Parameters
    ----------
    memory : bytes that a matrix may take.
    folder : where blocks are kept that do not fit; made when needed.
    workers : threads, or processes for blocks.
    """

    memory: float
    folder: Path
    workers: int


def measure(series: Series, *, config: dtw.DtwConfig, room: Room, seed: int) -> Distances:
    """Distances of every series to every other.

    Where they do not fit into memory, all of them are computed into blocks on disk, going on where an earlier run was
    stopped, and those among a random sample, as large as memory allows, come back.

    Raises
    ------
    StoreCorruptError
        The blocks on disk cannot be read.
    StoreWriteError
        The disk refuses blocks.
    """
    itemsize = np.dtype(config.dtype).itemsize
    if len(series) ** 2 * itemsize <= room.memory:
        return Distances(
            dtw.distance_matrix(series, **config.model_dump(), n_threads=room.workers), np.arange(len(series))
        )
    matrix = _in_blocks(series, config, room)
    size = min(len(series), max(int(np.sqrt(room.memory / itemsize)), 2))
    sample = np.sort(np.random.default_rng(seed).choice(len(series), size, replace=False))
    return Distances(matrix.square(sample), sample)


def nearest(series: Series, *, medoids: Places, config: dtw.DtwConfig) -> tuple[Places, Floats]:
    """Per series its nearest medoid, the first of equally near ones, and the distance to it [each shape=(n,)]."""
    by_length = np.argsort([len(values) for values in series], kind="stable")
    found = dtw.block(series, rows=medoids.tolist(), columns=by_length.tolist(), config=config)
    distances = np.empty_like(found)
    distances[:, by_length] = found
    return distances.argmin(axis=0), distances.min(axis=0)


def _in_blocks(series: Series, config: dtw.DtwConfig, room: Room) -> blocks.SymmetricBlocks:
    """All distances on disk; alike lengths share blocks, as the pairs of a block share a grid of the longest."""
    identity = {"series": _fingerprint(series), "parameters": config.model_dump()}
    matrix = blocks.begin(
        room.folder / f"distances-{digest(identity)[:16]}",
        order=np.argsort([len(values) for values in series], kind="stable"),
        dtype=config.dtype,
        identity=identity,
    )
    tasks = [
        _Task(matrix, at, _those(series, matrix.rows(at[0])), _those(series, matrix.rows(at[1])), config)
        for at in matrix.unfinished()
    ]
    for _ in parallel.run(_fill, tasks, workers=room.workers):
        pass
    return matrix


def _those(series: Series, rows: NDArray[np.int64]) -> Series:
    return [series[row] for row in rows.tolist()]


@dataclass(frozen=True, slots=True)
class _Task:
    """One block: what to compute and where it goes."""

    matrix: blocks.SymmetricBlocks
    at: blocks.At
    rows: Series
    columns: Series
    config: dtw.DtwConfig


def _fill(task: _Task) -> None:
    together, rows = [*task.rows, *task.columns], len(task.rows)
    values = dtw.block(together, rows=range(rows), columns=range(rows, len(together)), config=task.config)
    task.matrix.write(task.at, values)


def _fingerprint(series: Series) -> str:
    """SHA-256 of all values and of where each series ends."""
    hashed = hashlib.sha256(np.array([len(values) for values in series], "<i8").tobytes())
    for values in series:
        hashed.update(values.astype("<f8").tobytes())
    return hashed.hexdigest()
