"""Settings of models and of training. The model defaults are the published sizes with every defect corrected.

Each defect of the published system is a setting of its own, so a recipe's ``[faithful]`` table lists them all and each
can be switched back alone (``--set model.pooling=mean``). ``docs/recipes.md`` explains the defect ids (K3, K4 ...).
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
from kemfeat.learn.pretraining_settings import Contrastive

Task = Literal["arousal", "valence", "emotion"]
"""What a model is trained for."""

Aggregate = Literal["mean-logit", "mean-probability", "vote"]
"""How the predictions of an utterance's rows become one: means of their logits or probabilities, or one vote each."""

Modality = Literal["audio", "text"]

_FEATURES: Mapping[Modality, tuple[str, ...]] = {"audio": ("mel", "delta"), "text": ("tokens",)}
"""The features that the reference system reads for each modality."""


class ModelConfig(FrozenConfig, ABC):
    """Base of the settings of every model.

    Parameters
    ----------
    name : str
        The model; each subclass narrows it to the name of its file, ``name: Literal["audio"] = "audio"``.
    """

    name: str

    @property
    @abstractmethod
    def media(self) -> tuple[str, ...]:
        """The features that the model reads, such as ``("mel", "delta")``."""

    @property
    def side(self) -> str:
        """Folder of the side store whose embeddings the model reads; empty for none."""
        return ""

    @property
    def aggregate(self) -> Aggregate:
        """How the predictions of an utterance's rows become one; a model of clips or ticks may have a field for it."""
        return "mean-logit"

    @property
    def classes(self) -> tuple[str, ...]:
        """Emotions in the order of their ids; a classifier returns the field ``emotions`` here."""
        return FIVE_CLASSES

    @property
    def recurs(self) -> bool:
        """False where recurrent layers get sequences of length 1 on purpose, a published defect (S4)."""
        return True


class StackConfig(ModelConfig):
    """Self-attention layers and a two-layer recurrent head, with which all three models end.

    Parameters
    ----------
    n_layers : int, 1 to 64
        Self-attention layers.
    n_heads : int, >= 1
        Attention heads; must divide the token size.
    inner_size : int, >= 1
        Width of the feed-forward part.
    dropout : float, in [0, 1)
        Dropout probability, the same in every layer.
    recurrent_size : int, >= 1
        Units of the GRU (regressors) or LSTM (fusion).
    masks : {"lengths", "values"}
        How padding is recognised: by ``lengths``, or guessed from the ``values`` as published (K3, K4, K5).
    attention_dropout : {"training", "always"}
        When attention drops out: in ``training`` only, or ``always`` as published, which makes predictions random (K6).
    pooling : {"mean", "padded-end"}
        ``mean`` of the recurrent outputs over real tokens, or the last step of the padded sequence (``padded-end``) as
        published (K7).
    ffn_residual : bool
        Add the input of the feed-forward part a second time, as published (K20).
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
    name : {"audio"}
        The model.
    n_layers : int, 1 to 64
        Self-attention layers.
    n_mels : int, >= 4, a multiple of 4
        Mel bands of the store.
    conv_channels : tuple of int, length 2, each >= 1
        Channels of the first and of the second pair of convolutions. A token has ``conv_channels[1] * n_mels / 4``
        numbers: 768 as published.
    positions : {"sinusoidal", "none"}
        ``sinusoidal`` positions, which have no parameters, or ``none`` as published (K21).
    """

    name: Literal["audio"] = "audio"
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
        return _FEATURES["audio"]

    @property
    def hidden_size(self) -> int:
        """Numbers per token."""
        return self.conv_channels[1] * (self.n_mels // 4)


class TextConfig(StackConfig):
    """Valence from token ids.

    Parameters
    ----------
    name : {"text"}
        The model.
    n_layers : int, 1 to 64
        Self-attention layers.
    text_encoder : str
        Frozen ``transformers`` model: a folder, or a Hugging Face name in the local cache.
    """

    name: Literal["text"] = "text"
    n_layers: int = Field(default=5, ge=1, le=64)
    text_encoder: str = Field(default="skt/kobert-base-v1", min_length=1)

    @property
    def media(self) -> tuple[str, ...]:
        """Token ids."""
        return _FEATURES["text"]


class FusionConfig(StackConfig):
    """Emotion from the tokens of a frozen audio model and a frozen text model.

    Parameters
    ----------
    name : {"fusion"}
        The model.
    n_layers : int, 1 to 64
        Self-attention layers.
    inner_size : int, >= 1
        Width of the feed-forward part.
    recurrent_size : int, >= 1
        Units of the LSTM.
    emotions : tuple of str, length >= 2
        Classes, in the order of their ids.
    modalities : {"both", "audio", "text"}
        Which tokens are read; one modality alone is the unimodal baseline.
    audio_run, text_run : str
        Run folders whose weights are loaded; an empty name leaves that model untrained.
    audio : AudioConfig
        The audio model. What is not set here is taken from its run (:meth:`adopt`).
    text : TextConfig
        The text model, likewise.
    audio_heads : int, >= 0
        Attention heads that the trained audio model is run with; 0 keeps those it was trained with. As published: 4
        for a model trained with 6 (K8).
    text_encoder : str
        Where the text encoder is stored now; an empty name takes the place given in the text run.
    extractors : {"eval", "train"}
        ``eval`` keeps the frozen models in evaluation mode; ``train`` leaves their dropout on while the fusion trains,
        as published (K21).
    """

    name: Literal["fusion"] = "fusion"
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
            raise ValueError(f"emotions lists a class twice: {', '.join(self.emotions)}")
        if self.audio_heads and self.audio.hidden_size % self.audio_heads:
            raise ValueError(f"audio_heads {self.audio_heads} does not divide the token size {self.audio.hidden_size}")
        return self

    @property
    def media(self) -> tuple[str, ...]:
        """What the models in use read."""
        return tuple(medium for modality in self.modalities_in_use for medium in _FEATURES[modality])

    @property
    def modalities_in_use(self) -> tuple[Modality, ...]:
        """The modalities whose models are read."""
        return ("audio", "text") if self.modalities == "both" else (self.modalities,)

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

        Parameters
        ----------
        audio : AudioConfig or None
            Settings of the audio run; None where none is loaded.
        text : TextConfig or None
            Settings of the text run, likewise.

        Returns
        -------
        FusionConfig
            These settings with those of the runs.

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
                f"{where}: was trained with {key} {found!r}, but {table}.{key} is {asked!r}; with settings other than "
                f"those of their training, weights load without an error and compute something else (K8); leave out "
                f"{table}.{key}, or train that model again"
            )
    return trained


