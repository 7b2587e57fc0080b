"""Pad batches on the host, in memory that is used again once a batch is gone."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kemfeat.arrays import Indices
from kemfeat.learn.data.columns import Column
from kemfeat.learn.data.packed import Packed

InputTensors = dict[str, Tensor]
"""The feature fields of a batch."""


class Recycled:
    """Memory for tensors, used again once the last tensor, view or array that shares it is gone.

    Fresh memory costs a page fault every few kilobytes, which takes longer than the padding itself.

    Parameters
    ----------
    capacity : int
        Largest number of elements that a tensor will have; memory that is never touched costs nothing.
    """

    _KEEP = 4

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._free: deque[NDArray[np.float32]] = deque(maxlen=self._KEEP)

    def tensor(self, shape: tuple[int, ...]) -> Tensor:
        """A tensor with undefined values.

        Parameters
        ----------
        shape : tuple of int
            Its shape.

        Returns
        -------
        Tensor, float32
            The tensor.
        """
        try:
            memory = self._free.pop()
        except IndexError:
            memory = np.empty(self._capacity, np.float32)
        # torch keeps this very array as long as any tensor uses its memory; it would not keep a view of it.
        lent = memory[: int(np.prod(shape))].reshape(shape)
        weakref.finalize(lent, self._free.append, memory).atexit = False
        return torch.from_numpy(lent)


class HostCollator:
    """Pads batches on the host.

    Parameters
    ----------
    columns : tuple of Column
        The arrays.
    rows : ndarray, shape (n,), int64
        Row of the store at every place.
    frames : int or None
        Frames of every batch; None takes the longest row of each batch.
    batch_size : int
        Largest number of rows in a batch.
    """

    def __init__(
        self, columns: tuple[Column, ...], rows: NDArray[np.int64], *, frames: int | None, batch_size: int
    ) -> None:
        self._columns = columns
        self._rows = rows
        self._frames = frames
        most = frames_of(columns, rows, frames)
        self._recycled = Recycled(batch_size * mel_numbers(columns, most))
        # NumPy copies a block of padding faster than it fills in a number.
        self._padding = {c.name: np.full((most, c.shape[-1]), c.pad, np.float32) for c in channels_of(columns)}

    def run(self, packs: Iterable[Packed], batches: Iterable[Indices], at: Iterable[Tensor]) -> Iterator[InputTensors]:  # noqa: ARG002 - for collators on a device
        """Pad one batch after the other.

        Parameters
        ----------
        packs : iterable of Packed
            For each batch, packed rows that include its own.
        batches : iterable of ndarray, shape (B,), int64
            The places of each batch.
        at : iterable of Tensor, shape (B,), int64
            The same places, on the device.

        Yields
        ------
        dict of str to Tensor
            The feature fields of each batch.
        """
        for packed, places in zip(packs, batches, strict=True):
            yield self.media(packed, places)

    def settle(self) -> None:
        """Do nothing: no copies are pending."""

    def media(self, packed: Packed, places: Indices) -> InputTensors:
        """Pad one batch.

        Parameters
        ----------
        packed : Packed
            Packed rows that include those of the batch.
        places : ndarray, shape (B,), int64
            The places of the batch.

        Returns
        -------
        dict of str to Tensor
            Its feature fields.
        """
        rows = self._rows[places]
        slots = packed.slots(rows)
        media: InputTensors = {}
        channels = channels_of(self._columns)
        if channels:
            frames = frames_of(self._columns, rows, self._frames)
            mel = self._recycled.tensor((len(rows), len(channels), frames, channels[0].shape[-1]))
            for number, column in enumerate(channels):
                _pad(packed, column, slots, self._padding[column.name], mel.numpy()[:, number])
            media["mel"] = mel
        for column in ragged(self._columns):
            longest = longest_of(column, rows)
            padding = np.full((longest, *column.shape[1:]), column.pad, packed.values[column.name].numpy().dtype)
            out = np.empty((len(rows), *padding.shape), padding.dtype)
            _pad(packed, column, slots, padding, out)
            media[column.name] = torch.from_numpy(out).to(column.dtype)
        chosen = torch.from_numpy(slots)
        for column in even(self._columns):
            media[column.name] = packed.values[column.name][chosen].to(column.dtype)
        return media


def _pad(packed: Packed, column: Column, slots: NDArray[np.int64], padding: NDArray[Any], out: NDArray[Any]) -> None:
    """Write the rows of a ragged column and their padding into ``out``, shape (B, longest, ...)."""
    values, starts = packed.values[column.name].numpy(), packed.starts[column.name]
    spans = zip(starts[slots].tolist(), starts[slots + 1].tolist(), strict=True)
    for row, (start, stop) in zip(out, spans, strict=True):
        length = stop - start
        row[:length] = values[start:stop]
        row[length:] = padding[length : len(row)]


def channels_of(columns: Iterable[Column]) -> list[Column]:
    """The columns that become channels of mel, in order.

    Parameters
    ----------
    columns : iterable of Column
        All columns.

    Returns
    -------
    list of Column
        Those of mel and delta.
    """
    return [column for column in columns if column.is_channel]


def ragged(columns: Iterable[Column]) -> list[Column]:
    """The ragged columns that are padded on their own.

    Parameters
    ----------
    columns : iterable of Column
        All columns.

    Returns
    -------
    list of Column
        Those with lengths that are not channels of mel.
    """
    return [column for column in columns if column.lengths is not None and not column.is_channel]


def longest_of(column: Column, rows: NDArray[np.int64]) -> int:
    """The length that rows of a ragged column are padded to.

    Parameters
    ----------
    column : Column
        The column.
    rows : ndarray, shape (n,), int64
        Rows of the store.

    Returns
    -------
    int, >= 1
        Length of the longest row.
    """
    assert column.lengths is not None  # noqa: S101 - it is ragged
    return max(1, int(column.lengths[rows].max(initial=0)))


def even(columns: Iterable[Column]) -> list[Column]:
    """The columns whose rows all have the stored length.

    Parameters
    ----------
    columns : iterable of Column
        All columns.

    Returns
    -------
    list of Column
        Those without lengths.
    """
    return [column for column in columns if column.lengths is None]


def frames_of(columns: Iterable[Column], rows: NDArray[np.int64], frames: int | None) -> int:
    """The number of frames that rows are padded to.

    Parameters
    ----------
    columns : iterable of Column
        The arrays.
    rows : ndarray, shape (n,), int64
        Rows of the store.
    frames : int or None
        Frames asked for.

    Returns
    -------
    int, >= 1
        Those asked for, or the frames of the longest row.
    """
    if frames is not None:
        return frames
    return max([1, *(longest_of(column, rows) for column in channels_of(columns))])


def mel_numbers(columns: Iterable[Column], frames: int) -> int:
    """The size of one row of ``Batch.mel``.

    Parameters
    ----------
    columns : iterable of Column
        The arrays.
    frames : int
        Frames that rows are padded to.

    Returns
    -------
    int
        Number of elements.
    """
    return frames * sum(column.shape[-1] for column in channels_of(columns))
