"""Parts of a picture, resized.

Places are given in a frame of 720 by 480 pixels that shows two people side by side, each in a half of 360 by 480. A
film of another size is cut in the same proportions.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kemfeat.errors import ExtractionError

HALF = (360, 480)
"""Width and height in which boxes are given."""

_UNIT = 1 << 22
"""Weights are integers in this unit, so that sums are exact, and equal on every machine."""


class Box(NamedTuple):
    """A part of a half of 360 by 480 pixels; ``right`` and ``bottom`` are outside it."""

    left: float
    top: float
    right: float
    bottom: float


def half(picture: NDArray[np.uint8], side: str) -> NDArray[np.uint8]:
    """The part of a picture that shows one person.

    Parameters
    ----------
    picture : ndarray, shape (height, width, 3), uint8
        The frame.
    side : {"left", "right", "whole"}
        Which part; of an odd number of columns the one in the middle is in neither half.

    Returns
    -------
    ndarray, shape (height, columns, 3), uint8
        A view.
    """
    columns = picture.shape[1] // 2
    if side == "left":
        return picture[:, :columns]
    return picture[:, -columns:] if side == "right" else picture


def cut(picture: NDArray[np.uint8], box: Box, *, rows: int, columns: int) -> NDArray[np.uint8]:
    """A box of the half of a picture, resized as ``PIL.Image.resize`` does with ``BILINEAR`` and ``box``.

    Parameters
    ----------
    picture : ndarray, shape (height, width, 3), uint8
        The half that shows a person.
    box : Box
        What to cut, in a half of 360 by 480 pixels.
    rows, columns : int
        Size of the result.

    Returns
    -------
    ndarray, shape (rows, columns, 3), uint8
        The bytes that Pillow makes of the columns and then of these rows, rounded in between.

    Raises
    ------
    ExtractionError
        The picture is too small to contain a pixel of the box.
    """
    height, width = picture.shape[:2]
    across, down = width / HALF[0], height / HALF[1]
    if (box.right - box.left) * across < 1 or (box.bottom - box.top) * down < 1:
        raise ExtractionError(
            f"the half of the picture has {width} by {height} pixels, too few to cut out a face; expected about "
            f"{HALF[0]} by {HALF[1]}; use the corpus' own video"
        )
    first_column, by_column = _weights(width, columns, box.left * across, box.right * across)
    first_row, by_row = _weights(height, rows, box.top * down, box.bottom * down)
    used = picture[first_row : first_row + by_row.shape[1], first_column : first_column + by_column.shape[1]]
    made = _weighted(by_column, used.transpose(1, 0, 2))
    return _weighted(by_row, made.transpose(1, 0, 2))


def _weighted(matrix: NDArray[np.float64], values: NDArray[Any]) -> NDArray[np.uint8]:
    """Sums along the first axis, rounded; float64 keeps sums below 2**53 exact."""
    sums = matrix @ values.reshape(len(values), -1).astype(np.float64)
    sums += _UNIT // 2
    sums *= 1 / _UNIT  # exact: a power of two
    return np.clip(sums, 0, 255, out=sums).astype(np.uint8).reshape(len(matrix), *values.shape[1:])


@lru_cache(maxsize=16)
def _weights(size: int, count: int, begin: float, end: float) -> tuple[int, NDArray[np.float64]]:
    """Weights of a triangle filter that is as wide as two pixels of the result, and the first pixel that they are for.

    Source: Pillow, ``src/libImaging/Resample.c``, described in its documentation of ``Image.resize``.
    """
    scale = (end - begin) / count
    support = max(scale, 1.0)
    matrix = np.zeros((count, size))
    for place in range(count):
        middle = begin + (place + 0.5) * scale
        first, last = max(int(middle - support + 0.5), 0), min(int(middle + support + 0.5), size)
        pixels = np.arange(first, last)
        triangle = np.maximum(1 - np.abs((pixels - middle + 0.5) / support), 0)
        matrix[place, first:last] = np.floor(triangle / triangle.sum() * _UNIT + 0.5)
    used = np.flatnonzero(matrix.any(axis=0))
    return int(used[0]), np.ascontiguousarray(matrix[:, used[0] : used[-1] + 1])
