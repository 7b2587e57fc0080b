"""Run a model over every batch of a loader in evaluation mode: its predictions and its loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models import Model, Outputs
from kemfeat.learn.run_facts import Determinism
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


@torch.inference_mode()
def predict(model: Model, batches: Iterable[Batch]) -> Predicted:
    """Predict every utterance, in float32 whatever the precision of training.

    Parameters
    ----------
    model : Model
        The model.
    batches : iterable of Batch
        At least one batch.

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
    return _collected(ids, found)


@torch.inference_mode()
def judge(model: Model, batches: Iterable[Batch], loss: Loss) -> tuple[float, Predicted]:
    """Predict every utterance and compute the loss of all of them together.

    Parameters
    ----------
    model : Model
        The model.
    batches : iterable of Batch
        At least one batch.
    loss : Loss
        What training minimises.

    Returns
    -------
    loss : float
        Loss of all utterances together.
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
    return float(loss.value(total)), _collected(ids, found)


def _collected(ids: list[str], found: list[Outputs]) -> Predicted:
    def joined(name: str) -> NDArray[np.float32] | None:
        parts: list[Tensor | None] = [getattr(outputs, name) for outputs in found]
        known = [part.float() for part in parts if part is not None]
        array: NDArray[np.float32] | None = torch.cat(known).cpu().numpy() if known else None
        return array

    return Predicted(ids=tuple(ids), logits=joined("logits"), arousal=joined("arousal"), valence=joined("valence"))


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
        :data:`~kemfeat.learn.run_folder.PREDICTION_COLUMNS` and the columns of each predicted target.
    """
    import pandas as pd

    truth = training_data.truth(part).set_index("id", drop=False).loc[list(predicted.ids)].reset_index(drop=True)
    table = truth[["id", "session", "speaker"]].assign(part=part, fold=training_data.audited.fold)
    if predicted.logits is not None:
        table["emotion_true"] = truth["emotion"].astype("str")
        table["emotion_pred"] = pd.Series(
            np.array(training_data.emotions)[predicted.logits.argmax(axis=1)], dtype="str"
        )
        chances = torch.from_numpy(predicted.logits).softmax(dim=1).numpy()
        table = table.assign(**{f"p_{name}": chances[:, at] for at, name in enumerate(training_data.emotions)})
    for name in ("arousal", "valence"):
        said = getattr(predicted, name)
        if said is not None:
            table[f"{name}_true"] = truth[name].astype("float32")
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
    rows = training_data.rows["valid"][:_LOOKED_AT]
    together = training_data.rows_loader(rows, device=device, batch_size=len(rows))
    alone = training_data.rows_loader(rows, device=device, batch_size=1)
    first, second, third = predict(model, together), predict(model, together), predict(model, alone)
    return Determinism(
        rows=len(rows),
        two_passes=first.largest_difference(second),
        batch_of_one=first.largest_difference(third),
    )
