"""The task that workers run: extract or copy the rows of one partition, and commit the part of each feature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kemfeat.build._axes import Span
from kemfeat.build._block import Block
from kemfeat.build._copies import copy_rows, trust_nothing
from kemfeat.build._footage import Films
from kemfeat.build._physiology import session_media
from kemfeat.build._recordings import session_recordings
from kemfeat.build._same_files import require_staged
from kemfeat.build._sources import VIDEO
from kemfeat.build._statistics import STATISTICS, counted, statistics
from kemfeat.build._utterance_media import Bound, UtteranceMedia, bind
from kemfeat.errors import ExtractionError, MediaError
from kemfeat.manifest import RECORDINGS, UNITS
from kemfeat.records import Medium
from kemfeat.store import schema, writer
from kemfeat.store.address import Address
from kemfeat.store.schema import FileReceipt, PartReceipt, RowFailure

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = "columns"
_ROW_ERRORS = (ExtractionError, MediaError)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureTask:
    """One feature of a partition.

    Parameters
    ----------
    name : str
        Name of the feature.
    settings : str
        Its configuration as JSON text, which is also the key of a cache.
    part : Part or None
        What to write; None where only another feature needs this one.
    copies : tuple of int
        For each row of the part, the row of the finished store that has the same key, or -1.
    """

    name: str
    settings: str
    part: writer.Part | None
    copies: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionTask:
    """Rows of one partition.

    Parameters
    ----------
    store, root : Path
        Folders of the store and of the corpus.
    finished : str
        Digest of the finished store that rows are copied from; empty where there is none.
    finished_at : Path or Address
        Where that store is.
    media : frozenset of str
        Media of the corpus.
    rows : DataFrame
        The columns id, speaker, session, script, audio, audio_sha256, text, clock_start and length of each utterance
        that has rows in the partition, those of :data:`kemfeat.manifest.SEGMENT` where the corpus has them, and those
        of :func:`kemfeat.build._footage.scenes` where a feature reads films.
    sessions : mapping of str to FileReceipt
        Staged signals of the sessions of these utterances.
    spans : tuple of Span
        For each utterance, which of its rows these are; on the axis of utterances, its only one.
    features : tuple of FeatureTask
        What to write, in order of dependence, all on one axis.
    skip_errors : bool
        Whether a row that cannot be extracted becomes a missing row.
    """

    store: Path
    root: Path
    finished: str
    finished_at: Path | Address
    media: frozenset[str]
    rows: pd.DataFrame
    sessions: Mapping[str, FileReceipt]
    spans: tuple[Span, ...]
    features: tuple[FeatureTask, ...]
    skip_errors: bool

    def places(self) -> Iterator[tuple[slice, Span]]:
        """For each utterance, the place of its rows in the partition, and which of its rows they are."""
        at = 0
        for span in self.spans:
            yield slice(at, at + len(span)), span
            at += len(span)

    def sources(self) -> set[str]:
        """Files of the corpus that it reads."""
        audio = self.rows["audio"].dropna() if "audio" in self.media else ()
        return {*audio, *(self.rows[VIDEO].dropna() if VIDEO in self.rows.columns else ())}

    def staged(self) -> dict[str, FileReceipt]:
        """Files of the build that it reads."""
        return {schema.session_path(name): receipt for name, receipt in self.sessions.items()}

    def made(self, parts: Iterable[PartReceipt]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        """For each part its shards, and the other files that it has made."""
        return [(tuple(part.files), writer.part_files(self.store, part)) for part in parts]


def write_partition(task: PartitionTask) -> list[PartReceipt]:
    """Extract or copy every row, then commit the part of each feature.

    Parameters
    ----------
    task : PartitionTask
        The partition.

    Returns
    -------
    list of PartReceipt
        One for each feature that was written.

    Raises
    ------
    ExtractionError, MediaError
        A row cannot be extracted and errors are not skipped; the message begins with the id of the utterance.
    """
    trust_nothing()
    resources = writer.staging(task.store) / schema.RESOURCES
    bound = {feature.name: bind(feature.name, feature.settings, resources) for feature in task.features}
    count = sum(map(len, task.spans))
    blocks = {name: Block(bound[name], count) for name, _ in _written(task)}
    copied = {
        name: copy_rows(name, feature.copies, blocks[name], place=task.finished_at, digest=task.finished)
        for name, feature in _written(task)
    }
    signals = _signals(task, _wanted(task, bound, copied))
    films = Films(task.rows, root=task.root)
    utterances: Iterable[tuple[UtteranceMedia, slice, Span]] = (
        (UtteranceMedia(row, root=task.root, media=task.media, signals=signals, bound=bound, films=films), places, span)
        for row, (places, span) in zip(task.rows.itertuples(index=False), task.places(), strict=True)
    )
    together = [name for name in blocks if bound[name].extractor.many is not None]
    if together:
        utterances = list(utterances)
    for name in together:
        _extract_many(bound[name], [given for given, places, _ in utterances if _is_fresh(places, copied[name])])
    for given, places, span in utterances:
        for name, block in blocks.items():
            if _is_fresh(places, copied[name]):
                _extract(name, places, span, given, block, skip=task.skip_errors)
        given.forget()
    return [_commit(task, feature, blocks[name]) for name, feature in _written(task)]


def _is_fresh(places: slice, copied: set[int]) -> bool:
    return not copied.issuperset(range(places.start, places.stop))


def _extract_many(bound: Bound, given: Sequence[UtteranceMedia]) -> None:
    """Have a feature compute all utterances at once."""
    assert bound.extractor.many is not None  # noqa: S101 - for the type checker
    outcomes = bound.extractor.many(bound.extract, given)
    for utterance, outcome in zip(given, outcomes, strict=True):
        utterance.know(bound.extractor.name, outcome)


def _written(task: PartitionTask) -> list[tuple[str, FeatureTask]]:
    return [(feature.name, feature) for feature in task.features if feature.part is not None]


def _wanted(task: PartitionTask, bound: Mapping[str, Bound], copied: Mapping[str, set[int]]) -> set[str]:
    """The features that have a row to extract, and all features and media that they are made from."""
    count = sum(map(len, task.spans))
    wanted = {name for name, numbers in copied.items() if len(numbers) < count}
    while more := {medium for name in wanted & set(bound) for medium in bound[name].extractor.media} - wanted:
        wanted |= more
    return wanted


def _signals(task: PartitionTask, wanted: set[str]) -> dict[tuple[str, str], Medium]:
    found: dict[tuple[str, str], Medium] = {}
    own, around = wanted & task.media & set(UNITS), wanted & set(RECORDINGS)
    if not own and not around:
        return found
    for session, rows in task.rows.groupby("session", sort=False):
        path = writer.staging(task.store) / schema.session_path(str(session))
        if session in task.sessions:
            require_staged(path, task.sessions[str(session)])
            found |= session_media(path, rows) if own else {}
            found |= session_recordings(path, rows, around)
    return found


def _extract(name: str, places: slice, span: Span, given: UtteranceMedia, block: Block, *, skip: bool) -> None:
    try:
        block.put(places, span, given.feature(name))
    except _ROW_ERRORS as error:
        if not skip:
            raise type(error)(f"{given.row.id}: {name}: {str(error).removeprefix(f'{name}: ')}") from None
        block.fail(places, given.within(str(error)))


def _commit(task: PartitionTask, feature: FeatureTask, block: Block) -> PartReceipt:
    assert feature.part is not None  # noqa: S101 - _written gives no other
    start = feature.part.start
    failures = [RowFailure(row=start + failure.row, error=failure.error) for failure in block.failures]
    tables = {COLUMNS: block.table()}
    if counted(block.specs):
        owners = np.repeat(np.arange(len(task.rows)), [len(span) for span in task.spans])
        tables[STATISTICS] = statistics(block.specs, block.arrays, task.rows.iloc[owners], part=feature.part)
    return writer.write_part(
        task.store, feature.part, specs=block.specs, blocks=block.arrays, tables=tables, failures=failures
    )
