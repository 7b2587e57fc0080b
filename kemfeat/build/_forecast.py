"""Forecasts what a build takes (bytes, files, chunks, memory, time) from headers and a measured sample."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kemfeat.build import _lengths, _sources, scan, trial_build
from kemfeat.build._axes import UTTERANCE
from kemfeat.build._timing import Amounts, Timing, time_of
from kemfeat.build.disk_space import free_bytes
from kemfeat.build.scan import Inventory, Survey
from kemfeat.build.trial_build import HEADERS, Measured, TrialSample
from kemfeat.corpora import open_reader
from kemfeat.errors import StoreError, StoreWriteError
from kemfeat.parallel import Progress
from kemfeat.paths import StrPath, to_path, to_path_or_none
from kemfeat.store import disk, layout, schema
from kemfeat.store.reader import open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayForecast:
    """What one array will take.

    Parameters
    ----------
    feature : str
        Feature that makes the array.
    bytes : int
        Size on disk.
    shards, chunks : int
        Number of its shards, which are one file each, and of their chunks.
    """

    feature: str
    bytes: int
    shards: int
    chunks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What building a store from nothing will take; for an update of a finished store, the most it will take.

    Parameters
    ----------
    dataset : str
        Name of the corpus.
    utterances : int
        Number of its utterances.
    hours : float [h]
        Length of its audio.
    missing_audio, broken_audio : int
        Utterances without an audio file, and with one that cannot be read; a build stops there unless it skips them.
    cut : mapping of str to int
        For each array, the rows that are longer than their stored length.
    arrays : mapping of str to ArrayForecast
        Size of each array.
    signals, tables : int [bytes]
        Size of the physiology and of all other files.
    files : int
        Files of the store.
    peak : int [bytes]
        Largest size of the folder during the build, including a finished store that it replaces.
    there : int [bytes]
        Present size of the folder.
    free : int [bytes]
        Free space on the disk of the store.
    memory : int [bytes]
        Memory of the largest process.
    timing : Timing
        Duration of the command by stage.
    workers : int
        Worker processes.
    sampled : int
        Utterances that were built for the measurement.
    up_to_date : bool
        Whether the folder has a finished store of the same files and settings.
    """

    dataset: str
    utterances: int
    hours: float
    missing_audio: int
    broken_audio: int
    cut: Mapping[str, int]
    arrays: Mapping[str, ArrayForecast]
    signals: int
    tables: int
    files: int
    peak: int
    there: int
    free: int
    memory: int
    timing: Timing
    workers: int
    sampled: int
    up_to_date: bool

    @property
    def bytes(self) -> int:
        """Size of the finished store."""
        return sum(array.bytes for array in self.arrays.values()) + self.signals + self.tables

    @property
    def shards(self) -> int:
        """Shards of all arrays."""
        return sum(array.shards for array in self.arrays.values())

    @property
    def chunks(self) -> int:
        """Chunks of all arrays."""
        return sum(array.chunks for array in self.arrays.values())

    @property
    def fits(self) -> bool:
        """Whether there is room for what is still to be written."""
        return self.up_to_date or self.peak - self.there <= self.free


def forecast(
    dataset: str,
    *,
    root: StrPath,
    out: StrPath,
    table: StrPath | None = None,
    follow_links: bool = False,
    settings: Mapping[str, Any] | None = None,
    workers: int = 1,
    progress: Progress = lambda stage, done, total: None,
) -> Forecast:
    """Forecast what :func:`kemfeat.build_store` would take, without building.

    The corpus is not decoded; its annotation, the headers of its audio and the sizes of its other files are read. Rates
    are measured: a few hundred utterances from three places in the corpus are built with the same number of workers
    into a folder beside ``out`` that is removed afterwards.

    Parameters
    ----------
    dataset : str
        Name of a corpus.
    root : str or PathLike
        Folder of the corpus.
    out : str or PathLike
        Folder of the store; not changed.
    table : str or PathLike, optional
        The user's table of utterances, for a reader that takes one.
    follow_links : bool
        Whether links of the corpus may lead out of its folder.
    settings : mapping, optional
        What is to be made.
    workers : int
        Most processes that the build will use.
    progress : callable, optional
        Called with ``measure`` or ``scan``, what is done and what there is to do.

    Returns
    -------
    Forecast
        What the build would take.

    Raises
    ------
    KemfeatError
        What would stop the build before its work: no such corpus, an unknown setting.

    Examples
    --------
    >>> found = forecast("KEMDy20", root="corpora/KEMDy20", out="stores/new", settings={"features": ["eda"]})
    >>> found.utterances, found.fits
    (36, True)
    """
    root, out = to_path(root), to_path(out)
    reader = open_reader(dataset, root=root, table=to_path_or_none(table), follow_links=follow_links)
    found = scan.listing(reader, root, settings or {})
    workers = _sources.useful_workers(workers, root, found.groups)
    sample = trial_build.choose(found, settings or {}, workers=workers)
    progress("measure", 0, len(sample.rows))
    hashing = _hashing(sample, root=root, workers=workers)
    measured = _measured(sample, root=root, out=out, workers=workers)
    progress("measure", len(sample.rows), len(sample.rows))
    headers = scan.survey(found, workers=workers, progress=lambda done, total: progress("scan", done, total))
    return _Basis(found, headers, sample, measured, hashing, workers).forecast(out)


