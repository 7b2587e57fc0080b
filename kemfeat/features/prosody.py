"""Functionals of the voice, one row for each utterance: pitch, loudness, timbre, regularity and pace.

Columns named ``prosody.WHAT_HOW``, NaN where the audio cannot carry them, and all of them in this order as the array
``prosody`` (1, 46) float32, for models.

| what | unit | source |
|---|---|---|
| ``f0`` | Hz | Praat's autocorrelation (Boersma, IFA Proceedings 17:97, 1993), voiced frames |
| ``intensity`` | dB re 20 uPa at full scale 1 Pa | Praat's intensity, all frames, 0 and more |
| ``hnr`` | dB | Praat's harmonicity by autocorrelation, voiced frames |
| ``centroid`` | Hz | first moment of the magnitude spectrum, librosa |
| ``rolloff`` | Hz | frequency below which 85 % of the magnitude is, librosa |
| ``flux`` | 1 | half-wave rectified change of the magnitude spectrum of unit sum from frame to frame, summed |

The softest step of 16 bits is 4 dB; what is below 0 dB was cleaned to digital silence, for which Praat gives -300 dB.
Each has ``_mean``, ``_sd`` (n - 1), ``_p10``, ``_p50`` and ``_p90`` over its frames, and ``_slope``, the least-squares
slope over time [unit/s]. Further columns:

- ``voiced_share``: voiced frames among all, 0 to 1; ``voiced_frames``, their number; a row without any has no F0.
- ``jitter_local``, ``jitter_rap``: variation of the period from one to the next, relative to the mean [1];
  ``shimmer_local``, ``shimmer_apq3``: that of the amplitude. Praat's definitions and its default limits.
- ``nuclei_per_s``: peaks of the intensity that are voiced, at least 2 dB above the dips beside them and above
  the median, for each second (after de Jong and Wempe, Behavior Research Methods 41:385, 2009): about syllables.
- ``voiced_runs_per_s``, ``voiced_run_mean`` [s], ``unvoiced_run_mean`` [s]: how voice and its absence alternate.

F0, intensity, HNR, jitter and shimmer are computed by Praat, through praat-parselmouth (GPL-3, ``pip install
'kemfeat[prosody]'``). All columns take 15 ms for a second of real speech, where :func:`librosa.pyin` alone takes 430.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from kemfeat.errors import ConfigError
from kemfeat.features import Extract, Extractor, Media, Prepared
from kemfeat.features._audio import WaveformConfig, audio_of, finite
from kemfeat.features._functionals import spec_of, with_array
from kemfeat.records import FeatureArray

_STEP = 0.01
"""Time between two frames [s]."""
_SHORTEST = 0.1
"""Length [s] below which Praat has no frame."""
_HOW = ("mean", "sd", "p10", "p50", "p90", "slope")
_TRACKS = ("f0", "intensity", "hnr", "centroid", "rolloff", "flux")
_SINGLE = (
    *("voiced_share", "voiced_frames", "jitter_local", "jitter_rap", "shimmer_local", "shimmer_apq3"),
    *("nuclei_per_s", "voiced_runs_per_s", "voiced_run_mean", "unvoiced_run_mean"),
)
_DIP = 2.0
"""How far the intensity falls between two nuclei [dB]."""
_SOFTEST = 0.0
"""Least intensity that is told of [dB]: some of the digital silence in cleaned clips would outweigh all speech."""
_PERIODS = (0.0001, 0.02, 1.3)
"""Praat's defaults: shortest and longest period [s], largest factor between two of them."""
_AMPLITUDES = 1.6
"""Praat's default: largest factor between two amplitudes."""

Floats = NDArray[np.float64]


