"""The formulas of the published ensemble, defects included (J1, J3, J4); none of them is used unless it is named."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kemfeat.errors import ConfigError
from kemfeat.learn.experiments.votes import Chances, hard_vote, soft_vote, two_or_more


def softmax_over_all(logits_NC: NDArray[np.float64]) -> Chances:
    """One softmax over all utterances and classes, as published (J3): the rows are no distributions.

    Parameters
    ----------
    logits_NC : ndarray, shape (n, classes), float64
        Scores of one model.

    Returns
    -------
    ndarray, shape (n, classes), float64
        Numbers that sum to 1 over everything, so that one utterance with large scores makes all others small.

    Examples
    --------
    >>> import numpy as np
    >>> softmax_over_all(np.log([[1.0, 1.0], [2.0, 4.0]])).round(3).tolist()
    [[0.125, 0.125], [0.25, 0.5]]
    """
    powers_NC = np.exp(logits_NC - logits_NC.max())
    shares_NC: Chances = powers_NC / powers_NC.sum()
    return shares_NC


def product_vote(chances_MNC: Chances, weights_M: Chances) -> Chances:
    """Hard vote as published (J4): a class gets the number of its votes times the largest weight of one of its voters.

    Parameters
    ----------
    chances_MNC : ndarray, shape (models, n, classes), float64
        Probabilities; a model votes for the class with the largest one.
    weights_M : ndarray, shape (models,), float64
        Weights.

    Returns
    -------
    ndarray, shape (n, classes), float64
        Shares of the products, which sum to 1; of classes that tie, the one whose voter comes first is a little larger.

    Examples
    --------
    >>> import numpy as np
    >>> votes = np.eye(3)[[0, 1, 1]][:, None, :]
    >>> product_vote(votes, np.array([0.5, 0.2, 0.3])).round(3).tolist()
    [[0.455, 0.545, 0.0]]
    """
    votes_MNC = np.eye(chances_MNC.shape[2])[chances_MNC.argmax(axis=2)]
    earlier_M = 1e-9 * np.arange(len(weights_M), 0, -1)
    products_NC = votes_MNC.sum(axis=0) * (votes_MNC * (weights_M + earlier_M)[:, None, None]).max(axis=0)
    shares_NC: Chances = products_NC / products_NC.sum(axis=1, keepdims=True)
    return shares_NC


def voted(chances_MNC: Chances, weights_M: Chances, *, method: str, votes: str) -> Chances:
    """The vote of an ensemble that is not a stacker.

    Parameters
    ----------
    chances_MNC : ndarray, shape (models, n, classes), float64
        Probabilities.
    weights_M : ndarray, shape (models,), float64
        Weights.
    method : {"soft", "weighted", "hard"}
        Whether probabilities or votes are added.
    votes : {"sum", "product"}
        How votes of ``hard`` count; ``product`` is :func:`product_vote`.

    Returns
    -------
    ndarray, shape (n, classes), float64
        Shares, which sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> chances = np.array([[[0.9, 0.1]], [[0.2, 0.8]]])
    >>> voted(chances, np.array([0.6, 0.4]), method="soft", votes="sum").round(2).tolist()
    [[0.62, 0.38]]
    """
    if method != "hard":
        return soft_vote(chances_MNC, weights_M)
    return (product_vote if votes == "product" else hard_vote)(chances_MNC, weights_M)


def boosted(chances_MNC: Chances, classes_N: NDArray[np.int64], wanted_MNC: Chances) -> Chances:
    """Gradient boosting on the numbers of the predicted labels, as published (J4): LightGBM with its defaults.

    Parameters
    ----------
    chances_MNC : ndarray, shape (models, n, classes), float64
        Probabilities of the utterances that it is fitted on, of which it sees the place of the largest one alone.
    classes_N : ndarray, shape (n,), int64
        Their classes.
    wanted_MNC : ndarray, shape (models, m, classes), float64
        Probabilities of the utterances to predict.

    Returns
    -------
    ndarray, shape (m, classes), float64
        Probabilities; 0 for a class that it has never seen.

    Raises
    ------
    AnalysisError
        It is fitted on one class alone.
    ConfigError
        LightGBM is not installed, or lacks the library of OpenMP.
    """
    try:
        from lightgbm import LGBMClassifier
    except (ImportError, OSError) as error:  # its library needs that of OpenMP, which not every machine has
        raise ConfigError(
            f"--stacker lightgbm: needs the package lightgbm, which cannot be imported ({error}); pip install "
            "'kemfeat[stacking]' and libgomp1, or take --stacker logistic"
        ) from None
    # numbers of threads and the seed change nothing but the rounding; all else is its default
    seen, model = two_or_more(classes_N), LGBMClassifier(n_jobs=1, random_state=0, verbosity=-1)
    model.fit(chances_MNC.argmax(axis=2).T, classes_N)
    found_NC = np.zeros(wanted_MNC.shape[1:])
    found_NC[:, seen] = model.predict_proba(wanted_MNC.argmax(axis=2).T)
    return found_NC
