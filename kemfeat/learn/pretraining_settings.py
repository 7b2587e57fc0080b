"""Settings of contrastive pre-training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kemfeat.config import FrozenConfig


class Contrastive(FrozenConfig):
    """Pre-training in which a model of two streams learns which sound and which film belong together.

    Parameters
    ----------
    epochs : int, >= 0
        Epochs of it, the first ones of the run; 0 for none.
    margin : float, > 0
        Distance of two embeddings from which on they count as different enough.
    clamp : {"min", "max"}
        Which side of ``margin - distance`` is cut off at 0. As published, ``max`` punishes negatives that are far
        apart, so that all embeddings become equal (S2); then that is no reason to stop.
    negatives : {"other-utterance", "published"}
        Films of other utterances, by label; or, as published, of the next row of the batch and of the fourth after it,
        whatever they are (S3).
    """

    epochs: int = Field(default=0, ge=0)
    margin: float = Field(default=1.0, gt=0)
    clamp: Literal["min", "max"] = "min"
    negatives: Literal["other-utterance", "published"] = "other-utterance"
