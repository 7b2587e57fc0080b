"""The work of a build, in order: resolve, scan, parse, plan, write partitions, finalise."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kemfeat import corpora, parallel, plugins, provenance
from kemfeat.balance import Balance, report_lost
from kemfeat.build import (
    _axes,
    _bucket_site,
    _diff,
    _footage,
    _keys,
    _notes,
    _refusals,
    _settings,
    _site,
    _sources,
    _tables,
)
from kemfeat.build._bucket_corpus import BucketCorpus, at_hand, table_at_hand
from kemfeat.build._partition import PartitionTask, write_partition
from kemfeat.build._physiology import SessionTask, beat_tables, parse_session
from kemfeat.build._recordings import LENGTH, utterance_lengths
from kemfeat.build._report import BuildOptions, BuildReport, silent
from kemfeat.build._statistics import group_names
from kemfeat.build.disk_space import refuse_too_large
from kemfeat.corpora import CorpusReader, open_reader
from kemfeat.errors import CorpusError, StoreError
from kemfeat.features.instances import find_feature
from kemfeat.findings import Findings, merge
from kemfeat.manifest import SEGMENT, Manifest
from kemfeat.parallel import Progress
from kemfeat.paths import StrPath, to_path_or_none
from kemfeat.records import Signal
from kemfeat.store import disk, receipts, schema, writer
from kemfeat.store.address import Address, place
from kemfeat.store.bucket import Bucket
from kemfeat.store.reader import Store
from kemfeat.store.remote_target import refuse_nested, refuse_unlicensed, writable
from kemfeat.user_settings import read_user_settings

if TYPE_CHECKING:
    import pandas as pd


_SECOND = 16_000
"""Samples of a second of audio."""


def build_store(
    dataset: str,
    *,
    root: StrPath,
    out: StrPath,
    table: StrPath | None = None,
    settings: Mapping[str, Any] | None = None,
    options: BuildOptions | None = None,
    progress: Progress = silent,
) -> BuildReport:
    """Make, resume or update the store of a corpus.

    Parameters
    ----------
    dataset : str
        Name of a corpus reader, e.g. ``KEMDy20``.
    root : str or PathLike
        Folder of the corpus, or its address in a bucket, such as ``s3://BUCKET/KEMDy20``.
    out : str or PathLike
        Folder of the store, made when absent, or its address in a bucket.
    table : str or PathLike, optional
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
    >>> import kemfeat
    >>> settings = {"features": ["mel"]}
    >>> report = kemfeat.build_store("KEMDy20", root="corpora/KEMDy20", out="stores/small", settings=settings)
    >>> len(report.store), report.store.arrays
    (36, ('mel', 'mel_lengths'))
    """
    options = options or BuildOptions()
    corpus, store = place(root), place(out)
    if isinstance(corpus, Address):
        writable(corpus)
    if isinstance(store, Address):
        refuse_nested(writable(store), corpus)
        _refuse_unlicensed(dataset, corpus, store, options)
    with at_hand(corpus, to_path_or_none(options.cache), progress, anew=options.rehash) as (folder, bucket):
        own = table_at_hand(to_path_or_none(table), folder, bucket)
        reader = open_reader(dataset, root=folder, table=own, follow_links=options.follow_links)
        groups = reader.sources(folder)
        options = replace(options, workers=_sources.useful_workers(options.workers, folder, groups))
        return build_from(
            reader,
            groups,
            root=folder,
            out=store,
            settings=settings or {},
            options=options,
            progress=progress,
            corpus=bucket,
        )


def _refuse_unlicensed(dataset: str, corpus: Path | Address, store: Address, options: BuildOptions) -> None:
    """Refuse to put a restricted corpus where the user has not said that it may be, before anything is read."""
    terms = plugins.find("corpora", dataset).terms
    if terms.restricted and not _is_synthetic(corpus):
        private = read_user_settings().private
        refuse_unlicensed(store, terms.licence, may_pass_on=options.may_pass_on, private=private)


def _is_synthetic(corpus: Path | Address) -> bool:
    if not isinstance(corpus, Address):
        return provenance.is_synthetic(corpus)
    try:
        return Bucket(corpus).find(provenance.NOTICE) is not None
    except OSError as error:
        raise CorpusError(f"{corpus}: cannot be read ({error.strerror})") from None


def build_from(
    reader: CorpusReader,
    groups: Mapping[str, tuple[str, ...]],
    *,
    root: Path,
    out: Path | Address,
    settings: Mapping[str, Any],
    options: BuildOptions,
    progress: Progress,
    corpus: BucketCorpus | None = None,
) -> BuildReport:
    """As :func:`build_store`, of the files of a reader, which may be a part of its corpus, with the given workers."""
    began = time.monotonic()
    resolved = _settings.resolve(settings, reader=reader, root=root)
    groups = _sources.needed(groups, resolved.media)
    options = replace(options, workers=min(options.workers, resolved.most_workers or options.workers))
    with (
        parallel.open_pool(workers=options.workers, scheduler=options.scheduler) as pool,
        _opened(out, pool, reader, root, corpus, options) as site,
        closing(pool),  # before the site is left to others
    ):
        job = _Job(reader, root if corpus else pool.reads(root), site, resolved, options, progress, pool)
        return job.run(groups, began=began)


def _opened(
    out: Path | Address,
    pool: parallel.Pool,
    reader: CorpusReader,
    root: Path,
    corpus: BucketCorpus | None,
    options: BuildOptions,
) -> AbstractContextManager[_site.Site]:
    if not isinstance(out, Address):
        return _site.in_folder(out, pool, corpus, force=options.force)
    licence = "" if not reader.terms.restricted or provenance.is_synthetic(root) else reader.terms.licence
    return _bucket_site.in_bucket(out, corpus, reader.name, licence=licence, force=options.force)


@dataclass(slots=True)
class _Job:
    """One build, while its store is locked."""

    reader: CorpusReader
    root: Path
    site: _site.Site
    resolved: _settings.Resolved
    options: BuildOptions
    progress: Progress
    pool: parallel.Pool
    old: Store | None = field(init=False)

    def __post_init__(self) -> None:
        self.old = self.site.finished(rehash=self.options.rehash)

    @property
    def out(self) -> Path:
        """The folder on this machine."""
        return self.site.folder

    def run(self, groups: Mapping[str, tuple[str, ...]], *, began: float) -> BuildReport:
        if self.old is not None:
            _refusals.refuse_loss(self.old, self.resolved)
        else:
            self._warm()
        sources = self._scan(groups)
        if self.old is not None and self._is_current(self.old, sources):
            failures = _refusals.failed_in(self.old)
            self.site.tidy(keep=self.options.keep)
            return BuildReport(
                store=self.old,
                written=0,
                kept=0,
                failures=failures,
                seconds=time.monotonic() - began,
                moved_aside=self.site.moved,
                notes=_notes.notes(sources, self.resolved),
            )
        self._warm()
        self.site.begin(self.pool)
        manifest, balance = self._manifest(sources)
        sessions, signals = self._signals(groups, sources)
        utterances = _tables.with_media(
            manifest.utterances,
            sources=sources.table,
            signals=signals,
            beats=beat_tables(writer.staging(self.out), signals),
        )
        plan = self._planned(utterances, sources, sessions, signals)
        self._write(plan, utterances, sources, sessions, faults=manifest.faults)
        parts = writer.receipts(self.out, plan.all_parts, elsewhere=self.site.elsewhere)
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
        store = self.site.commit(header, self.progress)
        self.site.tidy(keep=self.options.keep)
        failed = len(_refusals.failures(plan, parts))
        return BuildReport(
            store=store,
            written=len(plan.fresh_parts),
            kept=len(plan.all_parts) - len(plan.fresh_parts),
            failures=failed + len(manifest.faults),
            seconds=time.monotonic() - began,
            moved_aside=self.site.moved,
            notes=_notes.notes(sources, self.resolved),
            balance=None if balance is None else balance.with_failed(failed),
        )

    def _warm(self) -> None:
        """Have workers import what the work needs while this process reads and plans."""
        self.pool.warm(partial(_import, tuple(self.resolved.extractors)))

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
        return self._finished_scan() if staged is None else staged

    def _finished_scan(self) -> pd.DataFrame | None:
        try:
            return None if self.old is None else _sources.read_scan(self.old.local(schema.SOURCES))
        except StoreError:
            return None

    def _is_current(self, old: Store, sources: _sources.Sources) -> bool:
        """Whether the finished store is what this build would make, according to sizes and times.

        Sources are compared with the list in the finished store: what an interrupted build has hashed since is not
        built yet.
        """
        if old.header.folder is None or self.options.rehash or old.header.config_digest != self.resolved.digest:
            return False
        if old.synthetic != provenance.is_synthetic(self.root):
            return False
        here = writer.here(schema.files(old.header), self.site.elsewhere)
        if not (sources.equals(self._finished_scan()) and receipts.files_present(old.folder, here)):
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
            self.site.run(self.pool, parse_session, tasks, name=lambda task: task.session), start=1
        ):
            stage.add(name, receipt, rows)
            self.progress("parse", done, len(tasks))
        return stage.receipts(), stage.index()

    def _planned(
        self,
        utterances: pd.DataFrame,
        sources: _sources.Sources,
        sessions: Mapping[str, schema.SessionReceipt],
        signals: pd.DataFrame,
    ) -> _diff.Plan:
        _footage.refuse_unknown_films(self.resolved, utterances)
        digests = _keys.medium_digests(
            utterances,
            audio=sources.hashes("audio"),
            signals=signals,
            sessions={name: receipt.key for name, receipt in sessions.items()},
            video=sources.hashes(_sources.VIDEO),
        )
        keys = _keys.row_keys(self.resolved, digests)
        axes = _axes.axes_of(self.out, self.resolved, utterances)
        _axes.lay_out(self.out, self.resolved, axes)
        return _diff.plan(
            self.out,
            self.resolved,
            axes,
            keys,
            group_names(utterances),
            old=self.old,
            rehash=self.options.rehash,
            with_failures=self.options.on_error == "skip",
            elsewhere=self.site.elsewhere,
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
        rows = utterances[["id", "speaker", "session", "script", "audio", "text", "clock_start", *segment]]
        rows = rows.assign(**{LENGTH: utterance_lengths(utterances)})
        if _sources.VIDEO in self.resolved.media:
            rows = rows.join(_footage.scenes(utterances, hashes=sources.hashes(_sources.VIDEO)))
        base = PartitionTask(
            store=self.out,
            root=self.root,
            finished="" if self.old is None else self.old.digest,
            finished_at=self.site.where,
            media=frozenset(self.reader.media),
            rows=rows.assign(audio_sha256=rows["audio"].map(sources.hashes("audio"))),
            sessions={name: receipt.file for name, receipt in sessions.items()},
            spans=(),
            features=(),
            skip_errors=self.options.on_error == "skip",
        )
        if not isinstance(self.site.where, Address):
            refuse_too_large(plan, base, seconds=utterances["duration"].to_numpy("float64"))
        self.site.share({schema.session_path(name): receipt.file for name, receipt in sessions.items()})
        tasks = plan.tasks(base)
        total = sum(len(span) for task in tasks for span in task.spans)
        done = 0
        there = writer.receipts(self.out, plan.finished_parts, elsewhere=self.site.elsewhere)
        failed = _refusals.failures(plan, there)
        _refusals.refuse_failures(failed, utterances["id"], self.options.max_failures, faults=faults)
        self.progress("extract", 0, total)
        with writer.flushing(self.out, elsewhere=self.site.elsewhere) as flush:
            flush(there)
            for made in self.site.run(self.pool, write_partition, tasks, name=_rows):
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
