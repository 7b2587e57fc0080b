"""What rounding alone can do to numbers: the tolerance of all statistics, and what follows from it.

Means of equal numbers differ in their last digits. Such differences are no information: a test of them says nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kemfeat.arrays import Floats

NOISE = 1e-11
"""Relative to the largest absolute value: a smaller spread may come from rounding in double precision alone."""

NOISE_SINGLE = 1e-5
"""As :data:`NOISE`, for values in single or half precision."""


_LAST_DIGITS = 16 * np.finfo(float).eps


def noise_of(values: object) -> float:
    """The tolerance for values of this precision.

    Parameters
    ----------
    values : array_like
        Only its ``dtype``, where it has one, is looked at.

    Returns
    -------
    float
        :data:`NOISE_SINGLE` for single and half precision, else :data:`NOISE`.

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.rounding import noise_of
    >>> noise_of([1.0]), noise_of(np.zeros(2, np.float32))
    (1e-11, 1e-05)
    """
    return NOISE_SINGLE if getattr(values, "dtype", None) in (np.float32, np.float16) else NOISE


def varies(values: Floats, *, noise: float = NOISE) -> bool:
    """Whether finite values differ by more than rounding, relative to the largest.

    Parameters
    ----------
    values : ndarray, shape (n,), finite
        Fewer than two do not vary.
    noise : float, >= 0
        Relative tolerance.

    Returns
    -------
    bool

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.rounding import varies
    >>> varies(np.array([0.3, 0.1 + 0.2])), varies(np.array([0.3, 0.31]))
    (False, True)
    """
    if len(values) < 2:
        return False
    with np.errstate(over="ignore"):
        return bool(np.ptp(values) > noise * np.abs(values).max())


def settled(values: Floats, *sets: NDArray[np.integer], noise: float = NOISE) -> Floats:
    """Values in which every set that varies only by rounding is exactly constant; all others are untouched.

    Parameters
    ----------
    values : ndarray, shape (n,), finite
        Numbers.
    *sets : ndarray, shape (n,), int, >= 0
        Number of the set of each value, such as its group; finer sets first. The last set is always that of all values.
    noise : float, >= 0
        Relative tolerance.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.rounding import settled
    >>> settled(np.array([0.3, 0.1 + 0.2, 0.5, 0.7]), np.array([0, 0, 1, 1])).tolist()
    [0.3, 0.3, 0.5, 0.7]
    """
    found = np.array(values, dtype=np.float64)
    if not len(found):
        return found
    for codes in (*sets, np.zeros(len(found), dtype=np.intp)):
        low, high = np.full(int(codes.max()) + 1, np.inf), np.full(int(codes.max()) + 1, -np.inf)
        np.minimum.at(low, codes, found)
        np.maximum.at(high, codes, found)
        with np.errstate(over="ignore"):
            still = high - low <= noise * np.minimum(np.maximum(np.abs(low), np.abs(high)), np.finfo(float).max)
        found = np.where(still[codes], low[codes], found)
    return found


def tied(values: Floats) -> Floats:
    """Values of which those that rounding alone could set apart are equal: what ranks and categories are made of.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Numbers; NaN stays NaN.

    Returns
    -------
    ndarray, shape (n,)
        A run of neighbours has the value of its lowest. Where values are so dense that a run is wider than
        :data:`NOISE` of its largest, they are left as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.rounding import tied
    >>> tied(np.array([0.1 + 0.2, 0.3, 0.4])).tolist()
    [0.3, 0.3, 0.4]
    """
    different, place = np.unique(values, return_inverse=True)
    size = np.abs(different)
    with np.errstate(over="ignore", invalid="ignore"):
        near = np.diff(different) <= NOISE * np.maximum(size[1:], size[:-1])
        if not near.any():
            return values
        run = np.concatenate([[0], np.cumsum(~near)])
        first, last = np.searchsorted(run, run), np.searchsorted(run, run, side="right") - 1
        narrow = different[last] - different[first] <= NOISE * np.maximum(size[first], size[last])
    return np.asarray(np.where(narrow, different[first], different)[place].reshape(np.shape(values)))


def with_width(low: ArrayLike, high: ArrayLike) -> tuple[Floats, Floats]:
    """Limits of intervals; NaN where two are equal to the last digits: an interval of no width claims to be exact.

    Parameters
    ----------
    low, high : array_like, one shape
        Limits, or NaN.

    Returns
    -------
    low, high : ndarray, same shape

    Examples
    --------
    >>> from kemfeat.stats.rounding import with_width
    >>> [limits.tolist() for limits in with_width([0.1, -1.0], [0.3, -1.0])]
    [[0.1, nan], [0.3, nan]]
    """
    below, above = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        wide = above - below > _LAST_DIGITS * np.maximum(np.abs(below), np.abs(above))
    return np.where(wide, below, np.nan), np.where(wide, above, np.nan)
