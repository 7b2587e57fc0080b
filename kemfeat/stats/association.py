"""How clusters are associated with classes, and whether beyond what speakers alone would explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from kemfeat.errors import ConfigError

_Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Association:
    """Clusters crossed with classes.

    Parameters
    ----------
    clusters, classes : tuple of str
        The values that occur, sorted: rows and columns of ``counts``.
    counts : ndarray, shape (clusters, classes), int
        Utterances.
    ami : float, <= 1
        Adjusted mutual information: 1 for the same partition, 0 on average for unrelated ones.
    ari : float, <= 1
        Adjusted Rand index, on the same scale.
    chi2 : float, >= 0
        Pearson's statistic, whose test takes all utterances to be independent.
    df : int
        Degrees of freedom of ``chi2``.
    p_chi2 : float, 0 to 1
        P-value of ``chi2``.
    cramers_v : float, 0 to 1
        Effect size of ``chi2``; 0 where there is only one cluster or one class.
    p_permutation : float, 0 to 1
        Share of permutations with a ``chi2`` at least this large, where classes change places only among the utterances
        of one speaker; the observed table counts as one. Clusters that merely separate speakers do not make it small.
    permutations : int
        Number of permutations drawn.
    """

    clusters: tuple[str, ...]
    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    ami: float
    ari: float
    chi2: float
    df: int
    p_chi2: float
    cramers_v: float
    p_permutation: float
    permutations: int


def associate(
    clusters: ArrayLike, *, classes: ArrayLike, speakers: ArrayLike, permutations: int = 999, seed: int = 0
) -> Association:
    """Measure and test how clusters are associated with classes.

    Parameters
    ----------
    clusters, classes, speakers : array_like, shape (n,)
        One value per utterance, compared as text. Leave out utterances that lack one of them.
    permutations : int, >= 1
        Draws for ``p_permutation``, whose smallest value is ``1 / (permutations + 1)``.
    seed : int, >= 0
        Seed of the draws.

    Returns
    -------
    Association

    Raises
    ------
    ConfigError
        The three differ in length, there is no utterance, or ``permutations`` is less than 1.

    Examples
    --------
    >>> from kemfeat.stats.association import associate
    >>> classes, speakers = ["angry", "sad", "angry", "sad"] * 5, ["f1", "f1", "m1", "m1"] * 5
    >>> found = associate([0, 1, 0, 1] * 5, classes=classes, speakers=speakers)
    >>> found.counts.tolist(), found.ami, found.cramers_v, found.p_permutation
    ([[10, 0], [0, 10]], 1.0, 1.0, 0.001)
    """
    names = [np.asarray(values).astype(str) for values in (clusters, classes, speakers)]
    if len({values.shape for values in names}) != 1 or names[0].ndim != 1 or not names[0].size:
        raise ConfigError(
            f"association: found shapes {', '.join(str(values.shape) for values in names)} of clusters, classes and "
            "speakers; expected one of each for every utterance, and at least one utterance"
        )
    if permutations < 1:
        raise ConfigError(f"association: permutations is {permutations}; expected at least 1")
    (rows, row), (columns, column), (_, speaker) = (np.unique(values, return_inverse=True) for values in names)
    counts = _cross(row, column, (len(rows), len(columns)))
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    chi2 = _chi2(counts, expected)
    df, smaller = (len(rows) - 1) * (len(columns) - 1), min(counts.shape) - 1
    return Association(
        clusters=tuple(rows.tolist()),
        classes=tuple(columns.tolist()),
        counts=counts,
        ami=float(adjusted_mutual_info_score(row, column)),
        ari=float(adjusted_rand_score(row, column)),
        chi2=chi2,
        df=df,
        p_chi2=float(stats.chi2.sf(chi2, df)) if df else 1.0,
        cramers_v=float(np.sqrt(chi2 / (counts.sum() * smaller))) if smaller else 0.0,
        p_permutation=_p_within(row, column, speaker, expected, permutations=permutations, seed=seed),
        permutations=permutations,
    )


def _cross(row: _Codes, column: _Codes, shape: tuple[int, int]) -> NDArray[np.int64]:
    return np.bincount(row * shape[1] + column, minlength=shape[0] * shape[1]).reshape(shape)


def _chi2(counts: NDArray[np.int64], expected: NDArray[np.float64]) -> float:
    return float(((counts - expected) ** 2 / expected).sum())


def _p_within(
    row: _Codes, column: _Codes, speaker: _Codes, expected: NDArray[np.float64], *, permutations: int, seed: int
) -> float:
    """Share of permutations within speakers whose table departs at least as far from ``expected``.

    Such permutations keep both margins, and so the expected counts.
    """
    rng = np.random.default_rng(seed)
    by_speaker = np.argsort(speaker, kind="stable")
    row, column, speaker = row[by_speaker], column[by_speaker], speaker[by_speaker]
    # Equal tables must not come out unequal by rounding.
    observed = _chi2(_cross(row, column, expected.shape), expected) * (1 - 1e-12)
    extreme = 0
    for _ in range(permutations):
        shuffled = column[np.lexsort((rng.random(len(column)), speaker))]
        extreme += _chi2(_cross(row, shuffled, expected.shape), expected) >= observed
    return (1 + extreme) / (1 + permutations)
