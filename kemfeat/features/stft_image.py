"""Linear-frequency spectrograms of clips as grey images of 200 by 300 pixels.

``stft_image`` (200, 300) uint8 along ``image_row`` and ``image_column``, on the row axis ``clip``. Row 0 is the highest
frequency. Column ``stft_image_columns`` says how many columns, from the left, show sound; the rest show what fills a
clip that is too short.

A pixel is the level of the Hann spectrum, ``20 log10(max(a, 1e-20))`` dB with a the magnitude of the unscaled
transform, cut to -60 .. +60 dB, averaged over the area under the pixel, and mapped to 0 .. 255: 0.47 dB a step. The
scale is fixed, so images can be compared. A sine at full scale reaches ``20 log10(n_fft / 4)``, 46 dB.

- **Default**: 16 kHz, frames of 50 ms (``n_fft`` 800) every 10 ms, 0 to 8 kHz. The window is as long as the published
  one, so harmonics of a voice stay apart; bins of 20 Hz make two to a pixel, and a column of a clip of 3 s is as
  long as a hop.
- **Presets** ``clips``, ``clips-denoised``, ``whole`` and ``whole-denoised`` are the four sets of the published system;
  the paper's numerals do not say which is which. An image of a whole utterance squeezes its time: 300 columns whatever
  its length, so it does not show the rate of speech.
- **Preset ``faithful``**: whole utterances, at 44.1 kHz with frames of 2048 every 512, levels more than 80 dB below the
  clip's highest raised to that, and noise after short clips (set ``length`` to 3.0 for those). Audio recorded at
  16 kHz has nothing above 8 kHz; analysing it at 44.1 kHz only costs time. The published colours, margins and axes of
  plotted images are left out: a colour map is for the program that loads the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from kemfeat.features import Extract, Extractor, Media
from kemfeat.features._clips import ROWS_FACTOR, ClipConfig, clip_rows, clips_of, filled, follow_length
from kemfeat.features._spectra import spectra
from kemfeat.features._windows import Framing, hann
from kemfeat.records import FeatureArray, FeatureSpec

_ROWS, _COLUMNS = 200, 300
_LOWEST, _HIGHEST = -60.0, 60.0
_SMALLEST_AMPLITUDE = 1e-20
_BLOCK = 128
"""Frames transformed at once."""


class StftImageConfig(ClipConfig):
    """Settings of ``stft_image``, besides those of its clips.

    Parameters
    ----------
    n_fft : int, even [samples]
        Length of a frame.
    hop_length : int, >= 1 [samples]
        Distance between frames.
    fmax : float [Hz]
        Highest frequency of the image.
    top_db : float or None [dB]
        Range kept below the highest level of a clip; None for no such limit.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **ClipConfig.PRESETS,
        "faithful": {
            "sampling_rate": 44100,
            "n_fft": 2048,
            "hop_length": 512,
            "top_db": 80.0,
            "length": "whole",
            "remainder": "noise",
        },
    }

    n_fft: int = Field(default=800, ge=2, multiple_of=2)
    hop_length: int = Field(default=160, ge=1)
    fmax: float = Field(default=8000.0, gt=0)
    top_db: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.fmax > self.sampling_rate / 2:
            raise ValueError(
                f"fmax {self.fmax:g} Hz is above half the sampling_rate ({self.sampling_rate / 2:g} Hz); lower fmax"
            )
        if self.hop_length > self.n_fft:
            raise ValueError(f"hop_length {self.hop_length} leaves samples between frames of n_fft {self.n_fft}")
        return self


