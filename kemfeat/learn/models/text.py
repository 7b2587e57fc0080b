"""Valence from token ids: a frozen pretrained encoder, self-attention, GRU."""

from __future__ import annotations

from torch import nn

from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models._attention import EncoderStack
from kemfeat.learn.models._batches import Outputs, Reading
from kemfeat.learn.models._spec import ModelSpec
from kemfeat.learn.models._text_encoder import TextEncoder, load_text_encoder
from kemfeat.learn.models._tokens import RecurrentHead, guessed_mask, told_mask
from kemfeat.learn.settings import TextConfig


class TextRegressor(nn.Module):
    """Valence from token ids.

    19,869,505 trainable parameters at the published sizes, and KoBERT's 92,186,880 frozen ones.

    Parameters
    ----------
    config : TextConfig
        Settings; the size of a token is the encoder's.
    pretrained : nn.Module
        A ``transformers`` encoder, see :func:`load_text_encoder`.
    """

    def __init__(self, config: TextConfig, pretrained: nn.Module) -> None:
        super().__init__()
        self.config = config
        told = config.masks == "lengths" and config.pooling == "mean"
        self.text_encoder = TextEncoder(pretrained, padding_is_read=not told)
        self.hidden_size = self.text_encoder.hidden_size
        self.encoder = EncoderStack(self.hidden_size, config=config)
        self.head = RecurrentHead(self.hidden_size, kind=nn.GRU, n_outputs=1, config=config)
        self._mask = guessed_mask if config.masks == "values" else told_mask

    def forward(self, batch: Batch) -> Outputs:
        """Predict valence.

        Parameters
        ----------
        batch : Batch
            A batch with tokens.

        Returns
        -------
        Outputs
            ``valence``.
        """
        return Outputs(valence=self.read(batch).value)

    def read(self, batch: Batch) -> Reading:
        """Tokens, their mask and valence.

        Parameters
        ----------
        batch : Batch
            A batch with tokens.

        Returns
        -------
        Reading
            What a fusion reads.

        Raises
        ------
        AnalysisError, ConfigError
            The batch has no token ids, or ids that the encoder does not know.
        """
        hidden: Reading = self.text_encoder(batch)
        mask_BL = self._mask(hidden.tokens, hidden.mask)
        x_BLH = self.encoder(hidden.tokens, mask_BL)
        return Reading(x_BLH, mask_BL, self.head(x_BLH, mask_BL).squeeze(1))

    def length_of(self, batch: Batch) -> int:
        """Tokens of every row of a batch.

        Parameters
        ----------
        batch : Batch
            A batch with tokens.

        Returns
        -------
        int
            The padded length.
        """
        return self.text_encoder.length_of(batch)


def _build(config: TextConfig) -> TextRegressor:
    return TextRegressor(config, load_text_encoder(config.text_encoder))


MODEL = ModelSpec(tasks=("valence",), config=TextConfig, build=_build)
