"""What a model returns."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Outputs:
    """Predictions of one batch; None where the model does not predict that.

    Parameters
    ----------
    logits : scores before softmax [shape=(B, classes)].
    arousal, valence : rating scale of the corpus, 1 to 5 [shape=(B,)].
    """

    logits: Tensor | None = None
    arousal: Tensor | None = None
    valence: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a regressor passes on.

    Parameters
    ----------
    tokens : contextual tokens [shape=(B, T, H)].
    mask : True on real tokens [shape=(B, T)].
    value : the prediction [shape=(B,)].
    """

    tokens: Tensor
    mask: Tensor
    value: Tensor
