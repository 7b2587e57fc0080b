"""Build a small part of a corpus for real, in a process of its own, and measure everything about it."""

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
from kemfeat.build._job import BuildOptions, build_from
from kemfeat.build._memory import largest_child, own_peak
from kemfeat.build.scan import Inventory
from kemfeat.corpora import CorpusReader
from kemfeat.errors import KemfeatError, WorkerError
from kemfeat.manifest import Manifest
from kemfeat.records import Finding, Terms
from kemfeat.store.schema import Header

_WAVES, _MOST_WAVES = 5, 24
_ROWS = 128
_CLUSTERS = 3
"""Every worker gets five tasks of 128 rows, or more of smaller ones: the first warms up, the others have one speed.
The rows come from three places of the corpus; from more, more sessions would have to be parsed."""


@dataclass(frozen=True, slots=True)
class _SampleReader:
    """The corpus reader of some utterances only; what it hands out was read before."""

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
    reader : what reads them alone.
    rows : which they are.
    settings : what is to be made of them.
    rows_per_shard : rows of a partition, at most 128.
    """

    reader: _SampleReader
    rows: NDArray[np.int64]
    settings: Mapping[str, Any]
    rows_per_shard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Progress: at ``time`` so much of a stage was done."""

    time: float
    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What building a sample took.

    Parameters
    ----------
    began, ended : when the process was started and when the store was finished [s].
    events : its progress.
    header : of the store.
    files : size of every file of the store, by its path.
    own_memory, worker_memory : most that the process and its largest worker held [bytes].
    """

    began: float
    ended: float
    events: tuple[Event, ...]
    header: Header
    files: Mapping[str, int]
    own_memory: int
    worker_memory: int


def choose(found: Inventory, settings: Mapping[str, Any], *, workers: int) -> TrialSample:
    """Whole partitions of a corpus, in up to three places, and the files that they need."""
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
    """Build the sample into ``out`` in a fresh process, as the command would.

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
            "the process that measures was killed, most often for want of memory; try fewer --workers"
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
    # A terminal interrupts the whole group; whoever waits for the answer ends this process, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))
    try:
        answer.send(_build(sample, root, out, workers, began))
    except KemfeatError as error:
        answer.send(error)


def _build(sample: TrialSample, root: Path, out: Path, workers: int, began: float) -> Measured:
    events: list[Event] = []

    def progress(stage: str, done: int, total: int) -> None:
        events.append(Event(time=time.time(), stage=stage, done=done, total=total))

    options = BuildOptions(workers=workers, on_error="skip", max_failures=1.0)
    report = build_from(sample.reader, root=root, out=out, settings=sample.settings, options=options, progress=progress)
    ended = time.time()
    return Measured(
        began=began,
        ended=ended,
        events=tuple(events),
        header=report.store.header,
        files={path.relative_to(out).as_posix(): path.stat().st_size for path in out.rglob("*") if path.is_file()},
        own_memory=own_peak(),
        worker_memory=largest_child(),
    )


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
    """The files of some utterances, and as large a share of those that cannot be told apart."""
    share = len(utterances) / len(found.manifest)
    signals = {f"signals/{session}" for session in utterances["session"]}
    audio = set(utterances["audio"].dropna())
    groups = {}
    for group, paths in found.groups.items():
        if group == "audio":
            groups[group] = tuple(path for path in paths if path in audio)
        elif group == "transcript":
            groups[group] = tuple(paths[int(number / share)] for number in range(int(len(paths) * share)))
        elif group in signals or not group.startswith("signals/"):
            groups[group] = paths
    return groups
