"""Emotion from token ids: a pretrained encoder that trains further, its pooled output, one linear layer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import nn

from kemfeat.errors import AnalysisError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models._batches import Outputs, tokens_of
from kemfeat.learn.models._classes import TOKENS, ClassifierConfig
from kemfeat.learn.models._spec import ModelSpec
from kemfeat.learn.models._text_encoder import TrainedTextEncoder, load_text_encoder


class BertConfig(ClassifierConfig):
    """Emotion from token ids.

    Parameters
    ----------
    name : {"bert"}
        The model.
    emotions : tuple of str, length >= 2
        Classes, in the order of their ids.
    text_encoder : str
        ``transformers`` model with a pooler, all of which trains: a folder, or a Hugging Face name in the local cache.
    tokens : str
        The feature that is read: ``tokens``, or an instance of it such as ``tokens@128``.
    dropout : float, in [0, 1)
        Dropout probability in front of the last layer.
    """

    name: Literal["bert"] = "bert"
    text_encoder: str = Field(default="skt/kobert-base-v1", min_length=1)
    tokens: str = Field(default="tokens", pattern=TOKENS)
    dropout: float = Field(default=0.5, ge=0, lt=1)

    @property
    def media(self) -> tuple[str, ...]:
        """Token ids."""
        return (self.tokens,)


class BertClassifier(nn.Module):
    """Emotion from token ids. KoBERT's 92,186,880 parameters and 5,383 for seven classes, all of which train.

    Parameters
    ----------
    config : BertConfig
        Settings.
    pretrained : nn.Module
        A ``transformers`` encoder with a pooler.
    """

    def __init__(self, config: BertConfig, pretrained: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.text_encoder = TrainedTextEncoder(pretrained)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(self.text_encoder.hidden_size, len(config.emotions))

    def forward(self, batch: Batch) -> Outputs:
        """Predict the emotion.

        Parameters
        ----------
        batch : Batch
            A batch with tokens.

        Returns
        -------
        Outputs
            ``logits``, and the pooled output as ``embedding``.

        Raises
        ------
        AnalysisError, ConfigError
            The batch has no token ids, or ids that the encoder does not know, or the encoder has no pooler.
        """
        ids_BL, real_BL = tokens_of(batch, feature=self.config.tokens)
        _, pooled_BH = self.text_encoder(ids_BL, real_BL.long())
        if pooled_BH is None:
            raise AnalysisError("text encoder: its output is not pooled; pass an encoder with a pooler, such as BERT")
        return Outputs(logits=self.classifier(self.dropout(pooled_BH)), embedding=pooled_BH)


def _build(config: BertConfig) -> BertClassifier:
    return BertClassifier(config, load_text_encoder(config.text_encoder, with_pooler=True))


MODEL = ModelSpec(tasks=("emotion",), config=BertConfig, build=_build)
