"""What was measured over the time of one utterance: pictures of frames, and series of samples."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.config import suggest
from kemfeat.corpora.plausibility import RANGES
from kemfeat.errors import ConfigError
from kemfeat.figures.units import shown_unit
from kemfeat.records import stem
from kemfeat.report.measures import read
from kemfeat.store.degenerate import STILL
from kemfeat.store.panels import frame_rate, frequencies
from kemfeat.store.reader import Store
from kemfeat.store.schema import ArrayInfo

_FRAMES_DIMS, _SAMPLES_DIMS = 3, 2
_LEVELS = 254


def picture_names(store: Store) -> list[str]:
    """Arrays that are drawn as pictures: bands over the frames of an utterance.

    Parameters
    ----------
    store : Store
        A finished store.

    Returns
    -------
    list of str
        ``mel`` first where there is one.
    """
    names = [name for name, info in store.header.arrays.items() if _runs(store, info, _FRAMES_DIMS)]
    return sorted(names, key=lambda name: stem(name) != "mel")


def picture(store: Store, name: str, row: int) -> dict[str, Any]:
    """One array of frames as grey levels.

    Parameters
    ----------
    store : Store
        A finished store.
    name : str
        One of :func:`picture_names`.
    row : int
        Number of the utterance.

    Returns
    -------
    dict
        For the page: title, unit, frames, bands, rate [Hz], low and high, frequencies [Hz] or None, band, and base64 of
        one byte per frame and band, frame by frame: 0 where there is no value, else 1 (low) to 255 (high).

    Raises
    ------
    ConfigError
        The store draws no such array.
    StoreError
        It cannot be read.
    """
    if name not in picture_names(store):
        raise ConfigError(f"{store.path}: draws no array {name!r}{suggest(name, picture_names(store))}")
    info = store.header.arrays[name]
    sample = read(store, name, np.array([row]))
    values = sample.values[0] if sample.real is None else sample.values[0][sample.real[0]]
    levels, low, high = _levels(values.astype(np.float64))
    centres = frequencies(store, info)
    return {
        "title": f"{name}: {info.description}",
        "unit": shown_unit(info.unit),
        "frames": values.shape[0],
        "bands": values.shape[1],
        "rate": frame_rate(store, info),
        "low": low,
        "high": high,
        "band": info.dims[-1].replace("_", " "),
        "frequencies": None if centres is None else centres.round(1).tolist(),
        "levels": base64.b64encode(levels.tobytes()).decode(),
    }


def _levels(values: NDArray[np.float64]) -> tuple[NDArray[np.uint8], float, float]:
    """Values as 1 to 255, with 0 for what is not finite."""
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape, np.uint8), 0.0, 0.0
    low, high = float(values[finite].min()), float(values[finite].max())
    scaled = np.zeros(values.shape)
    np.divide(values - low, high - low, out=scaled, where=finite & (high > low))
    return np.where(finite, 1 + np.round(scaled * _LEVELS), 0).astype(np.uint8), low, high


def series(store: Store, row: int, *, seconds: float) -> Iterator[dict[str, Any]]:
    """Samples of every array that has one number per sample, on the clock of the utterance.

    Parameters
    ----------
    store : Store
        A finished store.
    row : int
        Number of the utterance.
    seconds : float [s]
        Its duration; samples after it are padding, unless they were measured.

    Yields
    ------
    dict
        For the page: name, title, unit, rate [Hz], values (None where nothing was measured), odd (numbers of samples
        that no sensor on a person gives), and constant.

    Raises
    ------
    StoreError
        An array cannot be read.
    """
    for name, info in store.header.arrays.items():
        if _runs(store, info, _SAMPLES_DIMS):
            rate = frame_rate(store, info)
            sample = read(store, name, np.array([row]))
            values = sample.values[0].astype(np.float64)
            real = np.isfinite(values) if sample.real is None else sample.real[0] & np.isfinite(values)
            last = int(np.flatnonzero(real)[-1]) + 1 if real.any() else 0
            length = min(len(values), max(last, round(seconds * (rate or 0))))
            yield _described(name, info, values[:length], real[:length]) | {"rate": rate}


def _described(name: str, info: ArrayInfo, values: NDArray[np.float64], real: NDArray[np.bool_]) -> dict[str, Any]:
    low, high = RANGES.get(stem(name), (-np.inf, np.inf))
    known = values[real]
    return {
        "name": name,
        "title": f"{name.upper()}: {info.description}",
        "unit": shown_unit(info.unit),
        "values": [float(value) if ok else None for value, ok in zip(values, real, strict=True)],
        "odd": np.flatnonzero(real & ((values < low) | (values > high))).tolist(),
        "constant": len(known) >= STILL and bool(np.all(known == known[0])),
    }


def _runs(store: Store, info: ArrayInfo, dimensions: int) -> bool:
    """Whether an array has real numbers over the time of utterances, with that many axes."""
    is_timed = info.axis == "utterance" and len(info.dims) == dimensions and info.dtype.startswith("float")
    return is_timed and frame_rate(store, info) is not None
