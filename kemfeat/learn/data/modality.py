"""Which modality an array belongs to, and batches without one or with that of other rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from kemfeat.learn.data.batch import Batch
from kemfeat.learn.data.columns import CHANNELS, Column

_STEMS: Mapping[str, tuple[str, ...]] = {
    "audio": ("mel", "delta", "mfcc", "log_spectrogram", "stft_image", "clip_audio", "tick_audio"),
    "text": ("input_ids", "attention_mask"),
    "eda": ("eda", "tick_eda"),
    "temp": ("temp", "tick_temp"),
    "ibi": ("ibi",),
    "video": ("video_frames",),
}
_TEXT = ("input_ids", "attention_mask")


def modality_of(array: str) -> str:
    """The modality of an array.

    Parameters
    ----------
    array : str
        Name of an array of a store.

    Returns
    -------
    str
        ``audio``, ``text``, ``eda``, ``temp``, ``ibi`` or ``video``; any other array is a modality of its own.

    Examples
    --------
    >>> modality_of("tick_eda_mask"), modality_of("input_ids@100"), modality_of("posture")
    ('eda', 'text', 'posture')
    """
    base = array.partition("@")[0]
    for modality, stems in _STEMS.items():
        if any(base == stem or base.startswith(f"{stem}_") for stem in stems):
            return modality
    return base


def modalities_of(columns: Iterable[Column]) -> dict[str, tuple[Column, ...]]:
    """The columns of each modality.

    Parameters
    ----------
    columns : iterable of Column
        The arrays that a model reads.

    Returns
    -------
    dict of str to tuple of Column
        By modality, in the order in which they first occur.
    """
    found: dict[str, tuple[Column, ...]] = {}
    for column in columns:
        modality = modality_of(column.name)
        found[modality] = (*found.get(modality, ()), column)
    return found


def exchanged(batch: Batch, other: Batch, columns: Iterable[Column]) -> Batch:
    """The same rows with some arrays of other rows.

    Parameters
    ----------
    batch : Batch
        The rows.
    other : Batch
        As many other rows.
    columns : iterable of Column
        The arrays that are taken from them.

    Returns
    -------
    Batch
        A new batch.
    """
    there = other.tensors()
    return batch.with_tensors({name: there[name] for column in columns for name in _names(column) if name in there})


def emptied(batch: Batch, columns: Iterable[Column]) -> Batch:
    """The same rows without some arrays: nothing but padding, no real element, nothing measured.

    A text keeps its first and last token, which enclose its words.

    Parameters
    ----------
    batch : Batch
        The rows.
    columns : iterable of Column
        The arrays.

    Returns
    -------
    Batch
        A new batch.
    """
    tensors, gone = batch.tensors(), dict[str, Tensor]()
    for column in columns:
        if column.name in _TEXT:
            gone |= _wordless(batch, column)
        elif column.is_channel:
            mel = gone.get("mel", tensors["mel"].clone())
            mel[:, CHANNELS.index(column.name)] = column.pad
            gone |= {"mel": mel, "mel_lengths": torch.zeros_like(batch.mel_lengths)}
        else:
            gone |= {name: torch.full_like(tensors[name], _nothing(column, name)) for name in _names(column)}
    return batch.with_tensors(gone)


def _names(column: Column) -> tuple[str, ...]:
    """The tensors of a batch that a column makes."""
    if column.is_channel:
        return "mel", "mel_lengths"
    if column.has_field:
        return (column.name,)
    array = (f"arrays.{column.name}",)
    return array if column.lengths is None else (*array, f"lengths.{column.name}")


def _nothing(column: Column, name: str) -> float:
    return 0.0 if name.startswith("lengths.") or column.stored is torch.bool else column.pad


def _wordless(batch: Batch, column: Column) -> dict[str, Tensor]:
    """Only the first and the last token of each text, or their part of its mask."""
    assert batch.input_ids is not None  # noqa: S101 - a text model reads it
    assert batch.attention_mask is not None  # noqa: S101 - likewise
    if column.name == "attention_mask":
        mask_BL = torch.zeros_like(batch.attention_mask)
        mask_BL[:, :2] = 1
        return {column.name: mask_BL}
    last_B = (batch.attention_mask.sum(dim=1) - 1).clamp_min(0)
    ids_BL = torch.full_like(batch.input_ids, int(column.pad))
    ids_BL[:, 0] = batch.input_ids[:, 0]
    ids_BL[:, 1] = batch.input_ids.gather(1, last_B[:, None])[:, 0]
    return {column.name: ids_BL}