def _hashing(sample: TrialSample, *, root: Path, workers: int) -> float:
    """Seconds per file when nothing else runs: a build hashes the few files of a sample while its workers start."""
    began = time.monotonic()
    sources = _sources.scan(root, sample.reader.groups, known=None, workers=workers, progress=lambda done, total: None)
    return (time.monotonic() - began) / max(sources.hashed, 1)


def _measured(sample: TrialSample, *, root: Path, out: Path, workers: int) -> Measured:
    """Build the sample on the disk of the store; elsewhere where that is impossible."""
    for folder in (_existing(out.absolute().parent), None):
        with suppress(StoreWriteError, OSError), tempfile.TemporaryDirectory(prefix=".kemfeat-", dir=folder) as here:
            return trial_build.build_sample(sample, root=root, out=Path(here) / "store", workers=workers)
    raise StoreWriteError(
        f"{out}: no sample for the measurement can be written, neither there nor in {tempfile.gettempdir()}; "
        "free some space, or choose another --out"
    )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.is_dir())


@dataclass(frozen=True, slots=True)
class _Basis:
    """What a forecast is based on; every method scales a measurement to the whole corpus."""

    found: Inventory
    headers: Survey
    sample: TrialSample
    measured: Measured
    hashing: float
    workers: int

    def forecast(self, out: Path) -> Forecast:
        arrays = self._arrays()
        signals, tables, others = self._other_files()
        there = disk.used(out)
        size = sum(array.bytes for array in arrays.values()) + signals + tables
        seconds = self.headers.seconds
        return Forecast(
            dataset=self.found.reader.name,
            utterances=len(seconds),
            hours=float(np.nansum(seconds)) / 3600,
            missing_audio=self.headers.missing_audio,
            broken_audio=self.headers.broken_audio,
            cut=self._cut(),
            arrays=arrays,
            signals=signals,
            tables=tables,
            files=others + sum(array.shards for array in arrays.values()),
            # Columns are staged by partition before they become tables.
            peak=there + size + tables,
            there=there,
            free=free_bytes(out),
            memory=self._memory(),
            timing=time_of(
                self.measured,
                self._sampled_amounts(),
                self._amounts(),
                reading=self.found.seconds,
                hashing=self.hashing,
                workers=self.workers,
            ),
            workers=self.workers,
            sampled=len(self.sample.rows),
            up_to_date=self._is_current(out),
        )

    def _arrays(self) -> dict[str, ArrayForecast]:
        """Compressed bytes are proportional to the real elements of the rows, not to the padding."""
        whole = _lengths.lengths(self.found.resolved, self.headers.seconds)
        made = {}
        for feature, specs in _lengths.specs_of(self.found.resolved).items():
            rows, shard = self._rows(feature), self.found.resolved.rows_per_shard(feature)
            for spec in specs:
                if spec.name in whole:
                    share = _ratio(whole[spec.name].sum(), whole[spec.name][self.sample.rows].sum())
                else:
                    share = self._longer
                made[spec.name] = ArrayForecast(
                    feature=feature,
                    bytes=round(self._sampled_bytes(schema.array_path(feature, spec.name)) * share),
                    shards=math.ceil(rows / shard),
                    chunks=math.ceil(rows / layout.chunk_rows(spec, shard)),
                )
        return made

    @property
    def _longer(self) -> float:
        """The ratio of the seconds of audio of corpus and sample, to which rows of other axes are proportional."""
        seconds = self.headers.seconds
        return _ratio(float(np.nansum(seconds)), float(np.nansum(seconds[self.sample.rows])))

    def _rows(self, feature: str) -> int:
        """Rows of the axis of a feature."""
        axis = self.found.resolved.extractors[feature].axis
        if axis == UTTERANCE:
            return len(self.headers.seconds)
        return round(self.measured.header.axes[axis].rows * self._longer)

    def _sampled_bytes(self, array: str) -> int:
        files = (part.files for part in self.measured.header.parts)
        return sum(file.bytes for some in files for name, file in some.items() if name.startswith(f"{array}/"))

    def _other_files(self) -> tuple[int, int, int]:
        """Bytes of the signals, bytes of the tables, and the number of these files."""
        header = self.measured.header
        shards = {name for part in header.parts for name in part.files}
        signals = {schema.session_path(session) for session in header.sessions}
        tables = self.measured.files.keys() - shards - signals
        return (
            round(sum(self.measured.files[name] for name in signals) * self._grows()[schema.SIGNAL_INDEX]),
            round(sum(self.measured.files[name] * self._grows().get(name, 1.0) for name in tables)),
            len(tables) + self._amounts().sessions,
        )

    def _grows(self) -> dict[str, float]:
        """For each table that grows with the corpus, by which factor; the size of the other files is fixed."""
        rows = _ratio(len(self.headers.seconds), len(self.sample.rows))
        sampled, amounts = self._sampled_amounts(), self._amounts()
        of_axes = [name for name in self.measured.header.tables if name.startswith(f"{schema.TABLES}/")]
        by_row = (schema.UTTERANCES, schema.RATINGS, schema.KEYS, schema.FAILURES, schema.STATISTICS)
        return {
            **dict.fromkeys(by_row, rows),
            **dict.fromkeys(of_axes, self._longer),
            **dict.fromkeys(HEADERS, _ratio(amounts.parts, sampled.parts)),
            schema.SOURCES: _ratio(amounts.files, sampled.files),
            schema.SIGNAL_INDEX: _ratio(amounts.signals, sampled.signals),
        }

    def _amounts(self) -> Amounts:
        whole = np.arange(len(self.headers.seconds))
        return self._amounts_of(
            self.found.groups, whole, self.found.resolved.config.rows_per_shard, longer=self._longer
        )

    def _sampled_amounts(self) -> Amounts:
        return self._amounts_of(self.sample.reader.groups, self.sample.rows, self.sample.rows_per_shard, longer=1.0)

    def _amounts_of(
        self, groups: Mapping[str, tuple[str, ...]], rows: Any, rows_per_shard: int, *, longer: float
    ) -> Amounts:
        """The amounts of some utterances, which have ``longer`` times the seconds of audio of the sample."""
        extractors = self.found.resolved.extractors.values()
        sound = any("audio" in extractor.media for extractor in extractors)
        on_axes = (self.measured.header.axes[axis].rows for axis in {made.axis for made in extractors} - {UTTERANCE})
        utterances = len(rows) if any(extractor.axis == UTTERANCE for extractor in extractors) else 0
        signals = {group: paths for group, paths in groups.items() if group.startswith("signals/")}
        return Amounts(
            files=sum(map(len, groups.values())),
            sessions=len(signals),
            signals=self.headers.bytes_of(signals),
            rows=utterances + round(sum(on_axes) * longer),
            work=float(np.nansum(self.headers.seconds[rows])) if sound else float(len(rows)),
            parts=math.ceil(len(rows) / rows_per_shard),
        )

    def _memory(self) -> int:
        """Memory of the largest process: a worker with one padded partition, or the one with the tables."""
        more = self.found.resolved.config.rows_per_shard - self.sample.rows_per_shard
        block = max(0, min(more, len(self.headers.seconds))) * _lengths.row_bytes(self.found.resolved)
        own = self.measured.own_memory + self.found.memory
        return max(own, self.measured.worker_memory + block) if self.workers > 1 else own + block

    def _cut(self) -> dict[str, int]:
        stored = _lengths.lengths(self.found.resolved, self.headers.seconds)
        whole = _lengths.whole_lengths(self.found.resolved, self.headers.seconds)
        cut = {name: int((lengths > stored[name]).sum()) for name, lengths in whole.items()}
        return {name: rows for name, rows in cut.items() if rows}

    def _is_current(self, out: Path) -> bool:
        try:
            store = open_store(out)
        except StoreError:
            return False
        known = _sources.read_scan(store.folder / schema.SOURCES)
        columns = ["path", "group", "size", "mtime_ns"]
        same = known is not None and known[columns].equals(self.headers.files.astype(known[columns].dtypes.to_dict()))
        return bool(same) and store.header.config_digest == self.found.resolved.digest


def _ratio(whole: float, part: float) -> float:
    return float(whole / part) if part else 1.0