class TrainConfig(FrozenConfig):
    """How a model is trained; the epoch that is best on the validation part is kept.

    Parameters
    ----------
    loss : {"mse", "rmse", "cross-entropy"}
        ``mse`` or, as published, ``rmse`` of each batch (K19) for a rating; ``cross-entropy`` for an emotion.
    class_weights : {"none", "balanced"}
        ``balanced`` weights each class by its inverse frequency in the training part.
    optimizer : {"adam", "adamw"}
        Adam (Kingma and Ba, 2015), whose decay is part of the gradient, or AdamW (Loshchilov and Hutter, 2019), whose
        decay is not.
    learning_rate : float, > 0
        Largest learning rate.
    weight_decay : float, >= 0
        Decay of weights; biases and the weights of normalisations have none.
    schedule : {"exponential", "step", "cosine", "linear", "constant"}
        How the learning rate falls: by ``gamma`` each time, by ``gamma`` every ``period`` times, along a cosine to 0 in
        ``period`` times, in a straight line to 0 at the end, or not at all.
    schedule_by : {"epoch", "step"}
        What is counted as a time.
    gamma : float, in (0, 1]
        Factor of ``exponential`` and ``step``.
    period : int, >= 0
        Times that ``step`` waits and that ``cosine`` takes to come down; 0 is all there are. After that a cosine rises
        again.
    warmup : float, in [0, 1)
        Part of all times in which the learning rate first rises in a straight line.
    epochs : int, >= 1
        Maximum number of epochs.
    batch_size : int, >= 1
        Rows or chunks per batch.
    accumulate : int, >= 1
        Batches per step of the optimizer.
    patience : int, >= 1
        Training stops after so many epochs without a lower validation loss.
    clip : float, >= 0
        Largest norm of the gradient; 0 does not clip.
    amp : {"auto", "bfloat16", "off"}
        ``auto`` computes in float16 with a scaled loss on a GPU, ``bfloat16`` in bfloat16 on any device, ``off`` in
        float32.
    frozen_cache : float, >= 0 [GB]
        Most room for what frozen parts computed from every row, which is then not computed in every epoch. Where it
        takes up more, and with 0, it is.
    seed : int, in [0, 2**32)
        Seed of weights, order, dropout and augmentation.
    frames : int, >= 0
        Mel frames of every batch; 0 pads to the longest utterance of the batch.
    drop_last : bool
        Drop the last, smaller batch of a training epoch. Evaluation never drops anything.
    shuffle : bool
        Visit the rows in another order than that of the split; as published, sorted by session in every epoch (J11).
    reshuffle : bool
        Draw a new order every epoch; as published, one order served all epochs (K19).
    bucket_by_length : bool
        Put rows of similar length into one training batch, where the model reads a ragged array.
    draw : {"all", "one"}
        Rows of an utterance that an epoch uses, where a model reads clips or ticks: all, or one that is drawn anew.
    contrastive : Contrastive
        Contrastive pre-training of a model of two streams.
    augment : tuple of Augmentation
        Augmentations of training batches, in order.
    balance : {"none", "kor-2022", "weights"}
        ``kor-2022`` repeats surprise, angry and sad four times, augmented as published; ``weights`` draws rare classes
        more often; ``none`` does neither.
    """

    loss: Literal["mse", "rmse", "cross-entropy"]
    class_weights: Literal["none", "balanced"] = "none"
    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: float = Field(default=2e-5, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["exponential", "step", "cosine", "linear", "constant"] = "exponential"
    schedule_by: Literal["epoch", "step"] = "epoch"
    gamma: float = Field(default=0.8, gt=0, le=1)
    period: int = Field(default=0, ge=0)
    warmup: float = Field(default=0.0, ge=0, lt=1)
    epochs: int = Field(default=30, ge=1)
    batch_size: int = Field(default=16, ge=1)
    accumulate: int = Field(default=1, ge=1)
    patience: int = Field(default=8, ge=1)
    clip: float = Field(default=1.0, ge=0)
    amp: Literal["auto", "bfloat16", "off"] = "auto"
    frozen_cache: float = Field(default=4.0, ge=0)
    seed: int = Field(default=0, ge=0, lt=2**32)
    frames: int = Field(default=0, ge=0)
    drop_last: bool = False
    shuffle: bool = True
    reshuffle: bool = True
    bucket_by_length: bool = True
    draw: Literal["all", "one"] = "all"
    contrastive: Contrastive = Contrastive()
    augment: tuple[Augmentation, ...] = ()
    balance: Literal["none", "kor-2022", "weights"] = "none"

    @model_validator(mode="after")
    def _something_is_classified(self) -> Self:
        if self.contrastive.epochs >= self.epochs:
            raise ValueError(
                f"contrastive.epochs {self.contrastive.epochs} of {self.epochs} epochs leave none to learn the task; "
                "raise epochs, which counts both"
            )
        return self
