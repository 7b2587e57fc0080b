"""Contrastive pre-training: the loss over pairs of a batch, and what is looked at after an epoch of it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from kemfeat.errors import ConfigError, RunError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.layers.two_stream import Pairs, contrastive_loss, pairs
from kemfeat.learn.models import Model
from kemfeat.learn.models._batches import Outputs, Streams
from kemfeat.learn.pretraining_settings import Contrastive
from kemfeat.learn.training.losses import Sums

_COLLAPSED = 1e-3
"""Of the margin: where embeddings are closer to their mean than that, they are equal."""


class ContrastiveLoss:
    """Mean over pairs of squared distances of own films, and of squared shortfalls from the margin of other films.

    Which negatives a row gets depends on the rows of its batch alone, so that a run that was stopped goes on alike.

    Parameters
    ----------
    settings : Contrastive
        Margin, clamp and negatives.
    """

    def __init__(self, settings: Contrastive) -> None:
        self.settings = settings

    def sums(self, outputs: Outputs, batch: Batch) -> Sums:
        """Loss of all pairs, and their number. See :meth:`~kemfeat.learn.training.losses.Loss.sums`.

        Raises
        ------
        ConfigError
            The model has no two streams.
        """
        streams, chosen = self.pairs(outputs, batch)
        mean = contrastive_loss(
            streams.audio[chosen.audio].float(),
            streams.video[chosen.video].float(),
            chosen.same,
            margin=self.settings.margin,
            clamp=self.settings.clamp,
        )
        count = mean.new_tensor(float(len(chosen.same)))
        # a batch without a film has no pair, whose mean is NaN
        return Sums(mean * count, count) if len(chosen.same) else Sums(_zero(streams), count)

    def pairs(self, outputs: Outputs, batch: Batch) -> tuple[Streams, Pairs]:
        """The rows that have both modalities, and the pairs of them.

        Parameters
        ----------
        outputs : Outputs
            What the model computed.
        batch : Batch
            The batch.

        Returns
        -------
        streams : Streams
            Embeddings of those rows.
        pairs : Pairs
            Places among them.

        Raises
        ------
        ConfigError
            The model has no two streams.
        """
        if outputs.streams is None:
            raise ConfigError(
                "train.contrastive: the model has no two streams to compare; set train.contrastive.epochs=0, or train "
                "the model two_stream"
            )
        there = outputs.streams.mask
        utterance_B = batch.rows if batch.parents is None else batch.parents
        generator = torch.Generator().manual_seed(zlib.crc32(batch.rows.cpu().numpy().tobytes()))
        made = pairs(batch.emotion[there], utterance_B[there], rule=self.settings.negatives, generator=generator)
        return Streams(outputs.streams.audio[there], outputs.streams.video[there], there[there]), made

    def value(self, sums: Sums) -> Tensor:
        """Mean over pairs. See :meth:`~kemfeat.learn.training.losses.Loss.value`."""
        return sums.total / sums.weight.clamp_min(1.0)


def _zero(streams: Streams) -> Tensor:
    """0, with a graph."""
    return (streams.audio.sum() + streams.video.sum()) * 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How well two streams agree on rows that were not trained on.

    Parameters
    ----------
    loss : float
        Contrastive loss of all pairs.
    matching : float
        Share of negatives that are farther from their sound than its own film; .5 is chance.
    spread : float
        Mean distance of embeddings from their mean, over both streams.
    """

    loss: float
    matching: float
    spread: float


@torch.inference_mode()
def agreement(model: Model, batches: Iterable[Batch], loss: ContrastiveLoss) -> Agreement:
    """Judge the streams of a model.

    Parameters
    ----------
    model : Model
        The model.
    batches : iterable of Batch
        At least one batch.
    loss : ContrastiveLoss
        What training minimises.

    Returns
    -------
    Agreement
        Loss, matching and spread.

    Raises
    ------
    RunError
        No row has a film, or all embeddings are equal and ``clamp`` is not the published one.
    """
    model.eval()
    sums: list[Sums] = []
    found: list[Streams] = []
    farther: list[Tensor] = []
    for batch in batches:
        outputs = model(batch)
        sums.append(loss.sums(outputs, batch))
        streams, chosen = loss.pairs(outputs, batch)
        found.append(streams)
        distance_P = torch.linalg.vector_norm(streams.audio[chosen.audio] - streams.video[chosen.video], dim=1)
        own_B = distance_P[chosen.same]
        farther.append((distance_P[~chosen.same] > own_B[chosen.audio[~chosen.same]]).float())
    spread = sum(_spread(torch.cat(part).float()) for part in _both(found)) / 2
    total = sum(sums[1:], start=sums[0])
    if not float(total.weight):
        raise RunError(
            "contrastive pre-training: no row of the validation part has a film, so nothing can be matched; build the "
            "store from a corpus with films, or set train.contrastive.epochs=0"
        )
    if spread < _COLLAPSED * loss.settings.margin and loss.settings.clamp == "min":
        raise RunError(
            f"contrastive pre-training collapsed: all embeddings are equal (their mean distance from their mean is "
            f"{spread:.1e}, the margin {loss.settings.margin:g}), which makes the loss of own films 0 and says nothing "
            "of them; training stopped, and the last checkpoint is kept; try a smaller --set train.learning_rate, or "
            "larger batches, with another --out"
        )
    return Agreement(loss=float(loss.value(total)), matching=float(torch.cat(farther).mean()), spread=spread)


def _both(found: list[Streams]) -> tuple[list[Tensor], list[Tensor]]:
    return [streams.audio for streams in found], [streams.video for streams in found]


def _spread(embedding_NE: Tensor) -> float:
    return float(torch.linalg.vector_norm(embedding_NE - embedding_NE.mean(dim=0), dim=1).mean())
