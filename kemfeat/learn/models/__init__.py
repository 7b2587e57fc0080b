"""Models, from a :class:`~kemfeat.learn.data.batch.Batch` to :class:`Outputs`: one file each, found by its name.

A file of this room ends in ``MODEL``, a :class:`ModelSpec`. ``audio``, ``text`` and ``fusion`` are the reference
system's: ``AudioRegressor`` predicts arousal, ``TextRegressor`` valence; ``FusionClassifier`` freezes both and predicts
the emotion from their tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from kemfeat.learn.models._batches import Outputs, mel_of, tokens_of
from kemfeat.learn.models._spec import Axis, ModelSpec, spec_of
from kemfeat.learn.models._text_encoder import load_text_encoder
from kemfeat.learn.models.audio import AudioRegressor
from kemfeat.learn.models.audit import check_gradients, check_trainable, trainable_audit
from kemfeat.learn.models.fusion import FusionClassifier
from kemfeat.learn.models.text import TextRegressor
from kemfeat.learn.settings import AudioConfig, FusionConfig, ModelConfig, TextConfig

Model = nn.Module
"""Takes a :class:`~kemfeat.learn.data.batch.Batch` and returns :class:`Outputs`."""

__all__ = [
    "AudioConfig",
    "AudioRegressor",
    "Axis",
    "FusionClassifier",
    "FusionConfig",
    "Model",
    "ModelConfig",
    "ModelSpec",
    "Outputs",
    "TextConfig",
    "TextRegressor",
    "build_model",
    "check_gradients",
    "check_trainable",
    "load_text_encoder",
    "mel_of",
    "seeded",
    "spec_of",
    "tokens_of",
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
    config : ModelConfig
        Settings of the model.
    seed : int, >= 0
        Seed of the weights.

    Returns
    -------
    nn.Module
        The model.

    Raises
    ------
    ConfigError
        The configuration belongs to no model, the text encoder is not on this machine, or sizes do not fit.

    Examples
    --------
    >>> from kemfeat.learn.models import AudioConfig, build_model
    >>> model = build_model(AudioConfig(n_layers=1, n_mels=16, n_heads=4), seed=1)
    >>> model.hidden_size
    96
    """
    with seeded(seed):
        return spec_of(config).build(config)
