"""How good predictions are: scores of all utterances pooled, with intervals from a bootstrap of the speakers.

Utterances of one speaker resemble each other, so the bootstrap draws whole speakers, with replacement (cluster
bootstrap: Davison and Hinkley 1997, Bootstrap Methods and their Application, 3.8). Every score is a function of sums
over each speaker's utterances, and a resample is a weighted sum of these.

The Matthews correlation coefficient of several classes is R_K of Gorodkin 2004 (Comput Biol Chem 28:367-374).

The concordance correlation coefficient (Lin 1989, Biometrics 45:255-268) of truth x and prediction y is

    CCC = 2 cov(x, y) / (var(x) + var(y) + (mean(x) - mean(y))^2) = 2 cov(x, y) / (MSE + 2 cov(x, y)),

with variances that divide by n, as Lin's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kemfeat.arrays import Floats
from kemfeat.errors import ConfigError
from kemfeat.stats.bootstrap import (
    CONFIDENCE,
    LEAST_DEFINED,
    RESAMPLES,
    Score,
    difference,
    remarks_about_speakers,
    same_length,
    scored,
    speaker_codes,
)
from kemfeat.stats.columns import Column, numbers
from kemfeat.stats.rounding import NOISE, noise_of, settled

__all__ = [
    "CONFIDENCE",
    "RESAMPLES",
    "Classification",
    "Regression",
    "Score",
    "classification",
    "difference",
    "regression",
]

RATES = ("precision", "recall", "f1")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classification:
    """How good predicted classes are.

    Parameters
    ----------
    scores : mapping of str to Score, 0 to 1 but for ``mcc``
        ``accuracy`` (which equals micro F1), ``uar`` (mean recall over the classes that occur in the truth),
        ``macro_f1`` (mean F1 over the same classes), ``weighted_f1`` (weighted by utterances of the class), ``mcc``
        (Matthews correlation coefficient, -1 to 1; 0 where one class is always true or always predicted).
    per_class : DataFrame
        ``class support speakers predicted``, then ``precision recall f1`` each with ``_low`` and ``_high``. Precision
        of a class that is never predicted, recall and F1 of a class that never occurs in the truth are NaN.
    confusion : ndarray, shape (C, C), int
        Utterances; rows are truth, columns predictions, both in the order of ``classes``.
    classes : tuple of str
        In the order given.
    remarks : tuple of str
        Sentences about what is missing or unreliable.
    """

    scores: Mapping[str, Score]
    per_class: pd.DataFrame
    confusion: NDArray[np.int64]
    classes: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regression:
    """How good predicted numbers are.

    Parameters
    ----------
    scores : mapping of str to Score
        ``ccc`` (-1 to 1; 0 for a constant prediction, NaN where truth and prediction are the same constant), ``rmse``
        and ``mae`` (in the unit of the truth), ``pearson`` (-1 to 1; NaN for a constant).
    remarks : tuple of str
        Sentences about what is missing or unreliable.
    """

    scores: Mapping[str, Score]
    remarks: tuple[str, ...]


def classification(
    truth: Column,
    predicted: Column,
    *,
    classes: Sequence[str],
    speakers: Column,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Classification:
    """Compare predicted classes with the true ones.

    A class without a true utterance counts in no mean. A resample that lacks a class of the truth says nothing about
    the means over classes and is left out of their intervals; a remark says so.

    Parameters
    ----------
    truth, predicted : array_like, shape (n,)
        One class per utterance.
    classes : sequence of str
        All classes, each once, in the order of the tables.
    speakers : array_like, shape (n,)
        Speaker of each utterance.
    resamples : int
        Bootstrap samples.
    seed : int, >= 0
        Seed of the bootstrap.

    Returns
    -------
    Classification

    Raises
    ------
    ConfigError
        There is no utterance, lengths differ, a speaker is missing, or a value is none of ``classes``.

    Examples
    --------
    >>> from kemfeat.stats.metrics import classification
    >>> truth, said = ["sad", "sad", "angry", "angry"], ["sad", "angry", "angry", "angry"]
    >>> found = classification(truth, said, classes=["angry", "sad"], speakers=["f1", "f1", "m1", "m1"])
    >>> found.scores["uar"].value, found.confusion.tolist()
    (0.75, [[2, 0], [1, 1]])
    """
    same_length(truth=truth, predicted=predicted)
    true, said = (_codes(column, classes, name) for column, name in ((truth, "truth"), (predicted, "predicted")))
    who, count = speaker_codes(speakers, n=len(true))
    sums = np.zeros((count, len(classes), len(classes)))
    np.add.at(sums, (who, true, said), 1)
    present = sums.sum(axis=(0, 2)) > 0
    scores = scored(sums, lambda c: _class_scores(c, present), n=len(true), resamples=resamples, seed=seed)
    rates = scored(sums, lambda c: _flat_rates(c, classes), n=len(true), resamples=resamples, seed=seed)
    table = _per_class(sums, rates, classes)
    return Classification(
        scores=scores,
        per_class=table,
        confusion=sums.sum(axis=0).astype(np.int64),
        classes=tuple(classes),
        remarks=(*remarks_about_speakers(count), *_remarks_about_classes(table, scores["uar"])),
    )


def regression(
    truth: Column, predicted: Column, *, speakers: Column, resamples: int = RESAMPLES, seed: int = 0
) -> Regression:
    """Compare predicted numbers with the true ones.

    Parameters
    ----------
    truth, predicted : array_like, shape (n,), one unit
        One finite number per utterance.
    speakers : array_like, shape (n,)
        Speaker of each utterance.
    resamples : int
        Bootstrap samples.
    seed : int, >= 0
        Seed of the bootstrap.

    Returns
    -------
    Regression

    Raises
    ------
    ConfigError
        There is no utterance, lengths differ, a speaker is missing, or a value is not a finite number.

    Examples
    --------
    >>> from kemfeat.stats.metrics import regression
    >>> found = regression([1.0, 2.0, 3.0, 4.0], [1.5, 2.0, 2.5, 4.0], speakers=["f1", "f1", "m1", "m1"])
    >>> round(found.scores["ccc"].value, 4), round(found.scores["rmse"].value, 4)
    (0.9412, 0.3536)
    """
    same_length(truth=truth, predicted=predicted)
    x, y = numbers(truth), numbers(predicted)
    if not np.isfinite(x).all() or not np.isfinite(y).all():
        raise ConfigError(
            "metrics: found missing or infinite numbers; expected finite ones; leave out utterances without a rating"
        )
    who, count = speaker_codes(speakers, n=len(x))
    x, y = settled(x, who, noise=noise_of(truth)), settled(y, who, noise=noise_of(predicted))
    sums = np.zeros((count, 8))
    np.add.at(sums, who, _moments(x, y))
    scores = scored(sums, _regression_scores, n=len(x), resamples=resamples, seed=seed)
    return Regression(scores=scores, remarks=tuple(remarks_about_speakers(count)))


def _codes(labels: Column, classes: Sequence[str], name: str) -> NDArray[np.intp]:
    if len(set(classes)) != len(classes):
        raise ConfigError(f"metrics: found classes {', '.join(classes)}; expected each once")
    column = pd.Series(labels, dtype=object)
    codes = pd.Index(list(classes), dtype=object).get_indexer(pd.Index(column))
    if (codes < 0).any():
        odd = column[codes < 0].iloc[0]
        raise ConfigError(f"metrics: {name} contains {odd!r}; expected one of {', '.join(classes)}")
    return codes


def _rates(confusion: Floats) -> dict[str, Floats]:
    """Precision, recall and F1 of every class, shape (..., C)."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    true, said = confusion.sum(axis=-1), confusion.sum(axis=-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        f1 = np.where(true > 0, 2 * hits / (true + said), np.nan)
        return {"precision": hits / said, "recall": hits / true, "f1": f1}


