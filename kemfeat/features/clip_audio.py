"""The sound of clips or of whole utterances, 16-bit.

``clip_audio`` (samples,) int16 along ``sample``, on the row axis ``clip``, full scale 32768, and
``clip_audio_lengths``, the samples that are sound; they are followed by what fills a clip that is too short. Which
clips there are, the noise cleanup and the band-pass have the settings of ``stft_image``; where both are built, they
share the length of clips.

- A 16-bit recording at ``sampling_rate`` that is neither cleaned nor filtered is stored sample by sample. Anything else
  is rounded, and clipped at full scale.
- Whole utterances take ``max_seconds`` of a row each; the rest is cut, and column ``clip_audio_length_total`` says how
  many samples there were.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from kemfeat.features import Extract, Extractor, Media
from kemfeat.features._clips import ROWS_FACTOR, ClipConfig, clip_rows, clips_of, filled, follow_length
from kemfeat.features._windows import lengths_spec
from kemfeat.records import FeatureArray, FeatureSpec

_FULL_SCALE = 32768


class ClipAudioConfig(ClipConfig):
    """Settings of ``clip_audio``, besides those of its clips.

    Parameters
    ----------
    max_seconds : float [s]
        Length of a row where clips are whole utterances.
    """

    max_seconds: float = Field(default=20.0, gt=0, le=3600)

    @property
    def row_samples(self) -> int:
        """Samples of a row."""
        return self.clip_samples or round(self.max_seconds * self.sampling_rate)


def _extract(media: Media, *, config: ClipAudioConfig) -> FeatureArray:
    clips = clips_of(media, config=config, feature="clip_audio")
    rows = np.zeros((len(clips), config.row_samples), dtype=np.int16)
    for row, clip in zip(rows, clips, strict=True):
        samples = _quantised(filled(clip, config=config)[: len(row)])
        row[: len(samples)] = samples
    lengths = np.array([min(len(clip), config.row_samples) for clip in clips], dtype=np.int32)
    return FeatureArray(
        {"clip_audio": rows, "clip_audio_lengths": lengths},
        {"clip_audio_length_total": [len(clip) for clip in clips]},
    )


def _quantised(values: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.clip(np.rint(values * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)


def _specs(config: ClipAudioConfig) -> tuple[FeatureSpec, ...]:
    values = FeatureSpec(
        name="clip_audio",
        dims=("sample",),
        shape=(config.row_samples,),
        dtype="int16",
        pad=0,
        fill=0,
        unit="1",
        frame_rate=float(config.sampling_rate),
        time_origin=0.0,
        description=f"samples of the clip, full scale {_FULL_SCALE}; {config.sound}",
    )
    return values, lengths_spec("clip_audio")


def _open(config: ClipAudioConfig, _resources: Path) -> Extract:
    return partial(_extract, config=config)


EXTRACTOR = Extractor(
    name="clip_audio",
    version=1,
    config=ClipAudioConfig,
    media=("audio",),
    specs=_specs,
    columns={"clip_audio_length_total": "int32"},
    open=_open,
    axis="clip",
    rows=clip_rows,
    rows_factor=ROWS_FACTOR,
    follow=follow_length,
)
