"""What classifiers of emotions share: the settings of their classes."""

from __future__ import annotations

from abc import ABC
from typing import Self

from pydantic import Field, model_validator

from kemfeat.learn.settings import ModelConfig

SEVEN_CLASSES = ("neutral", "angry", "happy", "surprise", "sad", "fear", "disgust")
"""The emotions of KEMDy, in the order of the published class ids."""

TOKENS = r"^tokens(@[A-Za-z0-9_-]+)?$"
"""The feature ``tokens`` or an instance of it."""


class ClassifierConfig(ModelConfig, ABC):
    """Base of the settings of a model that classifies emotions.

    Parameters
    ----------
    emotions : tuple of str, length >= 2
        Classes, in the order of their ids.
    """

    emotions: tuple[str, ...] = Field(default=SEVEN_CLASSES, min_length=2)

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        if len(set(self.emotions)) < len(self.emotions):
            raise ValueError(f"emotions lists a class twice: {', '.join(self.emotions)}")
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        """The emotions."""
        return self.emotions
