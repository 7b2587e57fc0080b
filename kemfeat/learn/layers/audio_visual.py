"""The networks of system 4: over spectrogram images, over video, and over both."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from kemfeat.errors import AnalysisError

Kind = Literal["cnn", "cnn-rnn", "cnn-lstm"]

EMBEDDING_SIZE = 64
"""Numbers of an image's and of a video's embedding."""

_RECURRENT_SIZE = 128
_DROPOUTS: dict[Kind, tuple[float, float]] = {"cnn": (0.0, 0.2), "cnn-rnn": (0.1, 0.2), "cnn-lstm": (0.3, 0.5)}
"""Dropout between the recurrent layers, and before the classifier, as published."""


class AudioConvolutions(nn.Sequential):
    """Three convolutions with ReLU and pooling: (B, 3, 200, 300) becomes (B, 32, 25, 37). 73,032 parameters."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 16, (12, 16), padding=(6, 8)),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 24, (8, 12), padding=(4, 6)),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(24, 32, (5, 7), padding=(2, 3)),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )


class _Recurrent(nn.Module):
    """Two bidirectional layers; the last state of each direction, so that both have seen the whole sequence."""

    def __init__(self, inputs: int, *, kind: Kind) -> None:
        super().__init__()
        network: type[nn.RNN] | type[nn.LSTM] = nn.LSTM if kind == "cnn-lstm" else nn.RNN
        self.network = network(
            inputs, _RECURRENT_SIZE, num_layers=2, batch_first=True, bidirectional=True, dropout=_DROPOUTS[kind][0]
        )

    def forward(self, x_BTF: Tensor) -> Tensor:
        steps_BTR: Tensor = self.network(x_BTF)[0]
        return torch.cat((steps_BTR[:, -1, :_RECURRENT_SIZE], steps_BTR[:, 0, _RECURRENT_SIZE:]), dim=1)


