"""Batches of mel whose delta is kemfeat's own, and ways to take them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from kemfeat.features.delta import slopes
from kemfeat.learn.data.batch import Batch

FLOOR = -80.0
WIDTH = 9


def mel_batch(lengths: Sequence[int], *, bands: int = 128, more: int = 0, seed: int = 0, delta: bool = True) -> Batch:
    """Utterances of some lengths, ``more`` frames of padding behind the longest; rows of the store are 3, 4, 5 ..."""
    rng = np.random.default_rng(seed)
    frames = max([1, *lengths]) + more
    mel = np.full((len(lengths), 2, frames, bands), FLOOR, np.float32)
    mel[:, 1] = 0
    for row, length in zip(mel, lengths, strict=True):
        row[0, :length] = rng.uniform(-80, 0, (length, bands))
        row[1, :length] = oracle(row[0, :length])
    return Batch(
        ids=tuple(f"u{place}" for place in range(len(lengths))),
        rows=torch.arange(len(lengths)) + 3,
        copies=torch.zeros(len(lengths), dtype=torch.int64),
        mel=torch.from_numpy(mel if delta else mel[:, :1].copy()),
        mel_lengths=torch.tensor(lengths),
        emotion=torch.zeros(len(lengths), dtype=torch.int64),
        arousal=torch.zeros(len(lengths)),
        valence=torch.zeros(len(lengths)),
    )


def oracle(mel: np.ndarray) -> np.ndarray:
    """kemfeat's delta of one utterance [shape=(t, bands)]."""
    return slopes(np.ascontiguousarray(mel), width=WIDTH) if len(mel) else mel


def some(batch: Batch, places: Sequence[int]) -> Batch:
    """Some utterances of a batch, in another order perhaps, as padded as they were."""
    at = torch.tensor(places)
    taken = {name: tensor[at] for name, tensor in batch.tensors().items()}
    return batch.with_tensors(taken, ids=tuple(batch.ids[place] for place in places))


def longer(batch: Batch, frames: int) -> Batch:
    """The same utterances with more padding, of which nothing may depend."""
    return replace(batch, mel=torch.nn.functional.pad(batch.mel, (0, 0, 0, frames), value=-33.0))


def real(batch: Batch) -> Tensor:
    """True on real frames [shape=(B, T)]."""
    return torch.arange(batch.mel.shape[2]) < batch.mel_lengths[:, None]


def snapshot(batch: Batch) -> dict[str, bytes]:
    return {name: tensor.contiguous().numpy().tobytes() for name, tensor in batch.tensors().items()}