def levels(values: NDArray[np.float32], *, config: StftImageConfig) -> NDArray[np.float64]:
    """Levels of centred frames, zeros around the clip.

    Parameters
    ----------
    values : ndarray, shape (n,), n >= 1, float32
        Audio of full scale 1.
    config : StftImageConfig
        Settings.

    Returns
    -------
    ndarray, shape (1 + n // hop_length, 1 + n_fft / 2), float64 [dB]
        Not cut to the range of the image.
    """
    framing = Framing(config.n_fft, config.hop_length, "constant")
    window = hann(config.n_fft)
    made = np.empty((framing.count(len(values)), 1 + config.n_fft // 2))
    for rows, samples in framing.blocks(values, frames=_BLOCK):
        made[rows] = np.abs(spectra(samples, window=window, hop_length=config.hop_length))
    made = 20 * np.log10(np.maximum(made, _SMALLEST_AMPLITUDE))
    return made if config.top_db is None else np.maximum(made, made.max() - config.top_db)


def image(values: NDArray[np.float32], *, config: StftImageConfig) -> NDArray[np.uint8]:
    """The image of a clip.

    Parameters
    ----------
    values : ndarray, shape (n,), n >= 1, float32
        Audio of full scale 1.
    config : StftImageConfig
        Settings.

    Returns
    -------
    ndarray, shape (200, 300), uint8
        Grey values; row 0 is the highest frequency.
    """
    cells = np.clip(levels(values, config=config), _LOWEST, _HIGHEST)
    # A frame stands for the hop around its middle.
    times = (np.arange(len(cells) + 1, dtype=np.float64) - 0.5) * config.hop_length
    columns = area_means(cells, times, np.linspace(0, len(values), _COLUMNS + 1))
    frequencies = (np.arange(cells.shape[1] + 1, dtype=np.float64) - 0.5) * config.sampling_rate / config.n_fft
    rows = area_means(columns.T, frequencies, np.linspace(0, config.fmax, _ROWS + 1))
    return grey(rows[::-1], lowest=_LOWEST, highest=_HIGHEST)


def _extract(media: Media, *, config: StftImageConfig) -> FeatureArray:
    clips = clips_of(media, config=config, feature="stft_image")
    whole = config.clip_samples
    columns = [_COLUMNS if whole is None else min(_COLUMNS, -(-_COLUMNS * len(clip) // whole)) for clip in clips]
    images = [image(filled(clip, config=config), config=config) for clip in clips]
    return FeatureArray({"stft_image": np.stack(images)}, {"stft_image_columns": columns})


def _specs(config: StftImageConfig) -> tuple[FeatureSpec, ...]:
    spec = FeatureSpec(
        name="stft_image",
        dims=("image_row", "image_column"),
        shape=(_ROWS, _COLUMNS),
        dtype="uint8",
        pad=0,
        fill=0,
        unit="1",
        description=f"level from {_LOWEST:g} to {_HIGHEST:g} dB, {config.fmax:g} Hz at the top; {config.sound}",
    )
    return (spec,)


def _open(config: StftImageConfig, _resources: Path) -> Extract:
    return partial(_extract, config=config)


EXTRACTOR = Extractor(
    name="stft_image",
    version=1,
    config=StftImageConfig,
    media=("audio",),
    specs=_specs,
    columns={"stft_image_columns": "int32"},
    open=_open,
    axis="clip",
    rows=clip_rows,
    rows_factor=ROWS_FACTOR,
    follow=follow_length,
)


def area_means(
    values: NDArray[np.float64], edges: NDArray[np.float64], pixels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Resize the first axis by area: a pixel is the mean of the cells under it, each weighted by the share it covers.

    The first and the last cell reach as far as there are pixels.

    Parameters
    ----------
    values : ndarray, shape (n, ...), float64
        One row for each cell.
    edges : ndarray, shape (n + 1,), float64
        Where the cells begin, and where the last one ends, ascending.
    pixels : ndarray, shape (m + 1,), float64
        Where the pixels begin, and where the last one ends, ascending.

    Returns
    -------
    ndarray, shape (m, ...), float64
        One row for each pixel.

    Examples
    --------
    >>> import numpy as np
    >>> area_means(np.array([[1.0], [3.0]]), np.array([0.0, 1.0, 2.0]), np.array([0.0, 2.0])).tolist()
    [[2.0]]
    """
    widths = np.diff(edges)
    sums = np.zeros((len(values) + 1, *values.shape[1:]))
    np.cumsum(values * widths[:, None], axis=0, out=sums[1:])
    cell = np.clip(np.searchsorted(edges, pixels, side="right") - 1, 0, len(values) - 1)
    within = (pixels - edges[cell])[:, None]
    total = sums[cell] + within * values[cell]
    means: NDArray[np.float64] = np.diff(total, axis=0) / np.diff(pixels)[:, None]
    return means


def grey(levels: NDArray[np.float64], *, lowest: float, highest: float) -> NDArray[np.uint8]:
    """Levels as grey values: ``lowest`` and below is 0, ``highest`` and above is 255.

    Parameters
    ----------
    levels : ndarray, float64 [dB]
        Any shape.
    lowest, highest : float [dB]
        Range of the grey scale.

    Returns
    -------
    ndarray, uint8
        Same shape as ``levels``.

    Examples
    --------
    >>> import numpy as np
    >>> grey(np.array([-80.0, 0.0, 80.0]), lowest=-60.0, highest=60.0).tolist()
    [0, 128, 255]
    """
    share = (np.clip(levels, lowest, highest) - lowest) / (highest - lowest)
    return np.rint(255 * share).astype(np.uint8)
