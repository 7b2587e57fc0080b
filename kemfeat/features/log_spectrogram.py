"""Natural logarithm of the power spectral density, with its first and second differences: the image of system 2.

``log_spectrogram``, ``log_spectrogram_delta`` and ``log_spectrogram_delta2``, each (max_frames, 1 + n_fft / 2) float32
along ``frame`` and ``bin``: 321 bins 25 Hz apart, every 20 ms, at the defaults. The density is the one of
``scipy.signal.spectrogram(y, fs, "hann", n_fft, n_fft - hop_length, detrend=False)``: periodic Hann window, only
frames that fit whole into the audio, one-sided, per Hz. Stored is ``ln(density + 1e-10)``. A difference is the value
minus the one before it, and the first one is repeated, so that the size stays; the second difference is the
difference of the first.

- **Range**: at least ln(1e-10) = -23.03, which is digital silence; full scale is 1.
- **Padding** after the last frame is that floor, and 0 in the differences. ``log_spectrogram_lengths``, and the like
  for the differences, say how many frames are not padding.
- **Too short clips**: audio shorter than one frame has no spectrogram and is refused. Skipping it shifts the rows
  after it against the labels (defect J17).

The preset ``faithful`` is what the published system fed its network, defects and all: amplitudes as 16-bit integers,
differences along *frequency* where time was meant (J8), and clips of fewer than 100 frames filled up with 0, which is a
loud value of a logarithm (J10). Its network could not distinguish that filling from sound, so the lengths count it as
frames; column ``log_spectrogram_frames`` does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from kemfeat.errors import ExtractionError
from kemfeat.features import Extract, Extractor, Media
from kemfeat.features._audio import WaveformConfig, audio_of, brought_in
from kemfeat.features._spectra import spectra
from kemfeat.features._windows import hann, lengths_spec
from kemfeat.records import FeatureArray, FeatureSpec

_OFFSET = 1e-10
_NAMES = ("log_spectrogram", "log_spectrogram_delta", "log_spectrogram_delta2")
_FULL_SCALE = {"unit": 1.0, "int16": 32768.0}


class LogSpectrogramConfig(WaveformConfig):
    """Settings of ``log_spectrogram``.

    Parameters
    ----------
    sampling_rate, channels, resample : int, str or int, bool
        See :class:`~kemfeat.features._audio.WaveformConfig`.
    n_fft : int, even [samples]
        Length of a frame.
    hop_length : int, >= 1 [samples]
        Distance between frames.
    scale : {"unit", "int16"}
        Amplitude of full scale: 1 or 32768, which adds 20.8 to every logarithm.
    difference : {"time", "frequency"}
        Axis along which the differences are taken.
    min_frames : int, >= 0
        Frames that a row has at least; missing ones are filled with the pad value.
    max_frames : int, >= 1
        Frames stored per row.
    pad_value : "floor" or float
        What follows the last frame of a row: ``floor`` is ln(1e-10), a number is a logarithm.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "default": {},
        "faithful": {"scale": "int16", "difference": "frequency", "min_frames": 100, "pad_value": 0.0},
    }

    n_fft: int = Field(default=640, ge=2, multiple_of=2)
    hop_length: int = Field(default=320, ge=1)
    scale: Literal["unit", "int16"] = "unit"
    difference: Literal["time", "frequency"] = "time"
    min_frames: int = Field(default=0, ge=0)
    max_frames: int = Field(default=1024, ge=1)
    pad_value: Literal["floor"] | float = "floor"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.hop_length > self.n_fft:
            raise ValueError(f"hop_length {self.hop_length} leaves samples between frames of n_fft {self.n_fft}")
        if self.min_frames > self.max_frames:
            raise ValueError(f"min_frames {self.min_frames} must not lie above max_frames {self.max_frames}")
        return self

    @property
    def pad(self) -> float:
        """The value after the last frame of a row, as it is stored."""
        return float(np.float32(np.log(_OFFSET) if self.pad_value == "floor" else self.pad_value))

    @property
    def bins(self) -> int:
        """Bins of a frame."""
        return 1 + self.n_fft // 2


