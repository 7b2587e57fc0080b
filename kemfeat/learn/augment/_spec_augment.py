"""Masks over frequency and time."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from kemfeat.learn.augment._draws import Draws, Stream
from kemfeat.learn.augment._mel import MelFacts, mel_of, real_frames, slopes
from kemfeat.learn.augment.settings import SpecAugment
from kemfeat.learn.data.batch import Batch

_FREQUENCY, _TIME = (1, 2), (3, 4)
"""Slots of widths and starts; each has as many places as there are masks."""

_STEPS = 2**16
"""Steps per dB when a mean is taken: integer sums do not depend on their order, and so not on the padding."""


def spec_augment(batch: Batch, epoch: int, *, settings: SpecAugment, facts: MelFacts, stream: Stream) -> Batch:
    """Mask the chosen utterances of a batch; no number changes that no mask reaches.

    Raises
    ------
    ConfigError
        The batch has no mel.
    """
    mel = mel_of(batch, what=settings.name)
    draws, lengths = stream.draws(batch.rows, batch.copies, epoch=epoch), batch.mel_lengths
    real = real_frames(batch, mel)
    bins, frames = _masks(draws, settings, lengths, shape=mel.shape)
    masked = (bins[:, None, :] | frames[:, :, None]) & real[:, :, None]
    level = _means(mel[:, 0], real) if settings.value == "mean" else mel.new_full((), -facts.top_db)
    changed = [torch.where(masked, level, mel[:, 0])]
    if mel.shape[1] > 1:
        reached = (bins[:, None, :] | _near(frames & real, lengths, width=facts.width)[:, :, None]) & real[:, :, None]
        changed.append(torch.where(reached, slopes(changed[0], lengths, width=facts.width), mel[:, 1]))
    return replace(batch, mel=torch.stack(changed, dim=1))


def _masks(draws: Draws, settings: SpecAugment, lengths_B: Tensor, *, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """Masked bins, shape (B, F), and masked frames, shape (B, T)."""
    chosen = draws.chosen(settings)
    bands = torch.full_like(lengths_B, shape[3])
    most_bins = torch.where(chosen, bands.clamp(max=settings.frequency_width), 0)
    share = (lengths_B * settings.time_share).floor().to(torch.int64)
    most_frames = torch.where(chosen, share.clamp(max=settings.time_width), 0)
    bins = _spans(draws, _FREQUENCY, count=settings.frequency_masks, most=most_bins, room=bands, size=shape[3])
    frames = _spans(draws, _TIME, count=settings.time_masks, most=most_frames, room=lengths_B, size=shape[2])
    return bins, frames


def _spans(draws: Draws, slots: tuple[int, int], *, count: int, most: Tensor, room: Tensor, size: int) -> Tensor:
    """The union of ``count`` spans, each up to ``most`` wide and inside ``room``: a mask of shape (B, size)."""
    masks = torch.arange(count, device=room.device)[None, :]
    widths = draws.integers(slots[0], 0, most[:, None] + 1, at=masks)
    begins = draws.integers(slots[1], 0, room[:, None] - widths + 1, at=masks)
    places = torch.arange(size, device=room.device)
    inside = (places >= begins[:, :, None]) & (places < (begins + widths)[:, :, None])
    return inside.any(dim=1)


def _means(mel_BTF: Tensor, real_BT: Tensor) -> Tensor:
    """Mean over the real frames of each utterance [dB], shape (B, 1, 1); 0 where there are none."""
    steps = (mel_BTF * _STEPS).to(torch.int32).sum(dim=2)  # summed up in int64
    counts = real_BT.sum(dim=1).clamp(min=1) * mel_BTF.shape[2]
    means = torch.where(real_BT, steps, 0).sum(dim=1).to(torch.float64) / counts / _STEPS
    return means.to(mel_BTF.dtype)[:, None, None]


def _near(masked_BT: Tensor, lengths_B: Tensor, *, width: int) -> Tensor:
    """Frames whose slope depends on a masked frame: a mask of shape (B, T)."""
    before = torch.nn.functional.pad(masked_BT.cumsum(dim=1), (1, 0))
    times = torch.arange(masked_BT.shape[1], device=masked_BT.device)
    begins = torch.minimum(times - width // 2, lengths_B[:, None] - width).clamp(min=0)
    ends = torch.minimum(begins + width, lengths_B[:, None])
    return before.gather(1, ends) > before.gather(1, begins)
