"""Augmentation and class balance: training batches changed on their device, differently in every epoch.

Settings and class balance do not need torch; the public names are imported when first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kemfeat.learn.augment.balance import (
        KOR_2022,
        Expanded,
        check_rows,
        kor_2022_augmentations,
        kor_2022_plan,
        sampling_weights,
        weighted_places,
        weighted_plan,
    )
    from kemfeat.learn.augment.compose import Compose
    from kemfeat.learn.augment.settings import Augmentation, FrequencyNoise, RandomDeletion, RandomSwap, SpecAugment

_HOMES = {
    "Augmentation": "settings",
    "Compose": "compose",
    "Expanded": "balance",
    "FrequencyNoise": "settings",
    "KOR_2022": "balance",
    "RandomDeletion": "settings",
    "RandomSwap": "settings",
    "SpecAugment": "settings",
    "check_rows": "balance",
    "kor_2022_augmentations": "balance",
    "kor_2022_plan": "balance",
    "sampling_weights": "balance",
    "weighted_places": "balance",
    "weighted_plan": "balance",
}

__all__ = [
    "KOR_2022",
    "Augmentation",
    "Compose",
    "Expanded",
    "FrequencyNoise",
    "RandomDeletion",
    "RandomSwap",
    "SpecAugment",
    "check_rows",
    "kor_2022_augmentations",
    "kor_2022_plan",
    "sampling_weights",
    "weighted_places",
    "weighted_plan",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kemfeat.learn.augment' has no attribute {name!r}")
    return getattr(import_module(f"kemfeat.learn.augment.{_HOMES[name]}"), name)
