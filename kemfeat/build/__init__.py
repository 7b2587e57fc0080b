"""Build a store: resolve, scan, parse, plan, write partitions, finalise. Running it again resumes, or does nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kemfeat import parallel, plugins, provenance
from kemfeat.build import _keys, _plan, _settings, _sources, _tables
from kemfeat.build._partition import PartitionTask, write_partition
from kemfeat.build._physiology import SessionTask, parse_session
from kemfeat.build._recompute import recompute
from kemfeat.corpora import CorpusReader
from kemfeat.errors import CorpusError, StoreError, TooManyFailuresError
from kemfeat.manifest import Manifest
from kemfeat.store import disk, schema, writer
from kemfeat.store.reader import Store, open_store

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[str, int, int], None]
"""Called with the stage (``hash``, ``parse``, ``extract``), what is done and what there is to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """How to build; none of it changes a byte of the result.

    Parameters
    ----------
    workers : processes that extract.
    on_error : ``raise`` stops at the first row that cannot be extracted; ``skip`` makes it an explicit missing row.
    max_failures : largest share of rows that may fail under ``skip``, 0 to 1.
    rehash : hash every source and every kept shard, whatever their size and time say.
    force : move a finished or half-built store aside and begin anew.
    """

    workers: int = 1
    on_error: Literal["raise", "skip"] = "raise"
    max_failures: float = 0.01
    rehash: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What a build did.

    Parameters
    ----------
    store : the finished store, opened.
    written, kept : parts (one partition of one feature) that were written, and that were taken over unchanged.
    failures : rows that stand as missing.
    seconds : how long it took.
    moved_aside : where ``force`` put what was there before, or None.
    """

    store: Store
    written: int
    kept: int
    failures: int
    seconds: float
    moved_aside: Path | None = None

    @property
    def up_to_date(self) -> bool:
        """Whether there was nothing to do."""
        return self.written == 0 and self.kept == 0


def _silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def build_store(
    dataset: str,
    *,
    root: Path,
    out: Path,
    settings: Mapping[str, Any] | None = None,
    options: BuildOptions | None = None,
    progress: Progress = _silent,
) -> BuildReport:
    """Make, resume or update the store ``out`` of the corpus in ``root``.

    Parameters
    ----------
    dataset : name of a corpus reader, e.g. ``KEMDy20``.
    root : folder of the corpus.
    out : folder of the store; made when absent.
    settings : what is to be made: ``preset``, ``labels``, ``features``, ``rows_per_shard`` and a table per feature.
    options : how to make it.
    progress : called as work is done.

    Raises
    ------
    KemfeatError
        With a message for people; what was finished is kept, and running the same build again resumes.
    """
    began = time.monotonic()
    options = options or BuildOptions()
    reader: CorpusReader = plugins.find("corpora", dataset)
    groups = reader.sources(root)
    resolved = _settings.resolve(settings or {}, reader=reader, root=root)
    moved = _take_over(out, force=options.force)
    with disk.locked(out):
        with disk.writing(out):
            writer.complete_swap(out)
        job = _Job(reader, root, out, resolved, options, progress)
        return job.run(groups, began=began, moved=moved)


@dataclass(slots=True)
class _Job:
    """One build under its lock."""

    reader: CorpusReader
    root: Path
    out: Path
    resolved: _settings.Resolved
    options: BuildOptions
    progress: Progress
    old: Store | None = field(init=False)

    def __post_init__(self) -> None:
        self.old = _finished(self.out)

    def run(self, groups: Mapping[str, tuple[str, ...]], *, began: float, moved: Path | None) -> BuildReport:
        sources = self._scan(groups)
        if self.old is not None and not sources.changed and self._is_current(self.old):
            failures = len(self.old.failures)
            return BuildReport(
                store=self.old,
                written=0,
                kept=0,
                failures=failures,
                seconds=time.monotonic() - began,
                moved_aside=moved,
            )
        manifest = self._manifest(sources)
        sessions, signals = self._signals(groups, sources)
        utterances = _tables.with_media(manifest.utterances, sources=sources.table, signals=signals)
        plan = self._planned(utterances, sources, signals)
        self._write(plan, utterances)
        receipts = writer.receipts(self.out, plan.all_parts)
        made = _tables.Made(
            reader=self.reader,
            resolved=self.resolved,
            manifest=manifest,
            utterances=utterances,
            sources=sources,
            sessions=sessions,
            signals=signals,
            plan=plan,
            receipts=receipts,
        )
        with disk.writing(self.out):
            header = _tables.write_tables(self.out, made, seconds=time.monotonic() - began)
        writer.finalise(self.out, header)
        return BuildReport(
            store=open_store(self.out),
            written=len(plan.fresh_parts),
            kept=len(plan.all_parts) - len(plan.fresh_parts),
            failures=sum(len(receipt.failures) for receipt in receipts),
            seconds=time.monotonic() - began,
            moved_aside=moved,
        )

    def _scan(self, groups: Mapping[str, tuple[str, ...]]) -> _sources.Sources:
        """Hash what changed; an interrupted build's hashes are kept."""
        known = None if self.options.rehash else _known_sources(self.out)
        sources = _sources.scan(
            self.root,
            groups,
            known=known,
            workers=self.options.workers,
            progress=lambda done, total: self.progress("hash", done, total),
        )
        if sources.changed:
            with disk.writing(self.out):
                disk.write_table(writer.staging(self.out) / schema.SOURCES, sources.table)
        return sources

    def _is_current(self, old: Store) -> bool:
        same = old.header.config_digest == self.resolved.digest
        files = {name: receipt for part in old.header.parts for name, receipt in part.files.items()}
        files |= old.header.tables
        files |= {schema.session_path(name): receipt.file for name, receipt in old.header.sessions.items()}
        return same and writer.files_present(self.out, files)

    def _manifest(self, sources: _sources.Sources) -> Manifest:
        manifest = self.reader.read_manifest(self.root, on_error=self.options.on_error)
        if not len(manifest):
            raise CorpusError(f"{self.root}: the annotation lists no utterances; copy the corpus again")
        if self.options.on_error == "raise":
            _refuse_missing_audio(self.root, manifest, sources.table, self.resolved)
        return manifest.labelled(self.resolved.config.labels)

    def _signals(
        self, groups: Mapping[str, tuple[str, ...]], sources: _sources.Sources
    ) -> tuple[dict[str, schema.SessionReceipt], pd.DataFrame]:
        """Parse the sessions whose files changed; the rest is taken from the finished store."""
        names = [group.removeprefix("signals/") for group in groups if group.startswith("signals/")]
        keys = {name: sources.group_key(f"signals/{name}", version=self.reader.version) for name in names}
        stage = _tables.SignalStage(self.out, self.old, keys, rehash=self.options.rehash)
        tasks = [SessionTask(self.reader.name, self.root, self.out, name, keys[name]) for name in stage.stale()]
        self.progress("parse", 0, len(tasks))
        for done, (name, receipt, rows) in enumerate(
            parallel.run(parse_session, tasks, workers=self.options.workers), start=1
        ):
            stage.add(name, receipt, rows)
            self.progress("parse", done, len(tasks))
        return stage.receipts(), stage.index()

    def _planned(self, utterances: pd.DataFrame, sources: _sources.Sources, signals: pd.DataFrame) -> _plan.Plan:
        audio = sources.table[sources.table["group"] == "audio"]
        digests = _keys.medium_digests(
            utterances, audio=dict(zip(audio["path"], audio["sha256"], strict=True)), signals=signals
        )
        keys = _keys.row_keys(self.resolved, digests)
        with disk.writing(self.out):
            for feature, files in self.resolved.resources.items():
                for name, content in files.items():
                    disk.write_bytes(writer.staging(self.out) / schema.RESOURCES / feature / name, content)
            writer.begin(
                self.out,
                specs={name: extractor.specs(self.resolved.settings(name)) for name, extractor in self._extractors},
                axes={name: extractor.axis for name, extractor in self._extractors},
                rows=len(utterances),
                rows_per_shard=self.resolved.config.rows_per_shard,
            )
        return _plan.plan(self.out, self.resolved, keys, old=self.old, rehash=self.options.rehash)

    @property
    def _extractors(self) -> Sequence[tuple[str, Any]]:
        return list(self.resolved.extractors.items())

    def _write(self, plan: _plan.Plan, utterances: pd.DataFrame) -> None:
        rows = utterances[["id", "speaker", "session", "audio", "text", "clock_start"]]
        base = PartitionTask(
            store=self.out,
            root=self.root,
            finished="" if self.old is None else self.old.digest,
            media=frozenset(self.reader.media),
            rows=rows,
            features=(),
            skip_errors=self.options.on_error == "skip",
        )
        tasks = plan.tasks(base)
        total = sum(len(task.rows) for task in tasks)
        done = 0
        failed: set[int] = set()
        self.progress("extract", 0, total)
        for receipts in parallel.run(write_partition, tasks, workers=self.options.workers):
            done += receipts[0].stop - receipts[0].start
            failed |= {failure.row for receipt in receipts for failure in receipt.failures}
            _refuse_failures(failed, len(utterances), self.options.max_failures, receipts)
            self.progress("extract", done, total)


