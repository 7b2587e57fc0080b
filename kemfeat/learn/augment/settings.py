"""Settings of the augmentations; a recipe names one, or writes a table with its ``name`` and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from kemfeat.config import FrozenConfig

AugmentedInput = Literal["mel", "tokens"]


class Chosen(FrozenConfig):
    """Which utterances of a batch an augmentation changes.

    Parameters
    ----------
    probability : of each of them, in [0, 1]; drawn anew every epoch.
    copies : only these copies of an utterance, 0 being the original; None takes all.
    """

    medium: ClassVar[AugmentedInput]

    probability: float = Field(default=1.0, ge=0, le=1)
    copies: tuple[Annotated[int, Field(ge=0)], ...] | None = None


class FrequencyNoise(Chosen):
    """Uniform noise in one band of mel, over all real frames; system 1's "random frequency masking".

    The band begins at any bin, ends at the last one at most, and its noise lies between two whole levels drawn from
    [-top_db, -1] dB. The slope is taken anew.

    Parameters
    ----------
    min_width, max_width : bins of the band.
    faithful : write noise of the same two levels over the slope too, as published (K15).
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
    """Masks over frequency and time (Park et al., Interspeech 2019), without time warping. The slope is taken anew.

    A mask's width is drawn from 0 to its largest, then its begin among all that fit. Defaults are the policy SS of
    that paper (F 27, T 0.7 s, p 0.2, two masks each) at 32 ms per frame.

    Parameters
    ----------
    frequency_masks, time_masks : how many; 0 leaves them out.
    frequency_width : largest width of a frequency mask, bins.
    time_width : largest width of a time mask, frames.
    time_share : a time mask covers at most this share of the utterance's frames, in [0, 1].
    value : what stands in the masks: the utterance's own ``mean`` or the ``floor`` of its range, -top_db.
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
    """What changes words of the cleaned text.

    Parameters
    ----------
    alpha : share of the words, in (0, 1].
    """

    medium: ClassVar[AugmentedInput] = "tokens"

    alpha: float = Field(default=0.3, gt=0, le=1)


class RandomSwap(OnWords):
    """Words change places: max(2, round(alpha n)) of n words, moved on in a circle."""

    name: Literal["random-swap"] = "random-swap"


class RandomDeletion(OnWords):
    """Words are left out: max(1, round(alpha n)) of n words, never all."""

    name: Literal["random-deletion"] = "random-deletion"


def _named(value: Any) -> Any:
    if isinstance(value, Mapping):  # pydantic forgets that a table came from JSON once it has passed through here
        return {key: tuple(cell) if isinstance(cell, list) else cell for key, cell in value.items()}
    return {"name": value} if isinstance(value, str) else value


Augmentation: TypeAlias = Annotated[
    FrequencyNoise | SpecAugment | RandomSwap | RandomDeletion,
    Field(discriminator="name"),
    BeforeValidator(_named),
]
"""One of them: its name, or a table with its name and settings."""
