"""Slope of the log-mel spectrogram over time, dB per frame.

The delta of frame t is the slope of the least-squares line through the ``width`` frames nearest to t: centred on t
where the window fits, moved inside the clip at its ends. That is Savitzky-Golay differentiation of order 1 (Savitzky
and Golay, Anal. Chem. 36:1627, 1964) with a polynomial fit at the edges, the ``interp`` mode of
``librosa.feature.delta``.

- **Clips shorter than width**, which librosa refuses: the slope of the line through all their frames; one frame
  has slope 0.
- **Padding** is 0 (no change), and ``delta_lengths`` says how many frames are real.
- The slope is taken before frames are cut or rounded, so the last stored frame sees the frames after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from kemfeat.config import FeatureConfig
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features import Extract, Extractor, Media
from kemfeat.features._kernels import window_sums
from kemfeat.features._windows import lengths_spec, rounding_error
from kemfeat.records import FeatureArray, FeatureSpec


class DeltaConfig(FeatureConfig):
    """Settings of ``delta``.

    Parameters
    ----------
    width : int, odd, >= 3 [frames]
        Frames of the line.
    max_frames, n_mels : int, >= 1
        Shape of a row; a build takes them from ``mel``.
    dtype : {"float32", "float16"}
        ``float16`` halves the store; column ``delta_rounding_error`` gives each row's largest error, dB per frame.
    """

    width: int = Field(default=9, ge=3)
    max_frames: int = Field(default=512, ge=1)
    n_mels: int = Field(default=128, ge=1)
    dtype: Literal["float32", "float16"] = "float32"

    @field_validator("width")
    @classmethod
    def _odd(cls, width: int) -> int:
        if width % 2 == 0:
            raise ValueError("width must be odd, so that a window has a middle frame")
        return width


def slopes(values: NDArray[np.float32], *, width: int) -> NDArray[np.float32]:
    """Slope of the least-squares line through the ``width`` rows nearest to each row.

    Parameters
    ----------
    values : ndarray, shape (t, n), float32
        One row for each frame.
    width : int, odd
        Rows of the line.

    Returns
    -------
    ndarray, shape (t, n), float32
        Units of ``values`` per row. Fewer than ``width`` rows share the slope of the line through all of them.

    Examples
    --------
    >>> import numpy as np
    >>> rising = np.arange(12, dtype=np.float32)[:, None] * 2
    >>> [round(float(x), 4) for x in slopes(rising, width=9)[:3, 0]]
    [2.0, 2.0, 2.0]
    """
    within = min(width, len(values))
    steps = np.arange(within) - (within - 1) / 2
    weights = steps / (np.sum(steps**2) or 1.0)  # the only step of a single row is 0
    result = np.empty_like(values)
    window_sums(values, weights, result)
    return result


def _extract(media: Media, *, config: DeltaConfig) -> FeatureArray:
    source = media["mel"]
    if not isinstance(source, FeatureArray):
        raise ExtractionError("delta: the utterance has no mel; expected the mel feature; add mel to the features")
    mel = source.arrays["mel"]
    stored = min(len(mel), config.max_frames)
    _check_shape(mel, int(source.arrays["mel_lengths"]), config)
    delta = slopes(mel, width=config.width)
    return FeatureArray(
        arrays={"delta": delta, "delta_lengths": np.array(stored, dtype=np.int32)},
        columns={"delta_rounding_error": rounding_error(delta[:stored], dtype=config.dtype)},
    )


def _check_shape(mel: NDArray[np.float32], mel_length: int, config: DeltaConfig) -> None:
    if mel.shape[1] != config.n_mels:
        raise ExtractionError(
            f"delta: mel has {mel.shape[1]} bands, delta.n_mels is {config.n_mels}; set delta.n_mels to {mel.shape[1]}"
        )
    if min(len(mel), config.max_frames) != mel_length:
        raise ExtractionError(
            f"delta: {mel_length} of {len(mel)} mel frames are stored, delta.max_frames is {config.max_frames}; "
            f"set delta.max_frames to mel.max_frames"
        )


def _specs(config: DeltaConfig) -> tuple[FeatureSpec, ...]:
    return (
        FeatureSpec(
            name="delta",
            dims=("frame", "mel_bin"),
            shape=(config.max_frames, config.n_mels),
            dtype=config.dtype,
            pad=0.0,
            fill=float("nan"),
            unit="dB/frame",
            description=f"slope of mel over the {config.width} nearest frames",
        ),
        lengths_spec("delta"),
    )


def _follow(config: DeltaConfig, before: Mapping[str, FeatureConfig]) -> DeltaConfig:
    shape = {key: getattr(before["mel"], key) for key in ("max_frames", "n_mels")}
    for key in sorted(shape.keys() & config.model_fields_set):
        if getattr(config, key) != shape[key]:
            raise ConfigError(
                f"delta.{key}: found {getattr(config, key)}, but mel.{key} is {shape[key]}; leave delta.{key} out"
            )
    return config.model_copy(update=shape)


def _open(config: DeltaConfig, resources: Path) -> Extract:  # noqa: ARG001 - delta needs no resource
    return partial(_extract, config=config)


EXTRACTOR = Extractor(
    name="delta",
    version=2,
    config=DeltaConfig,
    media=("mel",),
    specs=_specs,
    columns={"delta_rounding_error": "float64"},
    open=_open,
    follow=_follow,
)
