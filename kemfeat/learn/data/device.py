"""Pad batches on the device by index arithmetic, from rows that are already there or are sent row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kemfeat.arrays import Indices
from kemfeat.learn.data.collate import InputTensors, channels_of, even, frames_of, longest_of, ragged
from kemfeat.learn.data.columns import Column
from kemfeat.learn.data.packed import Packed
from kemfeat.learn.data.row_metadata import RowMetadata


def padded(values: Tensor, starts: Tensor, lengths: Tensor, *, frames: int, pad: float) -> Tensor:
    """Pad rows that are stored end to end, one for each row of a batch.

    Parameters
    ----------
    values : Tensor, shape (total, ...)
        The rows end to end.
    starts, lengths : Tensor, shape (B,), int64
        Where each row of the batch begins, and how long it is, at most ``frames``.
    frames : int
        Length of the result.
    pad : float
        Value after the end of a row.

    Returns
    -------
    Tensor, shape (B, frames, ...)
        Padded rows, real numbers as float32.
    """
    steps = torch.arange(frames, device=values.device)
    real = steps < lengths[:, None]
    dtype, inner = torch.float32 if values.is_floating_point() else values.dtype, values.shape[1:]
    if not len(values):
        return torch.full((*real.shape, *inner), pad, dtype=dtype, device=values.device)
    index = (starts[:, None] + steps).clamp_(max=len(values) - 1)
    rows = values.index_select(0, index.flatten()).view(*real.shape, *inner).to(dtype)
    return rows.masked_fill_(~real.view(*real.shape, *(1 for _ in inner)), pad)


class GatherCollator:
    """Pads batches of rows that are already on the device; nothing is copied from the host.

    Parameters
    ----------
    packed : Packed
        The rows, on the device.
    facts : RowMetadata
        Labels and lengths of every place, on the device.
    frames : int or None
        Frames of every batch; None takes the longest row of each batch.
    """

    def __init__(self, packed: Packed, facts: RowMetadata, *, frames: int | None) -> None:
        device = facts.rows.device
        self._rows = facts.rows.cpu().numpy()
        slots = packed.slots(self._rows)
        self._facts, self._frames = facts, frames
        self._slots = torch.from_numpy(slots).to(device)
        self._starts = {name: torch.from_numpy(starts[slots]).to(device) for name, starts in packed.starts.items()}

    def run(self, packs: Iterable[Packed], batches: Iterable[Indices], at: Iterable[Tensor]) -> Iterator[InputTensors]:
        """Pad one batch after the other. See :meth:`~kemfeat.learn.data.collate.HostCollator.run`."""
        for packed, places, there in zip(packs, batches, at, strict=True):
            yield self._media(packed, places, there)

    def settle(self) -> None:
        """Do nothing: no copies are pending."""

    def _media(self, packed: Packed, places: Indices, at: Tensor) -> InputTensors:
        frames = frames_of(packed.columns, self._rows[places], self._frames)
        media: InputTensors = {}
        channels = channels_of(packed.columns)
        if channels:
            sources = {c.name: (packed.values[c.name], self._starts[c.name][at]) for c in channels}
            media["mel"] = _stacked(channels, sources, self._facts, at, frames)
        for column in ragged(packed.columns):
            source = packed.values[column.name], self._starts[column.name][at]
            longest = longest_of(column, self._rows[places])
            media[column.name] = _padded(column, source, self._facts, at, longest)
        slots = self._slots[at]
        for column in even(packed.columns):
            media[column.name] = packed.values[column.name][slots].to(column.dtype)
        return media


class _Sent(NamedTuple):
    """A batch on its way to the device."""

    media: InputTensors
    arrived: torch.cuda.Event | None


class SendCollator:
    """Sends the real frames of a batch to the device and pads them there, one batch ahead of the consumer.

    On CUDA, copies and padding run on a stream of their own, beside the consumer's work; they do not wait for the host
    where the packed rows are in pinned memory.

    Parameters
    ----------
    facts : RowMetadata
        Labels and lengths of every place, on the device.
    frames : int or None
        Frames of every batch; None takes the longest row of each batch.
    """

    def __init__(self, facts: RowMetadata, *, frames: int | None) -> None:
        self._facts, self._frames = facts, frames
        self._rows = facts.rows.cpu().numpy()
        self._device = facts.rows.device
        self._stream: torch.cuda.Stream | None = None
        if self._device.type == "cuda":
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]

    def run(self, packs: Iterable[Packed], batches: Iterable[Indices], at: Iterable[Tensor]) -> Iterator[InputTensors]:
        """Send a batch, then hand over the one before it. See :meth:`~kemfeat.learn.data.collate.HostCollator.run`."""
        if self._stream is not None:  # the consumer's stream put the metadata of the batch on the device
            self._stream.wait_stream(torch.cuda.current_stream(self._device))
        before: _Sent | None = None
        try:
            for packed, places, there in zip(packs, batches, at, strict=True):
                sent = self._send(packed, places, there)
                if before is not None:
                    yield self._hand_over(before)
                before = sent
            if before is not None:
                yield self._hand_over(before)
        finally:
            self.settle()

    def settle(self) -> None:
        """Wait until everything sent has reached the device, so that the host memory may be used again."""
        if self._stream is not None:
            self._stream.synchronize()

    def _send(self, packed: Packed, places: Indices, at: Tensor) -> _Sent:
        with self._beside():
            media = self._media(packed, places, at)
            return _Sent(media, None if self._stream is None else self._stream.record_event())

    def _beside(self) -> AbstractContextManager[object]:
        return nullcontext() if self._stream is None else torch.cuda.stream(self._stream)

    def _hand_over(self, sent: _Sent) -> InputTensors:
        if sent.arrived is not None:
            consumer = torch.cuda.current_stream(self._device)
            consumer.wait_event(sent.arrived)
            for tensor in sent.media.values():
                tensor.record_stream(consumer)  # else its memory could be reused while the consumer still reads it
        return sent.media

    def _media(self, packed: Packed, places: Indices, at: Tensor) -> InputTensors:
        rows = self._rows[places]
        slots = packed.slots(rows)
        media: InputTensors = {}
        channels = channels_of(packed.columns)
        if channels:
            sources = {column.name: self._frames_of(packed, column, slots, at) for column in channels}
            frames = frames_of(packed.columns, rows, self._frames)
            media["mel"] = _stacked(channels, sources, self._facts, at, frames)
        for column in ragged(packed.columns):
            source = self._frames_of(packed, column, slots, at)
            media[column.name] = _padded(column, source, self._facts, at, longest_of(column, rows))
        chosen = torch.from_numpy(slots)
        for column in even(packed.columns):
            values = packed.values[column.name][chosen].to(column.dtype)
            media[column.name] = values.to(self._device, non_blocking=True)
        return media

    def _frames_of(self, packed: Packed, column: Column, slots: NDArray[np.int64], at: Tensor) -> tuple[Tensor, Tensor]:
        """The real frames of a batch, end to end on the device, and where each row begins there."""
        values, starts = packed.values[column.name], packed.starts[column.name]
        spans = np.stack([starts[slots], starts[slots + 1]], axis=1)
        total = int(np.diff(spans).sum())
        sent = torch.empty((total, *values.shape[1:]), dtype=values.dtype, device=self._device)
        end = 0
        for start, stop in spans.tolist():
            begin, end = end, end + stop - start
            sent[begin:end].copy_(values[start:stop], non_blocking=True)
        lengths = self._facts.lengths[column.name][at]
        return sent, lengths.cumsum(0) - lengths


def _stacked(
    channels: list[Column], sources: dict[str, tuple[Tensor, Tensor]], facts: RowMetadata, at: Tensor, frames: int
) -> Tensor:
    """``Batch.mel`` of the frames of each channel and where its rows begin."""
    mel = torch.empty((len(at), len(channels), frames, channels[0].shape[-1]), device=at.device)
    for number, column in enumerate(channels):
        mel[:, number] = _padded(column, sources[column.name], facts, at, frames)
    return mel


def _padded(column: Column, source: tuple[Tensor, Tensor], facts: RowMetadata, at: Tensor, longest: int) -> Tensor:
    """Rows of a ragged column, of their values end to end and where each begins."""
    values, starts = source
    return padded(values, starts, facts.lengths[column.name][at], frames=longest, pad=column.pad)
