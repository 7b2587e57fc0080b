"""Small batches with everything that models read, in memory."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from kemfeat.learn.data.batch import Batch

IMAGE = (200, 300)
"""Rows and columns of a spectrogram image."""
FACE = (60, 100)
"""Rows and columns of a frame."""
BANDS, VOCABULARY = 8, 40
BINS, COEFFICIENTS = 63, 6
PADS = {"log_spectrogram": -23.0, "mfcc": 0.0}


def batch(frames: tuple[int, ...] = (6, 9, 3), tokens: tuple[int, ...] = (4, 2, 7), *, seed: int = 0) -> Batch:
    """A batch of these lengths: mel in [-80, 0] dB whose loudest bin is 0, padding at the floor.

    The arrays ``log_spectrogram`` and ``mfcc`` have as many frames as mel.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = [_mel(count, generator) for count in frames]
    ids = [torch.randint(2, VOCABULARY, (count,), generator=generator) for count in tokens]
    size = len(frames)
    arrays = torch.Generator().manual_seed(seed + 1)
    named = {
        name: torch.stack([_padded(row, max(frames), PADS[name])[0] for row in drawn])
        for name, drawn in {
            "log_spectrogram": [5 * torch.randn(1, count, BINS, generator=arrays) - 12 for count in frames],
            "mfcc": [torch.randn(1, count, COEFFICIENTS, generator=arrays) for count in frames],
        }.items()
    }
    return Batch(
        ids=tuple(f"u{place}" for place in range(size)),
        rows=torch.arange(size),
        copies=torch.zeros(size, dtype=torch.long),
        mel=torch.stack([_padded(row, max(frames), -80.0) for row in rows]),
        mel_lengths=torch.tensor(frames),
        input_ids=torch.stack([_padded(row[None, :, None], max(tokens), 1).flatten() for row in ids]),
        attention_mask=(torch.arange(max(tokens)) < torch.tensor(tokens)[:, None]).long(),
        arrays={**named, **_whole(size, arrays)},
        lengths={**dict.fromkeys(named, torch.tensor(frames)), "video_frames": 20 - torch.arange(size)},
        pads=PADS,
        emotion=torch.arange(size) % 5,
        arousal=torch.linspace(1, 5, size),
        valence=torch.linspace(5, 1, size),
        parents=torch.arange(size),
        edges=torch.arange(size).expand(2, size),
        directions=torch.zeros(size, dtype=torch.int8),
    )


def _whole(size: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Arrays whose rows have one size."""
    windows = {
        "tick_eda": torch.rand(size, 11, generator=generator),
        "tick_temp": 30 + torch.rand(size, 11, generator=generator),
        "tick_audio": -80 * torch.rand(size, 40, 8, generator=generator),
    }
    masks = {f"{name}_mask": torch.ones(value.shape[:2], dtype=torch.bool) for name, value in windows.items()}
    return {
        **windows,
        **masks,
        "embedding": torch.randn(size, 12, generator=generator),
        "stft_image": torch.randint(256, (size, *IMAGE), generator=generator, dtype=torch.uint8),
        "video_frames": torch.randint(256, (size, 20, *FACE, 3), generator=generator, dtype=torch.uint8),
    }


def _mel(frames: int, generator: torch.Generator) -> Tensor:
    """Mel and its delta, (2, frames, BANDS)."""
    decibels = -79 * torch.rand(frames, BANDS, generator=generator) - 1
    decibels.view(-1)[int(torch.randint(frames * BANDS, (), generator=generator))] = 0.0
    return torch.stack([decibels, 3 * torch.randn(frames, BANDS, generator=generator)])


def _padded(x_CTF: Tensor, size: int, value: float) -> Tensor:
    return nn.functional.pad(x_CTF, (0, 0, 0, size - x_CTF.shape[1]), value=value)


def longer(given: Batch, *, frames: int = 0, tokens: int = 0) -> Batch:
    """The same utterances, padded further."""
    if given.mel is None or given.input_ids is None or given.attention_mask is None:
        raise AssertionError("expected a batch of this module")
    return replace(
        given,
        mel=nn.functional.pad(given.mel, (0, 0, 0, frames), value=-80.0),
        input_ids=nn.functional.pad(given.input_ids, (0, tokens), value=1),
        attention_mask=nn.functional.pad(given.attention_mask, (0, tokens), value=0),
        arrays={
            name: nn.functional.pad(value, (0, 0, 0, frames), value=PADS[name]) if name in PADS else value
            for name, value in given.arrays.items()
        },
    )


def single(given: Batch, row: int) -> Batch:
    """One utterance of a batch, padding kept; as a node it has an edge to itself alone."""
    tensors = {name: value[row : row + 1] for name, value in given.tensors().items()}
    tensors |= {"edges": torch.zeros(2, 1, dtype=torch.int64), "directions": torch.zeros(1, dtype=torch.int8)}
    return given.with_tensors(tensors, ids=given.ids[row : row + 1])
