"""Arousal from the mel spectrogram: convolutions over frequency, self-attention, GRU."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models._attention import EncoderStack
from kemfeat.learn.models._batches import Outputs, Reading, mel_of
from kemfeat.learn.models._spec import ModelSpec
from kemfeat.learn.models._tokens import RecurrentHead, guessed_mask, sinusoids, told_mask
from kemfeat.learn.settings import AudioConfig


class AudioExtractor(nn.Module):
    """Four convolutions along frequency alone: each frame becomes a token that does not depend on its neighbours.

    No bias, Xavier uniform; the first and third halve the bands, and a ReLU follows each of the first three.

    Parameters
    ----------
    channels : tuple of int, length 2
        Channels of the first and of the second pair of convolutions.
    """

    def __init__(self, channels: tuple[int, int]) -> None:
        super().__init__()
        first, second = channels
        shapes = ((2, first, 4), (first, first, 7), (first, second, 4), (second, second, 7))
        self.convolutions = nn.ModuleList(_along_frequency(*shape) for shape in shapes)

    def forward(self, x_BCTF: Tensor) -> Tensor:
        """Turn frames into tokens.

        Parameters
        ----------
        x_BCTF : Tensor, shape (B, 2, T, F), float32
            Mel and delta.

        Returns
        -------
        Tensor, shape (B, T, channels[1] * F / 4), float32
            Tokens.
        """
        *inner, last = self.convolutions
        for convolution in inner:
            x_BCTF = functional.relu(convolution(x_BCTF))
        out_BCTF: Tensor = last(x_BCTF)
        return out_BCTF.transpose(1, 2).flatten(2)


def _along_frequency(inputs: int, outputs: int, width: int) -> nn.Conv2d:
    stride, padding = (2, 1) if width == 4 else (1, width // 2)
    layer = nn.Conv2d(inputs, outputs, (1, width), stride=(1, stride), padding=(0, padding), bias=False)
    nn.init.xavier_uniform_(layer.weight)
    return layer


class AudioRegressor(nn.Module):
    """Arousal from mel and delta. 27,748,865 parameters at the published sizes.

    Parameters
    ----------
    config : AudioConfig
        Settings.
    """

    def __init__(self, config: AudioConfig) -> None:
        super().__init__()
        self.config, self.hidden_size = config, config.hidden_size
        self.extractor = AudioExtractor(config.conv_channels)
        self.encoder = EncoderStack(config.hidden_size, config=config)
        self.head = RecurrentHead(config.hidden_size, kind=nn.GRU, n_outputs=1, config=config)
        nn.init.xavier_uniform_(self.head.out.weight)
        self._positions: Callable[[Tensor], Tensor] = torch.zeros_like if config.positions == "none" else sinusoids
        self._mask = guessed_mask if config.masks == "values" else told_mask

    def forward(self, batch: Batch) -> Outputs:
        """Predict arousal.

        Parameters
        ----------
        batch : Batch
            A batch with mel and delta.

        Returns
        -------
        Outputs
            ``arousal``.
        """
        return Outputs(arousal=self.read(batch).value)

    def read(self, batch: Batch) -> Reading:
        """Tokens, their mask and arousal.

        Parameters
        ----------
        batch : Batch
            A batch with mel and delta.

        Returns
        -------
        Reading
            What a fusion reads.

        Raises
        ------
        AnalysisError, ConfigError
            The batch has no mel or delta, or another number of bands.
        """
        mel_BCTF, real_BT = mel_of(batch, n_mels=self.config.n_mels)
        # padding becomes 0 whatever is in the store: the published value (K2), which only K4 depends on
        x_BTH = self.extractor(mel_BCTF.masked_fill(~real_BT[:, None, :, None], 0.0))
        mask_BT = self._mask(x_BTH, real_BT)
        x_BTH = self.encoder(x_BTH + self._positions(x_BTH), mask_BT)
        return Reading(x_BTH, mask_BT, self.head(x_BTH, mask_BT).squeeze(1))

    def length_of(self, batch: Batch) -> int:
        """Frames of every row of a batch.

        Parameters
        ----------
        batch : Batch
            A batch with mel and delta.

        Returns
        -------
        int
            The padded length.
        """
        return int(mel_of(batch, n_mels=self.config.n_mels)[0].shape[2])


MODEL = ModelSpec(tasks=("arousal",), config=AudioConfig, build=AudioRegressor)
