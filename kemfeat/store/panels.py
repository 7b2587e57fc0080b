"""What an utterance has on a clock, as panels of a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kemfeat.figures.spectrogram import Image, Trace, mel_frequencies
from kemfeat.store import schema, valid_lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kemfeat.store.arrays import StoreArrays

_OF_FRAMES = 3
"""Axes of an array of frames: row, frame, band."""


def panel(store: StoreArrays, name: str, row: int, seconds: float) -> Image | Trace | None:
    """An array of one utterance as a panel.

    Parameters
    ----------
    store : Store
        A finished store.
    name : str
        Name of an array.
    row : int
        Number of the utterance.
    seconds : float [s]
        How much of it is shown, from its beginning.

    Returns
    -------
    Image or Trace or None
        Frames as an image, masked samples as a line; None for anything else, and where nothing was measured.
    """
    info = store.header.arrays[name]
    rate = frame_rate(store, info)
    if rate is None or info.axis != "utterance" or not info.dtype.startswith("float"):
        return None
    real = _real(store, name, row)
    if real is None or not real.any():
        return None
    values = store.take([row], (name,))[name][0]
    shown = slice(max(1, round(seconds * rate)))
    title = f"{name}: {info.description}"
    if len(info.dims) == _OF_FRAMES:
        return _image(store, info, values=values[shown][real[shown]], rate=rate, title=title)
    return Trace(title=title, values=values[shown], measured=real[shown], sampling_rate=rate, unit=info.unit)


def _real(store: StoreArrays, name: str, row: int) -> NDArray[np.bool_] | None:
    """Which elements of a row are not padding or gaps; None where the array does not say."""
    mark = valid_lengths.marks(store.header, name)
    if mark is None:
        return None
    marked = store.take([row], (mark,))[mark]
    places = np.arange(store.header.arrays[name].shape[1])
    return np.asarray(places < marked[0] if marked.ndim == 1 else marked[0], dtype=np.bool_)


def frame_rate(store: StoreArrays, info: schema.ArrayInfo) -> float | None:
    """Frames per second of an array: its own, or those of another array over the same frames.

    Parameters
    ----------
    store : Store
        A finished store.
    info : ArrayInfo
        What its header says of the array.

    Returns
    -------
    float or None [Hz]
        None where the array has no axis of time.
    """
    same = [name for name, other in store.header.arrays.items() if other.dims[1:2] == info.dims[1:2] != ()]
    rates = (store.array(name).attrs.get("frame_rate_hz") for name in same)
    return next((rate for rate in rates if isinstance(rate, float)), None)


def _image(store: StoreArrays, info: schema.ArrayInfo, *, values: NDArray[Any], rate: float, title: str) -> Image:
    return Image(
        title=title,
        values=values.astype(np.float64),
        frame_rate=rate,
        unit=info.unit,
        frequencies=frequencies(store, info),
        signed=bool((values > 0).any() and (values < 0).any()),
        band=info.dims[-1].replace("_", " "),
    )


def frequencies(store: StoreArrays, info: schema.ArrayInfo) -> NDArray[np.float64] | None:
    """Centres of the bands, where these are the mel bands of the settings of ``mel``.

    Parameters
    ----------
    store : Store
        A finished store.
    info : ArrayInfo
        What its header says of the array.

    Returns
    -------
    ndarray, shape (bands,), float64 [Hz], or None
        None where they are other bands.
    """
    mel = store.header.config.settings.get("mel")
    if mel is None or info.dims[-1] != "mel_bin" or mel["n_mels"] != info.shape[-1]:
        return None
    return mel_frequencies(mel["n_mels"], fmin=mel["fmin"], fmax=mel["fmax"])
