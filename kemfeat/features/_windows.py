"""Frame, hop and pad arithmetic, and what storing at a lower precision costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kemfeat.records import FeatureSpec

PadMode = Literal["constant", "reflect"]

TURN = 2 * np.arccos(np.longdouble(-1))
"""A full turn. Cosines are taken in long doubles, so that their last bit in a double is the same on every processor."""


def hann(n: int) -> NDArray[np.float64]:
    """The periodic Hann window [shape=(n,)]."""
    window: NDArray[np.float64] = (0.5 - 0.5 * np.cos(TURN / n * np.arange(n))).astype(np.float64)
    return window


@dataclass(frozen=True, slots=True)
class Framing:
    """Frames of ``n_fft`` samples, an even number; frame t is centred at sample ``t * hop_length``.

    Half a frame of padding precedes the first sample and follows the last: zeros (``constant``) or the samples
    mirrored at the edge sample, which is not repeated (``reflect``, over and over where the clip is short).
    """

    n_fft: int
    hop_length: int
    pad_mode: PadMode

    def count(self, n_samples: int) -> int:
        """How many frames ``n_samples`` samples make."""
        return 1 + n_samples // self.hop_length

    def edges(self, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The padding before and after ``values`` [each shape=(n_fft / 2,)]; only the ends of a long clip are read."""
        half = self.n_fft // 2
        before = np.pad(values[: half + 1], (half, 0), mode=self.pad_mode)[:half]
        after = np.pad(values[-half - 1 :], (0, half), mode=self.pad_mode)[-half:]
        return before, after

    def blocks(self, values: NDArray[Any], *, frames: int) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Cut ``values`` [shape=(n,)] into spans of ``frames`` frames, counted from the first sample.

        Yields
        ------
        slice
            Which frames the span makes; the last span may be shorter.
        ndarray
            Its samples: frame i of the span starts at ``i * hop_length``. A view where no padding is needed.
        """
        before, after = self.edges(values)
        total = self.count(len(values))
        for first in range(0, total, frames):
            last = min(first + frames, total)
            start, stop = first * self.hop_length, (last - 1) * self.hop_length + self.n_fft
            yield slice(first, last), _span((before, values, after), start=start, stop=stop)


def _span(parts: Sequence[NDArray[Any]], *, start: int, stop: int) -> NDArray[Any]:
    """Elements ``start`` to ``stop`` of the parts put end to end; a view where one part has them all."""
    pieces = []
    for part in parts:
        piece = part[max(start, 0) : max(stop, 0)]
        if len(piece):
            pieces.append(piece)
        start, stop = start - len(part), stop - len(part)
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def rounding_error(values: NDArray[np.float32], *, dtype: Literal["float32", "float16"]) -> float:
    """The largest absolute difference that storing ``values`` as ``dtype`` makes, in their unit; 0 without values."""
    if dtype == "float32":
        return 0.0
    # exact in float32: both values are
    return float(np.max(np.abs(values.astype(dtype) - values), initial=0.0))


def lengths_spec(feature: str) -> FeatureSpec:
    """The array that says how many frames of each row are not padding."""
    return FeatureSpec(
        name=f"{feature}_lengths",
        dims=(),
        shape=(),
        dtype="int32",
        pad=0,
        fill=-1,
        unit="1",
        description=f"frames of {feature} that are not padding",
    )
