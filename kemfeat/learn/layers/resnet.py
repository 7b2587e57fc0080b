"""ResNet18 over signals and over images, and the three-stream encoder that system 3 makes of them.

Inputs must be finite: one NaN or infinity makes a row's output NaN, and in training, where batch norm takes means over
the batch, that of every row. Callers fill gaps in, with 0 after standardisation.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from kemfeat.learn.layers.norms import BatchNorm1d, BatchNorm2d

WIDTH = 64
"""Channels of the stem, as published; each stage after the first has twice those of the one before it."""

_STAGES = 4
_CONVOLUTIONS: dict[int, type[nn.Conv1d] | type[nn.Conv2d]] = {1: nn.Conv1d, 2: nn.Conv2d}
_NORMS: dict[int, type[BatchNorm1d] | type[BatchNorm2d]] = {1: BatchNorm1d, 2: BatchNorm2d}


class _Block(nn.Module):
    """Two convolutions of width 3, and the input, projected where the shape changes."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, n_dims: int) -> None:
        super().__init__()
        convolution, norm = _CONVOLUTIONS[n_dims], _NORMS[n_dims]
        self.conv1 = convolution(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = norm(outputs)
        self.conv2 = convolution(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = norm(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(convolution(inputs, outputs, 1, stride=stride, bias=False), norm(outputs))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))
        out: Tensor = (inner + self.shortcut(x)).relu()
        return out


class _ResNet18(nn.Module):
    """Stem, four stages of two blocks, and the mean over all positions."""

    def __init__(self, *, n_dims: int, stride: int, pool: nn.Module, width: int) -> None:
        super().__init__()
        self.embedding_size = width * 2 ** (_STAGES - 1)
        self.stem = _CONVOLUTIONS[n_dims](1, width, 7, stride=stride, padding=3, bias=False)
        self.norm = _NORMS[n_dims](width)
        self.pool = pool
        stages, inputs = [], width
        for place in range(_STAGES):
            outputs = width * 2**place
            first = _Block(inputs, outputs, stride=2 if place else 1, n_dims=n_dims)
            stages.append(nn.Sequential(first, _Block(outputs, outputs, stride=1, n_dims=n_dims)))
            inputs = outputs
        self.stages = nn.Sequential(*stages)

    def forward(self, x: Tensor) -> Tensor:
        """Mean of the last stage of x, which has one channel."""
        out: Tensor = self.stages(self.pool(self.norm(self.stem(x)).relu())).flatten(2).mean(dim=2)
        return out


class SignalResNet18(_ResNet18):
    """An embedding of a short signal of one channel. 3,843,904 parameters, whatever the stem.

    Convolutions begin as He et al. proposed for a ReLU, normal with the variance of the fan-out (2015, equation 14).

    Parameters
    ----------
    stem : {"short", "published"}
        ``short`` has neither stride nor pooling in the stem: of the published 11 samples, the stages see 11, 6, 3 and
        2. The published stem leaves 3, 2, 1 and 1, so that most weights see padding alone (P9).
    width : int, >= 1
        Channels of the stem.
    """

    def __init__(self, *, stem: Literal["short", "published"] = "short", width: int = WIDTH) -> None:
        if stem == "short":
            super().__init__(n_dims=1, stride=1, pool=nn.Identity(), width=width)
        else:
            super().__init__(n_dims=1, stride=2, pool=nn.MaxPool1d(3, 2, padding=1), width=width)
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x_BT: Tensor) -> Tensor:
        """Embed signals.

        Parameters
        ----------
        x_BT : Tensor, shape (B, T), float, finite
            Signals of one length, at least 1.

        Returns
        -------
        Tensor, shape (B, 8 * width), float
            Embeddings. In training they depend on the batch, through batch norm; in evaluation they do not.
        """
        return super().forward(x_BT[:, None])


