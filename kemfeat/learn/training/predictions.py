"""Run a model over every batch of a loader in evaluation mode: its predictions and its loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor

from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models import Model, Outputs
from kemfeat.learn.run_facts import Determinism
from kemfeat.learn.settings import Aggregate
from kemfeat.learn.training.losses import Loss, Sums
from kemfeat.stats import metrics

if TYPE_CHECKING:
    import pandas as pd

    from kemfeat.learn.training.training_data import TrainingData

_LOOKED_AT = 8
"""Utterances whose predictions are compared: twice together, and once alone."""

_NUMBERS = {"emotion": ("uar", "macro_f1", "accuracy"), "arousal": ("ccc", "rmse"), "valence": ("ccc", "rmse")}
"""Validation scores in ``history.csv``, by task."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Predicted:
    """Predictions of n utterances, in the order of the batches; None where the model does not predict that.

    Parameters
    ----------
    ids : tuple of str, length n
        Ids of the utterances.
    logits : ndarray, shape (n, classes), float32, or None
        Scores before softmax.
    arousal, valence : ndarray, shape (n,), float32, or None
        Ratings, 1 to 5.
    """

    ids: tuple[str, ...]
    logits: NDArray[np.float32] | None
    arousal: NDArray[np.float32] | None
    valence: NDArray[np.float32] | None

    def per_utterance(self, how: Aggregate) -> Predicted:
        """One prediction per utterance, in the order in which the utterances first occur.

        Parameters
        ----------
        how : {"mean-logit", "mean-probability", "vote"}
            Mean of the logits of its rows; logarithm of the mean of their probabilities; or logarithm of the share of
            rows whose largest logit it is. Ratings are means.

        Returns
        -------
        Predicted
            These predictions themselves where each utterance occurs once.
        """
        place = {name: number for number, name in enumerate(dict.fromkeys(self.ids))}
        if len(place) == len(self.ids):
            return self
        group = np.array([place[name] for name in self.ids])
        logits = self.logits
        if logits is not None:
            logits = _AGGREGATES[how](logits, group)
        ratings = {name: value if value is None else _means(value, group) for name, value in self._ratings()}
        return Predicted(ids=tuple(place), logits=logits, **ratings)

    def _ratings(self) -> tuple[tuple[str, NDArray[np.float32] | None], ...]:
        return ("arousal", self.arousal), ("valence", self.valence)

    def largest_difference(self, other: Predicted) -> float:
        """Compare with other predictions of the same utterances.

        Parameters
        ----------
        other : Predicted
            Predictions of the same utterances in the same order.

        Returns
        -------
        float
            Largest absolute difference, in logits or points of the rating.
        """
        mine, theirs = self._arrays(), other._arrays()
        return max(float(np.abs(mine[name] - theirs[name]).max(initial=0)) for name in mine)

    def _arrays(self) -> Mapping[str, NDArray[np.float32]]:
        arrays = {name: getattr(self, name) for name in ("logits", "arousal", "valence")}
        return {name: array for name, array in arrays.items() if array is not None}


