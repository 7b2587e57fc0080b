"""Hidden states of a frozen encoder of speech, such as wav2vec 2.0, HuBERT, WavLM, data2vec or Whisper's.

``speech_embedding`` along ``encoder_layer`` and ``hidden``: the mean over the frames of an utterance, one row for each
layer that is taken. With ``pooling = "frames"`` it is (frames, hidden), followed by NaN, and
``speech_embedding_lengths`` counts the frames that are real. Columns: ``speech_embedding_length`` frames that were
read, ``speech_embedding_length_total`` those that the audio has, more where it is longer than ``max_seconds``.

- The encoder is any that ``transformers`` loads as wav2vec 2.0, HuBERT, WavLM, data2vec-audio, UniSpeech or Whisper,
  from a folder or the local cache. Nothing is downloaded and no code that comes with it is run. The store knows it by
  the digest of its configuration, weights and preprocessor, never by its name; the weights are not in the store.
- Audio is resampled to the rate in the model's ``preprocessor_config.json`` and normalised as that file says.
- An encoder that was not trained on the corpus has learned nothing of its labels, so its embeddings are made once for
  all splits.
- Utterances of similar length are read together where that changes no number by more than 1e-5 of the largest, which
  noise of two lengths shows when a model is opened. The group normalisation of wav2vec 2.0, which would take padding
  for sound, is taken over each clip alone. All is computed in float32.

Baevski and others, wav2vec 2.0, NeurIPS 2020; Hsu and others, HuBERT, TASLP 29:3451, 2021; Chen and others, WavLM,
JSTSP 16:1505, 2022; Radford and others, Whisper, ICML 2023. Layers in the middle often carry more emotion than the
last: Pepino and others, Interspeech 2021.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features import Extractor, Media, Prepared
from kemfeat.features._audio import ChannelConfig, WaveformConfig, audio_of, finite
from kemfeat.features._embedding import (
    EmbeddingConfig,
    EmbeddingExtract,
    check_layers,
    embedding_specs,
    local_settings,
    refuse_another,
    wanted_by,
)
from kemfeat.features.pretrained.folder import Wanted, described, identity, locate, table_in
from kemfeat.records import FeatureSpec

if TYPE_CHECKING:
    from kemfeat.features.pretrained.speech import SpeechEncoder

_NAME = "speech_embedding"
_SUCH_AS = "an encoder such as wav2vec 2.0"
_PREPROCESSOR = "preprocessor_config.json"
_CONVOLUTIONAL = ("data2vec-audio", "hubert", "unispeech", "unispeech-sat", "wav2vec2", "wavlm")
_WHISPER = "whisper"
_WHISPER_SECONDS = 30
_WHISPER_STEP = 320


class SpeechEmbeddingConfig(EmbeddingConfig, ChannelConfig):
    """Settings of ``speech_embedding``.

    Parameters
    ----------
    max_seconds : float [s]
        Audio that is read; the rest is cut. At most 30 for Whisper.
    sampling_rate : int [Hz]
        Rate that the encoder reads. Filled in when a build begins.
    step, window : int
        Samples from one frame to the next, and of a frame. Filled in when a build begins.
    """

    max_seconds: float = Field(default=20.0, gt=0.1, le=600)
    sampling_rate: int = Field(default=16000, ge=1000)
    step: int = Field(default=320, ge=1)
    window: int = Field(default=400, ge=1)

    def frames_of(self, samples: int) -> int:
        """Frames that the encoder makes of audio.

        Parameters
        ----------
        samples : int
            Length of the audio at ``sampling_rate``.

        Returns
        -------
        int
            0 where the audio is shorter than a frame.
        """
        if self.model_type == _WHISPER:
            return -(-samples // self.step)
        return max(0, (samples - self.window) // self.step + 1)

    @property
    def samples(self) -> int:
        """Samples that are read at most."""
        return round(self.max_seconds * self.sampling_rate)


class _Extract(EmbeddingExtract[NDArray[np.float32]]):
    """Reads the audio of utterances."""

    def __init__(self, config: SpeechEmbeddingConfig, encoder: SpeechEncoder) -> None:
        super().__init__(_NAME, config, encoder, frames=config.frames_of(config.samples))
        self._config = config
        self._waveform = WaveformConfig(sampling_rate=config.sampling_rate, channels=config.channels)

    def read(self, media: Media) -> tuple[NDArray[np.float32], int]:
        samples = finite(audio_of(media, feature=_NAME), self._waveform, feature=_NAME)
        total = self._config.frames_of(len(samples))
        if total < 1:
            raise ExtractionError(
                f"{_NAME}: the audio has {len(samples)} samples at {self._config.sampling_rate} Hz, but a frame of the "
                f"encoder needs {self._config.window}; leave the utterance out"
            )
        return samples[: self._config.samples], total


def _prepare(
    config: SpeechEmbeddingConfig,
    *,
    root: Path,  # noqa: ARG001 - the shape of a preparation
    tokenizer: str,  # noqa: ARG001
) -> Prepared[SpeechEmbeddingConfig]:
    wanted = wanted_by(config, feature=_NAME, such_as=_SUCH_AS)
    folder = locate(wanted)
    found = _described(folder, wanted)
    digest = identity(folder, wanted, besides=_preprocessor(folder, wanted))
    refuse_another(config, digest, feature=_NAME)
    own = {name: getattr(config, name) for name in ("preset", "layer", "pooling", "dtype", "max_seconds", "channels")}
    ready = SpeechEmbeddingConfig(**own, **found, sha256=digest)
    check_layers(ready, feature=_NAME)
    if ready.pooling == "cls":
        raise ConfigError(
            f"{_NAME}.pooling: found 'cls', but encoders of speech have no such token; expected mean or frames"
        )
    if ready.model_type == _WHISPER and ready.max_seconds > _WHISPER_SECONDS:
        raise ConfigError(
            f"{_NAME}.max_seconds: found {ready.max_seconds:g}, but Whisper reads {_WHISPER_SECONDS} s; lower it"
        )
    from kemfeat.features.pretrained.frozen import most_workers

    return Prepared(ready, local=local_settings(config, folder), most_workers=most_workers(config.device))


def _described(folder: Path, wanted: Wanted) -> dict[str, Any]:
    """What a model says of itself, as settings of the feature."""
    found = described(folder, wanted)
    if found.model_type not in (*_CONVOLUTIONAL, _WHISPER):
        known = ", ".join((*_CONVOLUTIONAL, _WHISPER))
        raise wanted.refusal(
            f"is a model of type {found.model_type!r}, whose frames are not known here; expected one of {known}"
        )
    if getattr(found, "add_adapter", False):
        raise wanted.refusal("has an adapter after its frames (add_adapter), which is trained for a task")
    return {
        "model_type": found.model_type,
        "sampling_rate": _rate(folder, wanted),
        "width": found.hidden_size,
        "depth": found.num_hidden_layers,
        **_frames(found),
    }


def _frames(found: Any) -> dict[str, int]:
    """Samples from one frame to the next, and of a frame; Whisper's are 20 ms."""
    if found.model_type == _WHISPER:
        return {"step": _WHISPER_STEP, "window": 1}
    step, window = 1, 1
    for kernel, stride in zip(found.conv_kernel, found.conv_stride, strict=True):
        window += (kernel - 1) * step
        step *= stride
    return {"step": step, "window": window}


