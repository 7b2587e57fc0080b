"""What ``eda``, ``temp``, ``ibi`` and ``ecg`` share: rows of samples at a fixed rate, with a mask beside them.

The values are raw: in the corpus' unit, never normalised, never filled. A sample is real exactly where the mask is
True; everywhere else the value is NaN. The corpus itself says which samples belong to an utterance (the rows that
carry its id); the clock is never used to guess, so an utterance without physiology has length 0 and nothing but NaN.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from kemfeat.config import FeatureConfig
from kemfeat.errors import ExtractionError
from kemfeat.features import Extract, Extractor, Media
from kemfeat.records import FeatureArray, FeatureSpec, Signal


class UniformConfig(FeatureConfig):
    """A row of samples.

    Parameters
    ----------
    sampling_rate : float [Hz]
        Samples per second of the stored row; a signal of another rate is refused.
    max_length : int, >= 1 [samples]
        Length of a row; the store cuts what is longer and counts it in a column.
    """

    sampling_rate: float = Field(default=4.0, gt=0, le=1e6)
    max_length: int = Field(default=160, ge=1)


def uniform_extractor(
    name: str, *, unit: str, description: str, config: type[UniformConfig] = UniformConfig
) -> Extractor[UniformConfig]:
    """A feature that stores the signal of its own name as it is; ``config`` holds its defaults.

    It fills two columns: ``<name>_length``, the samples stored (0 where the utterance has no such signal), and
    ``<name>_length_total``, the samples that the corpus has.
    """
    return Extractor(
        name=name,
        version=1,
        config=config,
        media=(name,),
        specs=partial(masked_specs, name=name, unit=unit, description=description),
        columns={f"{name}_length": "int32", f"{name}_length_total": "int32"},
        open=partial(_open, name=name, unit=unit),
    )


def masked_specs(config: UniformConfig, *, name: str, unit: str, description: str) -> tuple[FeatureSpec, FeatureSpec]:
    """Two arrays of one row each: float32 ``name``, padded with NaN, and bool ``name_mask``, padded with False.

    Their axis is ``<name>_sample``: signals of an utterance need not begin at the same clock, so each has its own.
    """
    values = FeatureSpec(
        name=name,
        dims=(f"{name}_sample",),
        shape=(config.max_length,),
        dtype="float32",
        pad=math.nan,
        fill=math.nan,
        unit=unit,
        description=description,
        frame_rate=config.sampling_rate,
        time_origin=0.0,
    )
    mask = replace(
        values,
        name=f"{name}_mask",
        dtype="bool",
        pad=False,
        fill=False,
        unit="1",
        description=f"True where {name} holds a measured value",
    )
    return values, mask


def masked(values: NDArray[np.float64], *, name: str) -> dict[str, NDArray[Any]]:
    """The two arrays of :func:`masked_specs` for some values [shape=(n,)]; what float32 cannot hold becomes NaN."""
    with np.errstate(over="ignore"):
        stored = values.astype(np.float32)
    mask = np.isfinite(stored)
    stored[~mask] = np.nan
    return {name: stored, f"{name}_mask": mask}


def _open(config: UniformConfig, _resources: Path, *, name: str, unit: str) -> Extract:
    return partial(_extract, config=config, name=name, unit=unit)


def _extract(media: Media, *, config: UniformConfig, name: str, unit: str) -> FeatureArray:
    signal = media[name]
    values = np.empty(0) if signal is None else _checked(signal, config=config, name=name, unit=unit).values
    return FeatureArray(
        masked(values, name=name),
        {f"{name}_length": min(len(values), config.max_length), f"{name}_length_total": len(values)},
    )


def _checked(signal: object, *, config: UniformConfig, name: str, unit: str) -> Signal:
    if not isinstance(signal, Signal) or signal.unit != unit:
        found = signal.unit if isinstance(signal, Signal) else type(signal).__name__
        raise ExtractionError(f"{name}: found {found}, expected a signal in {unit}; correct the corpus reader")
    if signal.sampling_rate != config.sampling_rate:
        raise ExtractionError(
            f"{name}: the signal has {signal.sampling_rate:g} samples per second, expected {config.sampling_rate:g}; "
            f"set {name}.sampling_rate to the corpus' rate, or correct the rate in the file's header"
        )
    return signal
