"""The task that workers run: extract or copy the rows of one partition, and commit the part of each feature."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kemfeat.build._axes import Span
from kemfeat.build._footage import Films, Shooting
from kemfeat.build._physiology import session_media
from kemfeat.build._recordings import session_recordings
from kemfeat.build._same_files import read_source, require_staged
from kemfeat.build._sources import VIDEO
from kemfeat.build._statistics import STATISTICS, counted, statistics
from kemfeat.errors import ExtractionError, MediaError, StoreError
from kemfeat.features import AnyExtractor, Extract, Outcome
from kemfeat.features.instances import find_feature
from kemfeat.manifest import RECORDINGS, SEGMENT, UNITS
from kemfeat.media import decode_audio, read_audio
from kemfeat.records import FeatureArray, FeatureSpec, Medium, Signal
from kemfeat.store import disk, schema, writer
from kemfeat.store.address import Address
from kemfeat.store.reader import Store, open_store
from kemfeat.store.schema import FileReceipt, PartReceipt, RowFailure
from kemfeat.waveform import cut

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


@dataclass(frozen=True, slots=True)
class Bound:
    """A feature that is ready to extract."""

    extractor: AnyExtractor
    specs: tuple[FeatureSpec, ...]
    extract: Extract
    shots: Shooting | None = None


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
    # Shards can rot between two builds in one process.
    _sound.cache_clear()
    resources = writer.staging(task.store) / schema.RESOURCES
    bound = {feature.name: bind(feature.name, feature.settings, resources) for feature in task.features}
    count = sum(map(len, task.spans))
    blocks = {name: Block(bound[name], count) for name, _ in _written(task)}
    copied = {name: _copy_rows(task, feature, blocks[name]) for name, feature in _written(task)}
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


class Block:
    """The padded rows of one part, with their columns and failures."""

    def __init__(self, bound: Bound, rows: int) -> None:
        self.specs = bound.specs
        self.arrays = {spec.name: np.full((rows, *spec.shape), spec.pad, dtype=spec.dtype) for spec in bound.specs}
        self.columns: dict[str, list[Any]] = {name: [None] * rows for name in bound.extractor.columns}
        self.types = bound.extractor.columns
        self.axis = bound.extractor.axis
        self._on_utterances = bound.extractor.rows is None
        self.failures: list[RowFailure] = []

    def put(self, places: slice, span: Span, made: FeatureArray) -> None:
        """Take the rows ``span`` from those that an utterance has on the axis."""
        if self._on_utterances:
            self._put_only_row(places.start, made)
            return
        for name, values in (*made.arrays.items(), *made.columns.items()):
            if len(values) < span.last:
                raise ExtractionError(
                    f"{name} has {len(values)} rows, expected {span.last} as on its axis; correct the extractor"
                )
        for spec in self.specs:
            self.arrays[spec.name][places] = made.arrays[spec.name][span.first : span.last]
        for name, column in self.columns.items():
            column[places] = made.columns[name][span.first : span.last]

    def _put_only_row(self, number: int, made: FeatureArray) -> None:
        for spec in self.specs:
            values = np.asarray(made.arrays[spec.name])
            if spec.shape:
                values = values[: spec.shape[0]]
                self.arrays[spec.name][number, : len(values)] = values
            else:
                self.arrays[spec.name][number] = values
        for name, column in self.columns.items():
            column[number] = made.columns[name]

    def copy(self, start: int, source: Store, rows: range) -> None:
        stop = start + len(rows)
        for spec in self.specs:
            self.arrays[spec.name][start:stop] = source.take(slice(rows.start, rows.stop), (spec.name,))[spec.name]
        for name, column in self.columns.items():
            cells = source.rows(self.axis)[name].iloc[rows.start : rows.stop]
            column[start:stop] = [_plain(value) for value in cells]

    def fail(self, places: slice, error: str) -> None:
        """Leave the rows of an utterance missing."""
        for spec in self.specs:
            self.arrays[spec.name][places] = spec.pad
        for column in self.columns.values():
            column[places] = [None] * (places.stop - places.start)
        self.failures += [RowFailure(row=row, error=error) for row in range(places.start, places.stop)]

    def table(self) -> pd.DataFrame:
        """The columns; in a missing row, integers are 0 and other values are None."""
        import pandas as pd

        return pd.DataFrame({name: _column(self.columns[name], kind) for name, kind in self.types.items()})


class UtteranceMedia(Mapping[str, Medium | None]):
    """The media and features of one utterance, each loaded on first use.

    A medium of the corpus takes precedence over a feature of the same name: the feature ``eda`` is made from the medium
    ``eda``.
    """

    def __init__(
        self,
        row: Any,
        *,
        root: Path,
        media: frozenset[str],
        signals: Mapping[tuple[str, str], Medium],
        bound: Mapping[str, Bound],
        films: Films,
    ) -> None:
        self.row = row
        self._root = root
        self._media = media
        self._signals = signals
        self._bound = bound
        self._films = films
        self._features: dict[str, Outcome] = {}

    def __getitem__(self, name: str) -> Medium | None:
        return self._medium(name) if name in self._media or name in RECORDINGS else self.feature(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._media | set(self._bound))

    def __len__(self) -> int:
        return len(self._media | set(self._bound))

    def feature(self, name: str) -> FeatureArray:
        """A feature of the utterance, computed once."""
        if name not in self._features:
            self._features[name] = self._bound[name].extract(self._given_to(self._bound[name]))
        outcome = self._features[name]
        if not isinstance(outcome, FeatureArray):
            raise outcome
        return outcome

    def know(self, name: str, outcome: Outcome) -> None:
        """Take a feature that was computed together with those of others."""
        self._features[name] = outcome

    def forget(self) -> None:
        """Drop what was computed."""
        self._features.clear()

    def within(self, message: str) -> str:
        """A message without the folder of the corpus, which must not appear in a store."""
        return message.replace(f"{self._root}{os.sep}", "")

    def _given_to(self, bound: Bound) -> Mapping[str, Medium | None]:
        """What a feature gets: of a film, the pictures that it asks for itself."""
        if bound.shots is None or VIDEO not in self._media:
            return self
        own = {name: self[name] for name in bound.extractor.media if name != VIDEO}
        return {**own, VIDEO: self._films.footage(self.row, bound.shots)}

    def _medium(self, name: str) -> Medium | None:
        if name == "audio":
            return self._audio() if isinstance(self.row.audio, str) else None
        if name == "transcript":
            return self.row.text if isinstance(self.row.text, str) else None
        return self._signals.get((self.row.id, name))

    def _audio(self) -> Signal:
        """The file of the utterance, or its segment of a recording that it shares with others."""
        path = self._root / self.row.audio
        if hasattr(self.row, "audio_sha256"):
            whole = decode_audio(read_source(self._root, self.row.audio, self.row.audio_sha256), name=str(path))
        else:
            whole = read_audio(path)
        start, end = (getattr(self.row, name, math.nan) for name in SEGMENT)
        return whole if math.isnan(start) else cut(whole, start, end, name=self.row.audio)


@lru_cache(maxsize=32)
def bind(name: str, settings: str, resources: Path) -> Bound:
    """A feature with its configuration (JSON text) and the folder of the resources of all features."""
    extractor = find_feature(name)
    config = extractor.config.model_validate_json(settings)
    shots = None if extractor.filming is None else partial(extractor.filming.shots, config)
    return Bound(extractor, extractor.specs(config), extractor.open(config, resources / name), shots)


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


def _copy_rows(task: PartitionTask, feature: FeatureTask, block: Block) -> set[int]:
    """Copy what the finished store has; a row whose shard is damaged there is left to be extracted."""
    copied: set[int] = set()
    for start, rows in _runs(feature.copies):
        try:
            source = _finished(task.finished_at, task.finished)
            touched = [
                part.partition
                for part in source.header.parts
                if part.feature == feature.name and part.start < rows.stop and rows.start < part.stop
            ]
            if all(_sound(task.finished_at, task.finished, feature.name, partition) for partition in touched):
                block.copy(start, source, rows)
                copied |= set(range(start, start + len(rows)))
        except StoreError:
            continue
    return copied


def _runs(copies: tuple[int, ...]) -> Iterator[tuple[int, range]]:
    """Runs of consecutive source rows: the first row here, and the rows there."""
    start = 0
    for number in range(1, len(copies) + 1):
        if number == len(copies) or copies[number] != copies[number - 1] + 1:
            if copies[start] >= 0:
                yield start, range(copies[start], copies[start] + number - start)
            start = number


@lru_cache(maxsize=1)
def _finished(store: Path | Address, digest: str) -> Store:
    """The version that rows are copied from: somebody may put the next one behind an address meanwhile."""
    opened = open_store(store, at=digest if isinstance(store, Address) else None)
    if opened.digest != digest:
        raise StoreError(f"{store}: is another version than when this build began")
    return opened


@lru_cache(maxsize=4096)
def _sound(store: Path | Address, digest: str, feature: str, partition: int) -> bool:
    """Whether the shards of a finished part and their metadata have the bytes that were written."""
    finished = _finished(store, digest)
    if finished.remote is not None:  # of which every chunk is checked when it is read
        return True
    header = finished.header
    part = next(part for part in header.parts if part.feature == feature and part.partition == partition)
    folder = f"{schema.FEATURES}/{feature}/"
    metadata = {name: receipt for name, receipt in header.documents.items() if name.startswith(folder)}
    files = {**part.files, **metadata}
    try:
        return all(disk.sha256(disk.inside(finished.folder, name)) == receipt.sha256 for name, receipt in files.items())
    except OSError:
        return False


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


def _plain(value: Any) -> Any:
    """A cell of a table; None for NaN and the like."""
    return None if value is None or value != value else value


def _column(values: list[Any], kind: str) -> Any:
    import pandas as pd

    if kind.startswith("int"):
        return np.array([0 if value is None else value for value in values], dtype=kind)
    if kind.startswith("float"):
        return np.array([np.nan if value is None else value for value in values], dtype=kind)
    if kind == "bool":
        return np.array([bool(value) for value in values])
    return pd.array(values, dtype="str")
