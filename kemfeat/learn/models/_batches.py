"""What the models read of a batch, or a sentence where it is missing; and what they return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models._tokens import length_mask


@dataclass(frozen=True, slots=True)
class Streams:
    """Embeddings of two modalities of the same rows, to be trained to agree.

    Parameters
    ----------
    audio, video : Tensor, shape (B, E)
        Embeddings.
    mask : Tensor, shape (B,), bool
        False where one of them is missing.
    """

    audio: Tensor
    video: Tensor
    mask: Tensor


@dataclass(frozen=True, slots=True)
class Outputs:
    """Predictions of one batch; None where the model does not predict that.

    Parameters
    ----------
    logits : Tensor, shape (B, classes), or None
        Scores before softmax.
    arousal, valence : Tensor, shape (B,), or None
        Ratings on the scale of the corpus, 1 to 5.
    auxiliary : mapping of str to Tensor, shape (B, classes)
        Scores of further heads, each of which is trained on the emotion as well, with the weight of ``logits``.
    embedding : Tensor, shape (B, H), or None
        What the last layer before the head computed, for models that build on this one.
    probabilities : bool
        Whether the scores went through a softmax, a published defect (P3): cross entropy takes another one of them. It
        is refused where it is not declared here.
    streams : Streams or None
        What contrastive training compares; None where the model has no two streams.
    """

    logits: Tensor | None = None
    arousal: Tensor | None = None
    valence: Tensor | None = None
    auxiliary: Mapping[str, Tensor] = field(default_factory=dict)
    embedding: Tensor | None = None
    probabilities: bool = False
    streams: Streams | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a regressor or an encoder passes on.

    Parameters
    ----------
    tokens : Tensor, shape (B, T, H)
        Contextual tokens.
    mask : Tensor, shape (B, T), bool
        True on real tokens.
    value : Tensor, shape (B,), or None
        The prediction; None where there is none.
    """

    tokens: Tensor
    mask: Tensor
    value: Tensor | None = None


def mel_of(batch: Batch, *, n_mels: int) -> tuple[Tensor, Tensor]:
    """The mel and delta of a batch, and which frames are real.

    Parameters
    ----------
    batch : Batch
        The batch.
    n_mels : int
        Mel bands of the model.

    Returns
    -------
    mel : Tensor, shape (B, 2, T, n_mels), float32
        Mel [dB] and delta [dB/frame].
    mask : Tensor, shape (B, T), bool
        True on real frames.

    Raises
    ------
    AnalysisError
        The batch has no mel or no delta.
    ConfigError
        It has another number of bands than the model.
    """
    if batch.mel is None or batch.mel.shape[1] != 2:
        raise AnalysisError(
            f"the batch has no {'mel' if batch.mel is None else 'delta'}; an audio model reads the features mel and "
            f"delta; build the store with both, and load them"
        )
    bands = batch.mel.shape[-1]
    if bands != n_mels:
        raise ConfigError(
            f"model.n_mels is {n_mels}, but the store has {bands} mel bands; pass --set model.n_mels={bands}"
        )
    return batch.mel, length_mask(batch.mel_lengths, size=batch.mel.shape[2])


def ragged_of(batch: Batch, name: str, *, feature: str) -> tuple[Tensor, Tensor]:
    """A ragged array of a batch by its name, and the lengths of its rows.

    Parameters
    ----------
    batch : Batch
        The batch.
    name : str
        Name of the array in the store.
    feature : str
        Feature that makes it.

    Returns
    -------
    values : Tensor, shape (B, T, ...), float32
        The array, padded.
    lengths : Tensor, shape (B,), int64
        Real elements of each row.

    Raises
    ------
    AnalysisError
        The batch does not have it.
    """
    if name not in batch.arrays or name not in batch.lengths:
        raise AnalysisError(
            f"the batch has no {name}; the model reads the feature {feature}; build the store with it, and load it"
        )
    return batch.arrays[name], batch.lengths[name]


def tokens_of(batch: Batch, *, feature: str = "tokens") -> tuple[Tensor, Tensor]:
    """The token ids of a batch, and which of them are real.

    Parameters
    ----------
    batch : Batch
        The batch.
    feature : str
        ``tokens``, or an instance of it such as ``tokens@100``.

    Returns
    -------
    ids : Tensor, shape (B, L), int64
        Token ids.
    mask : Tensor, shape (B, L), bool
        True on real tokens.

    Raises
    ------
    AnalysisError
        The batch has no token ids.
    """
    _, at, tag = feature.partition("@")
    ids_BL, mask_BL = batch.input_ids, batch.attention_mask
    if tag:
        ids_BL, mask_BL = (batch.arrays.get(f"{name}{at}{tag}") for name in ("input_ids", "attention_mask"))
    if ids_BL is None or mask_BL is None:
        raise AnalysisError(
            f"the batch has no token ids; a text model reads the feature {feature}; build the store with it, and "
            "load it"
        )
    return ids_BL.long(), mask_BL.bool()
