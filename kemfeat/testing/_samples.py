"""Two utterances with every medium that a corpus may bring, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.features import AnyExtractor, Outline, Scene
from kemfeat.records import Events, Footage, Recording, Signal
from kemfeat.video import Frame, shoot

_NOISE = np.random.default_rng(7)
_SECONDS = np.arange(24000) / 16000
PHYSIOLOGY = {"eda", "temp", "ibi", "ecg", "eda_recording", "ibi_recording"}


@dataclass(frozen=True)
class Reel:
    """A film in memory, 10 frames per second, and where the utterance begins in it."""

    pictures: NDArray[np.uint8]
    start: float
    side: str

    def footage(self, extractor: AnyExtractor, config: Any, duration: float) -> Footage:
        """What a build hands to a feature that asks for pictures."""
        if extractor.filming is None:
            raise AssertionError(f"{extractor.name}: reads video, so it needs filming")
        scene = Scene(film="reel", side=self.side, sex="F", start=self.start, duration=duration, frame_rate=10.0)
        shots = extractor.filming.shots(config, scene)
        frames = [Frame(place / 10, picture.copy) for place, picture in enumerate(self.pictures)]
        [(pictures, times)] = shoot(frames, [shots], frame_rate=10.0)
        if pictures is None:
            raise AssertionError(f"{extractor.name}: its shots take no picture")
        return Footage(pictures=pictures, times=times, side=shots.side)


def _clock(samples: int, rate: float) -> NDArray[np.datetime64]:
    milliseconds = np.rint(np.arange(samples) * 1000 / rate).astype("timedelta64[ms]")
    return np.datetime64("2020-08-21T11:28:57.250", "ms") + milliseconds


def _heart(samples: int) -> NDArray[np.float64]:
    """Something with a peak every 0.8 s at 250 Hz."""
    beats: NDArray[np.float64] = np.exp(-(((np.arange(samples) % 200) - 100) ** 2) / 8.0)
    return beats + 0.01 * _NOISE.normal(size=samples)


def _around(samples: int, rate: float | None, unit: str) -> Recording:
    """What was recorded from 10 s before an utterance of 5 s on."""
    times = np.arange(samples) / (rate or 1.2) - 10.0
    drift = 2.0 + 0.05 * np.cumsum(_NOISE.normal(scale=0.1, size=samples))
    values = drift if rate else _NOISE.uniform(0.7, 0.9, samples)
    own = (times >= 0) & (times < 5)
    return Recording(times=times, values=values, own=own, length=5.0, unit=unit, sampling_rate=rate)


ONE: Mapping[str, Any] = {
    "audio": Signal((0.3 * np.sin(2 * np.pi * 220 * _SECONDS)).astype(np.float32), 16000.0, "1"),
    "transcript": "b/ 오늘은 날씨가 참 좋네요, 그렇죠?",
    "eda": Signal(np.array([0.31, 0.32, np.nan, 0.35, 0.36]), 4.0, "uS", _clock(5, 4.0)),
    "temp": Signal(np.array([32.27, 32.29, 32.29, np.nan]), 4.0, "degC", _clock(4, 4.0)),
    "ibi": Events(np.array([0.2, 1.0, 3.1]), np.array([0.78, 0.8, 0.75]), "s"),
    "ecg": Signal(_heart(375), 250.0, "mV", _clock(375, 250.0)),
    "video": Reel(_NOISE.integers(0, 256, size=(30, 96, 144, 3)).astype(np.uint8), 0.5, "left"),
    "eda_recording": _around(120, 4.0, "uS"),
    "ibi_recording": _around(30, None, "s"),
}
"""One utterance."""

OTHER: Mapping[str, Any] = {
    "audio": Signal(_NOISE.normal(scale=0.1, size=9000).astype(np.float32), 16000.0, "1"),
    "transcript": "아니요.",
    "eda": Signal(_NOISE.random(200), 4.0, "uS", _clock(200, 4.0)),
    "temp": Signal(_NOISE.random(200) + 30, 4.0, "degC", _clock(200, 4.0)),
    "ibi": Events(np.cumsum(_NOISE.random(90)), _NOISE.random(90), "s"),
    "ecg": Signal(_heart(9000), 250.0, "mV", _clock(9000, 250.0)),
    "video": Reel(_NOISE.integers(0, 256, size=(9, 96, 144, 3)).astype(np.uint8), 0.7, "right"),
    "eda_recording": _around(44, 4.0, "uS"),
    "ibi_recording": _around(14, None, "s"),
}
"""Another one, longer than a row of physiology holds."""


def outline(media: Mapping[str, Any]) -> Outline:
    """What a build knows of an utterance before anything is extracted."""
    audio = media["audio"]
    duration = len(audio.values) / audio.sampling_rate if audio is not None else float("nan")
    return Outline(duration, {name: media[name] for name in PHYSIOLOGY if media[name] is not None})
