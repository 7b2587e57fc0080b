"""The rows of a training epoch: balanced and augmented as a recipe says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kemfeat.learn.augment import (
    Augmentation,
    Compose,
    Expanded,
    check_rows,
    kor_2022_plan,
    weighted_plan,
)
from kemfeat.learn.augment.balance import kor_2022_augmentations
from kemfeat.learn.data.loader import Transform

if TYPE_CHECKING:
    from kemfeat.learn.training.training_data import Material


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What a training loader is given.

    Parameters
    ----------
    rows : rows of the store, as often as an epoch has them [shape=(n,)].
    copies : which copy of its utterance each is [shape=(n,)].
    transform : applied to each batch; None where nothing is augmented.
    """

    rows: NDArray[np.int64]
    copies: NDArray[np.int64]
    transform: Transform | None


def plan_of(material: Material, *, epoch: int) -> Plan:
    """The plan of a recipe, which is the same for every epoch unless rows are drawn by weight."""
    data = material.data
    expanded = _balanced(material, epoch)
    check_rows(expanded.rows, data.split, ids=data.store.utterances["id"].tolist(), fold=data.fold)
    augmentations = _augmentations(material)
    seed = material.recipe.train.seed
    transform = Compose(augmentations, store=data.store, seed=seed) if augmentations else None
    return Plan(rows=expanded.rows, copies=expanded.copies, transform=transform)


def _balanced(material: Material, epoch: int) -> Expanded:
    rows, train = material.rows["train"], material.recipe.train
    emotions = material.truth("train")["emotion"].tolist()
    if train.balance == "kor-2022":
        return kor_2022_plan(rows, emotions)
    if train.balance == "weights":
        return weighted_plan(rows, emotions, seed=train.seed, epoch=epoch)
    return Expanded(rows=rows, copies=np.zeros(len(rows), np.int64))


def _augmentations(material: Material) -> tuple[Augmentation, ...]:
    """Those that the recipe lists, and those that tell the copies of its balance apart."""
    recipe = material.recipe
    if recipe.train.balance != "kor-2022":
        return recipe.train.augment
    return (*recipe.train.augment, *kor_2022_augmentations(material.media, faithful=recipe.variant == "faithful"))
