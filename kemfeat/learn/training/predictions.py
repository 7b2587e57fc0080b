"""A model over every batch of a loader, in evaluation mode: what it predicts, and its loss."""

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
from kemfeat.learn.run_folder import Determinism
from kemfeat.learn.training.losses import Loss, Sums
from kemfeat.stats import metrics

if TYPE_CHECKING:
    import pandas as pd

    from kemfeat.learn.training.training_data import TrainingData

_LOOKED_AT = 8
"""Utterances whose predictions are compared: alone, together, and twice."""

_NUMBERS = {"emotion": ("uar", "macro_f1", "accuracy"), "arousal": ("ccc", "rmse"), "valence": ("ccc", "rmse")}
"""Scores of the validation part that ``history.csv`` keeps for each task."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Predicted:
    """Predictions of n utterances, in the order in which they came; None where the model does not predict that.

    Parameters
    ----------
    ids : names of the utterances.
    logits : [shape=(n, classes)].
    arousal, valence : [shape=(n,)].
    """

    ids: tuple[str, ...]
    logits: NDArray[np.float32] | None
    arousal: NDArray[np.float32] | None
    valence: NDArray[np.float32] | None

    def largest_difference(self, other: Predicted) -> float:
        """From the predictions of the same utterances, in any unit that a model predicts."""
        mine, theirs = self._arrays(), other._arrays()
        return max(float(np.abs(mine[name] - theirs[name]).max(initial=0)) for name in mine)

    def _arrays(self) -> Mapping[str, NDArray[np.float32]]:
        arrays = {name: getattr(self, name) for name in ("logits", "arousal", "valence")}
        return {name: array for name, array in arrays.items() if array is not None}


@torch.inference_mode()
def predict(model: Model, batches: Iterable[Batch]) -> Predicted:
    """Predict every utterance, in float32 whatever the model trains in."""
    model.eval()
    ids: list[str] = []
    found: list[Outputs] = []
    for batch in batches:
        ids += batch.ids
        found.append(model(batch))
    return _collected(ids, found)


@torch.inference_mode()
def judge(model: Model, batches: Iterable[Batch], loss: Loss) -> tuple[float, Predicted]:
    """The loss of all utterances together, and their predictions."""
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
    """The rows of ``predictions.parquet`` for one part."""
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
    """The scores of a validation table that ``history.csv`` keeps, by column."""
    task = training_data.recipe.task
    labelled = table[table[f"{task}_true"].notna()]
    truth, said, speakers = labelled[f"{task}_true"], labelled[f"{task}_pred"], labelled["speaker"]
    # the interval of one epoch's score is never looked at: one resample
    if task == "emotion":
        result: metrics.Classification | metrics.Regression = metrics.classification(
            truth, said, classes=training_data.emotions, speakers=speakers, resamples=1
        )
    else:
        result = metrics.regression(truth, said, speakers=speakers, resamples=1)
    return {f"valid_{name}": result.scores[name].value for name in _NUMBERS[task]}


def determinism(model: Model, training_data: TrainingData, *, device: torch.device) -> Determinism:
    """Whether a few utterances of the validation part are predicted alike, twice and in batches of one (K6)."""
    rows = training_data.rows["valid"][:_LOOKED_AT]
    together = training_data.rows_loader(rows, device=device, batch_size=len(rows))
    alone = training_data.rows_loader(rows, device=device, batch_size=1)
    first, second, third = predict(model, together), predict(model, together), predict(model, alone)
    return Determinism(
        rows=len(rows),
        two_passes=first.largest_difference(second),
        batch_of_one=first.largest_difference(third),
    )
