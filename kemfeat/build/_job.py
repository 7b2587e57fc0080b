"""The work of a build, in order: resolve, scan, parse, plan, write partitions, finalise."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kemfeat import corpora, parallel, provenance
from kemfeat.balance import Balance, report_lost
from kemfeat.build import _axes, _diff, _folder, _footage, _keys, _notes, _refusals, _settings, _sources, _tables
from kemfeat.build._lengths import specs_of
from kemfeat.build._partition import PartitionTask, write_partition
from kemfeat.build._physiology import SessionTask, beat_tables, parse_session
from kemfeat.build._report import BuildOptions, BuildReport
from kemfeat.build._statistics import group_names
from kemfeat.build.disk_space import refuse_too_large
from kemfeat.corpora import CorpusReader, open_reader
from kemfeat.errors import CorpusError
from kemfeat.features.instances import find_feature
from kemfeat.findings import Findings, merge
from kemfeat.manifest import SEGMENT, Manifest
from kemfeat.parallel import Progress
from kemfeat.records import Signal
from kemfeat.store import disk, locking, receipts, schema, swap, versions, writer
from kemfeat.store.header import current_folder
from kemfeat.store.reader import Store, open_store

if TYPE_CHECKING:
    import pandas as pd


_SECOND = 16_000
"""Samples of a second of audio."""


def _silent(stage: str, done: int, total: int) -> None:
    """Ignore progress."""


def build_store(
    dataset: str,
    *,
    root: Path,
    out: Path,
    table: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    options: BuildOptions | None = None,
    progress: Progress = _silent,
) -> BuildReport:
    """Make, resume or update the store of a corpus.

    Parameters
    ----------
    dataset : str
        Name of a corpus reader, e.g. ``KEMDy20``.
    root : Path
        Folder of the corpus.
    out : Path
        Folder of the store; made when absent.
    table : Path, optional
        The user's table of utterances, for a reader that takes one.
    settings : mapping, optional
        What is to be made: ``preset``, ``labels``, ``features``, ``rows_per_shard`` and a table per feature.
    options : BuildOptions, optional
        How to make it.
    progress : callable, optional
        Called with the stage, how much of it is done and how much there is.

    Returns
    -------
    BuildReport
        What was done, with the finished store.

    Raises
    ------
    KemfeatError
        With a message for the user; what is finished is kept, and the same build resumes.

    Examples
    --------
    >>> from pathlib import Path
    >>> import kemfeat
    >>> root, out = Path("corpora/KEMDy20"), Path("stores/small")
    >>> report = kemfeat.build_store("KEMDy20", root=root, out=out, settings={"features": ["mel"]})
    >>> len(report.store), report.store.arrays
    (36, ('mel', 'mel_lengths'))
    """
    options = options or BuildOptions()
    reader = open_reader(dataset, root=root, table=table, follow_links=options.follow_links)
    groups = reader.sources(root)
    options = replace(options, workers=_sources.useful_workers(options.workers, root, groups))
    return build_from(reader, groups, root=root, out=out, settings=settings or {}, options=options, progress=progress)


def build_from(
    reader: CorpusReader,
    groups: Mapping[str, tuple[str, ...]],
    *,
    root: Path,
    out: Path,
    settings: Mapping[str, Any],
    options: BuildOptions,
    progress: Progress,
) -> BuildReport:
    """As :func:`build_store`, of the files of a reader, which may be a part of its corpus, with the given workers."""
    began = time.monotonic()
    resolved = _settings.resolve(settings, reader=reader, root=root)
    groups = _sources.needed(groups, resolved.media)
    with parallel.open_pool(workers=options.workers, scheduler=options.scheduler) as pool:
        moved = _folder.take_over(out, force=options.force)
        # Workers end before the lock is released.
        with locking.locked(out), closing(pool):
            with disk.writing(out):
                swap.complete_swap(out)
            job = _Job(reader, pool.reads(root), pool.reads(out), resolved, options, progress, pool)
            return job.run(groups, began=began, moved=moved)


@dataclass(slots=True)
class _Job:
    """One build, while its store is locked."""

    reader: CorpusReader
    root: Path
    out: Path
    resolved: _settings.Resolved
    options: BuildOptions
    progress: Progress
    pool: parallel.Pool
    old: Store | None = field(init=False)

    def __post_init__(self) -> None:
        self.old = _folder.finished(self.out, rehash=self.options.rehash)

    def run(self, groups: Mapping[str, tuple[str, ...]], *, began: float, moved: Path | None) -> BuildReport:
        if self.old is not None:
            _refusals.refuse_loss(self.old, self.resolved)
        else:
            self._warm()
        sources = self._scan(groups)
        if self.old is not None and self._is_current(self.old, sources):
            failures = _refusals.failed_in(self.old)
            self._prune()
            return BuildReport(
                store=self.old,
                written=0,
                kept=0,
                failures=failures,
                seconds=time.monotonic() - began,
                moved_aside=moved,
                notes=_notes.notes(sources, self.resolved),
            )
        self._warm()
        self._claim()
        manifest, balance = self._manifest(sources)
        sessions, signals = self._signals(groups, sources)
        utterances = _tables.with_media(
            manifest.utterances,
            sources=sources.table,
            signals=signals,
            beats=beat_tables(writer.staging(self.out), signals),
        )
        plan = self._planned(utterances, sources, signals)
        self._write(plan, utterances, sources, sessions, faults=manifest.faults)
        parts = writer.receipts(self.out, plan.all_parts)
        made = _tables.Made(
            reader=self.reader,
            resolved=self.resolved,
            manifest=manifest,
            utterances=utterances,
            sources=sources,
            sessions=sessions,
            signals=signals,
            plan=plan,
            receipts=parts,
        )
        with disk.writing(self.out):
            header = _tables.write_tables(self.out, made, seconds=time.monotonic() - began)
        swap.finalise(self.out, header)
        self._prune()
        failed = len(_refusals.failures(plan, parts))
        return BuildReport(
            store=open_store(self.out),
            written=len(plan.fresh_parts),
            kept=len(plan.all_parts) - len(plan.fresh_parts),
            failures=failed + len(manifest.faults),
            seconds=time.monotonic() - began,
            moved_aside=moved,
            notes=_notes.notes(sources, self.resolved),
            balance=None if balance is None else balance.with_failed(failed),
        )

    def _prune(self) -> None:
        with disk.writing(self.out):
            versions.prune(self.out, keep=self.options.keep)

    def _warm(self) -> None:
        """Have workers import what the work needs while this process reads and plans."""
        self.pool.warm(partial(_import, tuple(self.resolved.extractors)))

    def _claim(self) -> None:
        with disk.writing(self.out):
            writer.staging(self.out).mkdir(exist_ok=True)
        self.pool.writes(writer.staging(self.out))

    def _scan(self, groups: Mapping[str, tuple[str, ...]]) -> _sources.Sources:
        """Hash what changed; the hashes of an interrupted build are kept."""
        known = None if self.options.rehash else self._known_sources()
        sources = _sources.scan(
            self.root,
            groups,
            known=known,
            workers=self.options.workers,
            progress=lambda done, total: self.progress("hash", done, total),
        )
        if sources.hashed:
            with disk.writing(self.out):
                disk.write_table(writer.staging(self.out) / schema.SOURCES, sources.table)
        return sources

    def _known_sources(self) -> pd.DataFrame | None:
        staged = _sources.read_scan(writer.staging(self.out) / schema.SOURCES)
        return _sources.read_scan(current_folder(self.out) / schema.SOURCES) if staged is None else staged

    def _is_current(self, old: Store, sources: _sources.Sources) -> bool:
        """Whether the finished store is what this build would make, according to sizes and times.

        Sources are compared with the list in the finished store: what an interrupted build has hashed since is not
        built yet.
        """
        if old.folder == old.path or self.options.rehash or old.header.config_digest != self.resolved.digest:
            return False
        if old.synthetic != provenance.is_synthetic(self.root):
            return False
        finished = _sources.read_scan(old.folder / schema.SOURCES)
        if not (sources.equals(finished) and receipts.files_present(old.folder, schema.files(old.header))):
            return False
        return self.options.on_error == "skip" or not _refusals.failed_in(old)

    def _manifest(self, sources: _sources.Sources) -> tuple[Manifest, Balance | None]:
        """The labelled utterances, and what became of every one that the corpus mentions; a lost one is a fault."""
        manifest = self.reader.read_manifest(self.root, on_error=self.options.on_error)
        if not len(manifest):
            raise CorpusError(f"{self.root}: the annotation lists no utterances; copy the corpus again")
        balance = corpora.balance(self.reader, self.root, manifest)
        if balance is not None:
            found = Findings(strict=self.options.on_error == "raise")
            report_lost(balance, found)
            faults = (*manifest.faults, *found.faults)
            manifest = replace(manifest, faults=faults, findings=merge([*manifest.findings, *found.merged()]))
        if self.options.on_error == "raise":
            _refusals.refuse_missing(self.root, manifest.utterances, sources.table, self.resolved)
        manifest = replace(
            manifest.renamed(self.resolved.config.label_map), synthetic=provenance.is_synthetic(self.root)
        )
        return manifest.labelled(self.resolved.config.labels), balance

    def _signals(
        self, groups: Mapping[str, tuple[str, ...]], sources: _sources.Sources
    ) -> tuple[dict[str, schema.SessionReceipt], pd.DataFrame]:
        """Parse the sessions whose files changed; the others are taken over from the finished store."""
        names = [group.removeprefix("signals/") for group in groups if group.startswith("signals/")]
        keys = {name: sources.group_key(f"signals/{name}", version=self.reader.version) for name in names}
        stage = _tables.SignalStage(self.out, self.old, keys, rehash=self.options.rehash)
        tasks = [
            SessionTask(self.reader, self.root, self.out, name, keys[name], sources.hashes(f"signals/{name}"))
            for name in stage.stale()
        ]
        self.progress("parse", 0, len(tasks))
        for done, (name, receipt, rows) in enumerate(
            self.pool.run(parse_session, tasks, name=lambda task: task.session), start=1
        ):
            stage.add(name, receipt, rows)
            self.progress("parse", done, len(tasks))
        return stage.receipts(), stage.index()

    def _planned(self, utterances: pd.DataFrame, sources: _sources.Sources, signals: pd.DataFrame) -> _diff.Plan:
        _footage.refuse_unknown_films(self.resolved, utterances)
        digests = _keys.medium_digests(
            utterances, audio=sources.hashes("audio"), signals=signals, video=sources.hashes(_sources.VIDEO)
        )
        keys = _keys.row_keys(self.resolved, digests)
        axes = _axes.axes_of(self.out, self.resolved, utterances)
        with disk.writing(self.out):
            for feature, files in self.resolved.resources.items():
                for name, content in files.items():
                    disk.write_bytes(writer.staging(self.out) / schema.RESOURCES / feature / name, content)
            writer.begin(
                self.out,
                specs=specs_of(self.resolved),
                layouts={
                    name: writer.ArrayLayout(
                        axis=extractor.axis,
                        rows=len(axes[extractor.axis]),
                        rows_per_shard=self.resolved.rows_per_shard(name),
                        made_of=frozenset(self.resolved.extractors) & frozenset(extractor.media),
                    )
                    for name, extractor in self.resolved.extractors.items()
                },
            )
        return _diff.plan(
            self.out,
            self.resolved,
            axes,
            keys,
            group_names(utterances),
            old=self.old,
            rehash=self.options.rehash,
            with_failures=self.options.on_error == "skip",
        )

    def _write(
        self,
        plan: _diff.Plan,
        utterances: pd.DataFrame,
        sources: _sources.Sources,
        sessions: Mapping[str, schema.SessionReceipt],
        *,
        faults: Sequence[str],
    ) -> None:
        segment = [name for name in SEGMENT if name in utterances.columns]
        rows = utterances[["id", "speaker", "session", "audio", "text", "clock_start", *segment]]
        if _sources.VIDEO in self.resolved.media:
            rows = rows.join(_footage.scenes(utterances, hashes=sources.hashes(_sources.VIDEO)))
        base = PartitionTask(
            store=self.out,
            root=self.root,
            finished="" if self.old is None else self.old.digest,
            media=frozenset(self.reader.media),
            rows=rows.assign(audio_sha256=rows["audio"].map(sources.hashes("audio"))),
            sessions={name: receipt.file for name, receipt in sessions.items()},
            spans=(),
            features=(),
            skip_errors=self.options.on_error == "skip",
        )
        refuse_too_large(plan, base, seconds=utterances["duration"].to_numpy("float64"))
        tasks = plan.tasks(base)
        total = sum(len(span) for task in tasks for span in task.spans)
        done = 0
        there = writer.receipts(self.out, plan.finished_parts)
        failed = _refusals.failures(plan, there)
        _refusals.refuse_failures(failed, utterances["id"], self.options.max_failures, faults=faults)
        self.progress("extract", 0, total)
        with writer.flushing(self.out) as flush:
            flush(there)
            for made in self.pool.run(write_partition, tasks, name=_rows):
                flush(made)
                done += made[0].stop - made[0].start
                failed |= _refusals.failures(plan, made)
                _refusals.refuse_failures(failed, utterances["id"], self.options.max_failures, faults=faults)
                self.progress("extract", done, total)


def _import(features: Sequence[str]) -> None:
    """Import what a worker needs before its first task, and load the machine code of what reads audio."""
    second = Signal(np.zeros(_SECOND, np.float32), _SECOND, "1")
    for extractor in map(find_feature, features):
        if tuple(extractor.media) == ("audio",):
            extractor.open(extractor.config(), Path())({"audio": second})
            break


def _rows(task: PartitionTask) -> str:
    parts = [feature.part for feature in task.features if feature.part is not None]
    return f"rows {parts[0].start} to {parts[0].stop - 1}"
