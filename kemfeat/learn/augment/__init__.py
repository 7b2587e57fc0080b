"""Augmentation and class balance: training batches changed on their device, differently in every epoch.

Settings and class balance do not need torch; the public names are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kemfeat._lazy import attributes, names

if TYPE_CHECKING:
    from kemfeat.learn.augment.compose import Compose
    from kemfeat.learn.augment.resampling import (
        KOR_2022,
        Expanded,
        check_rows,
        kor_2022_augmentations,
        kor_2022_plan,
        sampling_weights,
        weighted_places,
        weighted_plan,
    )
    from kemfeat.learn.augment.settings import (
        Augmentation,
        FrequencyNoise,
        HorizontalFlip,
        ImageCrop,
        ImageRotation,
        RandomDeletion,
        RandomSwap,
        SpecAugment,
    )

_HOMES = {
    "Augmentation": "settings",
    "Compose": "compose",
    "Expanded": "resampling",
    "FrequencyNoise": "settings",
    "HorizontalFlip": "settings",
    "ImageCrop": "settings",
    "ImageRotation": "settings",
    "KOR_2022": "resampling",
    "RandomDeletion": "settings",
    "RandomSwap": "settings",
    "SpecAugment": "settings",
    "check_rows": "resampling",
    "kor_2022_augmentations": "resampling",
    "kor_2022_plan": "resampling",
    "sampling_weights": "resampling",
    "weighted_places": "resampling",
    "weighted_plan": "resampling",
}

__all__ = [
    "KOR_2022",
    "Augmentation",
    "Compose",
    "Expanded",
    "FrequencyNoise",
    "HorizontalFlip",
    "ImageCrop",
    "ImageRotation",
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
__dir__ = names(__name__, _HOMES)
