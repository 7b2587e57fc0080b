"""Computes the length of every row of every array from durations alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.build._settings import Resolved
from kemfeat.records import FeatureSpec


def specs_of(resolved: Resolved) -> dict[str, tuple[FeatureSpec, ...]]:
    """The arrays of every feature."""
    return {name: extractor.specs(resolved.settings(name)) for name, extractor in resolved.extractors.items()}


def lengths(resolved: Resolved, seconds: NDArray[np.float64]) -> dict[str, NDArray[np.int64]]:
    """For each array of utterances, how many elements of its first axis each row fills; the others are padding.

    Parameters
    ----------
    resolved : Resolved
        The configuration.
    seconds : ndarray, shape (n,), float64 [s]
        Length of every utterance; NaN or 0 where there is no audio.

    Returns
    -------
    dict of str to ndarray, shape (n,), int64
        Lengths by array.
    """
    rates: dict[str, dict[str, Any]] = {}
    filled: dict[str, Any] = {}
    for name, specs in specs_of(resolved).items():
        if resolved.extractors[name].rows is not None:
            continue
        made_from = (rates.get(medium, {}) for medium in resolved.extractors[name].media)
        own = {spec.dims[0]: spec.frame_rate for spec in specs if spec.frame_rate is not None}
        rates[name] = {dim: rate for of in (*made_from, own) for dim, rate in of.items()}
        filled |= {spec.name: _filled(spec, rates[name], seconds) for spec in specs}
    return filled


def whole_lengths(resolved: Resolved, seconds: NDArray[np.float64]) -> dict[str, NDArray[np.int64]]:
    """For each array of utterances that has a frame rate, what :func:`lengths` would be if nothing were cut."""
    specs = _of_utterances(resolved)
    return {spec.name: _frames(seconds, spec.frame_rate) for spec in specs if spec.frame_rate is not None}


def from_audio(resolved: Resolved) -> set[str]:
    """The features of utterances that are made from audio, or from a feature that is."""
    found = {"audio"}
    for name, extractor in resolved.extractors.items():
        if extractor.rows is None and found & set(extractor.media):
            found.add(name)
    return found - {"audio"}


def row_bytes(resolved: Resolved) -> int:
    """Bytes in memory that one utterance takes on the axis whose padded arrays are largest."""
    sizes: dict[str, int] = {}
    for name, specs in specs_of(resolved).items():
        extractor = resolved.extractors[name]
        row = sum(_element(spec) * math.prod(spec.shape[:1]) for spec in specs)
        sizes[extractor.axis] = sizes.get(extractor.axis, 0) + row * extractor.rows_factor
    return max(sizes.values())


def sound_bytes(resolved: Resolved, seconds: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """For each feature made from audio, the uncompressed bytes of each row without padding: nearly all of a store.

    Parameters
    ----------
    resolved : Resolved
        The configuration.
    seconds : ndarray, shape (n,), float64 [s]
        Length of the audio of every utterance; NaN where there is none.

    Returns
    -------
    dict of str to ndarray, shape (n,), float64
        Bytes by feature.
    """
    filled, specs = lengths(resolved, seconds), specs_of(resolved)
    sizes = {}
    for name in from_audio(resolved):
        sizes[name] = np.zeros(len(seconds))
        for spec in (spec for spec in specs[name] if spec.shape):
            sizes[name] += filled[spec.name] * _element(spec)
    return sizes


def _of_utterances(resolved: Resolved) -> list[FeatureSpec]:
    return [
        spec for name, arrays in specs_of(resolved).items() if resolved.extractors[name].rows is None for spec in arrays
    ]


def _filled(spec: FeatureSpec, rates: Mapping[str, Any], seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    if not spec.shape or spec.dims[0] not in rates:
        return np.full(len(seconds), math.prod(spec.shape[:1]), dtype=np.int64)
    return np.minimum(_frames(seconds, rates[spec.dims[0]]), spec.shape[0])


def _frames(seconds: NDArray[np.float64], rate: float) -> NDArray[np.int64]:
    """Number of frames that begin within a duration, including the one at 0; none where there is no audio."""
    there = np.nan_to_num(seconds)
    return np.where(there > 0, np.floor(there * rate) + 1, 0).astype(np.int64)


def _element(spec: FeatureSpec) -> int:
    """Bytes of one element of the first axis."""
    return int(np.dtype(spec.dtype).itemsize * math.prod(spec.shape[1:]))
