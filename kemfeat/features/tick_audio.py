"""The sound around every tick, on the row axis ``tick``: a log-mel spectrogram, or the cepstra of the published system.

``tick_audio`` float32 and ``tick_audio_mask`` along ``frame``. Audio is resampled to 16 kHz, one channel; frames
are 25 ms long, every 10 ms.

- **Default**, (273, n_mels) dB: power of Hann frames over 512 points through Slaney's mel bands up to 8 kHz,
  ``10 log10(max(p, 1e-10))`` of samples in [-1, 1]. The level is absolute: nothing is divided by a maximum, so ticks
  can be compared. The middle frame is centred on the tick, as is the physiology of ``tick_physiology``, and all frames
  are within its 2.75 s. Outside the audio there is silence, -100 dB, and the mask is False.
- **Preset ``faithful``**, (274, 13): the cepstra of python_speech_features 0.6 at its defaults, of samples on the scale
  of 16-bit integers. The slice lasts from the first to the last of the eleven ticks around; one shorter than 0.08 s
  becomes zeros; then 44,000 samples are made of it by mirroring both ends, or cutting both. So its middle is not the
  tick near the ends of an utterance, and it spans 2.5 s where the physiology spans 2.75 s. The mask is True where the
  middle of a frame is in the slice rather than in its mirror image.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from kemfeat.features import Extract, Extractor, Media, _kernels, _simd_fft
from kemfeat.features._audio import ChannelConfig, WaveformConfig, audio_of, finite
from kemfeat.features._cepstra import COEFFICIENTS, cepstra, frame_count
from kemfeat.features._mel_powers import SMALLEST_POWER, Filters, MelPowersConfig, filters_of
from kemfeat.features._ticks import ROWS_FACTOR, WINDOW, Ticks, tick_rows, ticks_of
from kemfeat.features._windows import hann
from kemfeat.records import FeatureArray, FeatureSpec

_SAMPLING_RATE = 16000
_FRAME, _STEP, _N_FFT = 400, 160, 512
_SPAN = int(WINDOW * _SAMPLING_RATE)
_FRAMES = 1 + (_SPAN - _FRAME) // _STEP
_SILENCE = -100.0
"""The level of the smallest power, dB."""

_SHORTEST = 0.08  # s
_FULL_SCALE = 32768
_BLOCK = 512
"""Frames transformed at once."""


class TickAudioConfig(ChannelConfig):
    """Settings of ``tick_audio``.

    Parameters
    ----------
    channels : str or int
        See :class:`~kemfeat.features._audio.ChannelConfig`.
    kind : {"log-mel", "mfcc"}
        Spectrogram, or cepstra as published.
    n_mels : int, >= 1
        Bands of the spectrogram; the cepstra always come from 26.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {"default": {}, "faithful": {"kind": "mfcc"}}

    kind: Literal["log-mel", "mfcc"] = "log-mel"
    n_mels: int = Field(default=26, ge=1)

    @model_serializer(mode="wrap")
    def _without_usual_channel(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The fields; the first channel is left out, which was the only one, so that stores keep their digest."""
        return {name: value for name, value in handler(self).items() if name != "channels" or value != "first"}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "mfcc" and self.n_mels != 26:
            raise ValueError(f"n_mels: the kind mfcc is made from 26 bands, found {self.n_mels}; leave n_mels out")
        if _filters(self.n_mels).empty:
            raise ValueError(f"n_mels: {self.n_mels} bands are too narrow for the bins of {_N_FFT} points; lower it")
        return self


def log_mel(values: NDArray[np.float32], centres: NDArray[np.int64], *, n_mels: int) -> FeatureArray:
    """Log-mel spectrograms around some samples.

    Parameters
    ----------
    values : ndarray, shape (n,), float32
        Audio at 16 kHz in [-1, 1].
    centres : ndarray, shape (r,), int64, >= 0
        Samples on which the middle frames are centred.
    n_mels : int, >= 1
        Bands.

    Returns
    -------
    FeatureArray
        ``tick_audio``, shape (r, 273, n_mels) [dB], and ``tick_audio_mask``, shape (r, 273).
    """
    middles = centres[:, None] + _STEP * (np.arange(_FRAMES) - _FRAMES // 2)
    # Ticks are a whole number of steps apart, so most frames belong to eleven of them.
    unique, places = np.unique(middles, return_inverse=True)
    levels = _levels(values, unique, n_mels=n_mels)
    mask = (middles >= 0) & (middles < len(values))
    return FeatureArray({"tick_audio": levels[places], "tick_audio_mask": mask})


def _levels(values: NDArray[np.float32], middles: NDArray[np.int64], *, n_mels: int) -> NDArray[np.float32]:
    """Levels [shape=(t, n_mels)] of the frames centred on ``middles`` [shape=(t,), ascending], dB."""
    from scipy.fft import rfft

    before = _SPAN // 2
    after = max(0, int(middles[-1]) + _FRAME - len(values))
    frames = sliding_window_view(np.pad(values, (before, after)), _FRAME)
    window, bands = hann(_FRAME), _filters(n_mels).bands
    powers = np.empty((len(middles), n_mels), dtype=np.float32)
    for first in range(0, len(middles), _BLOCK):
        some = slice(first, first + _BLOCK)
        windowed = frames[middles[some] + before - _FRAME // 2] * window
        _simd_fft.band_powers(rfft(windowed, _N_FFT, axis=1, workers=1), bands, powers[some])
    levels = np.empty_like(powers)
    _kernels.decibels(powers.ravel(), 1.0, SMALLEST_POWER, -_SILENCE, levels.reshape(-1))
    return levels


def _filters(n_mels: int) -> Filters:
    """Mel bands of the frames; the window in them is not that of shorter frames and stays unused."""
    return filters_of(MelPowersConfig(n_mels=n_mels, n_fft=_N_FFT, hop_length=_STEP, fmin=0.0, fmax=_SAMPLING_RATE / 2))


def published_cepstra(values: NDArray[np.float32], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> FeatureArray:
    """Cepstra of slices of the audio, each fitted to 44,000 samples.

    Parameters
    ----------
    values : ndarray, shape (n,), float32
        Audio at 16 kHz in [-1, 1].
    starts, ends : ndarray, shape (r,), int64, >= 0
        First sample of each slice and the one after its last.

    Returns
    -------
    FeatureArray
        ``tick_audio``, shape (r, 274, 13), and ``tick_audio_mask``, shape (r, 274).
    """
    samples = np.rint(values.astype(np.float64) * _FULL_SCALE)
    count = frame_count(_SPAN)
    made = np.empty((len(starts), count, COEFFICIENTS), dtype=np.float32)
    mask = np.empty((len(starts), count), dtype=bool)
    middles = _STEP * np.arange(count) + _FRAME // 2
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        fitted, real = _fitted(samples[start:end])
        made[row] = cepstra(fitted)
        mask[row] = (middles >= real.start) & (middles < real.stop)
    return FeatureArray({"tick_audio": made, "tick_audio_mask": mask})


def _fitted(piece: NDArray[np.float64]) -> tuple[NDArray[np.float64], slice]:
    """44,000 samples, and which of them are those of the piece."""
    if len(piece) < _SHORTEST * _SAMPLING_RATE:
        return np.zeros(_SPAN), slice(0, 0)
    before = abs(_SPAN - len(piece)) // 2
    if len(piece) >= _SPAN:
        return piece[before : before + _SPAN], slice(0, _SPAN)
    fitted = np.pad(piece, (before, _SPAN - len(piece) - before), mode="reflect")
    return fitted, slice(before, before + len(piece))


def _extract(media: Media, *, config: TickAudioConfig) -> FeatureArray:
    ticks = ticks_of(media, feature="tick_audio")
    if len(ticks) == 0:
        return FeatureArray({spec.name: np.empty((0, *spec.shape), dtype=spec.dtype) for spec in _specs(config)})
    audio = WaveformConfig(sampling_rate=_SAMPLING_RATE, channels=config.channels)
    values = finite(audio_of(media, feature="tick_audio"), audio, feature="tick_audio")
    centres = np.rint(ticks.times * _SAMPLING_RATE).astype(np.int64)
    if config.kind == "log-mel":
        return log_mel(values, centres, n_mels=config.n_mels)
    around = _ends(ticks)
    return published_cepstra(values, centres[around[:, 0]], centres[around[:, 1]])


def _ends(ticks: Ticks) -> NDArray[np.int64]:
    """The numbers of the first and the last of the eleven ticks around each [shape=(n, 2)]."""
    return ticks.neighbours()[:, [0, -1]]


def _specs(config: TickAudioConfig) -> tuple[FeatureSpec, ...]:
    mel = config.kind == "log-mel"
    frames = _FRAMES if mel else frame_count(_SPAN)
    values = FeatureSpec(
        name="tick_audio",
        dims=("frame", "mel_bin" if mel else "coefficient"),
        shape=(frames, config.n_mels if mel else COEFFICIENTS),
        dtype="float32",
        pad=float("nan"),
        fill=float("nan"),
        unit="dB" if mel else "1",
        frame_rate=_SAMPLING_RATE / _STEP,
        description="log-mel spectrogram around the tick" if mel else "cepstra of the published window at the tick",
    )
    mask = FeatureSpec(
        name="tick_audio_mask",
        dims=("frame",),
        shape=(frames,),
        dtype="bool",
        pad=False,
        fill=False,
        unit="1",
        frame_rate=_SAMPLING_RATE / _STEP,
        description="True where the middle of a frame lies in the audio",
    )
    return values, mask


def _open(config: TickAudioConfig, _resources: Path) -> Extract:
    return partial(_extract, config=config)


EXTRACTOR = Extractor(
    name="tick_audio",
    version=1,
    config=TickAudioConfig,
    media=("audio", "eda", "temp"),
    specs=_specs,
    columns={},
    open=_open,
    axis="tick",
    rows=tick_rows,
    rows_factor=ROWS_FACTOR,
)
