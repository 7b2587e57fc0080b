"""Scores and names of runs in words."""

from __future__ import annotations

import math

from kemfeat.stats.metrics import Score

NAMES = {
    "accuracy": "accuracy",
    "uar": "UAR",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "mcc": "MCC",
    "ccc": "CCC",
    "rmse": "RMSE",
    "mae": "MAE",
    "pearson": "Pearson r",
}
"""Names of the scores in tables and figures."""


def shown(score: Score) -> str:
    """Format a score with its interval. See :func:`in_words`."""
    return in_words(score.value, *score.interval)


def in_words(value: float, low: float, high: float) -> str:
    """Format a number with its interval, each as far as it is defined.

    Parameters
    ----------
    value : float
        The number.
    low, high : float
        Bounds of its interval, NaN where there is none.

    Returns
    -------
    str
        Such as ``0.412 [0.380, 0.441]``.

    Examples
    --------
    >>> from kemfeat.learn.evaluation.words import in_words
    >>> in_words(0.4123, 0.38, 0.441)
    '0.412 [0.380, 0.441]'
    """
    if math.isnan(value):
        return "not defined"
    return f"{value:.3f}" + ("" if math.isnan(low) else f" [{low:.3f}, {high:.3f}]")


def printable(name: str) -> str:
    """Make the name of a folder safe to print.

    Parameters
    ----------
    name : str
        Any text.

    Returns
    -------
    str
        One line, with ``?`` for every character that cannot be printed.
    """
    return "".join(letter if letter.isprintable() else "?" for letter in name)
