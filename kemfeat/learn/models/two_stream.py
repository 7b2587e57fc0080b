"""Emotion from a spectrogram image and the speaker's face: two streams, joined before the classifier."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import nn

from kemfeat.labels import FOUR_CLASSES
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.layers.audio_visual import Kind
from kemfeat.learn.layers.two_stream import TwoStream
from kemfeat.learn.models._batches import Outputs, Streams
from kemfeat.learn.models._classes import ClassifierConfig
from kemfeat.learn.models._spec import ModelSpec
from kemfeat.learn.models.spectrogram_image import ImageSettings, Spectrograms
from kemfeat.learn.models.video import FRAMES, VideoSettings, videos_of
from kemfeat.learn.settings import Aggregate


class AudioStreamSettings(ImageSettings):
    """Settings of :class:`~kemfeat.learn.models.spectrogram_image.ImageSettings`, with the published kind by default.

    Parameters
    ----------
    kind : {"cnn", "cnn-rnn", "cnn-lstm"}
        Whether recurrent layers follow the convolutions.
    """

    kind: Kind = "cnn-rnn"


class TwoStreamConfig(ClassifierConfig):
    """Settings of ``two_stream``.

    Parameters
    ----------
    name : {"two_stream"}
        The model.
    emotions : tuple of str, length >= 2
        Classes, in the order of their ids.
    audio : AudioStreamSettings
        The stream of spectrogram images.
    video : VideoSettings
        The stream of frames.
    audio_run, video_run : str
        Run folders of ``spectrogram_image`` and ``video`` whose weights the streams begin with, and which then train
        further; empty names begin at random.
    rows : {"mean-logit", "mean-probability", "vote"}
        How the predictions of an utterance's clips become one.
    """

    name: Literal["two_stream"] = "two_stream"
    emotions: tuple[str, ...] = Field(default=FOUR_CLASSES, min_length=2)
    audio: AudioStreamSettings = AudioStreamSettings()
    video: VideoSettings = VideoSettings()
    audio_run: str = ""
    video_run: str = ""
    rows: Aggregate = "mean-logit"

    @property
    def media(self) -> tuple[str, ...]:
        """Spectrogram images and frames."""
        return ("stft_image", "video_frames")

    @property
    def aggregate(self) -> Aggregate:
        """How the predictions of an utterance's clips become one."""
        return self.rows

    @property
    def recurs(self) -> bool:
        """Whether recurrent layers step over more than one element."""
        return self.audio.sequence != "flat"


class TwoStreamClassifier(nn.Module):
    """Emotion from image and frames of a clip; see :class:`~kemfeat.learn.layers.two_stream.TwoStream`.

    Parameters
    ----------
    config : TwoStreamConfig
        Settings.
    """

    def __init__(self, config: TwoStreamConfig) -> None:
        super().__init__()
        self.config = config
        self.images = Spectrograms(config.audio)
        self.network = TwoStream(
            config.audio.kind,
            sequence=config.audio.sequence,
            image_size=config.audio.size,
            video_size=(FRAMES, *config.video.size),
            n_classes=len(config.emotions),
        )

    def forward(self, batch: Batch) -> Outputs:
        """Predict the emotion; of a clip without a frame from its image alone.

        Parameters
        ----------
        batch : Batch
            A batch of clips with their images and frames.

        Returns
        -------
        Outputs
            ``logits``, ``embedding`` and ``streams``.

        Raises
        ------
        AnalysisError
            The batch has no images or no frames.
        """
        video_B3THW, mask_B = videos_of(batch, self.config.video)
        audio_BE, video_BE = self.network.streams(self.images(batch), video_B3THW)
        logits_BC, embedding_BE = self.network.joined(audio_BE, video_BE, mask_B)
        return Outputs(logits=logits_BC, embedding=embedding_BE, streams=Streams(audio_BE, video_BE, mask_B))


MODEL = ModelSpec(tasks=("emotion",), config=TwoStreamConfig, build=TwoStreamClassifier, axis="clip")
