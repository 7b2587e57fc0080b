"""Emotion from token ids and cepstra: Cross-Modal BERT, a text encoder whose attention over its output hears audio."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast

from pydantic import Field
from torch import nn

from kemfeat.learn.data.batch import Batch
from kemfeat.learn.layers.cross_modal import IDLE, CrossModalFusion
from kemfeat.learn.models._batches import Outputs, ragged_of, tokens_of
from kemfeat.learn.models._classes import TOKENS, ClassifierConfig
from kemfeat.learn.models._spec import ModelSpec
from kemfeat.learn.models._text_encoder import TrainedTextEncoder, load_text_encoder
from kemfeat.learn.settings import TrainConfig

_FUSION_WEIGHTS = ("fusion.text_weight", "fusion.audio_weight", "fusion.norm.weight")
"""What has a learning rate of its own, and decays although it scales."""


class CrossModalConfig(ClassifierConfig):
    """Emotion from token ids and cepstra.

    Parameters
    ----------
    name : {"cross_modal"}
        The model.
    emotions : tuple of str, length >= 2
        Classes, in the order of their ids.
    text_encoder : str
        ``transformers`` model that trains further: a folder, or a Hugging Face name in the local cache.
    tokens : str
        The feature that is read: ``tokens``, or an instance of it such as ``tokens@100``.
    n_mfcc : int, >= 1
        Coefficients of a frame in the store.
    frames : int, >= 1
        Frames that the published projection reads: audio is cut or filled up to so many where ``audio_axis`` is
        ``coefficient``.
    projected : int, >= 1
        Width of the projections of text and audio.
    fusion_learning_rate : float, > 0
        Learning rate of the weights of text and audio and of the layer norm after the fusion.
    scale : {"row", "batch"}
        What a projected text is divided by: the root of its own norm or, as published, of that of the whole batch, so
        that batch mates change a prediction (J7).
    audio_axis : {"time", "coefficient"}
        What is paired with a token: the frames at its share of the ``time``, or, as published, one ``coefficient`` over
        all frames (J5), padding included (J15). That takes as many coefficients as tokens.
    classifier : {"trained", "frozen"}
        As published, the last layer is ``frozen`` at its random start (J6).
    embeddings : {"trained", "frozen"}
        Whether the embeddings of the text encoder train; as published they are ``frozen``.
    padding : {"as-stored", "zero"}
        Token ids after the text: the tokenizer's own padding or, as published, 0, which is KoBERT's ``[UNK]`` (J14).
    """

    name: Literal["cross_modal"] = "cross_modal"
    text_encoder: str = Field(default="skt/kobert-base-v1", min_length=1)
    tokens: str = Field(default="tokens", pattern=TOKENS)
    n_mfcc: int = Field(default=100, ge=1)
    frames: int = Field(default=465, ge=1)
    projected: int = Field(default=30, ge=1)
    fusion_learning_rate: float = Field(default=0.01, gt=0)
    scale: Literal["row", "batch"] = "row"
    audio_axis: Literal["time", "coefficient"] = "time"
    classifier: Literal["trained", "frozen"] = "trained"
    embeddings: Literal["trained", "frozen"] = "trained"
    padding: Literal["as-stored", "zero"] = "as-stored"

    @property
    def media(self) -> tuple[str, ...]:
        """Token ids and cepstra."""
        return (self.tokens, "mfcc")

    @property
    def audio_size(self) -> int:
        """What the projection of audio reads: frames of a coefficient, or coefficients of a frame."""
        return self.frames if self.audio_axis == "coefficient" else self.n_mfcc


class CrossModalClassifier(nn.Module):
    """Emotion from token ids and cepstra.

    As published: KoBERT, the 629,121 parameters of the fusion and a last layer of 5,383. KoBERT's pooler (590,592
    parameters) trains in name only, as does the scalar bias of the fusion.

    Parameters
    ----------
    config : CrossModalConfig
        Settings.
    pretrained : nn.Module
        A ``transformers`` encoder.

    Attributes
    ----------
    frozen : tuple of str
        Dotted names of the parts that do not train.
    """

    def __init__(self, config: CrossModalConfig, pretrained: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.text_encoder = TrainedTextEncoder(pretrained)
        self.fusion = CrossModalFusion(
            self.text_encoder.hidden_size,
            audio_size=config.audio_size,
            projected=config.projected,
            n_classes=len(config.emotions),
            scale=config.scale,
            audio_axis=config.audio_axis,
            classifier=config.classifier,
        )
        parts = {"fusion.classifier": config.classifier, "text_encoder.inner.embeddings": config.embeddings}
        self.frozen = tuple(name for name, state in parts.items() if state == "frozen")
        for name in self.frozen:
            self.get_submodule(name).requires_grad_(requires_grad=False)

    def forward(self, batch: Batch) -> Outputs:
        """Predict the emotion.

        Parameters
        ----------
        batch : Batch
            A batch with tokens and the array ``mfcc``.

        Returns
        -------
        Outputs
            ``logits``, and what the last layer reads as ``embedding``.

        Raises
        ------
        AnalysisError, ConfigError
            The batch has no token ids or cepstra, ids that the encoder does not know, or another number of
            coefficients than the model.
        """
        ids_BL, real_BL = tokens_of(batch, feature=self.config.tokens)
        audio_BTF, lengths_B = ragged_of(batch, "mfcc", feature="mfcc")
        if self.config.padding == "zero":
            ids_BL = ids_BL.masked_fill(~real_BL, 0)
        text_BLH, _ = self.text_encoder(ids_BL, real_BL.long())
        logits_BC, embedding_BH = self.fusion(text_BLH, real_BL, audio_BTF, lengths_B)
        return Outputs(logits=logits_BC, embedding=embedding_BH)


def _groups(model: nn.Module, config: TrainConfig) -> Sequence[dict[str, Any]]:
    """Weights, which decay; biases and normalisations, which do not; and what the fusion scales with."""
    settings = cast("CrossModalClassifier", model).config
    exempt = set(map(id, _without_decay(model)))
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    fusion = [trained.pop(name) for name in _FUSION_WEIGHTS]
    return (
        {"params": [one for one in trained.values() if id(one) not in exempt]},
        {"params": [one for one in trained.values() if id(one) in exempt], "weight_decay": 0.0},
        {"params": fusion, "lr": settings.fusion_learning_rate, "weight_decay": config.weight_decay},
    )


def _without_decay(model: nn.Module) -> Iterator[nn.Parameter]:
    for part in model.modules():
        for name, parameter in part.named_parameters(recurse=False):
            if isinstance(part, nn.LayerNorm) or "bias" in name:
                yield parameter


def _build(config: CrossModalConfig) -> CrossModalClassifier:
    return CrossModalClassifier(config, load_text_encoder(config.text_encoder))


MODEL = ModelSpec(
    tasks=("emotion",),
    config=CrossModalConfig,
    build=_build,
    groups=_groups,
    idle=("text_encoder.inner.pooler", *(f"fusion.{name}" for name in IDLE)),
)