class ProsodyConfig(WaveformConfig):
    """Settings of ``prosody``.

    Parameters
    ----------
    channels : str or int
        The channel, as for ``mel``.
    sampling_rate : int [Hz]
        Rate to which the audio is resampled.
    resample : bool
        False refuses audio of another rate.
    f0_min, f0_max : float [Hz]
        Between which F0 is looked for; Praat's defaults for any speaker.
    """

    f0_min: float = Field(default=75.0, ge=30.0, le=500.0)
    f0_max: float = Field(default=600.0, ge=100.0, le=2000.0)

    @model_validator(mode="after")
    def _ordered(self) -> ProsodyConfig:
        if self.f0_min >= self.f0_max:
            raise ValueError(f"f0_min is {self.f0_min:g} and f0_max {self.f0_max:g}; expected f0_min below f0_max")
        return self


def functionals(times: Floats, values: Floats) -> dict[str, float]:
    """What is told of the values of a track.

    Parameters
    ----------
    times : ndarray, shape (n,), float64 [s]
        When each was measured.
    values : ndarray, shape (n,), float64
        The values; those that are not finite are left out.

    Returns
    -------
    dict of str to float
        ``mean``, ``sd`` (n - 1), ``p10``, ``p50``, ``p90``, and ``slope``, by least squares, per second; NaN where
        there are too few values: none, one for ``sd`` and ``slope``.

    Examples
    --------
    >>> import numpy as np
    >>> functionals(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]))["slope"]
    2.0
    """
    known = np.isfinite(values)
    times, values = times[known], values[known]
    if not len(values):
        return dict.fromkeys(_HOW, np.nan)
    tenth, half, ninth = np.percentile(values, (10, 50, 90))
    spread = slope = np.nan
    if len(values) > 1:
        spread = values.std(ddof=1)
        centred = times - times.mean()
        slope = float(centred @ (values - values.mean()) / (centred @ centred))
    found = dict(zip(_HOW, (values.mean(), spread, tenth, half, ninth, slope), strict=True))
    return {how: float(value) for how, value in found.items()}


def _extract(media: Media, *, config: ProsodyConfig) -> FeatureArray:
    samples = finite(audio_of(media, feature="prosody"), config, feature="prosody")
    columns: dict[str, Any] = dict.fromkeys(_columns())
    columns["prosody.voiced_frames"] = 0
    if len(samples) >= _SHORTEST * config.sampling_rate:
        columns.update((f"prosody.{name}", _told(value)) for name, value in _measured(samples, config))
    return with_array("prosody", columns, EXTRACTOR.columns)


def _measured(samples: NDArray[np.float32], config: ProsodyConfig) -> Iterator[tuple[str, float]]:
    import parselmouth

    sound = parselmouth.Sound(samples.astype(np.float64), config.sampling_rate)
    pitch = sound.to_pitch_ac(time_step=_STEP, pitch_floor=config.f0_min, pitch_ceiling=config.f0_max)
    times, f0 = pitch.xs(), pitch.selected_array["frequency"]
    voiced = f0 > 0
    intensity = sound.to_intensity(minimum_pitch=config.f0_min, time_step=_STEP)
    levels = np.maximum(intensity.values[0], _SOFTEST)
    harmonicity = sound.to_harmonicity_ac(
        time_step=_STEP, minimum_pitch=config.f0_min, silence_threshold=0.1, periods_per_window=4.5
    )
    ratios = harmonicity.values[0]
    tracks = {
        "f0": (times, np.where(voiced, f0, np.nan)),
        "intensity": (intensity.xs(), levels),
        "hnr": (harmonicity.xs(), np.where(ratios > _NO_VOICE, ratios, np.nan)),
        **_spectral(samples, config.sampling_rate),
    }
    for name, track in tracks.items():
        yield from ((f"{name}_{how}", value) for how, value in functionals(*track).items())
    yield "voiced_frames", int(voiced.sum())
    yield "voiced_share", float(voiced.mean())
    yield from _perturbation(sound, config)
    yield from _pace(times, voiced, intensity.xs(), levels, seconds=len(samples) / config.sampling_rate)


_NO_VOICE = -200.0
"""What Praat gives as the HNR [dB] of a frame without voice."""


