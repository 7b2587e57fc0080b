"""Stores with planted series and emotions, for the tests of DTW clustering."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import zarr

from kemfeat.analyses.dtw._config import DtwClustersConfig
from kemfeat.config import validated
from kemfeat.store import schema
from kemfeat.store.reader import Store
from tests.store.kit import vouch

Series = Sequence[Any]


def configured(**values: Any) -> DtwClustersConfig:
    return validated(DtwClustersConfig, {"workers": 2, **values}, where="dtw")


def plant(store: Store, series: Series, emotions: Sequence[str | None] | None = None) -> Store:
    """A store whose rows have these temperatures (None for none) and emotions."""
    values, inside = np.full((len(store), 160), np.nan, "f4"), np.zeros((len(store), 160), bool)
    for row, samples in enumerate(series):
        known = np.asarray([] if samples is None else samples)
        values[row, : len(known)], inside[row, : len(known)] = known, np.isfinite(known)
    with zarr.config.set({"array.write_empty_chunks": True}):
        for name, content in (("temp", values), ("temp_mask", inside)):
            zarr.open_array(store.path / schema.array_path("temp", name), mode="r+")[:] = content
    if emotions is not None:
        table = store.utterances.assign(emotion=list(emotions), emotion_annotated=list(emotions))
        table.to_parquet(store.path / schema.UTTERANCES)
    return vouch(store.path)


def shapes(kinds: Sequence[int], *, seed: int = 0, noise: float = 0.05) -> list[np.ndarray]:
    """Series of 12 to 30 samples that rise, fall, peak or dip, at levels of their own."""
    rng = np.random.default_rng(seed)
    base: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda t: t, lambda t: 1 - t, lambda t: np.sin(np.pi * t), lambda t: 1 - np.sin(np.pi * t)
    ]  # fmt: skip
    made = []
    for kind in kinds:
        t = np.linspace(0, 1, rng.integers(12, 30))
        made.append(rng.normal(30, 3) + base[kind](t) + rng.normal(0, noise, len(t)))
    return made
