"""Emotion from log-spectrograms of any length: an AlexNet, pooled over time and frequency."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from kemfeat.errors import AnalysisError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.layers.alexnet import SMALLEST, ModifiedAlexNet, differences
from kemfeat.learn.models._batches import Outputs, ragged_of
from kemfeat.learn.models._classes import ClassifierConfig
from kemfeat.learn.models._spec import ModelSpec

_SILENCE = -23.025850929940457
"""ln(1e-10), the value that ``log_spectrogram`` has for digital silence."""
_SPREAD = 10.0
"""Nats that become 1: speech is about so far above silence."""


class AlexNetConfig(ClassifierConfig):
    """Emotion from log-spectrograms.

    Parameters
    ----------
    name : {"alexnet"}
        The model.
    emotions : tuple of str, length >= 2
        Classes, in the order of their ids.
    difference : {"time", "frequency"}
        Axis of the first and second difference, the second and third channel. They are made from the spectrogram, so
        those in the store need not be right. As published: along ``frequency`` where time was meant (J8).
    level : {"above-silence", "as-stored"}
        ``above-silence`` subtracts the value of digital silence and divides by 10, so that the frames that a short clip
        lacks are silent. As published, ``as-stored``: they are 0, which is loud in a logarithm (J10).
    pooling : {"mean", "sum"}
        Over time and frequency. As published, a ``sum``, which grows with the duration (J10).
    min_frames : int, >= 63
        A shorter clip counts as this long; fewer than 63 leave nothing to pool. As published: 100 (J10).
    dropout : float, in [0, 1)
        Dropout probability in front of the last layer.
    """

    name: Literal["alexnet"] = "alexnet"
    difference: Literal["time", "frequency"] = "time"
    level: Literal["above-silence", "as-stored"] = "above-silence"
    pooling: Literal["mean", "sum"] = "mean"
    min_frames: int = Field(default=SMALLEST, ge=SMALLEST)
    dropout: float = Field(default=0.5, ge=0, lt=1)

    @property
    def media(self) -> tuple[str, ...]:
        """The log-spectrogram."""
        return ("log_spectrogram",)


class AlexNetClassifier(nn.Module):
    """Emotion from log-spectrograms. 2,471,495 parameters for seven classes, whatever the settings.

    It starts from random weights: nothing is downloaded, and so nothing that was downloaded can be forgotten (J9).

    Parameters
    ----------
    config : AlexNetConfig
        Settings.
    """

    def __init__(self, config: AlexNetConfig) -> None:
        super().__init__()
        self.config = config
        self.network = ModifiedAlexNet(
            len(config.emotions), pooling=config.pooling, min_frames=config.min_frames, dropout=config.dropout
        )

    def forward(self, batch: Batch) -> Outputs:
        """Predict the emotion.

        Parameters
        ----------
        batch : Batch
            A batch with the array ``log_spectrogram``.

        Returns
        -------
        Outputs
            ``logits`` and ``embedding``.

        Raises
        ------
        AnalysisError
            The batch has no log-spectrogram, a row without a frame, or fewer than 63 frequencies.
        """
        x_BTF, lengths_B = ragged_of(batch, "log_spectrogram", feature="log_spectrogram")
        x_BTF = _continued(x_BTF, lengths_B)
        if self.config.level == "above-silence":
            x_BTF = (x_BTF - _SILENCE) / _SPREAD
        logits_BC, embedding_BH = self.network(differences(x_BTF, along=self.config.difference), lengths_B)
        return Outputs(logits=logits_BC, embedding=embedding_BH)


def _continued(x_BTF: Tensor, lengths_B: Tensor) -> Tensor:
    """The last real frame in place of the padding, so that a row of one frame has differences of 0."""
    if not bool(lengths_B.all()):
        raise AnalysisError("log_spectrogram: a row has no frame; leave rows out whose extraction failed")
    place_BT = torch.arange(x_BTF.shape[1], device=x_BTF.device).minimum(lengths_B[:, None] - 1)
    return x_BTF.gather(1, place_BT[:, :, None].expand_as(x_BTF))


MODEL = ModelSpec(tasks=("emotion",), config=AlexNetConfig, build=AlexNetClassifier)
