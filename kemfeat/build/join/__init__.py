"""Join finished stores into one, for experiments across corpora. See ``docs/howto/cross-corpus.md``.

No row is extracted again: what a row is made from is in its key, and stores are joined only where the features, their
settings and their versions are alike.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kemfeat.build import _axes, _diff, _folder, _tables
from kemfeat.build._report import silent
from kemfeat.build._settings import Resolved
from kemfeat.build._sources import Sources
from kemfeat.build._statistics import group_names
from kemfeat.build.join import _stacked
from kemfeat.build.join._agreement import agree
from kemfeat.build.join._corpora import JoinedCorpora, Source, find_sources
from kemfeat.build.join._partitions import Partitions
from kemfeat.errors import ConfigError, StoreError
from kemfeat.parallel import Progress
from kemfeat.paths import StrPath, to_path
from kemfeat.store import disk, locking, receipts, schema, swap, versions, writer
from kemfeat.store.header import header_in
from kemfeat.store.reader import Store, open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinReport:
    """What joining did.

    Parameters
    ----------
    store : Store
        The joined store, opened.
    utterances : mapping of str to int
        Number of utterances by corpus, in order.
    written, kept : int
        Parts (one partition of one feature) that were written, and that an interrupted join had left.
    left_out : mapping of str to str
        Features that are not alike in all stores, each with what differs.
    seconds : float [s]
        How long it took.
    """

    store: Store
    utterances: Mapping[str, int]
    written: int = 0
    kept: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def join_stores(
    stores: Sequence[StrPath],
    *,
    out: StrPath,
    corpora: Sequence[str] | None = None,
    common: bool = False,
    progress: Progress = silent,
) -> JoinReport:
    """Make one store of several, which are only read.

    Names of utterances, sessions, speakers and raters begin with the name of their corpus and a dot, and the column
    ``corpus`` has it alone. The same join again resumes, or does nothing.

    Parameters
    ----------
    stores : sequence of str or PathLike
        Folders or addresses of two or more finished stores.
    out : str or PathLike
        Folder of the joined store.
    corpora : sequence of str, optional
        A name for each corpus; by default those of their readers.
    common : bool
        Whether to leave out features that some store lacks or has with other settings; otherwise they are refused.
    progress : callable, optional
        Called with the stage, how much of it is done and how much there is.

    Returns
    -------
    JoinReport
        What was done, with the joined store.

    Raises
    ------
    KemfeatError
        With a message for the user; a join that was interrupted resumes.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.build import join_stores
    >>> try:
    ...     join_stores(["stores/KEMDy20", "stores/KEMDy20"], out="stores/twice")
    ... except kemfeat.KemfeatError as error:
    ...     print("the same store" in str(error))
    True
    """
    began = time.monotonic()
    sources = find_sources(stores, corpora)
    resolved, left_out = agree(sources, common=common)
    folder = to_path(out)
    _refuse_other_store(folder, resolved)
    _folder.take_over(folder, force=False)
    counts = {source.corpus: len(source.store) for source in sources}
    with locking.locked(folder):
        with disk.writing(folder):
            swap.complete_swap(folder)
        written = kept = 0
        if not _is_current(folder, resolved):
            _begin(folder, resolved)
            written, kept = _join(folder, sources, resolved, began=began, progress=progress)
    return JoinReport(
        store=open_store(folder),
        utterances=counts,
        written=written,
        kept=kept,
        left_out=left_out,
        seconds=time.monotonic() - began,
    )


def _refuse_other_store(out: Path, resolved: Resolved) -> None:
    """Refuse to add a version to a store of other corpora, such as one of those to join."""
    header = header_in(out)
    if header is not None and header.dataset != resolved.config.dataset:
        raise ConfigError(f"{out}: is a store of {header.dataset}; choose another folder with --out")
    staged = out / schema.BUILDING
    if staged.is_dir() and not (staged / schema.JOINING).is_file() and any(staged.iterdir()):
        raise StoreError(f"{out}: has an unfinished build; finish it, or choose another folder with --out")


def _is_current(out: Path, resolved: Resolved) -> bool:
    header = header_in(out)
    if header is None or header.folder is None or header.config_digest != resolved.digest:
        return False
    return receipts.files_present(out / header.folder, schema.files(header))


def _begin(out: Path, resolved: Resolved) -> None:
    """Take up what the same join left when it was interrupted, and remove what another one did."""
    staged = writer.staging(out)
    with disk.writing(out):
        if staged.exists() and _marked(staged) != resolved.digest:
            locking.remove(staged)
        staged.mkdir(exist_ok=True)
        disk.write_json(staged / schema.JOINING, {"join": resolved.digest})


def _marked(staged: Path) -> Any:
    try:
        return json.loads((staged / schema.JOINING).read_bytes())["join"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _join(
    out: Path, sources: Sequence[Source], resolved: Resolved, *, began: float, progress: Progress
) -> tuple[int, int]:
    """Write every part and table, then put the store in place; returns how many parts were written and kept."""
    manifest = _stacked.manifest(sources, resolved.config.dataset)
    axes = _stacked.axes(sources, resolved)
    _axes.lay_out(out, resolved, axes)
    plan = _diff.plan(
        out,
        resolved,
        axes,
        _stacked.keys(sources, resolved),
        group_names(manifest.utterances),
        old=None,
        rehash=False,
        with_failures=True,
        elsewhere=frozenset(),
    )
    partitions = Partitions(sources, plan, manifest.utterances)
    with writer.flushing(out, elsewhere=frozenset()) as flush:
        flush(writer.receipts(out, plan.finished_parts, elsewhere=frozenset()))
        for done, part in enumerate(plan.fresh_parts, start=1):
            flush([partitions.write(part)])
            progress("join", done, len(plan.fresh_parts))
    with disk.writing(out):
        made = _tables.Made(
            reader=JoinedCorpora(resolved.config.dataset),
            resolved=resolved,
            manifest=manifest,
            utterances=manifest.utterances,
            sources=Sources(_stacked.source_files(sources), hashed=0),
            sessions=_stacked.stage_signals(out, sources),
            signals=_stacked.signal_index(sources),
            plan=plan,
            receipts=writer.receipts(out, plan.all_parts, elsewhere=frozenset()),
        )
        header = _tables.write_tables(out, made, seconds=time.monotonic() - began)
    header = header.model_copy(update={"provenance": {**header.provenance, "joined": _joined(sources)}})
    swap.finalise(out, header)
    with disk.writing(out):
        versions.prune(out, keep=versions.KEPT)
    return len(plan.fresh_parts), len(plan.finished_parts)


def _joined(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """What the store was joined from, for the header."""
    return [
        {
            "corpus": source.corpus,
            "dataset": source.store.dataset,
            "digest": source.store.digest,
            "utterances": len(source.store),
            "label_rule": source.store.header.label_rule,
            "label_map": dict(source.store.header.config.label_map),
        }
        for source in sources
    ]
