"""What a batch should hold, worked out from the store one row at a time; and ways to compare."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch

from kemfeat.learn.data.batch import Batch
from kemfeat.store.reader import Store

MODES = ("host", "stream", "device")


def same(first: Batch, second: Batch) -> bool:
    """Whether two batches hold the same bytes."""
    ours, theirs = first.tensors(), second.tensors()
    return first.ids == second.ids and ours.keys() == theirs.keys() and all(
        ours[name].dtype == theirs[name].dtype
        and ours[name].shape == theirs[name].shape
        and ours[name].contiguous().numpy().tobytes() == theirs[name].contiguous().numpy().tobytes()
        for name in ours
    )  # fmt: skip


def all_same(first: Iterable[Batch], second: Iterable[Batch]) -> bool:
    """Whether two runs of batches are the same."""
    return all(same(ours, theirs) for ours, theirs in zip(first, second, strict=True))


def expected_mel(store: Store, row: int, *, frames: int) -> np.ndarray:
    """Mel and delta of one row, cut or padded to some frames."""
    channels = []
    for name in ("mel", "delta"):
        array = store.array(name)
        length = min(int(store.array(f"{name}_lengths")[row]), frames)
        padded = np.full((frames, array.shape[2]), float(array.attrs["pad"]), np.float32)
        padded[:length] = array[row][:length]
        channels.append(padded)
    return np.stack(channels)


def check_row(store: Store, batch: Batch, place: int, *, classes: tuple[str, ...]) -> None:
    """One row of a batch is what the store says."""
    row = int(batch.rows[place])
    facts = store.utterances.iloc[row]
    assert batch.ids[place] == facts["id"]
    assert int(batch.mel_lengths[place]) == min(int(facts["mel_frames"]), batch.mel.shape[2])
    np.testing.assert_array_equal(batch.mel[place].numpy(), expected_mel(store, row, frames=batch.mel.shape[2]))
    for name in ("input_ids", "attention_mask", "eda", "eda_mask", "temp", "temp_mask", "ibi", "ibi_mask"):
        np.testing.assert_array_equal(getattr(batch, name)[place].numpy(), store.array(name)[row])
    label = facts["emotion"]
    assert int(batch.emotion[place]) == (classes.index(label) if label in classes else -1)
    for name in ("arousal", "valence"):
        ours, theirs = float(getattr(batch, name)[place]), float(facts[name])
        assert math.isclose(ours, theirs, rel_tol=1e-6) or (math.isnan(ours) and math.isnan(theirs))


DTYPES = {
    "rows": torch.int64,
    "copies": torch.int64,
    "mel_lengths": torch.int64,
    "mel": torch.float32,
    "input_ids": torch.int64,
    "attention_mask": torch.int64,
    "eda": torch.float32,
    "eda_mask": torch.bool,
    "temp": torch.float32,
    "temp_mask": torch.bool,
    "ibi": torch.float32,
    "ibi_mask": torch.bool,
    "emotion": torch.int64,
    "arousal": torch.float32,
    "valence": torch.float32,
}
