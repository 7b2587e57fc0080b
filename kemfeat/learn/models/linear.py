"""A linear baseline on the same features: means and deviations over time, then a regression that scikit-learn fits.

Nothing is trained step by step: one epoch fits it. The strength of its penalty is chosen before on inner folds of the
train part, none of which shares a speaker with the rows that it is fitted on (nested cross-validation, Varma and Simon,
BMC Bioinformatics 7:91, 2006); neither the validation nor the test part is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

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
from kemfeat.learn.models._penalty import inner_losses, penalised
from kemfeat.learn.models._spec import ModelSpec
from kemfeat.learn.models._tokens import length_mask
from kemfeat.learn.run_facts import Choice
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
        Strengths of the L2 penalty to choose from, ``1 / C`` of the logistic regression, ``alpha`` of ridge; a single
        one is taken as it is.
    inner_folds : int, >= 2
        Folds of the train part, by speaker, on which it is chosen; fewer where there are fewer speakers.
    """

    name: Literal["linear"] = "linear"
    features: tuple[str, ...] = Field(default=("mel", "delta"), min_length=1)
    emotions: tuple[str, ...] = Field(default=FIVE_CLASSES, min_length=2)
    inputs: int = Field(default=0, ge=0)
    strengths: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        default=(1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3, 1e4, 1e5), min_length=1
    )
    inner_folds: int = Field(default=5, ge=2)

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
    losses: Tensor
    folds: Tensor

    def __init__(self, config: LinearConfig) -> None:
        super().__init__()
        self.config = config
        size = max(config.inputs, 1)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))
        self.register_buffer("fitted", torch.zeros(len(MODEL.tasks), dtype=torch.bool))
        self.register_buffer("losses", torch.zeros(len(config.strengths), dtype=torch.float64))
        self.register_buffer("folds", torch.zeros((), dtype=torch.int64))
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
        x_BD = ((x_BD - self.mean) / self.spread).nan_to_num(nan=0.0)
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
        Missing values are left out; what an utterance lacks altogether is NaN, which counts as the mean of training.

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
    count_BD = real_BTD.sum(dim=1).double().where(real_BTD.any(dim=1), torch.nan).to(x_BTD.dtype)
    mean_BD = x_BTD.where(real_BTD, 0.0).sum(dim=1) / count_BD
    away_BTD = (x_BTD - mean_BD[:, None]).where(real_BTD, 0.0)
    return mean_BD, (away_BTD.square().sum(dim=1) / count_BD).sqrt()


def fit(
    model: nn.Module, batches: Iterable[Batch], *, task: Task, speakers: Mapping[str, str], train: TrainConfig
) -> None:
    """Choose the strength of the penalty, then fit logistic regression, or ridge regression for a rating.

    Parameters
    ----------
    model : Linear
        The model, which is changed.
    batches : iterable of Batch
        The train part.
    task : {"emotion", "arousal", "valence"}
        What is predicted.
    speakers : mapping of str to str
        Who speaks each utterance of the train part.
    train : TrainConfig
        Settings of training, of which the class weights count.

    Raises
    ------
    ConfigError
        More than one epoch is asked for.
    AnalysisError
        There is a strength to choose, and the train part has only one speaker.
    """
    assert isinstance(model, Linear)  # noqa: S101 - the model of this file
    if train.epochs != 1:
        raise ConfigError(f"train.epochs is {train.epochs}: linear is fitted at once, expected 1; leave epochs out")
    x_ND, y_N, speakers_N = _table(batches, task, speakers)
    balanced = train.class_weights == "balanced"
    strengths = model.config.strengths
    if len(strengths) > 1:
        losses_S, folds = inner_losses(
            x_ND, y_N, speakers_N, task=task, strengths=strengths, folds=model.config.inner_folds, balanced=balanced
        )
        model.losses.copy_(torch.from_numpy(losses_S))
        model.folds.fill_(folds)
    fitted = penalised(x_ND, y_N, task=task, strength=_chosen(model), balanced=balanced)
    _take_over(model, fitted.regression, task, fitted.mean, fitted.spread)


def _chosen(model: Linear) -> float:
    """The strength with the least loss on the inner folds, the first of several."""
    losses_S = model.losses.cpu().numpy()
    return model.config.strengths[int(np.argmin(losses_S)) if len(losses_S) > 1 else 0]


def choice_of(model: nn.Module) -> Choice:
    """How the strength was chosen, for ``run.json``.

    Parameters
    ----------
    model : Linear
        The model, after a fit.

    Returns
    -------
    Choice
        The strength, and what each cost.
    """
    assert isinstance(model, Linear)  # noqa: S101 - the model of this file
    strengths, losses = model.config.strengths, model.losses.tolist()
    return Choice(
        setting="model.strengths",
        chosen=_chosen(model),
        folds=int(model.folds),
        losses=dict(zip(map(str, strengths), losses, strict=True)) if len(strengths) > 1 else {},
    )


def _table(
    batches: Iterable[Batch], task: Task, speakers: Mapping[str, str]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]]:
    found, known, who = [], [], []
    for batch in batches:
        label = getattr(batch, task)
        real = label >= 0 if task == "emotion" else ~label.isnan()
        found.append(summaries(batch)[real].double().cpu().numpy())
        known.append(label[real].cpu().numpy())
        who += [speakers[name] for name, labelled in zip(batch.ids, real.tolist(), strict=True) if labelled]
    return np.concatenate(found), np.concatenate(known), np.array(who)


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


MODEL = ModelSpec(tasks=("emotion", "arousal", "valence"), config=LinearConfig, build=Linear, fit=fit, choice=choice_of)
