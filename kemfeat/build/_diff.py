"""Decides which parts are finished, which are kept, which rows are copied and which are extracted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from kemfeat import parallel
from kemfeat.build import _keys
from kemfeat.build._axes import Axis, stored_axis
from kemfeat.build._partition import COLUMNS, FeatureTask, PartitionTask
from kemfeat.build._settings import Resolved
from kemfeat.build._statistics import STATISTICS, TABLE, features_counted
from kemfeat.store import receipts, writer
from kemfeat.store.reader import Store
from kemfeat.store.schema import FileReceipt, PartReceipt
from kemfeat.store.writer import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The work of a build.

    Parameters
    ----------
    store : Path
        Folder of the store.
    resolved : Resolved
        The configuration.
    axes : mapping of str to Axis
        Row axes by name.
    keys : mapping of str to sequence of str
        For each feature, the key of every utterance.
    all_parts : tuple of Part
        Every part that the store will have.
    fresh_parts : tuple of Part
        Parts that are neither finished nor taken over.
    copies : mapping of str to sequence of int
        For each feature and row, the row of the finished store with the same key, or -1.
    """

    store: Path
    resolved: Resolved
    axes: Mapping[str, Axis]
    keys: Mapping[str, Sequence[str]]
    all_parts: tuple[Part, ...]
    fresh_parts: tuple[Part, ...]
    copies: Mapping[str, Sequence[int]]

    @property
    def finished_parts(self) -> list[Part]:
        """The parts that need no work."""
        fresh = set(self.fresh_parts)
        return [part for part in self.all_parts if part not in fresh]

    def parts_of(self, feature: str) -> list[Part]:
        """The parts of one feature, in order."""
        return [part for part in self.all_parts if part.feature == feature]

    def axis_of(self, feature: str) -> Axis:
        """The row axis of a feature."""
        return self.axes[self.resolved.extractors[feature].axis]

    def owners(self, receipt: PartReceipt) -> dict[int, str]:
        """The errors of utterances that failed in a part, by their index."""
        parents = self.axis_of(receipt.feature).parents
        return {int(parents[failure.row]): failure.error for failure in receipt.failures}

    def tasks(self, base: PartitionTask) -> list[PartitionTask]:
        """One task per partition of an axis that has a fresh part; ``base`` has all utterances and no features."""
        by_partition: dict[tuple[int, int], list[Part]] = {}
        order = list(self.axes)
        for part in self.fresh_parts:
            axis = order.index(self.axis_of(part.feature).name)
            by_partition.setdefault((axis, part.partition), []).append(part)
        return [self._task(base, parts) for _, parts in sorted(by_partition.items())]

    def _task(self, base: PartitionTask, fresh: Sequence[Part]) -> PartitionTask:
        parents, spans = self.axis_of(fresh[0].feature).within(fresh[0].start, fresh[0].stop)
        rows = base.rows.iloc[parents]
        sessions = {name: base.sessions[name] for name in rows["session"].unique() if name in base.sessions}
        return replace(base, rows=rows, sessions=sessions, spans=tuple(spans), features=self._features(fresh))

    def _features(self, fresh: Sequence[Part]) -> tuple[FeatureTask, ...]:
        """The fresh features of a partition and those that they are made from, in order."""
        written = {part.feature: part for part in fresh}
        return tuple(
            FeatureTask(
                name=name,
                settings=self.resolved.for_workers(name),
                part=written.get(name),
                copies=tuple(self.copies[name][fresh[0].start : fresh[0].stop]) if name in written else (),
            )
            for name in self.resolved.with_sources(written)
        )