def densities(values: NDArray[np.float32], *, config: LogSpectrogramConfig) -> NDArray[np.float64]:
    """One-sided power spectral density.

    Parameters
    ----------
    values : ndarray, shape (n,), float32
        Audio of full scale 1.
    config : LogSpectrogramConfig
        Frames and scale.

    Returns
    -------
    ndarray, shape (t, 1 + n_fft / 2), float64
        In squared amplitude per Hz, full scale as configured: ``|X|^2 / (fs sum(w^2))``, doubled in every bin that
        also stands for a negative frequency.
    """
    window = hann(config.n_fft)
    spectrum = spectra(values, window=window, hop_length=config.hop_length)
    both_sides = np.full(config.bins, 2.0)
    both_sides[[0, -1]] = 1.0
    factor = _FULL_SCALE[config.scale] ** 2 / (config.sampling_rate * np.sum(window**2))
    return (spectrum.real**2 + spectrum.imag**2) * (both_sides * factor)


def differences(values: NDArray[np.float32], *, axis: int) -> NDArray[np.float32]:
    """Every value minus the one before it; the first difference is repeated, and a single value has 0.

    Parameters
    ----------
    values : ndarray, float32
        Any shape.
    axis : int
        Axis along which the difference is taken.

    Returns
    -------
    ndarray, float32
        Same shape as ``values``.

    Examples
    --------
    >>> import numpy as np
    >>> differences(np.array([1, 4, 9], dtype=np.float32), axis=0).tolist()
    [3.0, 3.0, 5.0]
    """
    steps = np.diff(values, axis=axis)
    first = steps.take([0], axis=axis) if steps.shape[axis] else np.zeros_like(values)
    return np.concatenate([first, steps], axis=axis)


def _extract(media: Media, *, config: LogSpectrogramConfig) -> FeatureArray:
    values = brought_in(audio_of(media, feature="log_spectrogram"), config, feature="log_spectrogram")
    if len(values) < config.n_fft:
        raise ExtractionError(
            f"log_spectrogram: {len(values)} samples at {config.sampling_rate} Hz are less than a frame of "
            f"{config.n_fft}; lower log_spectrogram.n_fft or leave the utterance out"
        )
    if not np.isfinite(values).all():
        raise ExtractionError(
            "log_spectrogram: samples are NaN or infinite; expected audio in [-1, 1]; repair the file"
        )
    images = _images(np.log(densities(values, config=config) + _OFFSET).astype(np.float32), config=config)
    total = 1 + (len(values) - config.n_fft) // config.hop_length
    length = np.array(min(len(images[0]), config.max_frames), dtype=np.int32)
    return FeatureArray(
        arrays={**dict(zip(_NAMES, images, strict=True)), **{f"{name}_lengths": length for name in _NAMES}},
        columns={"log_spectrogram_frames": min(total, config.max_frames), "log_spectrogram_frames_total": total},
    )


def _images(levels: NDArray[np.float32], *, config: LogSpectrogramConfig) -> list[NDArray[np.float32]]:
    """The levels and their differences, filled up to the least number of frames."""
    axis = 0 if config.difference == "time" else 1
    delta = differences(levels, axis=axis)
    lacking = ((0, max(0, config.min_frames - len(levels))), (0, 0))
    return [
        np.pad(levels, lacking, constant_values=config.pad),
        np.pad(delta, lacking),
        np.pad(differences(delta, axis=axis), lacking),
    ]


def _specs(config: LogSpectrogramConfig) -> tuple[FeatureSpec, ...]:
    of = "logarithm of the power spectral density"
    described = (
        (f"natural {of}", config.pad),
        (f"difference of the {of} along {config.difference}", 0.0),
        (f"second difference of the {of} along {config.difference}", 0.0),
    )
    images = [
        FeatureSpec(
            name=name,
            dims=("frame", "bin"),
            shape=(config.max_frames, config.bins),
            dtype="float32",
            pad=pad,
            fill=float("nan"),
            unit="1",
            frame_rate=config.sampling_rate / config.hop_length,
            time_origin=config.n_fft / 2 / config.sampling_rate,
            frequencies=tuple(np.fft.rfftfreq(config.n_fft, 1 / config.sampling_rate).tolist()),
            description=description,
        )
        for name, (description, pad) in zip(_NAMES, described, strict=True)
    ]
    return (*images, *map(lengths_spec, _NAMES))


def _open(config: LogSpectrogramConfig, _resources: Path) -> Extract:
    return partial(_extract, config=config)


EXTRACTOR = Extractor(
    name="log_spectrogram",
    version=1,
    config=LogSpectrogramConfig,
    media=("audio",),
    specs=_specs,
    columns={"log_spectrogram_frames": "int32", "log_spectrogram_frames_total": "int32"},
    open=_open,
)