def _means(values: NDArray[np.float32], group: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean of the rows of each group, in float64."""
    sums = np.zeros((group.max() + 1, *values.shape[1:]))
    np.add.at(sums, group, values)
    counts = np.bincount(group).reshape(-1, *(1 for _ in values.shape[1:]))
    means: NDArray[np.float32] = (sums / counts).astype(np.float32)
    return means


def _mean_probabilities(logits: NDArray[np.float32], group: NDArray[np.int64]) -> NDArray[np.float32]:
    return _logarithm(_means(softmax(logits, axis=1), group))


def _votes(logits: NDArray[np.float32], group: NDArray[np.int64]) -> NDArray[np.float32]:
    return _logarithm(_means(np.eye(logits.shape[1], dtype=np.float32)[logits.argmax(axis=1)], group))


def _logarithm(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    logarithm: NDArray[np.float32] = np.log(shares.clip(np.finfo(np.float32).tiny))
    return logarithm


_AGGREGATES: Mapping[Aggregate, Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray[np.float32]]] = {
    "mean-logit": _means,
    "mean-probability": _mean_probabilities,
    "vote": _votes,
}


@torch.inference_mode()
def predict(model: Model, batches: Iterable[Batch], *, aggregate: Aggregate) -> Predicted:
    """Predict every utterance, in float32 whatever the precision of training.

    Parameters
    ----------
    model : Model
        The model.
    batches : iterable of Batch
        At least one batch.
    aggregate : {"mean-logit", "mean-probability", "vote"}
        How the rows of an utterance become one prediction.

    Returns
    -------
    Predicted
        Predictions in the order of the batches.
    """
    model.eval()
    ids: list[str] = []
    found: list[Outputs] = []
    for batch in batches:
        ids += batch.ids
        found.append(model(batch))
    return _collected(ids, found).per_utterance(aggregate)


@torch.inference_mode()
def judge(model: Model, batches: Iterable[Batch], loss: Loss, *, aggregate: Aggregate) -> tuple[float, Predicted]:
    """Predict every utterance and compute the loss of all of them together.

    Parameters
    ----------
    model : Model
        The model.
    batches : iterable of Batch
        At least one batch.
    loss : Loss
        What training minimises.
    aggregate : {"mean-logit", "mean-probability", "vote"}
        How the rows of an utterance become one prediction.

    Returns
    -------
    loss : float
        Loss of all rows together.
    predicted : Predicted
        Predictions in the order of the batches.
    """
    model.eval()
    ids: list[str] = []
    found: list[Outputs] = []
    sums: list[Sums] = []
    for batch in batches:
        ids += batch.ids
        found.append(model(batch))
        sums.append(loss.sums(found[-1], batch))
    total = sum(sums[1:], start=sums[0])
    return float(loss.value(total)), _collected(ids, found).per_utterance(aggregate)


def _collected(ids: list[str], found: list[Outputs]) -> Predicted:
    def joined(name: str) -> NDArray[np.float32] | None:
        parts: list[Tensor | None] = [getattr(outputs, name) for outputs in found]
        known = [part.float() for part in parts if part is not None]
        array: NDArray[np.float32] | None = torch.cat(known).cpu().numpy() if known else None
        return array

    logits = joined("logits")
    if logits is not None and found[0].probabilities:
        logits = _logarithm(logits)
    return Predicted(ids=tuple(ids), logits=logits, arousal=joined("arousal"), valence=joined("valence"))


def table_of(predicted: Predicted, training_data: TrainingData, part: str) -> pd.DataFrame:
    """The rows of ``predictions.parquet`` for one part.

    Parameters
    ----------
    predicted : Predicted
        Predictions of the part.
    training_data : TrainingData
        Where the labels come from.
    part : {"train", "valid", "test"}
        Which part.

    Returns
    -------
    DataFrame
        :data:`~kemfeat.learn.run_folder.PREDICTION_COLUMNS`, the columns of each predicted target, and one
        ``logit_EMOTION`` per class where emotions were predicted.
    """
    truth = training_data.truth(part).set_index("id", drop=False).loc[list(predicted.ids)].reset_index(drop=True)
    table = truth[["id", "session", "speaker", "sex"]].assign(part=part, fold=training_data.audited.fold)
    said = columns_of_predictions(predicted, training_data.emotions)
    for column in map(str, said):
        target, is_said, _ = column.partition("_pred")
        if is_said:
            table[f"{target}_true"] = truth[target].astype("str" if target == "emotion" else "float32")
        table[column] = said[column]
    if predicted.logits is not None:
        names = training_data.emotions
        table = table.assign(**{f"logit_{name}": predicted.logits[:, at] for at, name in enumerate(names)})
    return table


def columns_of_predictions(predicted: Predicted, emotions: Sequence[str]) -> pd.DataFrame:
    """What was predicted as columns.

    Parameters
    ----------
    predicted : Predicted
        Predictions of n utterances.
    emotions : sequence of str
        Classes in the order of their ids.

    Returns
    -------
    DataFrame
        One row per utterance: ``emotion_pred`` and one ``p_EMOTION`` per class, ``arousal_pred``, ``valence_pred``, as
        far as they were predicted.
    """
    import pandas as pd

    table = pd.DataFrame(index=range(len(predicted.ids)))
    if predicted.logits is not None:
        table["emotion_pred"] = pd.Series(np.array(emotions)[predicted.logits.argmax(axis=1)], dtype="str")
        chances = torch.from_numpy(predicted.logits).softmax(dim=1).numpy()
        table = table.assign(**{f"p_{name}": chances[:, at] for at, name in enumerate(emotions)})
    for name in ("arousal", "valence"):
        said = getattr(predicted, name)
        if said is not None:
            table[f"{name}_pred"] = said
    return table


def numbers_of(table: pd.DataFrame, training_data: TrainingData) -> dict[str, float]:
    """The validation scores in ``history.csv``.

    Parameters
    ----------
    table : DataFrame
        :func:`table_of` of the validation part.
    training_data : TrainingData
        What is trained for which task.

    Returns
    -------
    dict of str to float
        Scores by column.
    """
    task = training_data.recipe.task
    labelled = table[table[f"{task}_true"].notna()]
    truth, said, speakers = labelled[f"{task}_true"], labelled[f"{task}_pred"], labelled["speaker"]
    # nobody reads the interval of one epoch's score: one resample is enough
    if task == "emotion":
        result: metrics.Classification | metrics.Regression = metrics.classification(
            truth, said, classes=training_data.emotions, speakers=speakers, resamples=1
        )
    else:
        result = metrics.regression(truth, said, speakers=speakers, resamples=1)
    return {f"valid_{name}": result.scores[name].value for name in _NUMBERS[task]}


def determinism(model: Model, training_data: TrainingData, *, device: torch.device) -> Determinism:
    """Check whether a few utterances of the validation part are predicted the same twice and in batches of one (K6).

    Parameters
    ----------
    model : Model
        The model.
    training_data : TrainingData
        Where the utterances come from.
    device : torch.device
        Device of the model.

    Returns
    -------
    Determinism
        The largest differences.
    """
    rows = training_data.rows_of(training_data.rows["valid"][:_LOOKED_AT])
    together = training_data.rows_loader(rows, device=device, batch_size=len(rows))
    alone = training_data.rows_loader(rows, device=device, batch_size=1)
    aggregate = training_data.recipe.model.aggregate
    first, second, third = (predict(model, loader, aggregate=aggregate) for loader in (together, together, alone))
    return Determinism(
        rows=len(first.ids),
        two_passes=first.largest_difference(second),
        batch_of_one=first.largest_difference(third),
    )
