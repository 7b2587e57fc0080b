"""Emotion from the speaker's face: 3-D convolutions over the frames of a clip, two linear layers."""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from kemfeat.config import FrozenConfig
from kemfeat.labels import FOUR_CLASSES
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.layers.audio_visual import VideoClassifier
from kemfeat.learn.models._batches import Outputs, ragged_of
from kemfeat.learn.models._classes import ClassifierConfig
from kemfeat.learn.models._pixels import Scale, resized, scaled
from kemfeat.learn.models._spec import ModelSpec
from kemfeat.learn.settings import Aggregate

FRAMES = 20
_SMALLEST = 45


class VideoSettings(FrozenConfig):
    """How the frames of a clip are read.

    Parameters
    ----------
    scale : {"image", "imagenet"}
        Each frame by its own mean and standard deviation; or, as published, by those of ImageNet's photographs.
    size : tuple of int, length 2, each >= 45
        Height and width to which frames are brought; (60, 100) is that of the store, and published.
    """

    scale: Scale = "image"
    size: tuple[int, int] = (60, 100)

    @model_validator(mode="after")
    def _large_enough(self) -> Self:
        if min(self.size) < _SMALLEST:
            raise ValueError(
                f"size must be at least {[_SMALLEST] * 2}, found {list(self.size)}: smaller frames leave nothing after "
                "four convolutions and three poolings"
            )
        return self


class VideoConfig(VideoSettings, ClassifierConfig):
    """Settings of ``video``.

    Parameters
    ----------
    name : {"video"}
        The model.
    emotions : tuple of str, length >= 2
        Classes, in the order of their ids.
    scale, size : str, tuple of int
        See :class:`VideoSettings`.
    rows : {"mean-logit", "mean-probability", "vote"}
        How the predictions of an utterance's clips become one.
    """

    name: Literal["video"] = "video"
    emotions: tuple[str, ...] = Field(default=FOUR_CLASSES, min_length=2)
    rows: Aggregate = "mean-logit"

    @property
    def media(self) -> tuple[str, ...]:
        """Frames of the speaker's face."""
        return ("video_frames",)

    @property
    def aggregate(self) -> Aggregate:
        """How the predictions of an utterance's clips become one."""
        return self.rows


def videos_of(batch: Batch, settings: VideoSettings) -> tuple[Tensor, Tensor]:
    """The frames of a batch as a network reads them.

    Parameters
    ----------
    batch : Batch
        A batch of clips with their frames.
    settings : VideoSettings
        Size and scale.

    Returns
    -------
    videos : Tensor, shape (B, 3, 20, *size), float32
        Frames; 0 after the real ones.
    mask : Tensor, shape (B,), bool
        False where a clip has no frame.

    Raises
    ------
    AnalysisError
        The batch has no frames.
    """
    pixels_BTHW3, lengths_B = ragged_of(batch, "video_frames", feature="video_frames")
    size, frames = pixels_BTHW3.shape[:2]
    pixels_N3HW = pixels_BTHW3.flatten(0, 1).permute(0, 3, 1, 2).float() / 255
    frames_N3HW = (
        scaled(resized(pixels_N3HW, settings.size), settings.scale)
        if len(pixels_N3HW)
        else (pixels_N3HW.new_zeros(0, 3, *settings.size))
    )
    video_B3THW = frames_N3HW.reshape(size, frames, *frames_N3HW.shape[1:]).transpose(1, 2)
    real_BT = torch.arange(frames, device=lengths_B.device) < lengths_B[:, None]
    video_B3THW = video_B3THW.masked_fill(~real_BT[:, None, :, None, None], 0.0)
    return functional.pad(video_B3THW, (0, 0, 0, 0, 0, FRAMES - frames)), lengths_B > 0


class VideoOfFaces(nn.Module):
    """Emotion from the frames of a clip; see :class:`~kemfeat.learn.layers.audio_visual.VideoClassifier`.

    Parameters
    ----------
    config : VideoConfig
        Settings.
    """

    def __init__(self, config: VideoConfig) -> None:
        super().__init__()
        self.config = config
        self.network = VideoClassifier(size=(FRAMES, *config.size), n_classes=len(config.emotions))

    def forward(self, batch: Batch) -> Outputs:
        """Predict the emotion; the same for all clips without a frame.

        Parameters
        ----------
        batch : Batch
            A batch of clips with their frames.

        Returns
        -------
        Outputs
            ``logits`` and ``embedding``.

        Raises
        ------
        AnalysisError
            The batch has no frames.
        """
        logits_BC, embedding_BE = self.network(videos_of(batch, self.config)[0])
        return Outputs(logits=logits_BC, embedding=embedding_BE)


MODEL = ModelSpec(tasks=("emotion",), config=VideoConfig, build=VideoOfFaces, axis="clip")
