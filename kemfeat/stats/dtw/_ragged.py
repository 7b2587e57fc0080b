"""Series of any length: checked, and laid out for the compiled loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kemfeat.arrays import AnyFloats
from kemfeat.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Ragged:
    """Series end to end.

    Parameters
    ----------
    values : ndarray, shape (total, d)
        All samples.
    offsets : ndarray, shape (series + 1,), int
        Where each series begins, and where the last ends.
    """

    values: AnyFloats
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of samples in each series, shape (series,)."""
        return np.diff(self.offsets)

    def part(self, start: int, stop: int) -> Ragged:
        """Series ``start`` to ``stop``, without a copy."""
        return Ragged(self.values, self.offsets[start : stop + 1])

    def in_lanes(self) -> AnyFloats:
        """One series per lane, zeros after its end, shape (longest, d, lanes)."""
        lengths = self.lengths
        lanes = np.zeros((lengths.max(), self.values.shape[1], len(self)), self.values.dtype)
        for lane, (start, length) in enumerate(zip(self.offsets[:-1], lengths, strict=True)):
            lanes[:length, :, lane] = self.values[start : start + length]
        return lanes


def as_arrays(series: Sequence[ArrayLike], *, dtype: str) -> list[AnyFloats]:
    """Each series as an array of shape (length, d).

    Raises
    ------
    ConfigError
        A series is empty, not finite, not numbers, or of another shape than the first.
    """
    arrays: list[AnyFloats] = []
    for place, values in enumerate(series):
        try:
            with np.errstate(over="ignore"):  # too large for float32: refused below
                array = np.asarray(values, dtype)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"series {place} is not an array of numbers ({error})") from None
        shaped = array[:, None] if array.ndim == 1 else array
        if shaped.ndim != 2 or not shaped.size:
            raise ConfigError(
                f"series {place} has shape {array.shape}; expected (length,) or (length, d), neither of them 0: "
                "leave out series without samples"
            )
        if arrays and shaped.shape[1] != arrays[0].shape[1]:
            raise ConfigError(
                f"series {place} has {shaped.shape[1]} numbers per sample, series 0 has {arrays[0].shape[1]}; "
                "compare series of one kind"
            )
        if not np.isfinite(shaped).all():
            raise ConfigError(
                f"series {place} contains NaN or infinity (as {dtype}); expected finite numbers: "
                "fill or cut the gaps first"
            )
        arrays.append(shaped)
    return arrays


def end_to_end(arrays: Sequence[AnyFloats], *, dtype: str) -> Ragged:
    """Join arrays that :func:`as_arrays` has checked; there may be none."""
    offsets = np.cumsum([0, *(len(array) for array in arrays)], dtype=np.int64)
    values = np.concatenate(arrays) if arrays else np.empty((0, 1), dtype)
    return Ragged(np.ascontiguousarray(values), offsets)
