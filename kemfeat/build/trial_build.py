"""Builds a small part of a corpus in a process of its own, and measures it."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kemfeat import parallel
from kemfeat.build._job import build_from
from kemfeat.build._memory import largest_child, own_peak
from kemfeat.build._report import BuildOptions
from kemfeat.build.scan import Inventory
from kemfeat.corpora import CorpusReader
from kemfeat.errors import KemfeatError, WorkerError
from kemfeat.manifest import Manifest
from kemfeat.records import Finding, Terms
from kemfeat.store.schema import HEADER, Header

_WAVES, _MOST_WAVES = 5, 24
_ROWS = 128
_CLUSTERS = 3
"""Every worker gets five tasks of 128 rows, or more tasks of fewer rows: the first warms up, the others have one speed.
The rows come from three places in the corpus; with more places, more sessions would have to be parsed."""

HEADERS = (HEADER, f"../{HEADER}")
"""The header of a version, and that of the store."""


@dataclass(frozen=True, slots=True)
class _SampleReader:
    """A corpus reader of some utterances only, which were read before."""

    base: CorpusReader
    groups: Mapping[str, tuple[str, ...]]
    manifest: Manifest

    @property
    def name(self) -> str:
        return self.base.name

    @property
    def version(self) -> int:
        return self.base.version

    @property
    def media(self) -> tuple[str, ...]:
        return self.base.media

    @property
    def tokenizer(self) -> str:
        return self.base.tokenizer

    @property
    def settings(self) -> Mapping[str, Mapping[str, Any]]:
        return self.base.settings

    @property
    def terms(self) -> Terms:
        return self.base.terms

    @property
    def columns(self) -> Mapping[str, str]:
        return self.base.columns

    def sources(self, root: Path) -> Mapping[str, tuple[str, ...]]:  # noqa: ARG002 - the shape of a reader
        return self.groups

    def read_manifest(self, root: Path, *, on_error: str = "raise") -> Manifest:  # noqa: ARG002
        return self.manifest

    def read_signals(self, root: Path, session: str) -> tuple[pa.Table, tuple[Finding, ...]]:
        return self.base.read_signals(root, session)

    def check_signals(self, signals: pa.Table, *, known_ids: Mapping[str, str], session: str) -> tuple[Finding, ...]:
        return self.base.check_signals(signals, known_ids=known_ids, session=session)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSample:
    """Rows of a corpus to build.

    Parameters
    ----------
    reader : CorpusReader
        Reader of these rows only.
    rows : ndarray, shape (n,), int64
        Their indices in the manifest.
    settings : mapping
        What is to be made from them.
    rows_per_shard : int, <= 128
        Rows of a partition.
    """

    reader: _SampleReader
    rows: NDArray[np.int64]
    settings: Mapping[str, Any]
    rows_per_shard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One call of the progress function.

    Parameters
    ----------
    time : float [s]
        When it was called.
    stage : str
        Stage of the build.
    done, total : int
        How much of the stage was done, and how much there is.
    """

    time: float
    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What building a sample took.

    Parameters
    ----------
    began, ended : float [s]
        When the process was started and when the store was finished.
    events : tuple of Event
        Progress of the build.
    header : Header
        Header of the store.
    files : mapping of str to int
        Size of every file of the store [bytes], by path below the folder of its version.
    own_memory, worker_memory : int [bytes]
        Peak memory of the process and of its largest worker.
    """

    began: float
    ended: float
    events: tuple[Event, ...]
    header: Header
    files: Mapping[str, int]
    own_memory: int
    worker_memory: int


def choose(found: Inventory, settings: Mapping[str, Any], *, workers: int) -> TrialSample:
    """Choose whole partitions in up to three places of a corpus, and the files that they need.

    Parameters
    ----------
    found : Inventory
        The corpus.
    settings : mapping
        What is to be made from it.
    workers : int
        Worker processes; more workers need more partitions.

    Returns
    -------
    TrialSample
        Rows to build.
    """
    total = len(found.manifest)
    size = min(found.resolved.config.rows_per_shard, _ROWS)
    waves = min(max(_WAVES, _WAVES * _ROWS // size), _MOST_WAVES)
    places = _places(math.ceil(total / size), waves * workers)
    starts = np.concatenate([np.arange(*place) for place in places]) * size
    rows = (starts[:, np.newaxis] + np.arange(size)).ravel()
    rows = rows[rows < total]
    return TrialSample(
        reader=_reader(found, rows),
        rows=rows,
        settings={**settings, "rows_per_shard": size},
        rows_per_shard=size,
    )


def build_sample(sample: TrialSample, *, root: Path, out: Path, workers: int) -> Measured:
    """Build a sample in a new process, as the command would.

    Parameters
    ----------
    sample : TrialSample
        Rows to build.
    root : Path
        Folder of the corpus.
    out : Path
        Folder of the store, which must not exist.
    workers : int
        Worker processes.

    Returns
    -------
    Measured
        Duration, sizes and memory.

    Raises
    ------
    KemfeatError
        Whatever stops a build; rows that fail do not.
    """
    began = time.time()
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_in_process, args=(there, sample, root, out, workers, began))
    with parallel.interrupt_held():
        process.start()
    there.close()
    try:
        answer = here.recv()
    except EOFError:
        raise WorkerError(
            "the process that measures was killed, most often because memory ran out; try fewer --workers"
        ) from None
    except BaseException:
        process.terminate()
        raise
    finally:
        process.join()
    if isinstance(answer, KemfeatError):
        raise answer
    measured: Measured = answer
    return measured


def _in_process(answer: Connection, sample: TrialSample, root: Path, out: Path, workers: int, began: float) -> None:
    # A terminal interrupts the whole process group; the parent then ends this process, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))
    parallel.let_end()
    try:
        answer.send(_build(sample, root, out, workers, began))
    except KemfeatError as error:
        answer.send(error)


def _build(sample: TrialSample, root: Path, out: Path, workers: int, began: float) -> Measured:
    events: list[Event] = []

    def progress(stage: str, done: int, total: int) -> None:
        events.append(Event(time=time.time(), stage=stage, done=done, total=total))

    options = BuildOptions(workers=workers, on_error="skip", max_failures=1.0)
    groups = sample.reader.sources(root)
    report = build_from(
        sample.reader, groups, root=root, out=out, settings=sample.settings, options=options, progress=progress
    )
    ended = time.time()
    return Measured(
        began=began,
        ended=ended,
        events=tuple(events),
        header=report.store.header,
        files=_sizes(out, report.store.folder),
        own_memory=own_peak(),
        worker_memory=largest_child(),
    )


def _sizes(out: Path, version: Path) -> dict[str, int]:
    found = [path for path in out.rglob("*") if path.is_file() and not path.is_symlink()]
    inner = {path.relative_to(version).as_posix(): path for path in found if path.is_relative_to(version)}
    outer = {f"../{path.relative_to(out).as_posix()}": path for path in found if not path.is_relative_to(version)}
    return {name: path.stat().st_size for name, path in (inner | outer).items()}


def _places(partitions: int, wanted: int) -> Iterator[tuple[int, int]]:
    """First and last (exclusive) partition of every stretch of the sample."""
    if wanted >= partitions:
        yield 0, partitions
        return
    sizes = [wanted // _CLUSTERS + (place < wanted % _CLUSTERS) for place in range(_CLUSTERS)]
    edges = [partitions * place // _CLUSTERS for place in range(_CLUSTERS + 1)]
    for place, size in enumerate(sizes):
        room = edges[place + 1] - edges[place]
        begin = edges[place] + max(room - size, 0) // 2
        yield begin, begin + min(size, room)


def _reader(found: Inventory, rows: NDArray[np.int64]) -> _SampleReader:
    utterances = found.manifest.utterances.iloc[rows].reset_index(drop=True)
    ratings = found.manifest.ratings
    manifest = replace(
        found.manifest,
        utterances=utterances,
        ratings=ratings[ratings["id"].isin(utterances["id"])].reset_index(drop=True),
    )
    return _SampleReader(found.reader, _groups(found, utterances), manifest)


def _groups(found: Inventory, utterances: Any) -> dict[str, tuple[str, ...]]:
    """The files of some utterances, and the same share of the files that do not say whose they are."""
    share = len(utterances) / len(found.manifest)
    signals = {f"signals/{session}" for session in utterances["session"]}
    audio = set(utterances["audio"].dropna())
    films = set(utterances["video"].dropna()) if "video" in utterances else set()
    groups = {}
    for group, paths in found.groups.items():
        if group == "audio":
            groups[group] = tuple(path for path in paths if path in audio)
        elif group == "video":
            groups[group] = tuple(path for path in paths if path in films)
        elif group == "transcript":
            groups[group] = tuple(paths[int(number / share)] for number in range(int(len(paths) * share)))
        elif group in signals or not group.startswith("signals/"):
            groups[group] = paths
    return groups