def _rate(folder: Path, wanted: Wanted) -> int:
    rate = table_in(folder / _PREPROCESSOR, wanted).get("sampling_rate")
    if type(rate) is not int or rate < 1000:
        raise wanted.refusal(
            f"{_PREPROCESSOR} is not in the folder or gives no sampling_rate, so that how its audio must be prepared "
            "is not known; download it, too"
        )
    return rate


def _preprocessor(folder: Path, wanted: Wanted) -> bytes:
    return json.dumps(table_in(folder / _PREPROCESSOR, wanted), sort_keys=True).encode()


def _specs(config: SpeechEmbeddingConfig) -> tuple[FeatureSpec, ...]:
    rate = config.sampling_rate / config.step
    return embedding_specs(_NAME, config, frames=config.frames_of(config.samples), frame_rate=rate, what="frame")


def _open(config: SpeechEmbeddingConfig, resources: Path) -> _Extract:  # noqa: ARG001 - the shape of an opening
    from kemfeat.features.pretrained.frozen import Readout
    from kemfeat.features.pretrained.speech import open_speech_encoder

    wanted = wanted_by(config, feature=_NAME, such_as=_SUCH_AS)
    folder = locate(wanted)
    refuse_another(config, identity(folder, wanted, besides=_preprocessor(folder, wanted)), feature=_NAME)
    readout = Readout(config.layers, mean=config.is_mean, device=config.device)
    encoder = open_speech_encoder(folder, wanted, readout, model_type=config.model_type)
    return _Extract(config, encoder)


EXTRACTOR = Extractor(
    name=_NAME,
    version=1,
    config=SpeechEmbeddingConfig,
    media=("audio",),
    specs=_specs,
    columns={f"{_NAME}_length": "int32", f"{_NAME}_length_total": "int32"},
    open=_open,
    many=_Extract.many,
    tolerance=1e-3,
    prepare=_prepare,
)
