"""Emotion from a spectrogram image: convolutions, recurrent layers over its columns, two linear layers."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from kemfeat.config import FrozenConfig
from kemfeat.labels import FOUR_CLASSES
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.layers.audio_visual import ImageClassifier, Kind
from kemfeat.learn.models._batches import Outputs
from kemfeat.learn.models._classes import ClassifierConfig
from kemfeat.learn.models._pixels import PUBLISHED_CROP, Scale, array_of, coloured, resized, scaled, seismic
from kemfeat.learn.models._spec import ModelSpec
from kemfeat.learn.settings import Aggregate


class ImageSettings(FrozenConfig):
    """How spectrogram images are read, and the network over them.

    Parameters
    ----------
    kind : {"cnn", "cnn-rnn", "cnn-lstm"}
        Whether two bidirectional layers, of a tanh RNN or an LSTM, follow the convolutions.
    sequence : {"time", "flat"}
        What the recurrent layers step over: ``time``, the columns of the last map; or, as published, the whole map as a
        sequence of length 1, in which nothing recurs (S4).
    colours : {"grey", "seismic"}
        Three equal channels; or, as published, the colours of a plot, in which no channel rises with the level (S11).
    crop : {"none", "published"}
        The whole image; or, as published, without its lowest and highest frequencies and its ends (S11).
    scale : {"image", "imagenet"}
        Each image by its own mean and standard deviation; or, as published, by those of ImageNet's photographs (S11).
    size : tuple of int, length 2, each >= 8
        Height and width to which images are brought; (200, 300) is that of the store, and published.
    """

    kind: Kind = "cnn"
    sequence: Literal["time", "flat"] = "time"
    colours: Literal["grey", "seismic"] = "grey"
    crop: Literal["none", "published"] = "none"
    scale: Scale = "image"
    size: tuple[int, int] = (200, 300)

    @model_validator(mode="after")
    def _large_enough(self) -> Self:
        if min(self.size) < 8:
            raise ValueError(f"size must be at least [8, 8], found {list(self.size)}: three poolings halve it")
        return self


class SpectrogramImageConfig(ImageSettings, ClassifierConfig):
    """Settings of ``spectrogram_image``.

    Parameters
    ----------
    name : {"spectrogram_image"}
        The model.
    emotions : tuple of str, length >= 2
        Classes, in the order of their ids.
    kind, sequence, colours, crop, scale, size : various
        See :class:`ImageSettings`.
    rows : {"mean-logit", "mean-probability", "vote"}
        How the predictions of an utterance's clips become one.
    """

    name: Literal["spectrogram_image"] = "spectrogram_image"
    emotions: tuple[str, ...] = Field(default=FOUR_CLASSES, min_length=2)
    rows: Aggregate = "mean-logit"

    @property
    def media(self) -> tuple[str, ...]:
        """Spectrogram images."""
        return ("stft_image",)

    @property
    def aggregate(self) -> Aggregate:
        """How the predictions of an utterance's clips become one."""
        return self.rows

    @property
    def recurs(self) -> bool:
        """Whether recurrent layers step over more than one element."""
        return self.sequence != "flat"


class Spectrograms(nn.Module):
    """The images of a batch as a network reads them; without parameters.

    Parameters
    ----------
    config : ImageSettings
        Settings.
    """

    colours: Tensor | None

    def __init__(self, config: ImageSettings) -> None:
        super().__init__()
        self.config = config
        table_G3 = seismic() if config.colours == "seismic" else None
        self.register_buffer("colours", table_G3, persistent=False)

    def forward(self, batch: Batch) -> Tensor:
        """Colour, crop, resize and scale.

        Parameters
        ----------
        batch : Batch
            A batch of clips with their images.

        Returns
        -------
        Tensor, shape (B, 3, *size), float32
            Images.

        Raises
        ------
        AnalysisError
            The batch has no images.
        """
        grey_BHW = array_of(batch, "stft_image", feature="stft_image")
        if self.config.crop == "published":
            grey_BHW = grey_BHW[:, *PUBLISHED_CROP]
        return scaled(resized(coloured(grey_BHW, self.colours), self.config.size), self.config.scale)


class SpectrogramImageClassifier(nn.Module):
    """Emotion from the image of a clip; see :class:`~kemfeat.learn.layers.audio_visual.ImageClassifier`.

    Parameters
    ----------
    config : SpectrogramImageConfig
        Settings.
    """

    def __init__(self, config: SpectrogramImageConfig) -> None:
        super().__init__()
        self.config = config
        self.images = Spectrograms(config)
        self.network = ImageClassifier(
            config.kind, sequence=config.sequence, size=config.size, n_classes=len(config.emotions)
        )

    def forward(self, batch: Batch) -> Outputs:
        """Predict the emotion.

        Parameters
        ----------
        batch : Batch
            A batch of clips with their images.

        Returns
        -------
        Outputs
            ``logits`` and ``embedding``.

        Raises
        ------
        AnalysisError
            The batch has no images.
        """
        logits_BC, embedding_BE = self.network(self.images(batch))
        return Outputs(logits=logits_BC, embedding=embedding_BE)


MODEL = ModelSpec(tasks=("emotion",), config=SpectrogramImageConfig, build=SpectrogramImageClassifier, axis="clip")
