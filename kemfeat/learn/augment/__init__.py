"""Augmentation and class balance: training batches changed on their device, differently in every epoch.

Settings and class balance do not need torch; the public names are imported when first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kemfeat._lazy import attributes

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

__getattr__ = attributes(__name__, _HOMES)
