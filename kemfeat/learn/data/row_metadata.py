"""What is known about each row of a loader without reading an array: ids, labels and lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kemfeat.config import suggest
from kemfeat.errors import ConfigError, StoreCorruptError
from kemfeat.labels import usual_labels
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.data.columns import ARRAYS, CHANNELS, Column

if TYPE_CHECKING:
    from kemfeat.store.reader import Store

_FIELDS = {"mel", *(name for arrays in ARRAYS.values() for name in arrays)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowMetadata:
    """Ids, labels and lengths of n rows; the tensors are on one device.

    Parameters
    ----------
    ids : ndarray, shape (n,), object
        Ids of the utterances.
    rows, copies, emotion : Tensor, shape (n,), int64
        As in :class:`~kemfeat.learn.data.batch.Batch`.
    arousal, valence : Tensor, shape (n,), float32
        As in :class:`~kemfeat.learn.data.batch.Batch`.
    lengths : mapping of str to Tensor, shape (n,), int64
        Per ragged array the real frames of each row.
    mel_pads : tuple of float
        Padding after the real frames, for every channel of mel.
    pads : mapping of str to float
        Padding of the ragged arrays that have no field of their own in a batch.
    parents : Tensor, shape (n,), int64, or None
        Row of the utterance of each row; None where the rows are utterances.
    """

    ids: NDArray[np.object_]
    rows: Tensor
    copies: Tensor
    emotion: Tensor
    arousal: Tensor
    valence: Tensor
    lengths: Mapping[str, Tensor]
    mel_pads: tuple[float, ...]
    pads: Mapping[str, float]
    parents: Tensor | None = None

    def to(self, device: torch.device) -> RowMetadata:
        """The same metadata on another device.

        Parameters
        ----------
        device : torch.device
            The device.

        Returns
        -------
        RowMetadata
            A copy there.
        """
        return RowMetadata(
            ids=self.ids,
            rows=self.rows.to(device),
            copies=self.copies.to(device),
            emotion=self.emotion.to(device),
            arousal=self.arousal.to(device),
            valence=self.valence.to(device),
            lengths={name: lengths.to(device) for name, lengths in self.lengths.items()},
            mel_pads=self.mel_pads,
            pads=self.pads,
            parents=None if self.parents is None else self.parents.to(device),
        )

    def batch(self, places: NDArray[np.int64], at: Tensor, media: Mapping[str, Tensor]) -> Batch:
        """Make the batch of some rows.

        Parameters
        ----------
        places : ndarray, shape (B,), int64
            Which of the rows.
        at : Tensor, shape (B,), int64
            The same, on the device of the metadata.
        media : mapping of str to Tensor
            The feature fields, and the arrays without fields of their own.

        Returns
        -------
        Batch
            The batch.
        """
        lengths = self.lengths.get(CHANNELS[0])
        inputs = {name: value for name, value in media.items() if name in _FIELDS}
        return Batch(
            ids=tuple(self.ids[places].tolist()),
            rows=self.rows[at],
            copies=self.copies[at],
            mel_lengths=torch.zeros_like(at) if lengths is None else lengths[at],
            emotion=self.emotion[at],
            arousal=self.arousal[at],
            valence=self.valence[at],
            mel_pads=self.mel_pads,
            parents=None if self.parents is None else self.parents[at],
            arrays={name: value for name, value in media.items() if name not in _FIELDS},
            lengths={name: value[at] for name, value in self.lengths.items() if name in self.pads},
            pads=self.pads,
            **inputs,
        )


def row_metadata_of(
    store: Store,
    rows: NDArray[np.int64],
    copies: NDArray[np.int64],
    columns: Sequence[Column],
    *,
    axis: str,
    emotions: Sequence[str] | None,
    labels: str | None,
) -> RowMetadata:
    """The metadata of some rows of a store.

    Parameters
    ----------
    store : Store
        The store.
    rows, copies : ndarray, shape (n,), int64
        Rows and their copy numbers.
    columns : sequence of Column
        The arrays that batches have.
    axis : str
        What the rows are.
    emotions : sequence of str or None
        Name of each class; None takes the usual classes of the corpus.
    labels : str or None
        Label rule; None takes that of the corpus.

    Returns
    -------
    RowMetadata
        Metadata on the CPU.

    Raises
    ------
    ConfigError
        An emotion is unknown or given twice, or there is no such label rule.
    """
    parents = parents_of(store, axis)[rows]
    table = store.utterances.iloc[parents]
    usual = usual_labels(store.emotions)
    classes = _classes(usual.classes if emotions is None else emotions, store)
    rule = labels or (usual.rule if emotions is None else usual.all)
    named = store.labels(rule).iloc[parents]
    return RowMetadata(
        ids=table["id"].to_numpy(dtype=object),
        rows=torch.from_numpy(rows),
        copies=torch.from_numpy(copies),
        emotion=torch.tensor([classes.get(emotion, -1) for emotion in named], dtype=torch.int64),
        arousal=torch.from_numpy(table["arousal"].to_numpy(dtype=np.float32, na_value=np.nan, copy=True)),
        valence=torch.from_numpy(table["valence"].to_numpy(dtype=np.float32, na_value=np.nan, copy=True)),
        lengths={c.name: torch.from_numpy(c.lengths[rows]) for c in columns if c.lengths is not None},
        mel_pads=tuple(c.pad for c in columns if c.is_channel),
        pads={c.name: c.pad for c in columns if c.lengths is not None and not c.is_channel},
        parents=None if axis == "utterance" else torch.from_numpy(parents),
    )


def parents_of(store: Store, axis: str) -> NDArray[np.int64]:
    """The row of the utterance that each row of an axis belongs to.

    Parameters
    ----------
    store : Store
        The store.
    axis : str
        What the rows are.

    Returns
    -------
    ndarray, shape (rows,), int64
        Rows of the utterances.

    Raises
    ------
    ConfigError
        The store has no such axis.
    StoreCorruptError
        A row belongs to no utterance of the store.
    """
    import pandas as pd

    if axis == "utterance":
        return np.arange(len(store))
    found: NDArray[np.int64] = pd.Index(store.utterances["id"]).get_indexer(store.owners(axis)).astype(np.int64)
    if found.min(initial=0) < 0:
        raise StoreCorruptError(f"{store.path}: a row of the axis {axis} has no utterance; run `kemfeat verify`")
    return found


def _classes(emotions: Sequence[str], store: Store) -> dict[str, int]:
    if isinstance(emotions, str):
        raise ConfigError(f"emotions is the text {emotions!r}; expected a list of names, such as ({emotions!r},)")
    for place, name in enumerate(emotions):
        if name not in store.emotions:
            raise ConfigError(f"emotions: unknown emotion {name!r}{suggest(name, store.emotions)}")
        if name in emotions[:place]:
            raise ConfigError(f"emotions: {name!r} is given twice; give each class once")
    return {name: number for number, name in enumerate(emotions)}


def checked_rows(store: Store, rows: ArrayLike | None, *, axis: str) -> NDArray[np.int64]:
    """Check the rows of a store.

    Parameters
    ----------
    store : Store
        The store.
    rows : array of int, shape (n,), or None
        Its rows; None means all.
    axis : str
        What the rows are.

    Returns
    -------
    ndarray, shape (n,), int64
        A copy.

    Raises
    ------
    ConfigError
        There are none, or some are not rows of this store, or it has no such axis.
    """
    count = len(store.rows(axis))
    found: NDArray[Any] = np.arange(count) if rows is None else np.asarray(rows)
    if found.ndim != 1 or not len(found) or not np.issubdtype(found.dtype, np.integer):
        raise ConfigError(f"rows: expected a list of one or more row numbers, found {_brief(found)}")
    if found.min() < 0 or found.max() >= count:
        raise ConfigError(f"rows: {store.path} has rows 0 to {count - 1}, found {found.min()} to {found.max()}")
    return found.astype(np.int64)


def checked_copies(copies: ArrayLike | None, *, rows: int) -> NDArray[np.int64]:
    """Check copy numbers.

    Parameters
    ----------
    copies : array of int, shape (n,), or None
        Copy number of each row; None means that all are originals.
    rows : int
        Number of rows.

    Returns
    -------
    ndarray, shape (n,), int64
        A copy.

    Raises
    ------
    ConfigError
        There are more or fewer than rows, or some are negative.
    """
    found: NDArray[Any] = np.zeros(rows, np.int64) if copies is None else np.asarray(copies)
    if found.shape != (rows,) or not np.issubdtype(found.dtype, np.integer) or found.min() < 0:
        raise ConfigError(f"copies: expected {rows} numbers from 0 on, one for each row, found {_brief(found)}")
    return found.astype(np.int64)


def _brief(array: NDArray[Any]) -> str:
    return f"an array of {array.dtype} with shape {array.shape}"
