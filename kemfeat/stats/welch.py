"""Welch's F from summaries, for many samples at once."""

from __future__ import annotations

from kemfeat.arrays import Floats


def welch_f(n: Floats, mean: Floats, *, variance_of_mean: Floats) -> tuple[Floats, int, Floats]:
    """Welch's F and its degrees of freedom (Welch 1951, Biometrika 38:330-336).

    Parameters
    ----------
    n : sizes of the k groups [shape=(k,)].
    mean, variance_of_mean : location of each group and the squared standard error of it [each shape=(..., k)].

    Returns
    -------
    F [shape=(...)], df1, df2 [shape=(...)] : df1 is k - 1.
    """
    df1 = len(n) - 1
    weight = 1 / variance_of_mean
    share = weight / weight.sum(axis=-1, keepdims=True)
    grand = (share * mean).sum(axis=-1, keepdims=True)
    between = (weight * (mean - grand) ** 2).sum(axis=-1) / df1
    spread = ((1 - share) ** 2 / (n - 1)).sum(axis=-1)
    f = between / (1 + 2 * (df1 - 1) / (len(n) ** 2 - 1) * spread)
    return f, df1, (len(n) ** 2 - 1) / (3 * spread)
