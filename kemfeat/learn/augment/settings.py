"""Settings of the augmentations; a recipe gives a name, or a table with ``name`` and the settings that differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from kemfeat.config import FrozenConfig

AugmentedInput = Literal["mel", "tokens", "stft_image"]


class Chosen(FrozenConfig):
    """Which utterances of a batch an augmentation changes.

    Parameters
    ----------
    probability : float, in [0, 1]
        Chance of each utterance; drawn anew every epoch.
    copies : tuple of int, each >= 0, or None
        Only these copies of an utterance, 0 being the original; None takes all.
    """

    medium: ClassVar[AugmentedInput]

    probability: float = Field(default=1.0, ge=0, le=1)
    copies: tuple[Annotated[int, Field(ge=0)], ...] | None = None


class FrequencyNoise(Chosen):
    """Uniform noise in one band of mel, over all real frames; system 1's "random frequency masking".

    The band begins at any bin and ends at the last bin at most. Its noise is between two whole levels drawn from
    [-top_db, -1] dB. The slope is computed again.

    Parameters
    ----------
    min_width, max_width : int, >= 1
        Width of the band [bins].
    faithful : bool
        Write noise between the same two levels over the slope too, as published (K15).
    """

    medium: ClassVar[AugmentedInput] = "mel"

    name: Literal["frequency-noise"] = "frequency-noise"
    min_width: int = Field(default=10, ge=1)
    max_width: int = Field(default=29, ge=1)
    faithful: bool = False

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.min_width > self.max_width:
            raise ValueError(f"min_width {self.min_width} is more than max_width {self.max_width}")
        return self


class SpecAugment(Chosen):
    """Masks over frequency and time (Park et al., Interspeech 2019), without time warping. The slope is computed again.

    The width of a mask is drawn from 0 to its largest, then its start among all that fit. Defaults are the policy SS of
    that paper (F 27, T 0.7 s, p 0.2, two masks each) at 32 ms per frame.

    Parameters
    ----------
    frequency_masks, time_masks : int, 0 to 16
        Number of masks.
    frequency_width : int, >= 1 [bins]
        Largest width of a frequency mask.
    time_width : int, >= 1 [frames]
        Largest width of a time mask.
    time_share : float, in [0, 1]
        Largest share of the utterance's frames in one time mask.
    value : {"mean", "floor"}
        Value in the masks: the utterance's own ``mean``, or the ``floor`` of its range, -top_db.
    """

    medium: ClassVar[AugmentedInput] = "mel"

    name: Literal["spec-augment"] = "spec-augment"
    frequency_masks: int = Field(default=2, ge=0, le=16)
    frequency_width: int = Field(default=27, ge=1)
    time_masks: int = Field(default=2, ge=0, le=16)
    time_width: int = Field(default=22, ge=1)
    time_share: float = Field(default=0.2, ge=0, le=1)
    value: Literal["mean", "floor"] = "mean"


class OnWords(Chosen):
    """Changes words of the cleaned text.

    Parameters
    ----------
    alpha : float, in (0, 1]
        Share of the words.
    """

    medium: ClassVar[AugmentedInput] = "tokens"

    alpha: float = Field(default=0.3, gt=0, le=1)


class RandomSwap(OnWords):
    """Words change places: max(2, round(alpha n)) of n words, moved on in a circle."""

    name: Literal["random-swap"] = "random-swap"


class RandomDeletion(OnWords):
    """Words are left out: max(1, round(alpha n)) of n words, never all."""

    name: Literal["random-deletion"] = "random-deletion"


class ImageCrop(Chosen):
    """The highest frequencies of a spectrogram image are cut off, and the rest is stretched over all rows.

    Parameters
    ----------
    rows : int, 1 to 100
        Most rows that are cut off, of 200; how many is drawn from 0 on.
    faithful : bool
        Always cut off that many, as published.
    """

    medium: ClassVar[AugmentedInput] = "stft_image"

    name: Literal["image-crop"] = "image-crop"
    rows: int = Field(default=10, ge=1, le=100)
    faithful: bool = False


class ImageRotation(Chosen):
    """A spectrogram image is turned around its middle, which mixes time and frequency (S12); black corners.

    Parameters
    ----------
    degrees : float, in (0, 180]
        Largest angle to either side.
    """

    medium: ClassVar[AugmentedInput] = "stft_image"

    name: Literal["image-rotation"] = "image-rotation"
    degrees: float = Field(default=10.0, gt=0, le=180)


class HorizontalFlip(Chosen):
    """A spectrogram image is mirrored, so that its speech runs backwards, as published (S12).

    A recipe may have it in its variant ``faithful`` alone.
    """

    medium: ClassVar[AugmentedInput] = "stft_image"

    name: Literal["horizontal-flip"] = "horizontal-flip"


def _named(value: Any) -> Any:
    if isinstance(value, Mapping):  # after this validator, pydantic no longer knows that a table came from JSON
        return {key: tuple(cell) if isinstance(cell, list) else cell for key, cell in value.items()}
    return {"name": value} if isinstance(value, str) else value


Augmentation: TypeAlias = Annotated[
    FrequencyNoise | SpecAugment | RandomSwap | RandomDeletion | ImageCrop | ImageRotation | HorizontalFlip,
    Field(discriminator="name"),
    BeforeValidator(_named),
]
"""One augmentation: its name, or a table with its name and settings."""
