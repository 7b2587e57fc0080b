"""The audio network of system 2: an AlexNet over log-spectrograms of any length, pooled over real positions."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from kemfeat.errors import AnalysisError, ConfigError

SMALLEST = 63
"""Fewest frames, and fewest frequencies, of which a position is left after the last pooling."""


def differences(x_BTF: Tensor, *, along: Literal["time", "frequency"] = "time") -> Tensor:
    """A spectrogram, its first and its second difference as three channels.

    A difference is the value less the one before it; the first one is repeated, so that the size stays. The second
    difference is the difference of the first. Along time, a row's values depend on its own frames alone as long as it
    has at least two.

    Parameters
    ----------
    x_BTF : Tensor, shape (B, T, F), float
        Spectrograms; padding comes after the real frames.
    along : {"time", "frequency"}
        Axis of the differences; the published system took frequency where time was meant (J8).

    Returns
    -------
    Tensor, shape (B, 3, T, F), float
        Base, first and second difference. An axis of length 1 has differences of 0.

    Examples
    --------
    >>> import torch
    >>> differences(torch.tensor([[[1.0], [4.0], [9.0]]])).flatten(2).tolist()
    [[[1.0, 4.0, 9.0], [3.0, 3.0, 5.0], [0.0, 0.0, 2.0]]]
    """
    axis = 1 if along == "time" else 2
    first_BTF = _difference(x_BTF, axis)
    return torch.stack((x_BTF, first_BTF, _difference(first_BTF, axis)), dim=1)


def _difference(x_BTF: Tensor, axis: int) -> Tensor:
    steps_BTF = x_BTF.diff(dim=axis)
    first_BTF = steps_BTF.narrow(axis, 0, 1) if x_BTF.shape[axis] > 1 else torch.zeros_like(x_BTF)
    return torch.cat((first_BTF, steps_BTF), dim=axis)


class ModifiedAlexNet(nn.Module):
    """Logits from log-spectrograms of any length. 2,471,495 parameters, whatever the settings.

    Padding in a batch changes nothing, up to float rounding: before every convolution, the positions that the
    unpadded clip does not have are set to 0, which is what the convolution would see beyond the end of that clip; a
    pooling window is real only where it fits whole into the real positions, as without padding; and pooling at the
    end counts real positions alone. How many positions are real follows from a row's length.

    Initial weights are those of torch: the published system downloaded weights and never loaded them (J9).

    Parameters
    ----------
    n_classes : int, >= 1
        Number of logits.
    channels : int, >= 1
        Channels of the input: base, first and second difference.
    pooling : {"mean", "sum"}
        Over time and frequency. The published sum grows with the duration of the clip (J10).
    min_frames : int, >= 63
        A shorter row counts as this long, the frames it lacks being 0; 63 are the fewest that leave a position. The
        published system filled up to 100 (J10). In a logarithm 0 is loud: standardise the input, or leave such rows
        out.
    dropout : float, [0, 1)
        Share of the pooled channels that is dropped in training.

    Raises
    ------
    ConfigError
        ``min_frames`` is below 63.
    """

    def __init__(
        self,
        n_classes: int = 7,
        *,
        channels: int = 3,
        pooling: Literal["mean", "sum"] = "mean",
        min_frames: int = SMALLEST,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if min_frames < SMALLEST:
            raise ConfigError(f"min_frames: {min_frames}; expected at least {SMALLEST}: fewer leave no position")
        self.pooling, self.min_frames, self.embedding_size = pooling, min_frames, 256
        self.features = nn.Sequential(
            nn.Conv2d(channels, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
        )
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(self.embedding_size, n_classes)

    def forward(self, x_BCTF: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """Classify clips.

        Parameters
        ----------
        x_BCTF : Tensor, shape (B, channels, T, F), float
            Spectrograms and their differences; what is after a row's length is not read.
        lengths_B : Tensor, shape (B,), int
            Number of real frames of each row.

        Returns
        -------
        logits : Tensor, shape (B, n_classes), float
            Logits.
        embedding : Tensor, shape (B, 256), float
            Pooled channels.

        Raises
        ------
        AnalysisError
            There are fewer than 63 frequencies.
        """
        n_frames, n_bins = x_BCTF.shape[2:]
        if n_bins < SMALLEST:
            raise AnalysisError(f"spectrogram: {n_bins} frequencies; expected at least {SMALLEST}; use a larger n_fft")
        x_BCTF = _without_padding(x_BCTF, lengths_B)
        if n_frames < self.min_frames:
            x_BCTF = nn.functional.pad(x_BCTF, (0, 0, 0, self.min_frames - n_frames))
        lengths_B = lengths_B.clamp(self.min_frames, x_BCTF.shape[2])
        for layer in self.features:
            if isinstance(layer, nn.Conv2d):
                x_BCTF = _without_padding(x_BCTF, lengths_B)
            x_BCTF = layer(x_BCTF)
            lengths_B = _length_after(layer, lengths_B)
        embedding_BH = self._pool(x_BCTF, lengths_B)
        return self.classifier(self.dropout(embedding_BH)), embedding_BH

    def _pool(self, x_BHTF: Tensor, lengths_B: Tensor) -> Tensor:
        total_BH = _without_padding(x_BHTF, lengths_B).sum(dim=(2, 3))
        if self.pooling == "sum":
            return total_BH
        return total_BH / (lengths_B[:, None] * x_BHTF.shape[3])


def _without_padding(x_BCTF: Tensor, lengths_B: Tensor) -> Tensor:
    padding_BT = torch.arange(x_BCTF.shape[2], device=x_BCTF.device) >= lengths_B[:, None]
    return x_BCTF.masked_fill(padding_BT[:, None, :, None], 0.0)


def _length_after(layer: nn.Module, lengths_B: Tensor) -> Tensor:
    """Number of positions in time after a layer: those where its kernel fits into what it is given."""
    if not isinstance(layer, nn.Conv2d | nn.MaxPool2d):
        return lengths_B
    kernel, stride, padding = (
        size if isinstance(size, int) else int(size[0]) for size in (layer.kernel_size, layer.stride, layer.padding)
    )
    return (lengths_B + 2 * padding - kernel) // stride + 1
