"""Losses as sums, so that the loss of an epoch is that of all its utterances and not a mean over batches (K10, K19).

A loss gives :class:`Sums` for each batch; sums of batches add up; :meth:`Loss.value` of a sum is the loss. Utterances
without a label (class -1, NaN) have no weight.
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
    """Numerator and denominator of a loss.

    Parameters
    ----------
    total : Tensor, shape (), float32
        Sum of the weighted errors.
    weight : Tensor, shape (), float32
        Sum of the weights.
    """

    total: Tensor
    weight: Tensor

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.total + other.total, self.weight + other.weight)

    def detach(self) -> Sums:
        """Detach from the graph, to add up an epoch.

        Returns
        -------
        Sums
            The same numbers without a graph.
        """
        return Sums(self.total.detach(), self.weight.detach())


class Loss(Protocol):
    """What the trainer minimises."""

    def sums(self, outputs: Outputs, batch: Batch) -> Sums:
        """The sums of one batch.

        Parameters
        ----------
        outputs : Outputs
            What the model predicts.
        batch : Batch
            The batch, with its labels.

        Returns
        -------
        Sums
            Weighted errors and weights.

        Raises
        ------
        ConfigError
            The model does not predict what the loss needs.
        """

    def value(self, sums: Sums) -> Tensor:
        """The loss of a batch or of an epoch.

        Parameters
        ----------
        sums : Sums
            Sums of the batch, or of all batches added up.

        Returns
        -------
        Tensor, shape (), float32
            The loss; 0 where nothing is labelled.
        """


@dataclass(frozen=True, slots=True)
class RegressionLoss:
    """Squared error of a rating.

    Parameters
    ----------
    target : {"arousal", "valence"}
        Which rating.
    root : bool
        Take the root of the mean squared error. Over an epoch that is the true RMSE; minimised batch by batch, as
        published, its gradient is unbounded near 0 (K19).
    """

    target: Literal["arousal", "valence"]
    root: bool = False

    def sums(self, outputs: Outputs, batch: Batch) -> Sums:
        """Squared errors and the number of rated utterances. See :meth:`Loss.sums`."""
        predicted_B, rated_B = getattr(outputs, self.target), getattr(batch, self.target)
        if predicted_B is None:
            raise ConfigError(f"the model predicts no {self.target}; train it with a recipe whose task it fits")
        real_B = ~torch.isnan(rated_B)
        # filled before subtracting: the gradient of a masked NaN is NaN
        errors_B = (predicted_B.float() - rated_B.nan_to_num()) * real_B
        return Sums(errors_B.square().sum(), real_B.sum().float())

    def value(self, sums: Sums) -> Tensor:
        """Mean squared error or its root. See :meth:`Loss.value`."""
        mean = sums.total / sums.weight.clamp_min(1.0)
        return mean.sqrt() if self.root else mean


class ClassificationLoss:
    """Cross entropy of logits.

    Parameters
    ----------
    class_weights : Tensor, shape (classes,), float32, or None
        Weight of each class; None gives all the weight 1.
    """

    def __init__(self, class_weights: Tensor | None = None) -> None:
        self._weights = class_weights
        self._guard = LogitGuard()

    def sums(self, outputs: Outputs, batch: Batch) -> Sums:
        """Weighted cross entropies, added up over all heads, and weights of labelled rows. See :meth:`Loss.sums`.

        Raises
        ------
        ConfigError
            The model predicts no emotion, or returns probabilities instead of logits.
        """
        if outputs.logits is None:
            raise ConfigError("the model predicts no emotion; train it with a recipe whose task it fits")
        if not outputs.probabilities:
            self._guard.check(outputs.logits)
        heads = (outputs.logits, *outputs.auxiliary.values())
        errors_B = torch.stack([self._errors(logits_BC, batch.emotion) for logits_BC in heads]).sum(dim=0)
        weights_B = self._weights_of(outputs.logits, batch.emotion)
        return Sums((weights_B * errors_B).sum(), weights_B.sum())

    def _errors(self, logits_BC: Tensor, classes_B: Tensor) -> Tensor:
        return functional.cross_entropy(logits_BC.float(), classes_B.clamp_min(0), reduction="none")

    def _weights_of(self, logits_BC: Tensor, classes_B: Tensor) -> Tensor:
        weights_C = torch.ones_like(logits_BC[0]) if self._weights is None else self._weights
        return weights_C.float().to(logits_BC.device)[classes_B.clamp_min(0)] * (classes_B >= 0)

    def value(self, sums: Sums) -> Tensor:
        """Weighted mean cross entropy in nats. See :meth:`Loss.value`."""
        return sums.total / sums.weight.clamp_min(torch.finfo(torch.float32).tiny)


class LogitGuard:
    """Refuses probabilities where logits belong.

    Softmax before cross entropy, which takes a softmax itself, keeps the loss above a floor and shrinks every gradient
    (P3). Two batches in a row in which every row is within [0, 1] and sums to 1 are no coincidence. The first batch
    that does not look so ends the checks, because each of them waits for the device.
    """

    def __init__(self) -> None:
        self._suspects = 0
        self._cleared = False

    def check(self, logits_BC: Tensor) -> None:
        """Check one batch.

        Parameters
        ----------
        logits_BC : Tensor, shape (B, classes)
            What the model returned.

        Raises
        ------
        ConfigError
            This batch and the one before it consist of probabilities.
        """
        if self._cleared:
            return
        self._cleared = not _probabilities(logits_BC.detach())
        self._suspects += not self._cleared
        if self._suspects == 2:
            raise ConfigError(
                "the model returns probabilities: in two batches every row is within [0, 1] and sums to 1; expected "
                "logits, since cross entropy takes the softmax itself (defect P3); remove the softmax from the model"
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
    """Make the loss of a recipe: ``make_loss(recipe.train.loss, task=recipe.task)``.

    Parameters
    ----------
    kind : {"mse", "rmse", "cross-entropy"}
        Which loss.
    task : {"arousal", "valence", "emotion"}
        What is predicted.
    class_weights : Tensor, shape (classes,), float32, or None
        Weight of each class for cross entropy.

    Returns
    -------
    Loss
        What the trainer minimises.

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
    """Weight of each class: N / (n_classes * count), so that the mean weight of an utterance is 1.

    The "balanced" heuristic of King and Zeng, Logistic Regression in Rare Events Data, 2001.

    Parameters
    ----------
    emotions_N : Tensor, shape (N,), int64
        Class ids of the training part alone; -1 is not counted.
    n_classes : int, >= 1
        Number of classes.

    Returns
    -------
    Tensor, shape (n_classes,), float32
        Weights. A class without utterances has the weight 0: it cannot be learned, so it has no say in which epoch is
        kept.

    Raises
    ------
    AnalysisError
        No utterance is labelled.

    Examples
    --------
    >>> import torch
    >>> from kemfeat.learn.training.losses import class_weights
    >>> class_weights(torch.tensor([0, 0, 0, 1, -1]), n_classes=2).tolist()
    [0.6666666865348816, 2.0]
    """
    counts_C = torch.bincount(emotions_N[emotions_N >= 0], minlength=n_classes).float()
    if not counts_C.sum():
        raise AnalysisError("class weights: no utterance of the training part has an emotion; check split and labels")
    weights_C = counts_C.sum() / (n_classes * counts_C)
    return torch.where(counts_C > 0, weights_C, 0.0)
