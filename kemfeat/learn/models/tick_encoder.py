"""Emotion from a window of 2.75 s around a tick: EDA, temperature and sound, a residual network for each."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from kemfeat.errors import AnalysisError
from kemfeat.labels import FIVE_CLASSES
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.layers.resnet import STREAMS, WIDTH, ThreeStreams
from kemfeat.learn.models._batches import Outputs
from kemfeat.learn.models._classes import ClassifierConfig
from kemfeat.learn.models._spec import ModelSpec
from kemfeat.learn.settings import Aggregate

_SILENCE = -100.0
_LEVEL, _SPREAD = -50.0, 25.0
"""Middle and spread of a log-mel spectrogram in dB, so that what the network reads is of the order of 1."""


class TickEncoderConfig(ClassifierConfig):
    """Settings of ``tick_encoder``.

    Parameters
    ----------
    name : {"tick_encoder"}
        The model.
    emotions : tuple of str, length >= 2
        Classes, in the order of their ids.
    stem : {"short", "published"}
        First layers of the networks over EDA and temperature; the published ones shrink 11 samples to 3 (P9).
    level : {"window", "raw"}
        What EDA and temperature are measured from: the mean of their window, in its standard deviations, or zero, as
        published, which tells people apart rather than emotions (P9).
    sound : {"decibel", "raw"}
        ``decibel`` for a log-mel spectrogram, brought to the order of 1; ``raw`` for cepstra, as published (P10).
    outputs : {"logits", "probabilities"}
        What goes into the loss; as published, probabilities (P3).
    width : int, >= 1
        Channels of the first layers, 64 as published; an embedding has 8 times as many numbers for each stream.
    rows : {"mean-logit", "mean-probability", "vote"}
        How the ticks of an utterance become one prediction (P5).
    """

    name: Literal["tick_encoder"] = "tick_encoder"
    emotions: tuple[str, ...] = Field(default=FIVE_CLASSES, min_length=2)
    stem: Literal["short", "published"] = "short"
    level: Literal["window", "raw"] = "window"
    sound: Literal["decibel", "raw"] = "decibel"
    outputs: Literal["logits", "probabilities"] = "logits"
    width: int = Field(default=WIDTH, ge=1)
    rows: Aggregate = "mean-logit"

    @property
    def media(self) -> tuple[str, ...]:
        """Windows of physiology and of sound."""
        return "tick_physiology", "tick_audio"

    @property
    def aggregate(self) -> Aggregate:
        """How the ticks of an utterance become one prediction."""
        return self.rows


class TickEncoder(nn.Module):
    """Emotion, and an embedding of 512 numbers for each stream. 19,060,444 parameters for seven classes.

    Parameters
    ----------
    config : TickEncoderConfig
        Settings.
    """

    def __init__(self, config: TickEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.streams = ThreeStreams(len(config.emotions), stem=config.stem, outputs=config.outputs, width=config.width)

    def forward(self, batch: Batch) -> Outputs:
        """Predict the emotion.

        Parameters
        ----------
        batch : Batch
            A batch of ticks with their windows.

        Returns
        -------
        Outputs
            ``logits``, ``auxiliary`` logits of each stream, and the ``embedding``, the streams side by side.

        Raises
        ------
        AnalysisError
            The batch lacks a window.
        """
        eda_BT, temp_BT = (self._levelled(*_window(batch, name)) for name in ("tick_eda", "tick_temp"))
        sound_BTF, _ = _window(batch, "tick_audio")
        if self.config.sound == "decibel":
            sound_BTF = (sound_BTF.nan_to_num(_SILENCE) - _LEVEL) / _SPREAD
        found = self.streams(eda_BT, temp_BT, sound_BTF.nan_to_num().transpose(1, 2))
        return Outputs(
            logits=found.fused,
            auxiliary={name: getattr(found, name) for name in STREAMS},
            embedding=found.embedding,
            probabilities=self.config.outputs == "probabilities",
        )

    def _levelled(self, x_BT: Tensor, real_BT: Tensor) -> Tensor:
        """A signal with its level as the settings say; what was not measured has the mean of its window."""
        real_BT = real_BT & x_BT.isfinite()
        count_B1 = real_BT.sum(dim=1, keepdim=True).clamp_min(1)
        filled_BT = x_BT.where(real_BT, 0.0)
        mean_B1 = filled_BT.sum(dim=1, keepdim=True) / count_B1
        if self.config.level == "raw":
            return x_BT.where(real_BT, mean_B1)
        away_BT = (filled_BT - mean_B1).where(real_BT, 0.0)
        spread_B1 = (away_BT.square().sum(dim=1, keepdim=True) / count_B1).sqrt()
        return away_BT / spread_B1.clamp_min(1e-3)


def _window(batch: Batch, name: str) -> tuple[Tensor, Tensor]:
    if name not in batch.arrays:
        raise AnalysisError(
            f"the batch has no {name}; tick_encoder reads the features tick_physiology and tick_audio; build the store "
            "with both, and load them with axis='tick'"
        )
    return batch.arrays[name].float(), batch.arrays[f"{name}_mask"].to(torch.bool)


MODEL = ModelSpec(tasks=("emotion",), config=TickEncoderConfig, build=TickEncoder, axis="tick")
