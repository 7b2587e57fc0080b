"""The rows of a training epoch, balanced and augmented according to the recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kemfeat.learn.augment import (
    Compose,
    Expanded,
    kor_2022_plan,
    weighted_plan,
)
from kemfeat.learn.augment.resampling import kor_2022_augmentations
from kemfeat.learn.augment.settings import Augmentation
from kemfeat.learn.data.loader import Transform
from kemfeat.learn.training.recipe import Recipe

if TYPE_CHECKING:
    from kemfeat.store.reader import Store


@dataclass(frozen=True, kw_only=True, eq=False)
class AugmentationPlan:
    """What a training loader is given.

    Parameters
    ----------
    rows : ndarray, shape (n,), int64
        Rows of the store, each as often as an epoch uses it.
    copies : ndarray, shape (n,), int64
        Copy number of each row.
    transform : callable or None
        Applied to each batch; None where nothing is augmented.
    """

    rows: NDArray[np.int64]
    copies: NDArray[np.int64]
    transform: Transform | None


def plan_of(
    recipe: Recipe,
    *,
    store: Store,
    rows: NDArray[np.int64],
    emotions: Sequence[str | None],
    media: Sequence[str],
    epoch: int,
) -> AugmentationPlan:
    """Make the plan of a recipe; it is the same for every epoch unless rows are drawn by weight.

    Parameters
    ----------
    recipe : Recipe
        How the train part is balanced and augmented.
    store : Store
        The store of the rows.
    rows : ndarray, shape (n,), int64
        Rows of the train part.
    emotions : sequence of str or None, length n
        Their labels.
    media : sequence of str
        The features that the model reads.
    epoch : int, >= 0
        Epoch for which rows are drawn.

    Returns
    -------
    AugmentationPlan
        Rows, copies and transform of the training loader.
    """
    train = recipe.train
    expanded = Expanded(rows=rows, copies=np.zeros(len(rows), np.int64))
    augmentations = augmentations_of(recipe, media)
    if train.balance == "kor-2022":
        expanded = kor_2022_plan(rows, emotions)
    elif train.balance == "weights":
        expanded = weighted_plan(rows, emotions, seed=train.seed, epoch=epoch)
    transform = Compose(augmentations, store=store, seed=train.seed) if augmentations else None
    return AugmentationPlan(rows=expanded.rows, copies=expanded.copies, transform=transform)


def augmentations_of(recipe: Recipe, media: Sequence[str]) -> tuple[Augmentation, ...]:
    """The augmentations of training batches, in order.

    Parameters
    ----------
    recipe : Recipe
        How the train part is balanced and augmented.
    media : sequence of str
        The features that the model reads.

    Returns
    -------
    tuple of Augmentation
        Those of the recipe, then those of its way to balance.
    """
    train = recipe.train
    if train.balance != "kor-2022":
        return train.augment
    return train.augment + kor_2022_augmentations(media, faithful=recipe.variant == "faithful")