def plan(
    store: Path,
    resolved: Resolved,
    axes: Mapping[str, Axis],
    keys: Mapping[str, Sequence[str]],
    groups: Sequence[str],
    *,
    old: Store | None,
    rehash: bool,
    with_failures: bool,
    elsewhere: Set[FileReceipt],
) -> Plan:
    """Compare every part with what an interrupted build left and with the finished store, and keep what is equal.

    Parameters
    ----------
    store : Path
        Folder of the store.
    resolved : Resolved
        The configuration.
    axes : mapping of str to Axis
        Row axes by name.
    keys : mapping of str to sequence of str
        For each feature, the key of every utterance.
    groups : sequence of str
        Group of every utterance in the statistics.
    old : Store or None
        The finished store.
    rehash : bool
        Whether to read what is kept; otherwise only sizes are compared.
    with_failures : bool
        Whether to keep parts with failed rows; otherwise those rows are extracted again.
    elsewhere : set of FileReceipt
        Shards that are not on this machine.

    Returns
    -------
    Plan
        The work that is left; parts that are kept have been taken over.
    """
    by_row = {name: axes[extractor.axis].spread(keys[name]) for name, extractor in resolved.extractors.items()}
    groups_on = {name: [groups[parent] for parent in axis.parents] for name, axis in axes.items()}
    parts = [
        part
        for name, extractor in resolved.extractors.items()
        for part in _keys.parts(
            name, by_row[name], groups_on[extractor.axis], rows_per_shard=resolved.rows_per_shard(name)
        )
    ]
    staged = parallel.run_threads(
        lambda part: writer.finished_part(store, part, read=True, elsewhere=elsewhere),
        parts,
        workers=parallel.default_workers(),
    )
    open_parts = [
        part for part, receipt in zip(parts, staged, strict=True) if not _counts(receipt, with_failures=with_failures)
    ]
    kept: set[Part] = set()
    if old is not None:
        keeps = partial(_keeps, old.folder, rehash=rehash, with_failures=with_failures, elsewhere=elsewhere)
        kept = _keep_parts(store, resolved, open_parts, old=old, keeps=keeps, elsewhere=elsewhere)
    copies = {name: _rows_by_key(name, by_row[name], old) for name in resolved.extractors}
    return Plan(
        store=store,
        resolved=resolved,
        axes=axes,
        keys=keys,
        all_parts=tuple(parts),
        fresh_parts=tuple(part for part in open_parts if part not in kept),
        copies=copies,
    )


def _keep_parts(
    store: Path,
    resolved: Resolved,
    parts: Sequence[Part],
    *,
    old: Store,
    keeps: Callable[[PartReceipt], bool],
    elsewhere: Set[FileReceipt],
) -> set[Part]:
    """Take over the intact parts that the finished store has under the same key."""
    known = {(receipt.feature, receipt.partition, receipt.key): receipt for receipt in old.header.parts}
    counted = features_counted(resolved)
    places = old.statistics.groupby(["feature", "partition"]).indices
    kept = set()
    for part in parts:
        receipt = known.get((part.feature, part.partition, part.key))
        if receipt is not None and keeps(receipt):
            extractor = resolved.extractors[part.feature]
            tables = {COLUMNS: old.rows(extractor.axis)[list(extractor.columns)].iloc[part.start : part.stop]}
            if part.feature in counted:
                own = old.statistics.iloc[places.get((part.feature, part.partition), [])]
                tables[STATISTICS] = pa.Table.from_pandas(own, schema=TABLE, preserve_index=False)
            writer.keep_part(store, part, source=old.folder, receipt=receipt, tables=tables, elsewhere=elsewhere)
            kept.add(part)
    return kept


def _keeps(
    folder: Path, receipt: PartReceipt, *, rehash: bool, with_failures: bool, elsewhere: Set[FileReceipt]
) -> bool:
    files = writer.here(receipt.files, elsewhere)
    return _counts(receipt, with_failures=with_failures) and receipts.are_whole(folder, files, read=rehash)


def _counts(receipt: PartReceipt | None, *, with_failures: bool) -> bool:
    """Whether a part exists and its failed rows, if any, may stay."""
    return receipt is not None and (with_failures or not receipt.failures)


def _rows_by_key(feature: str, keys: Sequence[str], old: Store | None) -> list[int]:
    """For each row, the row of the finished store that has the same key and was extracted, or -1."""
    if old is None or feature not in old.keys.columns:
        return [-1] * len(keys)
    sound = old.complete_rows(feature)
    keys_there = stored_axis(old, old.header.features[feature]).spread(old.keys[feature].tolist())
    known = {key: row for row, key in enumerate(keys_there) if sound[row]}
    return [known.get(key, -1) for key in keys]