def _class_scores(confusion: Floats, present: NDArray[np.bool_]) -> dict[str, Floats]:
    """Scores of confusion matrices, shape (..., C, C); means are over the classes that occur in the truth."""
    rates, true = _rates(confusion), confusion.sum(axis=-1)
    hits, n = np.trace(confusion, axis1=-2, axis2=-1), true.sum(axis=-1)
    return {
        "accuracy": hits / n,
        "uar": rates["recall"][..., present].mean(axis=-1),
        "macro_f1": rates["f1"][..., present].mean(axis=-1),
        "weighted_f1": np.where(true > 0, rates["f1"] * true, 0).sum(axis=-1) / n,
        "mcc": _matthews(hits, true, confusion.sum(axis=-2)),
    }


def _matthews(hits: Floats, true: Floats, said: Floats) -> Floats:
    """Correlation of truth and prediction as indicators of all classes."""
    n = true.sum(axis=-1)
    covariance = hits * n - (true * said).sum(axis=-1)
    spread = np.sqrt((n**2 - (true**2).sum(axis=-1)) * (n**2 - (said**2).sum(axis=-1)))
    return np.where(spread > 0, covariance / np.where(spread > 0, spread, 1), 0)


def _flat_rates(confusion: Floats, classes: Sequence[str]) -> dict[str, Floats]:
    rates = _rates(confusion)
    return {f"{name} {at}": rates[name][..., at] for name in RATES for at in range(len(classes))}


