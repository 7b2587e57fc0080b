"""Electrocardiogram as recorded, in millivolts.

``ecg`` (max_length,) float32 and ``ecg_mask`` along ``ecg_sample``, 250 Hz by default: nothing is filtered, filled or
normalised. A signal of another rate is refused. Column ``ecg_sampling_rate`` is the rate of the recording [Hz], 0
where the utterance has none; the heart beats in it are the feature ``ecg_beats``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from pydantic import Field

from kemfeat.features import Extract, Media
from kemfeat.features._uniform import UniformConfig, uniform_extractor
from kemfeat.records import FeatureArray, Signal


class EcgConfig(UniformConfig):
    """A row of samples at 250 Hz, 20 seconds long."""

    sampling_rate: float = Field(default=250.0, gt=0, le=1e6)
    max_length: int = Field(default=5000, ge=1)


_SAMPLES = uniform_extractor("ecg", unit="mV", description="electrocardiogram, raw", config=EcgConfig)


def _open(config: UniformConfig, resources: Path) -> Extract:
    return partial(_extract, samples=_SAMPLES.open(config, resources))


def _extract(media: Media, *, samples: Extract) -> FeatureArray:
    made, signal = samples(media), media["ecg"]
    rate = signal.sampling_rate if isinstance(signal, Signal) else 0.0
    return FeatureArray(made.arrays, {**made.columns, "ecg_sampling_rate": rate})


EXTRACTOR = replace(_SAMPLES, columns={**_SAMPLES.columns, "ecg_sampling_rate": "float64"}, open=_open)
