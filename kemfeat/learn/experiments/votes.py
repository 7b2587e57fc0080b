"""Ways to make one prediction from those of several models: votes, weights, and a regression on their probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kemfeat.errors import AnalysisError
from kemfeat.learn.run_facts import StackerFacts

Chances = NDArray[np.float64]

_SMALLEST = 1e-7
"""Probabilities below this count as this in a logarithm; float32 has no smaller steps next to 1."""
_ROUNDS, _ENOUGH = 1000, 1e-9


def soft_vote(chances_MNC: Chances, weights_M: Chances) -> Chances:
    """Weighted mean of the probabilities of the models.

    Parameters
    ----------
    chances_MNC : ndarray, shape (models, n, classes), float64
        Probabilities; those of an utterance sum to 1.
    weights_M : ndarray, shape (models,), float64
        Weights, which sum to 1.

    Returns
    -------
    ndarray, shape (n, classes), float64
        Probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> soft_vote(np.array([[[0.5, 0.5]], [[0.0, 1.0]]]), np.array([0.5, 0.5])).tolist()
    [[0.25, 0.75]]
    """
    mean_NC: Chances = np.einsum("m,mnc->nc", weights_M, chances_MNC)
    return mean_NC


def hard_vote(chances_MNC: Chances, weights_M: Chances) -> Chances:
    """Sum of the weights of the models that vote for a class; the weighted mean probability decides a tie.

    The published vote multiplies the number of votes by the weight of one voter (J4), which is no sum of weights.

    Parameters
    ----------
    chances_MNC : ndarray, shape (models, n, classes), float64
        Probabilities; a model votes for the class with the largest one.
    weights_M : ndarray, shape (models,), float64
        Weights, which sum to 1.

    Returns
    -------
    ndarray, shape (n, classes), float64
        Shares of the weight. They sum to 1; where several classes tie, the winner's is larger by rounding alone.

    Examples
    --------
    >>> import numpy as np
    >>> votes = np.array([[[0.9, 0.1]], [[0.4, 0.6]], [[0.3, 0.7]]])
    >>> hard_vote(votes, np.array([0.5, 0.25, 0.25])).round(3).tolist()
    [[0.5, 0.5]]
    >>> int(hard_vote(votes, np.array([0.5, 0.25, 0.25])).argmax())
    0
    """
    votes_MNC = np.eye(chances_MNC.shape[2])[chances_MNC.argmax(axis=2)]
    shares_NC = np.einsum("m,mnc->nc", weights_M, votes_MNC)
    decided_NC: Chances = shares_NC + 1e-6 * soft_vote(chances_MNC, weights_M)
    decided_NC /= decided_NC.sum(axis=1, keepdims=True)
    return decided_NC


def fitted_weights(chances_MNC: Chances, classes_N: NDArray[np.int64]) -> Chances:
    """The weights of a mixture of the models under which the labels are most likely.

    Expectation maximisation of the mixing proportions (Dempster, Laird and Rubin, 1977); the likelihood is concave in
    them, so that it ends at its largest value.

    Parameters
    ----------
    chances_MNC : ndarray, shape (models, n, classes), float64
        Probabilities of utterances that no model was trained on.
    classes_N : ndarray, shape (n,), int64
        Their classes.

    Returns
    -------
    ndarray, shape (models,), float64
        Weights from 0 to 1, which sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> good, bad = [[0.9, 0.1], [0.2, 0.8]], [[0.3, 0.7], [0.6, 0.4]]
    >>> fitted_weights(np.array([good, bad]), np.array([0, 1])).round(3).tolist()
    [1.0, 0.0]
    """
    right_MN = np.maximum(np.take_along_axis(chances_MNC, classes_N[None, :, None], axis=2)[..., 0], _SMALLEST)
    weights_M = np.full(len(right_MN), 1 / len(right_MN))
    for _ in range(_ROUNDS):
        before_M, shares_MN = weights_M, weights_M[:, None] * right_MN
        weights_M = (shares_MN / shares_MN.sum(axis=0)).mean(axis=1)
        if np.abs(weights_M - before_M).max() < _ENOUGH:
            break
    found_M: Chances = weights_M / weights_M.sum()
    return found_M


def fitted_stacker(chances_MNC: Chances, classes_N: NDArray[np.int64]) -> StackerFacts:
    """Multinomial logistic regression on the logarithms of the probabilities of all models.

    It sees probabilities, not the numbers of labels, which have no order (J4). Its penalty is scikit-learn's, L2 with
    C = 1.

    Parameters
    ----------
    chances_MNC : ndarray, shape (models, n, classes), float64
        Probabilities of the utterances that it is fitted on.
    classes_N : ndarray, shape (n,), int64
        Their classes.

    Returns
    -------
    StackerFacts
        What :func:`stacked` predicts with.

    Raises
    ------
    AnalysisError
        It is fitted on one class alone.
    """
    from sklearn.linear_model import LogisticRegression

    seen = two_or_more(classes_N)
    model = LogisticRegression(max_iter=5000).fit(_logarithms(chances_MNC), classes_N)
    weights_CF, levels_C = model.coef_, model.intercept_
    if len(seen) == 2:  # scikit-learn keeps the second of two classes alone
        weights_CF, levels_C = (np.concatenate([np.zeros_like(each), each]) for each in (weights_CF, levels_C))
    return StackerFacts(
        classes=tuple(seen.tolist()),
        weights=tuple(tuple(row) for row in weights_CF.tolist()),
        levels=tuple(levels_C.tolist()),
    )


def stacked(chances_MNC: Chances, stacker: StackerFacts) -> Chances:
    """Predict with a stacker.

    Parameters
    ----------
    chances_MNC : ndarray, shape (models, n, classes), float64
        Probabilities of the utterances to predict.
    stacker : StackerFacts
        As fitted.

    Returns
    -------
    ndarray, shape (n, classes), float64
        Probabilities; 0 for a class that it has never seen.

    Raises
    ------
    AnalysisError
        It was fitted on another number of models or classes.
    """
    features_NF, classes = _logarithms(chances_MNC), chances_MNC.shape[2]
    if {len(row) for row in stacker.weights} != {features_NF.shape[1]} or max(stacker.classes) >= classes:
        raise AnalysisError(
            f"stacking: {len(chances_MNC)} models of {classes} classes, and a stacker that was fitted on others; make "
            "the ensemble again"
        )
    scores_NC = features_NF @ np.array(stacker.weights).T + np.array(stacker.levels)
    powers_NC = np.exp(scores_NC - scores_NC.max(axis=1, keepdims=True))
    found_NC = np.zeros((len(features_NF), classes))
    found_NC[:, list(stacker.classes)] = powers_NC / powers_NC.sum(axis=1, keepdims=True)
    return found_NC


def two_or_more(classes_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """The classes that a stacker is fitted on, in order.

    Parameters
    ----------
    classes_N : ndarray, shape (n,), int64
        Class of each utterance.

    Returns
    -------
    ndarray, shape (classes,), int64
        Each of them once.

    Raises
    ------
    AnalysisError
        There is one class alone.
    """
    seen: NDArray[np.int64] = np.unique(classes_N)
    if len(seen) < 2:
        raise AnalysisError(
            f"stacking: {len(classes_N):,} labelled utterances of {len(seen)} class; expected at least two classes in "
            "what it is fitted on; take --method soft, or runs of another fold"
        )
    return seen


def _logarithms(chances_MNC: Chances) -> Chances:
    """One row for each utterance, all classes of one model after those of the other."""
    logarithms_MNC = np.log(np.maximum(chances_MNC, _SMALLEST))
    return np.concatenate(list(logarithms_MNC), axis=1)


def normalised(weights: Sequence[float], *, models: int) -> Chances:
    """Weights that sum to 1.

    Parameters
    ----------
    weights : sequence of float, each >= 0
        One per model; none for equal ones.
    models : int, >= 1
        How many models there are.

    Returns
    -------
    ndarray, shape (models,), float64
        Weights.

    Raises
    ------
    AnalysisError
        Their number is another one, or they are not weights.
    """
    values = np.array(weights or [1.0] * models, dtype=np.float64)
    if len(values) != models or not np.isfinite(values).all() or values.min() < 0 or not values.sum():
        raise AnalysisError(
            f"--weights: found {', '.join(f'{value:g}' for value in values)} for {models} runs; expected one number "
            "for each run, in their order, none below 0 and not all 0"
        )
    shares: Chances = values / values.sum()
    return shares
