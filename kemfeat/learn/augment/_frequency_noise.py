"""Noise in one band of mel."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from kemfeat.learn.augment._draws import Draws, Stream
from kemfeat.learn.augment._mel import MelFacts, mel_of, real_frames, slopes
from kemfeat.learn.augment.settings import FrequencyNoise
from kemfeat.learn.data.batch import Batch

_START, _WIDTH, _LEVELS, _NOISE = 1, 2, (3, 4), (5, 6)
"""Slots; there is one for the noise of each channel."""


def frequency_noise(batch: Batch, epoch: int, *, settings: FrequencyNoise, facts: MelFacts, stream: Stream) -> Batch:
    """Add noise in a band of the chosen utterances of a batch; nothing changes outside it.

    Raises
    ------
    ConfigError
        The batch has no mel.
    """
    mel = mel_of(batch, what=settings.name)
    draws = stream.draws(batch.rows, batch.copies, epoch=epoch)
    bins, inside = _band(draws, settings, bands=mel.shape[3])
    touched = inside[:, None, :] & real_frames(batch, mel)[:, :, None]
    places = bins[:, None, None, :].expand(-1, *mel.shape[1:3], -1)
    band = mel.gather(3, places)
    noise = partial(_noise, draws, bins, _levels(draws, facts), frames=mel.shape[2])
    changed = [torch.where(touched, noise(_NOISE[0]), band[:, 0])]
    if mel.shape[1] > 1:
        slope = noise(_NOISE[1]) if settings.faithful else slopes(changed[0], batch.mel_lengths, width=facts.width)
        changed.append(torch.where(touched, slope, band[:, 1]))
    return replace(batch, mel=mel.scatter(3, places, torch.stack(changed, dim=1)))


def _band(draws: Draws, settings: FrequencyNoise, *, bands: int) -> tuple[Tensor, Tensor]:
    """As many neighbouring bins as the widest band has, and which of them are in it; both of shape (B, W)."""
    start = draws.integers(_START, 0, bands)
    width = draws.integers(_WIDTH, settings.min_width, settings.max_width + 1)
    stop = torch.where(draws.chosen(settings), (start + width).clamp(max=bands), start)
    most = min(settings.max_width, bands)
    bins = start.clamp(max=bands - most)[:, None] + torch.arange(most, device=start.device)
    return bins, (bins >= start[:, None]) & (bins < stop[:, None])


def _levels(draws: Draws, facts: MelFacts) -> tuple[Tensor, Tensor]:
    """Lower and upper level of each utterance, whole dB in [-top_db, -1]; both of shape (B, 1, 1)."""
    whole = max(1, math.floor(facts.top_db))
    first, second = (-draws.integers(slot, 1, whole + 1).to(torch.float32)[:, None, None] for slot in _LEVELS)
    low, high = torch.minimum(first, second), torch.maximum(first, second)
    return low.clamp(min=-facts.top_db), high.clamp(min=-facts.top_db)


def _noise(draws: Draws, bins: Tensor, levels: tuple[Tensor, Tensor], slot: int, *, frames: int) -> Tensor:
    """Values between the levels [dB], shape (B, frames, W); those of a frame do not depend on the number of frames."""
    times = torch.arange(frames, device=bins.device)[None, :, None]
    share = draws.uniform(slot, (times << 20) + bins[:, None, :])
    return share * (levels[1] - levels[0]) + levels[0]