def _left_of_image(pixels: int) -> int:
    """Pixels that are left of one side; the first two kernels are even, and add one."""
    return ((pixels + 1) // 2 + 1) // 2 // 2


class ImageEncoder(nn.Module):
    """An embedding of a spectrogram image: convolutions, recurrent layers unless ``kind`` is ``cnn``, a linear layer.

    Parameters
    ----------
    kind : {"cnn", "cnn-rnn", "cnn-lstm"}
        Whether two bidirectional layers, of a tanh RNN or an LSTM, follow the convolutions.
    sequence : {"time", "flat"}
        What the recurrent layers step over: the columns of the map, 37 of 300, each with all channels and rows; or,
        as published, the whole map as a sequence of length 1, so that nothing recurs (S4). Without effect on ``cnn``.
    size : tuple of int
        Height (frequency) and width (time) of the image.
    """

    def __init__(
        self, kind: Kind, *, sequence: Literal["time", "flat"] = "time", size: tuple[int, int] = (200, 300)
    ) -> None:
        super().__init__()
        self.kind, self.sequence, self.size = kind, sequence, size
        rows, columns = _left_of_image(size[0]), _left_of_image(size[1])
        self.convolutions = AudioConvolutions()
        flat = 32 * rows * columns
        self.recurrent: nn.Module = nn.Identity()
        if kind != "cnn":
            self.recurrent = _Recurrent(flat if sequence == "flat" else 32 * rows, kind=kind)
        self.out = nn.Linear(flat if kind == "cnn" else 2 * _RECURRENT_SIZE, EMBEDDING_SIZE)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Embed images.

        Parameters
        ----------
        x_BCHW : Tensor, shape (B, 3, height, width), float
            Images.

        Returns
        -------
        Tensor, shape (B, 64), float
            Embeddings, with nothing after the linear layer.

        Raises
        ------
        AnalysisError
            The images have another size.
        """
        if tuple(x_BCHW.shape[2:]) != self.size:
            height, width = x_BCHW.shape[2:]
            raise AnalysisError(f"image: {height} x {width} pixels; expected {self.size[0]} x {self.size[1]}")
        x_BCHW = self.convolutions(x_BCHW)
        if self.kind == "cnn":
            x_BF = x_BCHW.flatten(1)
        elif self.sequence == "flat":
            x_BF = self.recurrent(x_BCHW.flatten(1)[:, None])
        else:
            x_BF = self.recurrent(x_BCHW.permute(0, 3, 1, 2).flatten(2))
        out_BE: Tensor = self.out(x_BF)
        return out_BE


class ImageClassifier(nn.Module):
    """Logits from a spectrogram image.

    Parameters with the published images of 200 x 300 and 4 classes: ``cnn`` 1,967,756; ``cnn-rnn`` 7,799,436 as
    published and 426,636 over time; ``cnn-lstm`` 30,928,524 and 1,437,324.

    Parameters
    ----------
    kind, sequence, size : str, str, tuple of int
        See :class:`ImageEncoder` (S4).
    n_classes : int, >= 1
        Number of logits.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        sequence: Literal["time", "flat"] = "time",
        size: tuple[int, int] = (200, 300),
        n_classes: int = 4,
    ) -> None:
        super().__init__()
        self.embedding_size = EMBEDDING_SIZE
        self.encoder = ImageEncoder(kind, sequence=sequence, size=size)
        self.head = nn.Sequential(nn.ReLU(), nn.Dropout(_DROPOUTS[kind][1]), nn.Linear(EMBEDDING_SIZE, n_classes))

    def forward(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Classify images.

        Parameters
        ----------
        x_BCHW : Tensor, shape (B, 3, height, width), float
            Images.

        Returns
        -------
        logits : Tensor, shape (B, n_classes), float
            Logits.
        embedding : Tensor, shape (B, 64), float
            Embeddings of the images.

        Raises
        ------
        AnalysisError
            The images have another size.
        """
        embedding_BE = self.encoder(x_BCHW)
        return self.head(embedding_BE), embedding_BE


class VideoConvolutions(nn.Module):
    """An embedding of a video: four 3-D convolutions and two linear layers. 5,813,568 parameters.

    Of 20 frames of 60 x 100, the convolutions (291,840 parameters) leave 12 maps of 2 x 7 with 128 channels, and the
    linear layers (5,521,728) 64 numbers, with nothing after them.

    Parameters
    ----------
    size : tuple of int
        Frames, height and width of the video.
    dropout : float, [0, 1)
        Share of the 256 inner numbers that is dropped in training.
    """

    def __init__(self, *, size: tuple[int, int, int] = (20, 60, 100), dropout: float = 0.2) -> None:
        super().__init__()
        self.size = size
        channels = (3, 16, 32, 64, 128)
        layers: list[nn.Module] = []
        for place in range(4):
            layers += [nn.Conv3d(channels[place], channels[place + 1], 3), nn.ReLU()]
            if place < 3:
                layers.append(nn.MaxPool3d((1, 3, 3), (1, 2, 2)))
        self.convolutions = nn.Sequential(*layers)
        frames, height, width = size[0] - 8, _left_of_video(size[1]), _left_of_video(size[2])
        self.out = nn.Sequential(
            nn.Linear(channels[-1] * frames * height * width, 256),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(256, EMBEDDING_SIZE),
        )

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Embed videos.

        Parameters
        ----------
        x_BCTHW : Tensor, shape (B, 3, frames, height, width), float
            Videos.

        Returns
        -------
        Tensor, shape (B, 64), float
            Embeddings.

        Raises
        ------
        AnalysisError
            The videos have another size.
        """
        if tuple(x_BCTHW.shape[2:]) != self.size:
            found, expected = (" x ".join(map(str, size)) for size in (x_BCTHW.shape[2:], self.size))
            raise AnalysisError(f"video: {found}; expected {expected}, frames by height by width")
        out_BE: Tensor = self.out(self.convolutions(x_BCTHW).flatten(1))
        return out_BE


def _left_of_video(pixels: int) -> int:
    """Pixels that are left of one side after the convolutions and poolings."""
    for _ in range(3):
        pixels = (pixels - 2 - 3) // 2 + 1
    return pixels - 2


class VideoClassifier(nn.Module):
    """Logits from a video alone: the baseline that was never published (S1).

    Parameters
    ----------
    size : tuple of int
        Frames, height and width of the video.
    n_classes : int, >= 1
        Number of logits.
    """

    def __init__(self, *, size: tuple[int, int, int] = (20, 60, 100), n_classes: int = 4) -> None:
        super().__init__()
        self.embedding_size = EMBEDDING_SIZE
        self.encoder = VideoConvolutions(size=size)
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(EMBEDDING_SIZE, n_classes))

    def forward(self, x_BCTHW: Tensor) -> tuple[Tensor, Tensor]:
        """Classify videos.

        Parameters
        ----------
        x_BCTHW : Tensor, shape (B, 3, frames, height, width), float
            Videos.

        Returns
        -------
        logits : Tensor, shape (B, n_classes), float
            Logits.
        embedding : Tensor, shape (B, 64), float
            Embeddings of the videos.

        Raises
        ------
        AnalysisError
            The videos have another size.
        """
        embedding_BE = self.encoder(x_BCTHW)
        return self.head(embedding_BE), embedding_BE
