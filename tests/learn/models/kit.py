"""Tiny models and batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models import AudioRegressor, FusionClassifier, TextRegressor, seeded
from kemfeat.learn.models.alexnet import AlexNetClassifier, AlexNetConfig
from kemfeat.learn.models.bert import BertClassifier, BertConfig
from kemfeat.learn.models.cross_modal import CrossModalClassifier, CrossModalConfig
from kemfeat.learn.models.linear import Linear, LinearConfig, summaries
from kemfeat.learn.settings import AudioConfig, FusionConfig, TextConfig

SMALL: dict[str, Any] = {"n_layers": 2, "n_heads": 2, "inner_size": 12, "recurrent_size": 5}
IMAGE = (200, 300)
"""Rows and columns of a spectrogram image."""
FACE = (60, 100)
"""Rows and columns of a frame."""

BANDS, WIDTH, VOCABULARY, POSITIONS = 8, 16, 40, 48
BINS, COEFFICIENTS = 63, 6
PADS = {"log_spectrogram": -23.0, "mfcc": 0.0}
PUBLISHED: dict[str, Any] = {
    "masks": "values",
    "attention_dropout": "always",
    "pooling": "padded-end",
    "ffn_residual": True,
}


def audio_config(**values: Any) -> AudioConfig:
    return AudioConfig(**{**SMALL, "n_mels": BANDS, "conv_channels": (4, 8), **values})


def text_config(**values: Any) -> TextConfig:
    return TextConfig(**{**SMALL, **values})


def fusion_config(**values: Any) -> FusionConfig:
    return FusionConfig(**{**SMALL, "audio": audio_config(), "text": text_config(), **values})


def bert(width: int = WIDTH) -> nn.Module:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=POSITIONS,
        pad_token_id=1,
    )
    with seeded(11):
        return BertModel(config)


def saved_bert(folder: Path, *, width: int = WIDTH) -> Path:
    bert(width).save_pretrained(folder)
    return folder


def audio_model(config: AudioConfig | None = None) -> AudioRegressor:
    with seeded(1):
        return AudioRegressor(config or audio_config()).eval()


def text_model(config: TextConfig | None = None) -> TextRegressor:
    with seeded(2):
        return TextRegressor(config or text_config(), bert()).eval()


def fusion_model(config: FusionConfig | None = None) -> FusionClassifier:
    config = config or fusion_config()
    audio = audio_model(config.audio_in_use) if config.modalities != "text" else None
    text = text_model(config.text_in_use) if config.modalities != "audio" else None
    with seeded(3):
        return FusionClassifier(config, audio=audio, text=text).eval()


def alexnet_model(config: AlexNetConfig | None = None) -> AlexNetClassifier:
    with seeded(5):
        return AlexNetClassifier(config or AlexNetConfig()).eval()


def bert_model(config: BertConfig | None = None) -> BertClassifier:
    with seeded(6):
        return BertClassifier(config or BertConfig(), bert()).eval()


def linear_config() -> LinearConfig:
    return LinearConfig(inputs=summaries(batch()).shape[1])


def linear_model() -> Linear:
    """Standardised as after a fit, so that logits are of the order of 1."""
    with seeded(7):
        model = Linear(linear_config()).eval()
    model.spread.fill_(40.0)
    return model


def cross_modal_config(**values: Any) -> CrossModalConfig:
    return CrossModalConfig(**{"n_mfcc": COEFFICIENTS, "frames": 7, "projected": 4, **values})


def cross_modal_model(config: CrossModalConfig | None = None) -> CrossModalClassifier:
    with seeded(7):
        return CrossModalClassifier(config or cross_modal_config(), bert()).eval()


def batch(frames: tuple[int, ...] = (6, 9, 3), tokens: tuple[int, ...] = (4, 2, 7), *, seed: int = 0) -> Batch:
    """A batch of these lengths: mel in [-80, 0] dB whose loudest bin is 0, padding at the floor.

    The arrays ``log_spectrogram`` and ``mfcc`` have as many frames as mel.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = [mel(count, generator) for count in frames]
    ids = [torch.randint(2, VOCABULARY, (count,), generator=generator) for count in tokens]
    size = len(frames)
    arrays = torch.Generator().manual_seed(seed + 1)
    named = {
        name: torch.stack([padded(row, max(frames), PADS[name])[0] for row in drawn])
        for name, drawn in {
            "log_spectrogram": [5 * torch.randn(1, count, BINS, generator=arrays) - 12 for count in frames],
            "mfcc": [torch.randn(1, count, COEFFICIENTS, generator=arrays) for count in frames],
        }.items()
    }
    return Batch(
        ids=tuple(f"u{place}" for place in range(size)),
        rows=torch.arange(size),
        copies=torch.zeros(size, dtype=torch.long),
        mel=torch.stack([padded(row, max(frames), -80.0) for row in rows]),
        mel_lengths=torch.tensor(frames),
        input_ids=torch.stack([padded(row[None, :, None], max(tokens), 1).flatten() for row in ids]),
        attention_mask=(torch.arange(max(tokens)) < torch.tensor(tokens)[:, None]).long(),
        arrays={**named, **whole(size, arrays)},
        lengths={**dict.fromkeys(named, torch.tensor(frames)), "video_frames": 20 - torch.arange(size)},
        pads=PADS,
        emotion=torch.arange(size) % 5,
        arousal=torch.linspace(1, 5, size),
        valence=torch.linspace(5, 1, size),
        parents=torch.arange(size),
        edges=torch.arange(size).expand(2, size),
        directions=torch.zeros(size, dtype=torch.int8),
    )


def whole(size: int, generator: torch.Generator) -> dict[str, Tensor]:
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


def mel(frames: int, generator: torch.Generator) -> Tensor:
    decibels = -79 * torch.rand(frames, BANDS, generator=generator) - 1
    decibels.view(-1)[int(torch.randint(frames * BANDS, (), generator=generator))] = 0.0
    return torch.stack([decibels, 3 * torch.randn(frames, BANDS, generator=generator)])


def padded(x_CTF: Tensor, size: int, value: float) -> Tensor:
    return nn.functional.pad(x_CTF, (0, 0, 0, size - x_CTF.shape[1]), value=value)


def longer(given: Batch, *, frames: int = 0, tokens: int = 0) -> Batch:
    """The same utterances, padded further."""
    from dataclasses import replace

    assert given.mel is not None
    assert given.input_ids is not None
    assert given.attention_mask is not None
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


def assert_what_trains_has_a_gradient(model: nn.Module, *, idle: tuple[str, ...] = ()) -> None:
    """After a backward pass: every parameter that trains has a finite gradient that is not 0, no other one has any.

    Those whose names begin as one of ``idle`` are passed over.
    """
    for name, parameter in model.named_parameters():
        if idle and name.startswith(idle):
            continue
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.any(), name
        else:
            assert parameter.grad is None, name
