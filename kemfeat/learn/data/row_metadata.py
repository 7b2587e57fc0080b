"""What is known about each row of a loader without reading an array: names, labels, lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kemfeat.config import suggest
from kemfeat.errors import ConfigError
from kemfeat.labels import usual_labels
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.data.columns import CHANNELS, Column

if TYPE_CHECKING:
    from kemfeat.store.reader import Store


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowMetadata:
    """RowMetadata about n rows; the tensors lie on one device.

    Parameters
    ----------
    ids : names of the utterances [shape=(n,)].
    rows, copies, emotion, arousal, valence : as in :class:`~kemfeat.learn.data.batch.Batch` [shape=(n,)].
    lengths : per ragged array the real frames of each row [shape=(n,)].
    mel_pads : what comes after the real frames, for every channel of mel.
    """

    ids: NDArray[np.object_]
    rows: Tensor
    copies: Tensor
    emotion: Tensor
    arousal: Tensor
    valence: Tensor
    lengths: Mapping[str, Tensor]
    mel_pads: tuple[float, ...]

    def to(self, device: torch.device) -> RowMetadata:
        """The same facts on another device."""
        return RowMetadata(
            ids=self.ids,
            rows=self.rows.to(device),
            copies=self.copies.to(device),
            emotion=self.emotion.to(device),
            arousal=self.arousal.to(device),
            valence=self.valence.to(device),
            lengths={name: lengths.to(device) for name, lengths in self.lengths.items()},
            mel_pads=self.mel_pads,
        )

    def batch(self, places: NDArray[np.int64], at: Tensor, media: Mapping[str, Tensor]) -> Batch:
        """The batch of some rows.

        Parameters
        ----------
        places : which of the rows.
        at : the same, on the device of the facts.
        media : the fields that hold features.
        """
        lengths = self.lengths.get(CHANNELS[0])
        return Batch(
            ids=tuple(self.ids[places].tolist()),
            rows=self.rows[at],
            copies=self.copies[at],
            mel_lengths=torch.zeros_like(at) if lengths is None else lengths[at],
            emotion=self.emotion[at],
            arousal=self.arousal[at],
            valence=self.valence[at],
            mel_pads=self.mel_pads,
            **media,
        )


def row_metadata_of(
    store: Store,
    rows: NDArray[np.int64],
    copies: NDArray[np.int64],
    columns: Sequence[Column],
    *,
    emotions: Sequence[str] | None,
    labels: str | None,
) -> RowMetadata:
    """The facts about some rows of a store.

    Raises
    ------
    ConfigError
        An emotion is unknown or named twice, or there is no such label rule.
    """
    table = store.utterances.iloc[rows]
    usual = usual_labels(store.emotions)
    classes = _classes(usual.classes if emotions is None else emotions, store)
    rule = labels or (usual.rule if emotions is None else usual.all)
    named = store.labels(rule).iloc[rows]
    return RowMetadata(
        ids=table["id"].to_numpy(dtype=object),
        rows=torch.from_numpy(rows),
        copies=torch.from_numpy(copies),
        emotion=torch.tensor([classes.get(emotion, -1) for emotion in named], dtype=torch.int64),
        arousal=torch.from_numpy(table["arousal"].to_numpy(dtype=np.float32, na_value=np.nan, copy=True)),
        valence=torch.from_numpy(table["valence"].to_numpy(dtype=np.float32, na_value=np.nan, copy=True)),
        lengths={c.name: torch.from_numpy(c.lengths[rows]) for c in columns if c.lengths is not None},
        mel_pads=tuple(c.pad for c in columns if c.lengths is not None),
    )


def _classes(emotions: Sequence[str], store: Store) -> dict[str, int]:
    if isinstance(emotions, str):
        raise ConfigError(f"emotions is the text {emotions!r}; expected a list of names, such as ({emotions!r},)")
    for place, name in enumerate(emotions):
        if name not in store.emotions:
            raise ConfigError(f"emotions: unknown emotion {name!r}{suggest(name, store.emotions)}")
        if name in emotions[:place]:
            raise ConfigError(f"emotions: {name!r} is named twice; name each class once")
    return {name: number for number, name in enumerate(emotions)}


def checked_rows(store: Store, rows: ArrayLike | None) -> NDArray[np.int64]:
    """Rows of a store as an array of their own; None means all.

    Raises
    ------
    ConfigError
        There are none, or some are not rows of this store.
    """
    count = len(store)
    found: NDArray[Any] = np.arange(count) if rows is None else np.asarray(rows)
    if found.ndim != 1 or not len(found) or not np.issubdtype(found.dtype, np.integer):
        raise ConfigError(f"rows: expected a list of one or more row numbers, found {_brief(found)}")
    if found.min() < 0 or found.max() >= count:
        raise ConfigError(f"rows: {store.path} has rows 0 to {count - 1}, found {found.min()} to {found.max()}")
    return found.astype(np.int64)


def checked_copies(copies: ArrayLike | None, *, rows: int) -> NDArray[np.int64]:
    """A copy number for each row; None means that all are originals.

    Raises
    ------
    ConfigError
        There are not as many as rows, or some are below 0.
    """
    found: NDArray[Any] = np.zeros(rows, np.int64) if copies is None else np.asarray(copies)
    if found.shape != (rows,) or not np.issubdtype(found.dtype, np.integer) or found.min() < 0:
        raise ConfigError(f"copies: expected {rows} numbers from 0 on, one for each row, found {_brief(found)}")
    return found.astype(np.int64)


def _brief(array: NDArray[Any]) -> str:
    return f"an array of {array.dtype} with shape {array.shape}"
