"""Mel of a batch: its range, its real frames, and its slope by the definition of :mod:`kemfeat.features.delta`."""

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
    top_db : values lie in [-top_db, 0] dB.
    width : frames of the line whose slope is delta.
    """

    top_db: float = 80.0
    width: int = 9


def facts_of(store: Store) -> MelFacts:
    """The facts of a store; the width is of no use where it has no delta.

    Raises
    ------
    AnalysisError
        It has no mel.
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
    """The mel of a batch [shape=(B, C, T, F)].

    Raises
    ------
    ConfigError
        It has none.
    """
    if batch.mel is None:
        raise ConfigError(f"{what} changes mel, and the batch has none; add 'mel' to media, or leave {what} out")
    return batch.mel


def real_frames(batch: Batch, mel: Tensor) -> Tensor:
    """True on real frames [shape=(B, T), bool]."""
    return torch.arange(mel.shape[2], device=mel.device) < batch.mel_lengths[:, None]


def slopes(mel_BTF: Tensor, lengths_B: Tensor, *, width: int) -> Tensor:
    """Slope of the least-squares line through the ``width`` real frames nearest to each real frame.

    Padding is not read, and no number depends on how much of it there is.

    Parameters
    ----------
    mel_BTF : dB [shape=(B, T, F), float32].
    lengths_B : real frames of each row [shape=(B,), int64].
    width : frames of the line, odd. Rows with fewer share the slope of the line through all of them.

    Returns
    -------
    Tensor [shape=(B, T, F), float32]
        dB per frame; 0 on padding.
    """
    frames, half = mel_BTF.shape[1], width // 2
    times = torch.arange(frames, device=mel_BTF.device)
    slope = _short(mel_BTF, lengths_B, most=width - 1)[:, None]
    if frames >= width:
        # At its ends a window is moved inside the clip: the outer frames share the first and the last centred window.
        nearest = torch.minimum(times - half, lengths_B[:, None] - 1 - 2 * half).clamp(min=0)
        rows = torch.arange(len(mel_BTF), device=mel_BTF.device)[:, None]
        long = (lengths_B >= width)[:, None, None]
        slope = torch.where(long, _centred(mel_BTF, half=half)[rows, nearest], slope)
    return torch.where((times < lengths_B[:, None])[:, :, None], slope, 0.0)


def _centred(mel_BTF: Tensor, *, half: int) -> Tensor:
    """The slope at every frame with ``half`` neighbours on both sides [shape=(B, T - 2 half, F)]."""
    inner = mel_BTF.shape[1] - 2 * half
    total = torch.zeros_like(mel_BTF[:, :inner])
    for step in range(1, half + 1):
        behind, before = mel_BTF[:, half + step : half + step + inner], mel_BTF[:, half - step : half - step + inner]
        # The product is an operation of its own: fused, vector and scalar code would round differently.
        total += (behind - before) * float(step)
    return total / float(2 * sum(step**2 for step in range(1, half + 1)))


def _short(mel_BTF: Tensor, lengths_B: Tensor, *, most: int) -> Tensor:
    """The slope of the line through all frames of rows with up to ``most`` [shape=(B, F)]; others get any number."""
    times = torch.arange(min(most, mel_BTF.shape[1]), device=mel_BTF.device)
    steps = torch.where(times < lengths_B[:, None], times - (lengths_B[:, None] - 1) / 2, 0.0)
    squares = (steps**2).sum(dim=1, keepdim=True)
    weights = steps / torch.where(squares > 0, squares, 1.0)  # the only step of a single frame is 0
    total = torch.zeros_like(mel_BTF[:, 0])
    for time in range(len(times)):  # one after the other: a sum's order must not depend on the padding
        total += mel_BTF[:, time] * weights[:, time, None]
    return total
