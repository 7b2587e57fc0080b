"""The rows of one part of a feature, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kemfeat.build._axes import Span
from kemfeat.build._utterance_media import Bound
from kemfeat.errors import ExtractionError
from kemfeat.records import FeatureArray
from kemfeat.store.reader import Store
from kemfeat.store.schema import RowFailure

if TYPE_CHECKING:
    import pandas as pd


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