def _per_class(sums: Floats, rates: Mapping[str, Score], classes: Sequence[str]) -> pd.DataFrame:
    true = sums.sum(axis=2)
    table: dict[str, object] = {
        "class": list(classes),
        "support": true.sum(axis=0).astype(np.int64),
        "speakers": (true > 0).sum(axis=0),
        "predicted": sums.sum(axis=(0, 1)).astype(np.int64),
    }
    for name in RATES:
        mine = [rates[f"{name} {at}"] for at in range(len(classes))]
        table[name] = [score.value for score in mine]
        table[f"{name}_low"], table[f"{name}_high"] = np.array([score.interval for score in mine]).T
    return pd.DataFrame(table)


def _remarks_about_classes(table: pd.DataFrame, uar: Score) -> list[str]:
    remarks = []
    absent = table.loc[table["support"] == 0, "class"]
    if len(absent):
        remarks.append(
            f"no utterance is truly {', '.join(absent)}: UAR and macro F1 are means over the other "
            f"{len(table) - len(absent)} classes"
        )
    if uar.drawn.size and uar.defined < 1:
        rare = table[table["support"] > 0].nsmallest(1, "speakers").iloc[0]
        fate = "left out of" if uar.defined >= LEAST_DEFINED else "too many for"
        remarks.append(
            f"only {rare['speakers']} of {uar.speakers} speakers are ever {rare['class']}: {1 - uar.defined:.0%} of "
            f"the resamples lack a class, and are {fate} intervals of UAR and macro F1"
        )
    return remarks


def _moments(x: Floats, y: Floats) -> Floats:
    """The sums that the scores of a regression need, shape (n, 8); about medians, so that nothing cancels."""
    error = y - x
    x, y = x - np.median(x), y - np.median(y)
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y, np.abs(error), error**2], axis=1)


def _regression_scores(sums: Floats) -> dict[str, Floats]:
    """Scores from sums of moments, shape (..., 8)."""
    means = np.moveaxis(sums / sums[..., :1], -1, 0)
    _, x, y, xx, yy, xy, absolute, squared = means
    var_x, var_y = _variance(x, xx), _variance(y, yy)
    covariance = np.where((var_x > 0) & (var_y > 0), xy - x * y, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "ccc": 2 * covariance / (squared + 2 * covariance),
            "rmse": np.sqrt(squared),
            "mae": absolute,
            "pearson": np.clip(covariance / np.sqrt(var_x * var_y), -1, 1),
        }


def _variance(mean: Floats, mean_square: Floats) -> Floats:
    variance = mean_square - mean**2
    return np.where(variance > NOISE * mean_square, variance, 0)
