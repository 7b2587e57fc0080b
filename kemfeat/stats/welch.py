"""Welch's F from summaries, for many samples at once."""

from __future__ import annotations

from kemfeat.arrays import Floats


def welch_f(n: Floats, mean: Floats, *, variance_of_mean: Floats) -> tuple[Floats, int, Floats]:
    """Welch's F and its degrees of freedom.

    Parameters
    ----------
    n : ndarray, shape (k,)
        Sizes of the k groups.
    mean : ndarray, shape (..., k)
        Location of each group.
    variance_of_mean : ndarray, shape (..., k)
        Squared standard error of each location.

    Returns
    -------
    F : ndarray, shape (...), >= 0
    df1 : int
        k - 1.
    df2 : ndarray, shape (...), > 0

    References
    ----------
    Welch (1951), Biometrika 38:330-336.

    Examples
    --------
    >>> import numpy as np
    >>> from kemfeat.stats.welch import welch_f
    >>> size = np.array([10.0, 12.0, 8.0])
    >>> f, df1, df2 = welch_f(size, np.array([1.0, 2.0, 2.5]), variance_of_mean=np.array([1.0, 1.5, 4.0]) / size)
    >>> round(float(f), 3), df1, round(float(df2), 2)
    (3.089, 2, 15.13)
    """
    df1 = len(n) - 1
    weight = 1 / variance_of_mean
    share = weight / weight.sum(axis=-1, keepdims=True)
    grand = (share * mean).sum(axis=-1, keepdims=True)
    between = (weight * (mean - grand) ** 2).sum(axis=-1) / df1
    spread = ((1 - share) ** 2 / (n - 1)).sum(axis=-1)
    f = between / (1 + 2 * (df1 - 1) / (len(n) ** 2 - 1) * spread)
    return f, df1, (len(n) ** 2 - 1) / (3 * spread)
