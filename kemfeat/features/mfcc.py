"""Mel-frequency cepstral coefficients, each z-scored over its own utterance: the audio of system 2's fused model.

``mfcc`` (max_frames, n_mfcc) float32 along ``frame`` and ``coefficient``, 465 x 100 by default, with ``mfcc_mask``
(max_frames,) and ``mfcc_lengths``. Time is the *first* axis: the published array had it last, and its model took
coefficients for words (defect J5).

The coefficients are those of ``librosa.feature.mfcc``: mel powers of centred Hann frames (see ``mel``),
``10 log10(max(p, 1e-10))``, cut off ``top_db`` below the utterance's loudest, then the orthonormal DCT-II over the
bands (Davis and Mermelstein, IEEE Trans. ASSP 28:357, 1980).

- **Bands narrower than a bin**, which the default settings do not have but 256 samples per frame do, contain no bin.
  They are kept, as in librosa, which warns: their power is 0, so they are at the lower end of the range in every
  frame, and the z-score takes away what that adds to a coefficient.
- **z-score** (``zscore``): minus the mean, divided by the standard deviation (of the population) over all frames of the
  utterance, before any is cut, as ``sklearn.preprocessing.scale`` does. A coefficient that deviates by less than
  1.2e-6, ten times float32's epsilon, is constant and becomes 0.
- **Padding** is 0, which after the z-score is the *mean* of a coefficient and not silence (J15). The mask marks real
  frames; no value can.
- **Too long clips**: frames beyond ``max_frames`` are counted in ``mfcc_frames_total`` and not stored.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from kemfeat.errors import ExtractionError
from kemfeat.features import Extract, Extractor, Media
from kemfeat.features._audio import audio_of, brought_in
from kemfeat.features._mel_powers import SMALLEST_POWER, Filters, MelPowersConfig, decibels, filters_of, mel_powers
from kemfeat.features._windows import lengths_spec
from kemfeat.records import FeatureArray, FeatureSpec

_CONSTANT = 10 * float(np.finfo(np.float32).eps)
"""Standard deviation [dB] below which a coefficient is constant."""


class MfccConfig(MelPowersConfig):
    """Settings of ``mfcc``.

    Parameters
    ----------
    sampling_rate, channels, resample, n_mels, n_fft, hop_length : int, str or int, bool, int, int, int
        See :class:`~kemfeat.features._mel_powers.MelPowersConfig`.
    fmin, fmax, top_db, max_frames, pad_mode : float, float, float, int, str
        See :class:`~kemfeat.features._mel_powers.MelPowersConfig`.
    n_mfcc : int, 1 to n_mels
        Coefficients that are kept.
    zscore : bool
        False stores the coefficients as they are, dB.
    """

    n_fft: int = Field(default=400, ge=2, multiple_of=2)
    hop_length: int = Field(default=160, ge=1)
    fmin: float = Field(default=0.0, ge=0)
    max_frames: int = Field(default=465, ge=1)
    n_mfcc: int = Field(default=100, ge=1)
    zscore: bool = True

    @model_validator(mode="after")
    def _enough_bands(self) -> Self:
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc {self.n_mfcc} must not lie above n_mels {self.n_mels}")
        return self


def coefficients(powers: NDArray[np.float32], *, n_mfcc: int, top_db: float) -> NDArray[np.float64]:
    """The first cepstral coefficients of mel powers.

    Parameters
    ----------
    powers : ndarray, shape (t, n_mels), float32
        Mel powers of each frame.
    n_mfcc : int, 1 to n_mels
        Coefficients that are kept.
    top_db : float [dB]
        Dynamic range that is kept.

    Returns
    -------
    ndarray, shape (t, n_mfcc), float64 [dB]
        The first is the level of the frame, sqrt(n_mels) times its mean over the bands.
    """
    from scipy.fft import dct

    loudest = 10 * np.log10(max(float(powers.max()), SMALLEST_POWER))
    levels = decibels(powers, top_db=top_db).astype(np.float64) + loudest
    cepstra: NDArray[np.float64] = dct(levels, type=2, norm="ortho", axis=1, workers=1)
    return cepstra[:, :n_mfcc]


def zscored(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each column with mean 0 and standard deviation 1; a constant one becomes 0.

    Parameters
    ----------
    values : ndarray, shape (t, n), float64
        One row for each frame.

    Returns
    -------
    ndarray, shape (t, n), float64
        The columns, standardised.

    Examples
    --------
    >>> import numpy as np
    >>> zscored(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    centred = values - values.mean(axis=0)
    deviations = np.sqrt(np.mean(centred**2, axis=0))
    return np.where(deviations < _CONSTANT, 0.0, centred / np.maximum(deviations, _CONSTANT))


def _extract(media: Media, *, config: MfccConfig, filters: Filters) -> FeatureArray:
    values = brought_in(audio_of(media, feature="mfcc"), config, feature="mfcc")
    powers = mel_powers(values, config=config, filters=filters)
    if not np.isfinite(powers.max()):
        raise ExtractionError("mfcc: samples are NaN, infinite or huge; expected audio in [-1, 1]; repair the file")
    mfcc = coefficients(powers, n_mfcc=config.n_mfcc, top_db=config.top_db)
    stored = min(len(mfcc), config.max_frames)
    return FeatureArray(
        arrays={
            "mfcc": (zscored(mfcc) if config.zscore else mfcc).astype(np.float32),
            "mfcc_mask": np.ones(len(mfcc), dtype=np.bool_),
            "mfcc_lengths": np.array(stored, dtype=np.int32),
        },
        columns={"mfcc_frames": stored, "mfcc_frames_total": len(mfcc)},
    )


def _specs(config: MfccConfig) -> tuple[FeatureSpec, ...]:
    frame_rate = config.sampling_rate / config.hop_length
    return (
        FeatureSpec(
            name="mfcc",
            dims=("frame", "coefficient"),
            shape=(config.max_frames, config.n_mfcc),
            dtype="float32",
            pad=0.0,
            fill=float("nan"),
            unit="1" if config.zscore else "dB",
            frame_rate=frame_rate,
            time_origin=0.0,
            description="mel-frequency cepstral coefficients" + (", z-scored per utterance" if config.zscore else ""),
        ),
        FeatureSpec(
            name="mfcc_mask",
            dims=("frame",),
            shape=(config.max_frames,),
            dtype="bool",
            pad=False,
            fill=False,
            unit="1",
            frame_rate=frame_rate,
            description="True where mfcc holds a frame",
        ),
        lengths_spec("mfcc"),
    )


def _open(config: MfccConfig, _resources: Path) -> Extract:
    return partial(_extract, config=config, filters=filters_of(config))


EXTRACTOR = Extractor(
    name="mfcc",
    version=1,
    config=MfccConfig,
    media=("audio",),
    specs=_specs,
    columns={"mfcc_frames": "int32", "mfcc_frames_total": "int32"},
    open=_open,
)