def _take_over(out: Path, *, force: bool) -> Path | None:
    """Have ``out`` be a folder that this build may fill; ``force`` moves what is there aside and says where."""
    names = {entry.name for entry in out.iterdir()} if out.is_dir() else set()
    ours = bool(names & {schema.HEADER, schema.BUILDING, schema.LOCK}) or not names
    if out.exists() and not (out.is_dir() and ours):
        raise StoreError(f"{out}: exists and is not a store; choose another folder with --out")
    moved = None
    if force and names:
        moved = out.with_name(f"{out.name}.old-{provenance.now().replace(':', '').replace('+0000', 'Z')}")
        with disk.locked(out):
            pass
        out.rename(moved)
    with disk.writing(out):
        out.mkdir(parents=True, exist_ok=True)
    return moved


def _finished(out: Path) -> Store | None:
    """The finished store to update, or None when there is none that this version can read."""
    if not (out / schema.HEADER).is_file():
        return None
    return open_store(out)


def _known_sources(out: Path) -> pd.DataFrame | None:
    import pandas as pd

    for folder in (writer.staging(out), out):
        if (folder / schema.SOURCES).is_file():
            return pd.read_parquet(folder / schema.SOURCES)
    return None


def _refuse_missing_audio(root: Path, manifest: Manifest, sources: pd.DataFrame, resolved: _settings.Resolved) -> None:
    """Stop before any work when audio that a feature needs is missing or cannot be read."""
    if not any("audio" in extractor.media for extractor in resolved.extractors.values()):
        return
    lost = manifest.utterances["id"][manifest.utterances["audio"].isna()].tolist()
    broken = sources["error"].dropna().tolist()
    if lost or broken:
        examples = "; ".join([*(f"{name} has no audio file" for name in lost), *broken][:5])
        raise CorpusError(
            f"{root}: {len(lost)} utterances have no audio and {len(broken)} audio files cannot be read: {examples}. "
            "See `kemfeat validate` for all; repair the corpus, or pass --on-error skip to leave those rows missing"
        )


def _refuse_failures(failed: set[int], rows: int, most: float, receipts: list[schema.PartReceipt]) -> None:
    if len(failed) > most * rows:
        examples = "; ".join(failure.error for receipt in receipts for failure in receipt.failures[:5])
        raise TooManyFailuresError(
            f"{len(failed)} of {rows} rows failed, more than --max-failures {most:g} allows; the last: {examples}. "
            "Repair the corpus (see `kemfeat validate`) or allow more; what is finished is kept"
        )


__all__ = ["BuildOptions", "BuildReport", "Progress", "build_store", "recompute"]
