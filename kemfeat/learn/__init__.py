"""From a store to a trained and evaluated model. No other room imports torch.

The public names are imported on first use, so that code that needs no torch does not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kemfeat._lazy import attributes, names
from kemfeat.labels import FIVE_CLASSES as EMOTIONS

if TYPE_CHECKING:
    from kemfeat.learn.data.batch import Batch
    from kemfeat.learn.data.dataset import StoreDataset, collate
    from kemfeat.learn.data.loader import StoreLoader
    from kemfeat.learn.data.standardise import Standardise
    from kemfeat.learn.training.recipe import load_recipe
    from kemfeat.learn.training.trainer import load_model, train

_HOMES = {
    "Batch": "data.batch",
    "Standardise": "data.standardise",
    "StoreDataset": "data.dataset",
    "StoreLoader": "data.loader",
    "collate": "data.dataset",
    "load_model": "training.trainer",
    "load_recipe": "training.recipe",
    "train": "training.trainer",
}

__all__ = [
    "EMOTIONS",
    "Batch",
    "Standardise",
    "StoreDataset",
    "StoreLoader",
    "collate",
    "load_model",
    "load_recipe",
    "train",
]

__getattr__ = attributes(__name__, _HOMES)
__dir__ = names(__name__, _HOMES)
