"""The reference system's three models, from a :class:`~kemfeat.learn.data.batch.Batch` to :class:`Outputs`.

``AudioRegressor`` predicts arousal, ``TextRegressor`` valence; ``FusionClassifier`` freezes both and predicts the
emotion from their tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from kemfeat.learn.models._batches import Outputs
from kemfeat.learn.models._text_encoder import load_text_encoder
from kemfeat.learn.models.audio import AudioRegressor
from kemfeat.learn.models.audit import check_trainable, trainable_audit
from kemfeat.learn.models.fusion import FusionClassifier
from kemfeat.learn.models.text import TextRegressor
from kemfeat.learn.settings import AudioConfig, FusionConfig, ModelConfig, TextConfig

Model = AudioRegressor | TextRegressor | FusionClassifier

__all__ = [
    "AudioConfig",
    "AudioRegressor",
    "FusionClassifier",
    "FusionConfig",
    "Model",
    "ModelConfig",
    "Outputs",
    "TextConfig",
    "TextRegressor",
    "build_model",
    "check_trainable",
    "load_text_encoder",
    "seeded",
    "trainable_audit",
]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global CPU generator, the only one that its initialisers use, and restore it afterwards.

    Parameters
    ----------
    seed : int, >= 0
        Seed of the generator.

    Yields
    ------
    None
        The generator is seeded.
    """
    before = torch.default_generator.get_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.default_generator.set_state(before)


def build_model(config: ModelConfig, *, seed: int = 0) -> Model:
    """Make the model of a configuration on the CPU, with weights that depend only on ``seed``.

    Weights of the runs of a fusion are loaded later, by the caller that reads the runs.

    Parameters
    ----------
    config : AudioConfig, TextConfig or FusionConfig
        Settings of the model.
    seed : int, >= 0
        Seed of the weights.

    Returns
    -------
    AudioRegressor, TextRegressor or FusionClassifier
        The model.

    Raises
    ------
    ConfigError
        The text encoder is not on this machine, or sizes do not fit.

    Examples
    --------
    >>> from kemfeat.learn.models import AudioConfig, build_model
    >>> model = build_model(AudioConfig(n_layers=1, n_mels=16, n_heads=4), seed=1)
    >>> model.hidden_size
    96
    """
    with seeded(seed):
        match config:
            case AudioConfig():
                return AudioRegressor(config)
            case TextConfig():
                return TextRegressor(config, load_text_encoder(config.text_encoder))
            case FusionConfig():
                return _fusion(config)


def _fusion(config: FusionConfig) -> FusionClassifier:
    audio = AudioRegressor(config.audio_in_use) if config.modalities != "text" else None
    text = None
    if config.modalities != "audio":
        text = TextRegressor(config.text_in_use, load_text_encoder(config.text_in_use.text_encoder))
    return FusionClassifier(config, audio=audio, text=text)
