"""Moments of frames per partition, speaker and session, so that those of any fold need no reading of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from numpy.typing import NDArray

from kemfeat.build._lengths import specs_of
from kemfeat.build._settings import Resolved
from kemfeat.records import FeatureSpec, beside
from kemfeat.stats.moments import moments
from kemfeat.store.writer import Part

if TYPE_CHECKING:
    import pandas as pd

STATISTICS = "statistics"
TABLE = pa.schema(
    [
        pa.field("feature", pa.string()),
        pa.field("array", pa.string()),
        pa.field("partition", pa.int64()),
        pa.field("speaker", pa.string()),
        pa.field("session", pa.string()),
        pa.field("count", pa.int64()),
        pa.field("mean", pa.list_(pa.float64())),
        pa.field("m2", pa.list_(pa.float64())),
    ]
)
"""One row per array, partition, speaker and session: the number of frames, and per bin the mean and the sum of squared
distances from it."""


def counted(specs: Sequence[FeatureSpec]) -> list[FeatureSpec]:
    """The arrays that have statistics: those with frames of bins and a length for each row."""
    names = {spec.name for spec in specs}
    return [spec for spec in specs if len(spec.shape) == 2 and beside(spec.name, "_lengths") in names]


def features_counted(resolved: Resolved) -> list[str]:
    """The features that have statistics, in order."""
    return [name for name, specs in specs_of(resolved).items() if counted(specs)]


def statistics(
    specs: Sequence[FeatureSpec], arrays: Mapping[str, NDArray[Any]], rows: pd.DataFrame, *, part: Part
) -> pa.Table:
    """Rows of :data:`TABLE` for the arrays of one part."""
    groups: Mapping[Any, Any] = rows.reset_index(drop=True).groupby(["speaker", "session"], sort=False).indices
    found = []
    for spec in counted(specs):
        for (speaker, session), places in groups.items():
            of = moments(arrays[spec.name][places], arrays[beside(spec.name, "_lengths")][places])
            who = {"speaker": speaker, "session": session, "count": of.count, "mean": of.mean, "m2": of.m2}
            found.append({"feature": part.feature, "array": spec.name, "partition": part.partition, **who})
    return pa.Table.from_pylist(found, schema=TABLE)


def group_names(rows: pd.DataFrame) -> list[str]:
    """The group of every row in the statistics, as one text."""
    return [f"{speaker}@{session}" for speaker, session in zip(rows["speaker"], rows["session"], strict=True)]
