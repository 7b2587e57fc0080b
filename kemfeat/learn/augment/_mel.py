"""Mel of a batch: its range, its real frames, and its slope as :mod:`kemfeat.features.delta` defines it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.data.batch import Batch

if TYPE_CHECKING:
    from kemfeat.store.reader import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class MelFacts:
    """How a store's mel was made.

    Parameters
    ----------
    top_db : float [dB]
        Values are in [-top_db, 0].
    width : int, odd
        Frames of the line whose slope is delta.
    """

    top_db: float = 80.0
    width: int = 9


def facts_of(store: Store) -> MelFacts:
    """How the mel of a store was made; the width is meaningless where it has no delta.

    Raises
    ------
    AnalysisError
        The store has no mel.
    """
    settings = store.header.config.settings
    if "mel" not in settings:
        raise AnalysisError(
            f"{store.path}: the store has no mel, which frequency-noise and spec-augment change (it has "
            f"{', '.join(store.arrays)}); build it with --features mel,delta, or leave them out"
        )
    width = settings["delta"]["width"] if "delta" in settings else MelFacts().width
    return MelFacts(top_db=settings["mel"]["top_db"], width=width)


def mel_of(batch: Batch, *, what: str) -> Tensor:
    """The mel of a batch, shape (B, C, T, F).

    Raises
    ------
    ConfigError
        The batch has none.
    """
    if batch.mel is None:
        raise ConfigError(f"{what} changes mel, and the batch has none; add 'mel' to media, or leave {what} out")
    return batch.mel


def real_frames(batch: Batch, mel: Tensor) -> Tensor:
    """True on real frames, shape (B, T)."""
    return torch.arange(mel.shape[2], device=mel.device) < batch.mel_lengths[:, None]


def slopes(mel_BTF: Tensor, lengths_B: Tensor, *, width: int) -> Tensor:
    """Slope of the least-squares line through the ``width`` real frames nearest to each real frame.

    Padding is not read, and no number depends on how much of it there is.

    Parameters
    ----------
    mel_BTF : Tensor, shape (B, T, F), float32 [dB]
        Mel.
    lengths_B : Tensor, shape (B,), int64
        Real frames of each row.
    width : int, odd
        Frames of the line. A row with fewer frames has one slope: that of the line through all of them.

    Returns
    -------
    Tensor, shape (B, T, F), float32 [dB/frame]
        Slopes; 0 on padding.
    """
    frames, half = mel_BTF.shape[1], width // 2
    times = torch.arange(frames, device=mel_BTF.device)
    slope = _short(mel_BTF, lengths_B, most=width - 1)[:, None]
    if frames >= width:
        # At the ends of a clip, windows are moved inside it: outer frames share the first or the last centred window.
        nearest = torch.minimum(times - half, lengths_B[:, None] - 1 - 2 * half).clamp(min=0)
        rows = torch.arange(len(mel_BTF), device=mel_BTF.device)[:, None]
        long = (lengths_B >= width)[:, None, None]
        slope = torch.where(long, _centred(mel_BTF, half=half)[rows, nearest], slope)
    return torch.where((times < lengths_B[:, None])[:, :, None], slope, 0.0)


def _centred(mel_BTF: Tensor, *, half: int) -> Tensor:
    """The slope at every frame with ``half`` neighbours on both sides, shape (B, T - 2 half, F)."""
    inner = mel_BTF.shape[1] - 2 * half
    total = torch.zeros_like(mel_BTF[:, :inner])
    for step in range(1, half + 1):
        after, before = mel_BTF[:, half + step : half + step + inner], mel_BTF[:, half - step : half - step + inner]
        # The product is a separate operation: fused, vector and scalar code would round differently.
        total += (after - before) * float(step)
    return total / float(2 * sum(step**2 for step in range(1, half + 1)))


def _short(mel_BTF: Tensor, lengths_B: Tensor, *, most: int) -> Tensor:
    """The slope of the line through all frames of rows with up to ``most``, shape (B, F); undefined for other rows."""
    times = torch.arange(min(most, mel_BTF.shape[1]), device=mel_BTF.device)
    steps = torch.where(times < lengths_B[:, None], times - (lengths_B[:, None] - 1) / 2, 0.0)
    squares = (steps**2).sum(dim=1, keepdim=True)
    weights = steps / torch.where(squares > 0, squares, 1.0)  # the only step of a single frame is 0
    total = torch.zeros_like(mel_BTF[:, 0])
    for time in range(len(times)):  # one after another: the order of a sum must not depend on the padding
        total += mel_BTF[:, time] * weights[:, time, None]
    return total
