"""A linear baseline on the same features: means and deviations over time, then a regression that scikit-learn fits.

Nothing is trained step by step. An epoch is one strength of regularisation, and the validation part chooses among them
as it chooses epochs elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.labels import FIVE_CLASSES
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models._batches import Outputs
from kemfeat.learn.models._classes import ClassifierConfig
from kemfeat.learn.models._spec import ModelSpec
from kemfeat.learn.models._tokens import length_mask
from kemfeat.learn.settings import Task, TrainConfig


class LinearConfig(ClassifierConfig):
    """Settings of ``linear``.

    Parameters
    ----------
    name : {"linear"}
        The model.
    features : tuple of str, length >= 1
        Features that are read; numbers, not token ids.
    emotions : tuple of str, length >= 2
        Classes, in the order of their ids.
    inputs : int, >= 0
        Numbers of an utterance; 0 is found out from the store.
    strengths : tuple of float, each > 0
        Strengths of the L2 penalty, one for each epoch.
    """

    name: Literal["linear"] = "linear"
    features: tuple[str, ...] = Field(default=("mel", "delta"), min_length=1)
    emotions: tuple[str, ...] = Field(default=FIVE_CLASSES, min_length=2)
    inputs: int = Field(default=0, ge=0)
    strengths: tuple[float, ...] = Field(default=(1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3), min_length=1)

    @property
    def media(self) -> tuple[str, ...]:
        """The features."""
        return self.features


class Linear(nn.Module):
    """Logits, arousal and valence, each a weighted sum of standardised means and deviations.

    Parameters
    ----------
    config : LinearConfig
        Settings.
    """

    mean: Tensor
    spread: Tensor
    fitted: Tensor

    def __init__(self, config: LinearConfig) -> None:
        super().__init__()
        self.config = config
        size = max(config.inputs, 1)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))
        self.register_buffer("fitted", torch.zeros(len(MODEL.tasks), dtype=torch.bool))
        self.heads = nn.ModuleDict(
            {name: nn.Linear(size, len(config.emotions) if name == "emotion" else 1) for name in MODEL.tasks}
        )

    def forward(self, batch: Batch) -> Outputs:
        """Predict the emotion and the ratings.

        Parameters
        ----------
        batch : Batch
            A batch with the features.

        Returns
        -------
        Outputs
            ``logits``, ``arousal``, ``valence``; after a fit only what it was fitted for.

        Raises
        ------
        ConfigError
            The features have another size than in training.
        """
        x_BD = summaries(batch)
        if x_BD.shape[1] != len(self.mean):
            raise ConfigError(
                f"linear: an utterance has {x_BD.shape[1]:,} numbers, expected {len(self.mean):,}; read the features "
                "of its training"
            )
        x_BD = (x_BD - self.mean) / self.spread
        known = [name for name, done in zip(MODEL.tasks, self.fitted.tolist(), strict=True) if done] or MODEL.tasks
        found = {name: self.heads[name](x_BD) for name in known}
        ratings = {name: value.squeeze(1) for name, value in found.items() if name != "emotion"}
        return Outputs(logits=found.get("emotion"), **ratings)


def summaries(batch: Batch) -> Tensor:
    """Mean and standard deviation over time of everything that a batch has.

    Parameters
    ----------
    batch : Batch
        A batch with at least one input.

    Returns
    -------
    Tensor, shape (B, D), float32
        Missing values are left out; what an utterance lacks altogether is 0.

    Raises
    ------
    AnalysisError
        The batch has no numbers.
    """
    parts = [part for values, real in _series(batch) for part in _mean_and_deviation(values, real)]
    if not parts:
        raise AnalysisError(
            "the batch has no numbers; linear reads features such as mel, eda or mfcc, and no token ids"
        )
    return torch.cat(parts, dim=1)


def _series(batch: Batch) -> Iterable[tuple[Tensor, Tensor]]:
    """Every input as values of shape (B, T, D) and which steps are real."""
    if batch.mel is not None:
        values = batch.mel.transpose(1, 2).flatten(2)
        yield values, length_mask(batch.mel_lengths, size=values.shape[1])
    for name in ("eda", "temp", "ibi"):
        if (signal := getattr(batch, name)) is not None:
            yield signal[..., None], getattr(batch, f"{name}_mask")
    for name, array in batch.arrays.items():
        if array.dtype is torch.bool or name.endswith("_mask"):
            continue
        values = array.float().reshape(len(array), array.shape[1] if array.ndim > 1 else 1, -1)
        real = torch.ones(values.shape[:2], dtype=torch.bool, device=values.device)
        if name in batch.lengths:
            real = length_mask(batch.lengths[name], size=values.shape[1])
        yield values, real


def _mean_and_deviation(x_BTD: Tensor, real_BT: Tensor) -> tuple[Tensor, Tensor]:
    real_BTD = real_BT[..., None] & x_BTD.isfinite()
    count_BD = real_BTD.sum(dim=1).clamp_min(1)
    mean_BD = x_BTD.where(real_BTD, 0.0).sum(dim=1) / count_BD
    away_BTD = (x_BTD - mean_BD[:, None]).where(real_BTD, 0.0)
    return mean_BD, (away_BTD.square().sum(dim=1) / count_BD).sqrt()


def fit(model: nn.Module, batches: Iterable[Batch], *, task: Task, epoch: int, train: TrainConfig) -> None:
    """Fit one strength of regularisation: logistic regression, or ridge regression for a rating.

    Parameters
    ----------
    model : Linear
        The model, which is changed.
    batches : iterable of Batch
        The train part.
    task : {"emotion", "arousal", "valence"}
        What is predicted.
    epoch : int, >= 0
        Which strength.
    train : TrainConfig
        Settings of training, of which the class weights count.
    """
    from sklearn.linear_model import LogisticRegression, Ridge

    assert isinstance(model, Linear)  # noqa: S101 - the model of this file
    x_ND, y_N = _table(batches, task)
    mean, spread = x_ND.mean(axis=0), x_ND.std(axis=0)
    spread = np.where(spread > 1e-6, spread, 1.0)
    strength = model.config.strengths[min(epoch, len(model.config.strengths) - 1)]
    weights = "balanced" if train.class_weights == "balanced" else None
    if task == "emotion":
        fitted = LogisticRegression(C=1 / strength, class_weight=weights, max_iter=2000)
    else:
        fitted = Ridge(alpha=strength)
    fitted.fit((x_ND - mean) / spread, y_N)
    _take_over(model, fitted, task, mean, spread)


def _table(batches: Iterable[Batch], task: Task) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    found, known = [], []
    for batch in batches:
        label = getattr(batch, task)
        real = label >= 0 if task == "emotion" else ~label.isnan()
        found.append(summaries(batch)[real].double().cpu().numpy())
        known.append(label[real].cpu().numpy())
    return np.concatenate(found), np.concatenate(known)


@torch.no_grad()
def _take_over(model: Linear, fitted: Any, task: Task, mean: NDArray[Any], spread: NDArray[Any]) -> None:
    """The coefficients of scikit-learn; a class that the train part lacks is never predicted."""
    head = model.heads[task]
    assert isinstance(head, nn.Linear)  # noqa: S101 - as made above
    coefficients = np.atleast_2d(fitted.coef_)
    intercept = np.atleast_1d(fitted.intercept_)
    rows = fitted.classes_.astype(int) if task == "emotion" else np.array([0])
    if len(coefficients) < len(rows):  # two classes have one row
        coefficients, intercept = (
            np.stack([-coefficients[0] / 2, coefficients[0] / 2]),
            np.r_[-intercept, intercept] / 2,
        )
    head.weight.zero_()
    head.bias.fill_(-1e4 if task == "emotion" else 0.0)
    head.weight[rows] = torch.from_numpy(coefficients).to(head.weight)
    head.bias[rows] = torch.from_numpy(intercept).to(head.bias)
    model.fitted[MODEL.tasks.index(task)] = True
    model.mean.copy_(torch.from_numpy(mean))
    model.spread.copy_(torch.from_numpy(spread))


MODEL = ModelSpec(tasks=("emotion", "arousal", "valence"), config=LinearConfig, build=Linear, fit=fit)
