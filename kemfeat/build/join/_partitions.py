"""Copy rows from several stores into the partitions of one, a partition at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.build._diff import Plan
from kemfeat.build._lengths import specs_of
from kemfeat.build._partition import COLUMNS
from kemfeat.build._statistics import STATISTICS, counted, statistics
from kemfeat.build.join._corpora import Source
from kemfeat.records import FeatureSpec
from kemfeat.store import writer
from kemfeat.store.schema import PartReceipt, RowFailure
from kemfeat.store.writer import Part

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Partitions:
    """The rows of several stores as those of one.

    Parameters
    ----------
    sources : sequence of Source
        The stores, in order.
    plan : Plan
        The parts to write.
    utterances : DataFrame
        All utterances, with their new names.
    """

    sources: Sequence[Source]
    plan: Plan
    utterances: pd.DataFrame

    def write(self, part: Part) -> PartReceipt:
        """Commit a part: its rows from each store, padded to the longest."""
        specs = self._specs[part.feature]
        blocks = {spec.name: self._block(spec, part) for spec in specs}
        tables: dict[str, Any] = {COLUMNS: self._columns(part)}
        if counted(specs):
            owners = self.plan.axis_of(part.feature).parents[part.start : part.stop]
            tables[STATISTICS] = statistics(specs, blocks, self.utterances.iloc[owners], part=part)
        return writer.write_part(
            self.plan.store, part, specs=specs, blocks=blocks, tables=tables, failures=self._failures(part)
        )

    @cached_property
    def _specs(self) -> Mapping[str, tuple[FeatureSpec, ...]]:
        return specs_of(self.plan.resolved)

    def _block(self, spec: FeatureSpec, part: Part) -> NDArray[Any]:
        block = np.full((part.stop - part.start, *spec.shape), spec.pad, dtype=spec.dtype)
        for source, here, there in self._pieces(part):
            rows = source.store.take(there, (spec.name,))[spec.name]
            block[here][tuple(slice(size) for size in rows.shape)] = rows
        return block

    def _columns(self, part: Part) -> pd.DataFrame:
        import pandas as pd

        extractor = self.plan.resolved.extractors[part.feature]
        tables = [
            source.store.rows(extractor.axis)[list(extractor.columns)].iloc[there]
            for source, _, there in self._pieces(part)
        ]
        return pd.concat(tables, ignore_index=True)

    def _failures(self, part: Part) -> list[RowFailure]:
        """The missing rows, with what each store says of them."""
        found = []
        for source, here, there in self._pieces(part):
            for receipt in (each for each in source.store.header.parts if each.feature == part.feature):
                for failure in receipt.failures:
                    if there.start <= failure.row < there.stop:
                        row = part.start + here.start + failure.row - there.start
                        found.append(RowFailure(row=row, error=failure.error))
        return found

    def _pieces(self, part: Part) -> Iterator[tuple[Source, slice, slice]]:
        """For each store with rows in a part: the store, their places in the part, and their places in the store."""
        first = 0
        axis = self.plan.axis_of(part.feature).name
        for source in self.sources:
            last = first + source.store.header.axes[axis].rows
            start, stop = max(first, part.start), min(last, part.stop)
            if start < stop:
                yield source, slice(start - part.start, stop - part.start), slice(start - first, stop - first)
            first = last
