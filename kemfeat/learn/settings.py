"""Settings of models and of training. Model defaults are the published sizes with every defect corrected.

A defect of the published system is a setting of its own, so a recipe's ``[faithful]`` table is the list of them and
each can be switched back alone (``--set model.pooling=mean``). Defect ids (K3, K4 ...) are explained in
``docs/recipes.md``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from kemfeat.config import FrozenConfig
from kemfeat.errors import ConfigError
from kemfeat.labels import FIVE_CLASSES
from kemfeat.learn.augment.settings import Augmentation

Task = Literal["arousal", "valence", "emotion"]
"""What a model is trained for."""

Modality = Literal["audio", "text"]

FEATURES: Mapping[Modality, tuple[str, ...]] = {"audio": ("mel", "delta"), "text": ("tokens",)}
"""The features of each modality."""


class ModelConfig(FrozenConfig, ABC):
    """Base of the settings of every model."""

    @property
    @abstractmethod
    def media(self) -> tuple[str, ...]:
        """The features that the model reads, such as ``("mel", "delta")``."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Emotions in the order of their ids; a classifier returns the field ``emotions`` here."""
        return FIVE_CLASSES


class StackConfig(ModelConfig):
    """Self-attention layers with a two-layer recurrent head, which all three models end in.

    Parameters
    ----------
    n_layers : self-attention layers.
    n_heads : attention heads; must divide the token size.
    inner_size : width of the feed-forward part.
    dropout : probability everywhere dropout stands, in [0, 1).
    recurrent_size : units of the GRU (regressors) or LSTM (fusion).
    masks : which tokens are padding: told by ``lengths``, or guessed from the ``values`` as published (K3, K4, K5).
    attention_dropout : ``training`` only, or ``always`` as published, which makes predictions random (K6).
    pooling : ``mean`` of the recurrent outputs over real tokens, or the last step of the padded sequence
        (``padded-end``) as published (K7).
    ffn_residual : the feed-forward part adds its input once more, as published (K20).
    """

    n_layers: int = Field(ge=1, le=64)
    n_heads: int = Field(default=6, ge=1)
    inner_size: int = Field(default=1024, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    recurrent_size: int = Field(default=64, ge=1)
    masks: Literal["lengths", "values"] = "lengths"
    attention_dropout: Literal["training", "always"] = "training"
    pooling: Literal["mean", "padded-end"] = "mean"
    ffn_residual: bool = False


class AudioConfig(StackConfig):
    """Arousal from mel and delta.

    Parameters
    ----------
    n_mels : mel bands of the store, a multiple of 4.
    conv_channels : channels of the first and of the second pair of convolutions. A token has
        ``conv_channels[1] * n_mels / 4`` numbers: 768 as published.
    positions : ``sinusoidal`` positions without parameters, or ``none`` as published (K21).
    """

    n_layers: int = Field(default=7, ge=1, le=64)
    n_mels: int = Field(default=128, ge=4, multiple_of=4)
    conv_channels: tuple[int, int] = (8, 24)
    positions: Literal["sinusoidal", "none"] = "sinusoidal"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if min(self.conv_channels) < 1:
            raise ValueError(f"conv_channels must be positive, found {list(self.conv_channels)}")
        if self.hidden_size % self.n_heads:
            raise ValueError(
                f"n_heads {self.n_heads} does not divide the token size {self.hidden_size} "
                f"(conv_channels[1] * n_mels / 4); choose another n_heads or conv_channels"
            )
        return self

    @property
    def media(self) -> tuple[str, ...]:
        """Mel and delta."""
        return FEATURES["audio"]

    @property
    def hidden_size(self) -> int:
        """Numbers of one token."""
        return self.conv_channels[1] * (self.n_mels // 4)


class TextConfig(StackConfig):
    """Valence from token ids.

    Parameters
    ----------
    text_encoder : frozen ``transformers`` model: a folder, or a Hugging Face name in the local cache.
    """

    n_layers: int = Field(default=5, ge=1, le=64)
    text_encoder: str = Field(default="skt/kobert-base-v1", min_length=1)

    @property
    def media(self) -> tuple[str, ...]:
        """Token ids."""
        return FEATURES["text"]


class FusionConfig(StackConfig):
    """Emotion from the tokens of a frozen audio and a frozen text model.

    Parameters
    ----------
    emotions : classes, in the order of their ids.
    modalities : whose tokens are read; one alone is the unimodal baseline.
    audio_run, text_run : run folders whose weights are loaded; empty leaves that model untrained.
    audio, text : the two models. What is not set here is taken from the run (:meth:`adopt`).
    audio_heads : heads the trained audio model is run with; 0 keeps those it was trained with. Published were 4 for
        a model trained with 6 (K8).
    text_encoder : where the text encoder lies now; empty takes the place of the text run.
    extractors : ``eval`` keeps the frozen models in evaluation mode; ``train`` lets their dropout run while the
        fusion trains, as published (K21).
    """

    n_layers: int = Field(default=4, ge=1, le=64)
    inner_size: int = Field(default=3072, ge=1)
    recurrent_size: int = Field(default=128, ge=1)
    emotions: tuple[str, ...] = Field(default=FIVE_CLASSES, min_length=2)
    modalities: Literal["both", "audio", "text"] = "both"
    audio_run: str = ""
    text_run: str = ""
    audio: AudioConfig = AudioConfig()
    text: TextConfig = TextConfig()
    audio_heads: int = Field(default=0, ge=0)
    text_encoder: str = ""
    extractors: Literal["eval", "train"] = "eval"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if len(set(self.emotions)) < len(self.emotions):
            raise ValueError(f"emotions names a class twice: {', '.join(self.emotions)}")
        if self.audio_heads and self.audio.hidden_size % self.audio_heads:
            raise ValueError(f"audio_heads {self.audio_heads} does not divide the token size {self.audio.hidden_size}")
        return self

    @property
    def media(self) -> tuple[str, ...]:
        """What the models in use read."""
        used = FEATURES if self.modalities == "both" else (self.modalities,)
        return tuple(medium for modality in used for medium in FEATURES[modality])

    @property
    def classes(self) -> tuple[str, ...]:
        """The emotions."""
        return self.emotions

    @property
    def audio_in_use(self) -> AudioConfig:
        """The audio model as the fusion runs it."""
        return self.audio.model_copy(update={"n_heads": self.audio_heads}) if self.audio_heads else self.audio

    @property
    def text_in_use(self) -> TextConfig:
        """The text model as the fusion runs it."""
        return self.text.model_copy(update={"text_encoder": self.text_encoder}) if self.text_encoder else self.text

    def adopt(self, *, audio: AudioConfig | None = None, text: TextConfig | None = None) -> FusionConfig:
        """Take over what the loaded runs were trained with.

        Raises
        ------
        ConfigError
            A setting given for the model differs from the one its weights were trained with (guard against K8).
        """
        update: dict[str, StackConfig] = {}
        if audio is not None:
            update["audio"] = _agreed(self.audio, audio, where=f"audio_run {self.audio_run}", table="model.audio")
        if text is not None:
            update["text"] = _agreed(self.text, text, where=f"text_run {self.text_run}", table="model.text")
        return FusionConfig.model_validate({**dict(self), **update})


def _agreed(given: StackConfig, trained: StackConfig, *, where: str, table: str) -> StackConfig:
    for key in sorted(given.model_fields_set):
        asked, found = getattr(given, key), getattr(trained, key)
        if asked != found:
            raise ConfigError(
                f"{where}: was trained with {key} {found!r}, but {table}.{key} is {asked!r}; weights run with other "
                f"settings than they were trained with load without an error and compute something else (K8); leave "
                f"{table}.{key} out, or train that model again"
            )
    return trained


class TrainConfig(FrozenConfig):
    """How a model is trained: Adam, a rate that falls by ``gamma`` each epoch, the best epoch on validation kept.

    Parameters
    ----------
    loss : ``mse`` or, as published, ``rmse`` of each batch (K19) for a rating; ``cross-entropy`` for an emotion.
    class_weights : ``balanced`` weighs classes by their inverse frequency in the training part.
    learning_rate : of the first epoch.
    gamma : the rate of an epoch is this times that of the one before, in (0, 1].
    epochs : at most.
    batch_size : utterances of one step.
    patience : epochs without a better validation loss after which training stops.
    clip : largest norm of the gradient; 0 does not clip.
    amp : ``auto`` computes in half precision where the device is a GPU; ``off`` never.
    seed : of weights, order, dropout and augmentation.
    frames : mel frames of every batch; 0 pads to the longest of the batch.
    drop_last : leave the last, smaller batch of a training epoch out. Nothing is ever left out of an evaluation.
    reshuffle : a new order every epoch; published was one order for all (K19).
    bucket_by_length : put utterances of like length into a batch.
    augment : what is done to training batches, in order.
    balance : ``kor-2022`` repeats surprise, angry and sad four times, augmented as published; ``weights`` draws
        rare classes more often; ``none``.
    """

    loss: Literal["mse", "rmse", "cross-entropy"]
    class_weights: Literal["none", "balanced"] = "none"
    learning_rate: float = Field(default=2e-5, gt=0)
    gamma: float = Field(default=0.8, gt=0, le=1)
    epochs: int = Field(default=30, ge=1)
    batch_size: int = Field(default=16, ge=1)
    patience: int = Field(default=8, ge=1)
    clip: float = Field(default=1.0, ge=0)
    amp: Literal["auto", "off"] = "auto"
    seed: int = Field(default=0, ge=0, lt=2**32)
    frames: int = Field(default=0, ge=0)
    drop_last: bool = False
    reshuffle: bool = True
    bucket_by_length: bool = False
    augment: tuple[Augmentation, ...] = ()
    balance: Literal["none", "kor-2022", "weights"] = "none"