class ImageResNet18(_ResNet18):
    """An embedding of an image of one channel. 11,170,240 parameters.

    The pooling of the stem is 6 wide, not 3, with a stride of 2: 13 x 274 becomes 2 x 67, and 1 x 9 at the end.
    Convolutions keep the initialisation of torch.

    Parameters
    ----------
    width : int, >= 1
        Channels of the stem.
    """

    def __init__(self, *, width: int = WIDTH) -> None:
        super().__init__(n_dims=2, stride=2, pool=nn.MaxPool2d(6, 2, padding=1), width=width)

    def forward(self, x_BFT: Tensor) -> Tensor:
        """Embed images.

        Parameters
        ----------
        x_BFT : Tensor, shape (B, F, T), float, finite
            Images of one size, at least 7 x 7, for instance cepstra by frames.

        Returns
        -------
        Tensor, shape (B, 8 * width), float
            Embeddings. In training they depend on the batch, through batch norm; in evaluation they do not.
        """
        return super().forward(x_BFT[:, None])


class StreamOutputs(NamedTuple):
    """What :class:`ThreeStreams` gives.

    Parameters
    ----------
    fused, eda, temp, audio : Tensor, shape (B, n_classes), float
        Logits, or probabilities, from all streams and from each.
    embedding : Tensor, shape (B, 24 * width), float
        Embeddings of EDA, temperature and audio, in this order (:data:`STREAMS`).
    """

    fused: Tensor
    eda: Tensor
    temp: Tensor
    audio: Tensor
    embedding: Tensor


STREAMS = ("eda", "temp", "audio")
"""The streams in the order of their slices of the embedding; the published graph named them audio, EDA, temp (P7)."""


class ThreeStreams(nn.Module):
    """The encoder of system 3: an embedding of each stream, a head for each, and one for all. 19,060,444 parameters.

    Parameters
    ----------
    n_classes : int, >= 1
        Number of logits of each head.
    stem : {"short", "published"}
        Stem of the networks over EDA and temperature; see :class:`SignalResNet18` (P9).
    outputs : {"logits", "probabilities"}
        Probabilities are published, and went into a loss that takes logits (P3).
    width : int, >= 1
        Channels of the stems, 64 as published.
    """

    def __init__(
        self,
        n_classes: int = 7,
        *,
        stem: Literal["short", "published"] = "short",
        outputs: Literal["logits", "probabilities"] = "logits",
        width: int = WIDTH,
    ) -> None:
        super().__init__()
        signals = {name: SignalResNet18(stem=stem, width=width) for name in ("eda", "temp")}
        self.encoders = nn.ModuleDict({**signals, "audio": ImageResNet18(width=width)})
        size = signals["eda"].embedding_size
        self.outputs, self.embedding_size = outputs, size * len(STREAMS)
        self.projections = nn.ModuleDict({name: nn.Sequential(nn.Linear(size, 128), nn.ReLU()) for name in STREAMS})
        self.heads = nn.ModuleDict({name: nn.Linear(128, n_classes) for name in STREAMS})
        self.fused = nn.Linear(128 * len(STREAMS), n_classes)

    def forward(self, eda_BT: Tensor, temp_BT: Tensor, audio_BFT: Tensor) -> StreamOutputs:
        """Classify windows.

        Parameters
        ----------
        eda_BT : Tensor, shape (B, T), float, finite
            Electrodermal activity.
        temp_BT : Tensor, shape (B, T), float, finite
            Skin temperature.
        audio_BFT : Tensor, shape (B, F, T), float, finite
            Cepstra by frames.

        Returns
        -------
        StreamOutputs
            Outputs of the four heads, and the embedding.
        """
        given = dict(zip(STREAMS, (eda_BT, temp_BT, audio_BFT), strict=True))
        embeddings = {name: self.encoders[name](x) for name, x in given.items()}
        projected = {name: self.projections[name](embeddings[name]) for name in STREAMS}
        outputs = [self.fused(torch.cat(list(projected.values()), dim=1))]
        outputs += [self.heads[name](projected[name]) for name in STREAMS]
        if self.outputs == "probabilities":
            outputs = [each.softmax(dim=1) for each in outputs]
        fused, eda, temp, audio = outputs
        return StreamOutputs(fused, eda, temp, audio, torch.cat(list(embeddings.values()), dim=1))
