"""Log-mel spectrogram in dB against the loudest bin of the utterance.

Hann window, centred frames, power spectrum in float64 (a float32 transform is off by more than 1e-4 dB in the quiet
bins of most real clips), Slaney mel scale and normalisation (Slaney, Auditory Toolbox, 1998) with the float32 weights
of ``librosa.filters.mel``, then ``10 log10(max(p, 1e-10) / max(p_max, 1e-10))``, cut off ``top_db`` below the maximum.
The values are those of ``librosa.power_to_db(librosa.feature.melspectrogram(y), ref=np.max)``.

- **Range**: [-top_db, 0] dB; the loudest bin is exactly 0.
- **Faint clips**: powers below 1e-10 count as 1e-10, as in librosa, so a clip whose loudest bin is below 1e-2 has less
  than 80 dB of range.
- **Silence** is 0 dB in every bin, since no bin is louder than another; validation names silent clips.
- **Padding**: the last frame is followed by ``pad_value``, by default the floor -top_db, and ``mel_lengths`` says how
  many frames are real. Never recognise padding by its value: real frames reach the floor too.
- **Too long clips**: frames beyond ``max_frames`` are computed, counted in ``mel_frames_total`` and not stored.

The preset ``kor-2022`` pads with 0 dB as the published system did. 0 dB is the *loudest* value a frame can have, so a
model without lengths takes padding for a scream; use it to reproduce published numbers, and for nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import model_validator

from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features import Extract, Extractor, Media
from kemfeat.features._audio import audio_of, brought_in
from kemfeat.features._mel_powers import (
    Filters,
    MelPowersConfig,
    band_centres,
    decibels,
    filters_of,
    mel_powers,
)
from kemfeat.features._windows import lengths_spec, rounding_error
from kemfeat.records import FeatureArray, FeatureSpec
from kemfeat.waveform import channel_count


class MelConfig(MelPowersConfig):
    """Settings of ``mel``.

    Parameters
    ----------
    sampling_rate, channels, resample, n_mels, n_fft, hop_length : int, str or int, bool, int, int, int
        See :class:`~kemfeat.features._mel_powers.MelPowersConfig`.
    fmin, fmax, top_db, max_frames, pad_mode : float, float, float, int, str
        See :class:`~kemfeat.features._mel_powers.MelPowersConfig`.
    pad_value : "floor" or float [dB]
        What follows the last frame of a row; ``floor`` is -top_db.
    dtype : {"float32", "float16"}
        ``float16`` halves the store; column ``mel_rounding_error`` gives each row's largest error, dB.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {"default": {}, "kor-2022": {"pad_value": 0.0}}

    pad_value: Literal["floor"] | float = "floor"
    dtype: Literal["float32", "float16"] = "float32"

    @model_validator(mode="after")
    def _padded_with_a_number(self) -> Self:
        if not np.isfinite(self.pad):
            raise ValueError(f"pad_value must be 'floor' or a finite number of dB, found {self.pad_value!r}")
        return self

    @property
    def pad(self) -> float:
        """The value after the last frame of a row, dB."""
        return -self.top_db if self.pad_value == "floor" else float(self.pad_value)


def mel_filters(config: MelConfig) -> Filters:
    """Window and mel bands of a configuration.

    Parameters
    ----------
    config : MelConfig
        Settings.

    Returns
    -------
    Filters
        Window, transform and weights.

    Raises
    ------
    ConfigError
        A band is so narrow that no bin falls into it.
    """
    filters = filters_of(config)
    if filters.empty:
        raise ConfigError(
            f"mel: {filters.empty} of n_mels={config.n_mels} bands are narrower than a bin of n_fft={config.n_fft} and "
            f"would stay empty; lower n_mels or raise n_fft"
        )
    return filters


def _extract(media: Media, *, config: MelConfig, filters: Filters) -> FeatureArray:
    signal = audio_of(media, feature="mel")
    powers = mel_powers(brought_in(signal, config, feature="mel"), config=config, filters=filters)
    if not np.isfinite(powers.max()):
        raise ExtractionError("mel: samples are NaN, infinite or huge; expected audio in [-1, 1]; repair the file")
    mel = decibels(powers, top_db=config.top_db)
    stored = min(len(mel), config.max_frames)
    return FeatureArray(
        arrays={"mel": mel, "mel_lengths": np.array(stored, dtype=np.int32)},
        columns={
            "mel_frames": stored,
            "mel_frames_total": len(mel),
            "source_sampling_rate": int(signal.sampling_rate),
            "source_channels": channel_count(signal),
            "mel_rounding_error": rounding_error(mel[:stored], dtype=config.dtype),
        },
    )


def _specs(config: MelConfig) -> tuple[FeatureSpec, ...]:
    return (
        FeatureSpec(
            name="mel",
            dims=("frame", "mel_bin"),
            shape=(config.max_frames, config.n_mels),
            dtype=config.dtype,
            pad=config.pad,
            fill=float("nan"),
            unit="dB",
            frame_rate=config.sampling_rate / config.hop_length,
            time_origin=0.0,
            frequencies=band_centres(config.n_mels, fmin=config.fmin, fmax=config.fmax),
            description="log-mel spectrogram, dB against the loudest bin of the utterance",
        ),
        lengths_spec("mel"),
    )


def _open(config: MelConfig, resources: Path) -> Extract:  # noqa: ARG001 - mel needs no resource
    return partial(_extract, config=config, filters=mel_filters(config))


EXTRACTOR = Extractor(
    name="mel",
    version=2,
    config=MelConfig,
    media=("audio",),
    specs=_specs,
    columns={
        "mel_frames": "int32",
        "mel_frames_total": "int32",
        "source_sampling_rate": "int32",
        "source_channels": "int32",
        "mel_rounding_error": "float64",
    },
    open=_open,
)
