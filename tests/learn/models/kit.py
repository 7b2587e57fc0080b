"""Tiny models and batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from kemfeat.learn.models import AudioRegressor, FusionClassifier, TextRegressor, seeded
from kemfeat.learn.models.alexnet import AlexNetClassifier, AlexNetConfig
from kemfeat.learn.models.bert import BertClassifier, BertConfig
from kemfeat.learn.models.cross_modal import CrossModalClassifier, CrossModalConfig
from kemfeat.learn.models.linear import Linear, LinearConfig, summaries
from kemfeat.learn.settings import AudioConfig, FusionConfig, TextConfig
from kemfeat.testing._batches import (
    BANDS,
    BINS,
    COEFFICIENTS,
    FACE,
    IMAGE,
    PADS,
    VOCABULARY,
    batch,
    longer,
    single,
)

__all__ = ["BANDS", "BINS", "COEFFICIENTS", "FACE", "IMAGE", "PADS", "VOCABULARY", "batch", "longer", "single"]

SMALL: dict[str, Any] = {"n_layers": 2, "n_heads": 2, "inner_size": 12, "recurrent_size": 5}
WIDTH, POSITIONS = 16, 48
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
