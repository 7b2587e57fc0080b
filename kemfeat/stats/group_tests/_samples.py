"""Two parallel sequences, split into one array of finite values per group."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError
from kemfeat.stats.columns import Column, factor, numbers
from kemfeat.stats.rounding import noise_of, settled


@dataclass(frozen=True, slots=True)
class Samples:
    """The values of every group that has any.

    Parameters
    ----------
    labels : tuple of hashable
        Labels of the groups, sorted (in category order where the groups were a pandas Categorical).
    arrays : tuple of ndarray, each of shape (n_j,)
        Their finite values, in the order of the rows; exactly equal where only rounding sets them apart.
    missing : mapping of hashable to int
        Per label, including labels without any value, how many of its values were NaN or infinite.
    dropped : int
        Rows left out because the value is not finite or the label is missing.
    """

    labels: tuple[Hashable, ...]
    arrays: tuple[Floats, ...]
    missing: Mapping[Hashable, int]
    dropped: int

    @property
    def n(self) -> Floats:
        """Values per group, shape (k,)."""
        return np.array([len(array) for array in self.arrays], dtype=np.float64)

    @property
    def pooled(self) -> Floats:
        """All values, group after group, shape (N,)."""
        return np.concatenate([np.empty(0), *self.arrays])

    @property
    def codes(self) -> NDArray[np.intp]:
        """Index into ``labels`` for each of :attr:`pooled`, shape (N,)."""
        return np.repeat(np.arange(len(self.arrays)), [len(array) for array in self.arrays])

    def pairs(self) -> tuple[NDArray[np.intp], NDArray[np.intp], pd.DataFrame]:
        """Indices of the first and second group of every pair, each of shape (m,), and their labels ``a``, ``b``."""
        first, second = np.triu_indices(len(self.labels), 1)
        labels = {name: [self.labels[i] for i in index] for name, index in (("a", first), ("b", second))}
        return first, second, pd.DataFrame(labels)

    def only(self, wanted: Sequence[bool]) -> Samples:
        """The groups where ``wanted`` is true."""
        kept = [index for index, keep in enumerate(wanted) if keep]
        return replace(self, labels=tuple(self.labels[i] for i in kept), arrays=tuple(self.arrays[i] for i in kept))

    def centred(self) -> tuple[float, Samples]:
        """The median of all values, and the samples with it subtracted.

        Subtracting a number close to the data is exact, so a large common offset costs no digits afterwards.
        """
        centre = float(np.median(self.pooled)) if self.arrays else 0.0
        return centre, replace(self, arrays=tuple(array - centre for array in self.arrays))


@dataclass(frozen=True, slots=True)
class GroupMoments:
    """Size, mean and variance (divisor n - 1) of each group.

    Parameters
    ----------
    n : ndarray, shape (k,)
        Values.
    mean : ndarray, shape (k,)
        Mean of the values.
    variance : ndarray, shape (k,)
        Exactly 0 where all values are equal, NaN for a single value.
    """

    n: Floats
    mean: Floats
    variance: Floats


def split(values: Column, groups: Column) -> Samples:
    """Split ``values`` into ``groups`` by position; rows that cannot be used are counted.

    Parameters
    ----------
    values : array_like, shape (n,)
        Numbers.
    groups : array_like, shape (n,)
        Label of each value.

    Returns
    -------
    Samples

    Raises
    ------
    ConfigError
        The two are not one-dimensional and of one length, or a value is not a number.
    """
    floats, labels = numbers(values), factor(groups)
    if len(floats) != len(labels):
        raise ConfigError(
            f"group test: {len(floats)} values but {len(labels)} group labels; expected one label for each value"
        )
    finite = np.isfinite(floats)
    used = finite & (labels.codes >= 0)
    floats[used] = settled(floats[used], labels.codes[used], noise=noise_of(values))
    arrays = [floats[finite & (labels.codes == code)] for code in range(len(labels.categories))]
    missing = [int(np.sum(~finite & (labels.codes == code))) for code in range(len(labels.categories))]
    every = Samples(
        labels=tuple(labels.categories),
        arrays=tuple(arrays),
        missing=dict(zip(labels.categories, missing, strict=True)),
        dropped=int(np.sum(~finite | (labels.codes < 0))),
    )
    return every.only([len(array) > 0 for array in arrays])


def moments(samples: Samples) -> GroupMoments:
    """Two-pass mean and variance of every group; the variance of a single value is NaN."""
    return GroupMoments(
        samples.n,
        np.array([array.mean() for array in samples.arrays]),
        np.array([_variance(array) for array in samples.arrays]),
    )


def flaws(samples: Samples) -> list[str]:
    """Why each group has no usable variance; empty text where it has one."""
    return [_flaw(label, array) for label, array in zip(samples.labels, samples.arrays, strict=True)]


def _flaw(label: Hashable, array: Floats) -> str:
    if len(array) < 2:
        return f"one value in {label}"
    return f"zero variance in {label}" if _variance(array) == 0 else ""


def _variance(array: Floats) -> float:
    if len(array) < 2:
        return float("nan")
    # The mean of equal values may be off by a rounding, which would pass for a variance.
    return 0.0 if array.min() == array.max() else float(array.var(ddof=1))
