"""Losses as sums, so that the loss of an epoch is that of all its utterances and not a mean over batches (K10, K19).

A loss gives :class:`Sums` per batch; sums add up over batches; :meth:`Loss.value` of a sum is the loss. Utterances
without a label (class -1, NaN) weigh nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models._batches import Outputs


@dataclass(frozen=True, slots=True)
class Sums:
    """What a loss is made of; both are scalars of float32.

    Parameters
    ----------
    total : sum of the weighted errors.
    weight : sum of the weights.
    """

    total: Tensor
    weight: Tensor

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.total + other.total, self.weight + other.weight)

    def detach(self) -> Sums:
        """Without a graph, for adding up an epoch."""
        return Sums(self.total.detach(), self.weight.detach())


class Loss(Protocol):
    """What the trainer minimises."""

    def sums(self, outputs: Outputs, batch: Batch) -> Sums:
        """The part of one batch."""

    def value(self, sums: Sums) -> Tensor:
        """The loss of a batch or of an epoch [shape=()]; 0 where nothing is labelled."""


@dataclass(frozen=True, slots=True)
class RegressionLoss:
    """Squared error of a rating.

    Parameters
    ----------
    target : which rating.
    root : the loss is the root of the mean squared error. Over an epoch that is the true RMSE; minimised batch by
        batch, as published, its gradient has no bound near 0 (K19).
    """

    target: Literal["arousal", "valence"]
    root: bool = False

    def sums(self, outputs: Outputs, batch: Batch) -> Sums:
        """Squared errors and number of rated utterances."""
        predicted_B, rated_B = getattr(outputs, self.target), getattr(batch, self.target)
        if predicted_B is None:
            raise ConfigError(f"the model predicts no {self.target}; train it with a recipe whose task it fits")
        real_B = ~torch.isnan(rated_B)
        # filled before subtracting: the gradient of a masked NaN is NaN
        errors_B = (predicted_B.float() - rated_B.nan_to_num()) * real_B
        return Sums(errors_B.square().sum(), real_B.sum().float())

    def value(self, sums: Sums) -> Tensor:
        """Mean squared error, or its root."""
        mean = sums.total / sums.weight.clamp_min(1.0)
        return mean.sqrt() if self.root else mean


class ClassificationLoss:
    """Cross entropy of logits.

    Parameters
    ----------
    class_weights : weight of each class [shape=(classes,)]; None weighs all 1.
    """

    def __init__(self, class_weights: Tensor | None = None) -> None:
        self._weights = class_weights
        self._guard = LogitGuard()

    def sums(self, outputs: Outputs, batch: Batch) -> Sums:
        """Weighted cross entropies and weights of labelled utterances.

        Raises
        ------
        ConfigError
            The model predicts no emotion, or probabilities instead of logits.
        """
        if outputs.logits is None:
            raise ConfigError("the model predicts no emotion; train it with a recipe whose task it fits")
        logits_BC = outputs.logits.float()
        self._guard.check(outputs.logits)
        real_B = batch.emotion >= 0
        classes_B = batch.emotion.clamp_min(0)
        weights_C = torch.ones_like(logits_BC[0]) if self._weights is None else self._weights.to(logits_BC.device)
        weights_B = weights_C[classes_B] * real_B
        errors_B = functional.cross_entropy(logits_BC, classes_B, reduction="none")
        return Sums((weights_B * errors_B).sum(), weights_B.sum())

    def value(self, sums: Sums) -> Tensor:
        """Weighted mean cross entropy, nats."""
        return sums.total / sums.weight.clamp_min(torch.finfo(torch.float32).tiny)


class LogitGuard:
    """Refuses probabilities where logits belong.

    Softmax in front of cross entropy, which takes a softmax itself, keeps the loss above a floor and shrinks every
    gradient (P3). Two batches in a row whose rows all lie in [0, 1] and sum to 1 are no chance; the first batch that
    does not look so ends the checks, which each wait for the device.
    """

    def __init__(self) -> None:
        self._suspects = 0
        self._cleared = False

    def check(self, logits_BC: Tensor) -> None:
        """Look at one batch.

        Raises
        ------
        ConfigError
            This batch and the one before it hold probabilities.
        """
        if self._cleared:
            return
        self._cleared = not _probabilities(logits_BC.detach())
        self._suspects += not self._cleared
        if self._suspects == 2:
            raise ConfigError(
                "the model returns probabilities: in two batches every row lies in [0, 1] and sums to 1; expected "
                "logits, since cross entropy takes the softmax itself (defect P3); take the softmax out of the model"
            )


def _probabilities(logits_BC: Tensor) -> bool:
    tolerance = 1e-3 if logits_BC.dtype == torch.float32 else 2e-2
    logits_BC = logits_BC.float()
    inside = ((logits_BC >= 0) & (logits_BC <= 1)).all()
    return bool(inside & ((logits_BC.sum(dim=1) - 1).abs() < tolerance).all())


def make_loss(
    kind: Literal["mse", "rmse", "cross-entropy"],
    *,
    task: Literal["arousal", "valence", "emotion"],
    class_weights: Tensor | None = None,
) -> Loss:
    """The loss that a recipe names: ``make_loss(recipe.train.loss, task=recipe.task)``.

    Raises
    ------
    ConfigError
        The loss does not fit the task.
    """
    if task == "emotion" and kind == "cross-entropy":
        return ClassificationLoss(class_weights)
    if task != "emotion" and kind != "cross-entropy":
        return RegressionLoss(task, root=kind == "rmse")
    raise ConfigError(f"train.loss {kind!r} does not fit the task {task!r}; expected 'cross-entropy' for an emotion")


def class_weights(emotions_N: Tensor, *, n_classes: int) -> Tensor:
    """Weight of each class [shape=(n_classes,)]: N / (n_classes * count), which weighs an utterance 1 on average.

    The "balanced" heuristic of King and Zeng, Logistic Regression in Rare Events Data, 2001.

    Parameters
    ----------
    emotions_N : class ids of the training part alone; -1 counts for nothing. A class without utterances weighs 0: it
        cannot be learned, so it does not steer which epoch is kept.

    Raises
    ------
    AnalysisError
        No utterance is labelled.
    """
    counts_C = torch.bincount(emotions_N[emotions_N >= 0], minlength=n_classes).float()
    if not counts_C.sum():
        raise AnalysisError("class weights: no utterance of the training part has an emotion; check split and labels")
    weights_C = counts_C.sum() / (n_classes * counts_C)
    return torch.where(counts_C > 0, weights_C, 0.0)