def _spectral(samples: NDArray[np.float32], rate: int) -> dict[str, tuple[Floats, Floats]]:
    """Centroid, roll-off and flux over frames of 25 ms with a Hann window."""
    import librosa

    width, hop = round(0.025 * rate), round(_STEP * rate)
    magnitudes = np.abs(librosa.stft(samples, n_fft=width, hop_length=hop, center=False)).astype(np.float64)
    sounding = magnitudes.sum(axis=0) > 0
    times = (np.arange(magnitudes.shape[1]) * hop + width / 2) / rate
    centroid = librosa.feature.spectral_centroid(S=magnitudes, sr=rate, n_fft=width)[0]
    rolloff = librosa.feature.spectral_rolloff(S=magnitudes, sr=rate, n_fft=width, roll_percent=0.85)[0]
    shares = magnitudes / np.where(sounding, magnitudes.sum(axis=0), 1.0)
    flux = np.maximum(np.diff(shares, axis=1), 0).sum(axis=0)
    return {
        "centroid": (times, np.where(sounding, centroid, np.nan)),
        "rolloff": (times, np.where(sounding, rolloff, np.nan)),
        "flux": (times[1:], flux),
    }


def _perturbation(sound: Any, config: ProsodyConfig) -> Iterator[tuple[str, float]]:
    """Jitter and shimmer of the whole utterance; Praat gives NaN where it has too few periods."""
    from parselmouth.praat import call

    points = call(sound, "To PointProcess (periodic, cc)", config.f0_min, config.f0_max)
    for kind in ("local", "rap"):
        yield f"jitter_{kind}", call(points, f"Get jitter ({kind})", 0, 0, *_PERIODS)
    for kind in ("local", "apq3"):
        yield f"shimmer_{kind}", call([sound, points], f"Get shimmer ({kind})", 0, 0, *_PERIODS, _AMPLITUDES)


def _pace(
    times: Floats, voiced: NDArray[np.bool_], at: Floats, levels: Floats, *, seconds: float
) -> Iterator[tuple[str, float]]:
    from scipy.signal import find_peaks

    peaks, _ = find_peaks(levels, prominence=_DIP, height=float(np.median(levels)))
    nearest = np.abs(times[None, :] - at[peaks][:, None]).argmin(axis=1)
    yield "nuclei_per_s", float(voiced[nearest].sum() / seconds)
    runs = [(bool(is_voiced), sum(1 for _ in frames) * _STEP) for is_voiced, frames in groupby(voiced.tolist())]
    lengths = {state: [length for is_voiced, length in runs if is_voiced is state] for state in (True, False)}
    yield "voiced_runs_per_s", len(lengths[True]) / seconds
    yield "voiced_run_mean", float(np.mean(lengths[True])) if lengths[True] else np.nan
    yield "unvoiced_run_mean", float(np.mean(lengths[False])) if lengths[False] else np.nan


def _told(value: float) -> float | int | None:
    return value if isinstance(value, int) else (float(value) if np.isfinite(value) else None)


def _columns() -> dict[str, str]:
    names = [*(f"{track}_{how}" for track in _TRACKS for how in _HOW), *_SINGLE]
    return {f"prosody.{name}": "int32" if name == "voiced_frames" else "float64" for name in names}


def _prepare(config: ProsodyConfig, *, root: Path, tokenizer: str) -> Prepared[ProsodyConfig]:  # noqa: ARG001 - the shape of a preparation
    try:
        import parselmouth  # noqa: F401 - a build without it ends here, not in its workers
    except ImportError:
        raise ConfigError(
            "prosody: needs the package praat-parselmouth, which is not installed; pip install 'kemfeat[prosody]', or "
            "leave prosody out of the features"
        ) from None
    return Prepared(config)


def _open(config: ProsodyConfig, resources: Path) -> Extract:  # noqa: ARG001 - the shape of an opening
    return partial(_extract, config=config)


EXTRACTOR = Extractor(
    name="prosody",
    version=2,
    config=ProsodyConfig,
    media=("audio",),
    specs=lambda config: (spec_of("prosody", _columns()),),
    columns=_columns(),
    open=_open,
    prepare=_prepare,
)
