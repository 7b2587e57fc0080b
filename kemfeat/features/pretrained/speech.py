"""Frozen encoders of speech: wav2vec 2.0 and its kin, and the encoder of Whisper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kemfeat.features.pretrained.folder import Wanted
from kemfeat.features.pretrained.frozen import Frozen, Readout
from kemfeat.features.pretrained.loading import load, silent

Waveform = NDArray[np.float32]


class _ClipNorm(nn.Module):
    """Group normalisation over time of every clip over its own frames, whatever was padded.

    The first layer of a wav2vec 2.0 with ``feat_extract_norm="group"`` takes mean and deviation over time, so that
    zeros after a clip would change all of it.

    Parameters
    ----------
    plain : nn.GroupNorm
        The layer, one channel a group.
    """

    def __init__(self, plain: nn.GroupNorm) -> None:
        super().__init__()
        self.plain = plain
        self.frames: Tensor | None = None

    def forward(self, x_BCT: Tensor) -> Tensor:
        """Normalise; ``frames`` (B,) counts those that are not padding, None where all are."""
        if self.frames is None:
            return self.plain(x_BCT)  # type: ignore[no-any-return]
        real = torch.arange(x_BCT.shape[2], device=x_BCT.device) < self.frames[:, None, None]
        count = self.frames[:, None, None]
        centred = x_BCT - (x_BCT * real).sum(dim=2, keepdim=True) / count
        variance = (centred.square() * real).sum(dim=2, keepdim=True) / count
        scale = self.plain.weight[:, None] * torch.rsqrt(variance + self.plain.eps)
        return centred * scale + self.plain.bias[:, None]


class SpeechEncoder(Frozen[Waveform]):
    """An encoder that reads the waveform through strided convolutions: wav2vec 2.0, HuBERT, WavLM, data2vec and others.

    Parameters
    ----------
    model : nn.Module
        Of ``transformers``.
    prepare : FeatureExtractor
        Normalises the audio as the model was trained.
    wanted : Wanted
        Which model it is, for messages.
    readout : Readout
        What is taken of it.
    """

    def __init__(self, model: nn.Module, prepare: Any, wanted: Wanted, readout: Readout) -> None:
        super().__init__(model, wanted, readout)
        self._prepare = prepare
        self._norms = _replace_norms(self.model)

    def _length_of(self, item: Waveform) -> int:
        return len(item)

    def _noise(self, generator: np.random.Generator) -> tuple[Waveform, Waveform]:
        rate = self._prepare.sampling_rate
        return (
            generator.normal(scale=0.1, size=rate).astype(np.float32),
            generator.normal(scale=0.1, size=rate // 2 + 17).astype(np.float32),
        )

    def _bytes_of(self, length: int) -> int:
        return 4 * int(self.config.conv_dim[0]) * length // int(self.config.conv_stride[0])

    def _forward(self, items: Sequence[Waveform]) -> tuple[Any, Sequence[int]]:
        lengths = torch.tensor([len(item) for item in items])
        given = self._prepare(
            list(items),
            sampling_rate=self._prepare.sampling_rate,
            padding=True,
            return_attention_mask=True,
            return_tensors="pt",
        ).to(self.device)
        ragged = bool((lengths != lengths[0]).any())
        for norm in self._norms:
            norm.frames = _after(lengths, self.config, layers=1).to(self.device) if ragged else None
        output = self.model(
            input_values=given["input_values"],
            attention_mask=given["attention_mask"] if ragged else None,
            output_hidden_states=self.all_layers,
        )
        return output, _after(lengths, self.config).tolist()


class WhisperEncoder(SpeechEncoder):
    """The encoder of a Whisper, which always reads 30 s; what was not heard is cut off its output."""

    def _bytes_of(self, length: int) -> int:  # noqa: ARG002 - every clip is padded to 30 s
        return 4 * int(self.config.encoder_ffn_dim) * int(self.config.max_source_positions)

    def _forward(self, items: Sequence[Waveform]) -> tuple[Any, Sequence[int]]:
        given = self._prepare(list(items), sampling_rate=self._prepare.sampling_rate, return_tensors="pt")
        output = self.model(given["input_features"].to(self.device), output_hidden_states=self.all_layers)
        step = 2 * self._prepare.hop_length
        return output, [-(-len(item) // step) for item in items]


def open_speech_encoder(folder: Path, wanted: Wanted, readout: Readout, *, model_type: str) -> SpeechEncoder:
    """Load an encoder of speech.

    Parameters
    ----------
    folder : Path
        Its folder.
    wanted : Wanted
        Which model it is, for messages.
    readout : Readout
        What is taken of it.
    model_type : str
        What ``transformers`` calls its kind.

    Returns
    -------
    SpeechEncoder
        Ready to read.

    Raises
    ------
    ConfigError
        It cannot be loaded.
    """
    from transformers import AutoFeatureExtractor

    whisper = model_type == "whisper"
    with silent():
        prepare = AutoFeatureExtractor.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    model: Any = load(folder, wanted, needed=lambda key: key.startswith("encoder.") if whisper else _is_read(key))
    if whisper:
        return WhisperEncoder(model.get_encoder(), prepare, wanted, readout)
    return SpeechEncoder(model, prepare, wanted, readout)


def _is_read(key: str) -> bool:
    """Whether an encoder reads a weight when it is not trained."""
    return key != "masked_spec_embed"


def _replace_norms(model: Any) -> list[_ClipNorm]:
    found = []
    for layer in getattr(getattr(model, "feature_extractor", None), "conv_layers", ()):
        norm = getattr(layer, "layer_norm", None)
        if isinstance(norm, nn.GroupNorm) and norm.num_groups == norm.num_channels:
            layer.layer_norm = _ClipNorm(norm)
            found.append(layer.layer_norm)
    return found


def _after(lengths: Tensor, config: Any, *, layers: int | None = None) -> Tensor:
    """Frames that convolutions without padding make of so many samples."""
    for kernel, stride in list(zip(config.conv_kernel, config.conv_stride, strict=True))[:layers]:
        lengths = torch.div(lengths - kernel, stride, rounding_mode="floor") + 1
    return lengths
