"""Penalised linear regressions by scikit-learn, and what each strength of the penalty costs on folds by speaker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.errors import AnalysisError
from kemfeat.learn.settings import Task

_LEAST_CHANCE = 1e-6
"""Least probability whose logarithm counts; a class that a fold does not train on has none."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A regression, and how its inputs are standardised.

    Parameters
    ----------
    regression : LogisticRegression or Ridge
        As scikit-learn fitted it.
    mean, spread : ndarray, shape (D,), float64
        Of the rows that it was fitted on; those that are missing left out.
    """

    regression: Any
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]

    def read(self, x_ND: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standardised inputs; what is missing is as the mean."""
        return np.nan_to_num((x_ND - self.mean) / self.spread)


def penalised(x_ND: NDArray[np.float64], y_N: NDArray[Any], *, task: Task, strength: float, balanced: bool) -> Fitted:
    """Fit a logistic regression of an emotion, or a ridge regression of a rating.

    Parameters
    ----------
    x_ND : ndarray, shape (N, D), float64
        Inputs, NaN where one is missing.
    y_N : ndarray, shape (N,)
        Classes or ratings.
    task : {"emotion", "arousal", "valence"}
        What is predicted.
    strength : float, > 0
        Of the L2 penalty.
    balanced : bool
        Whether classes weigh by their inverse frequency.

    Returns
    -------
    Fitted
        The regression.
    """
    from sklearn.linear_model import LogisticRegression, Ridge

    known_ND = np.isfinite(x_ND)
    count_D = np.maximum(known_ND.sum(axis=0), 1)
    mean = np.where(known_ND, x_ND, 0.0).sum(axis=0) / count_D
    spread = np.sqrt((np.where(known_ND, x_ND - mean, 0.0) ** 2).sum(axis=0) / count_D)
    if task == "emotion":
        weights = "balanced" if balanced else None
        regression: Any = LogisticRegression(C=1 / strength, class_weight=weights, max_iter=2000)
    else:
        regression = Ridge(alpha=strength)
    made = Fitted(regression, mean, np.where(spread > 1e-6, spread, 1.0))
    regression.fit(made.read(x_ND), y_N)
    return made


def inner_losses(
    x_ND: NDArray[np.float64],
    y_N: NDArray[Any],
    speakers_N: NDArray[np.str_],
    *,
    task: Task,
    strengths: Sequence[float],
    folds: int,
    balanced: bool,
) -> tuple[NDArray[np.float64], int]:
    """What each strength costs on rows of speakers that the regression was not fitted on.

    Parameters
    ----------
    x_ND : ndarray, shape (N, D), float64
        Inputs, NaN where one is missing.
    y_N : ndarray, shape (N,)
        Classes or ratings.
    speakers_N : ndarray, shape (N,), str
        Who speaks.
    task : {"emotion", "arousal", "valence"}
        What is predicted.
    strengths : sequence of float, length S, each > 0
        Strengths of the L2 penalty.
    folds : int, >= 2
        Folds, by speaker; fewer where there are fewer speakers.
    balanced : bool
        Whether classes weigh by their inverse frequency, in the fit and in the loss.

    Returns
    -------
    tuple of (ndarray, shape (S,), float64; int)
        Cross-entropy or mean squared error over all rows, each when it was held out; and the number of folds.

    Raises
    ------
    AnalysisError
        There is one speaker.
    """
    from sklearn.model_selection import GroupKFold

    count = min(folds, len(np.unique(speakers_N)))
    if count < 2:
        raise AnalysisError(
            "linear: the train part has one speaker, expected two or more, whose rows can be held out to choose among "
            "model.strengths; give one strength, such as --set model.strengths=[1.0]"
        )
    weights_N = _weights(y_N) if task == "emotion" and balanced else np.ones(len(y_N))
    total_S = np.zeros(len(strengths))
    for inner, held_out in GroupKFold(n_splits=count).split(x_ND, y_N, speakers_N):
        for place, strength in enumerate(strengths):
            losses = _held_out(x_ND, y_N, inner, held_out, task=task, strength=strength, balanced=balanced)
            total_S[place] += float(weights_N[held_out] @ losses)
    return total_S / weights_N.sum(), count


def _held_out(
    x_ND: NDArray[np.float64],
    y_N: NDArray[Any],
    inner: NDArray[np.int64],
    held_out: NDArray[np.int64],
    *,
    task: Task,
    strength: float,
    balanced: bool,
) -> NDArray[np.float64]:
    """The loss of each row that is held out."""
    if task == "emotion" and len(np.unique(y_N[inner])) < 2:  # one class is predicted for sure
        return _surprise((y_N[held_out] == y_N[inner][0]).astype(np.float64))
    made = penalised(x_ND[inner], y_N[inner], task=task, strength=strength, balanced=balanced)
    read = made.read(x_ND[held_out])
    if task != "emotion":
        errors: NDArray[np.float64] = (made.regression.predict(read) - y_N[held_out]) ** 2
        return errors
    same = made.regression.classes_[None, :] == y_N[held_out][:, None]
    return _surprise((made.regression.predict_proba(read) * same).sum(axis=1))


def _surprise(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    surprise: NDArray[np.float64] = -np.log(np.maximum(chances, _LEAST_CHANCE))
    return surprise


def _weights(y_N: NDArray[Any]) -> NDArray[np.float64]:
    """Weight of each row, by the inverse frequency of its class."""
    _, place, counts = np.unique(y_N, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = len(y_N) / (len(counts) * counts[place])
    return weights
