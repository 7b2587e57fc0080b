"""A frozen encoder at work: hidden states of batches of similar length, in float32, on one thread or a GPU."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kemfeat.errors import ConfigError, WorkerError
from kemfeat.features.pretrained.folder import Wanted

T = TypeVar("T")

_AGREES = 1e-5
"""Largest difference that padding may make, beside the largest number."""

_MOST_ROWS = 64
_HOST_BYTES, _DEVICE_BYTES = 8 << 20, 1 << 30
"""What the widest layer of a batch may take in memory: on a processor about what its caches hold."""


@dataclass(frozen=True, slots=True)
class Readout:
    """What is taken of an encoder, and where it runs.

    Parameters
    ----------
    layers : tuple of int
        Hidden states that are taken, 0 for what the first layer gets; empty takes the output.
    mean : bool
        Whether their mean is taken.
    device : str
        ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
    """

    layers: tuple[int, ...] = ()
    mean: bool = False
    device: str = "cpu"


class Frozen(ABC, Generic[T]):
    """Runs a model over many items of different lengths.

    Padding must change no number. Where it does, which noise of two lengths shows once, a model gets items of one
    length at a time.

    Parameters
    ----------
    model : nn.Module
        The encoder; its output has ``last_hidden_state``, and ``hidden_states`` on request.
    wanted : Wanted
        Which model it is, for messages.
    readout : Readout
        What is taken of it.
    """

    def __init__(self, model: nn.Module, wanted: Wanted, readout: Readout) -> None:
        self.device = _device(readout.device, wanted)
        self.model = model.eval().requires_grad_(requires_grad=False).to(self.device)
        self._readout = readout

    @property
    def config(self) -> Any:
        """Settings of the model."""
        return self.model.config

    @abstractmethod
    def _length_of(self, item: T) -> int:
        """Elements of an item."""

    @abstractmethod
    def _noise(self, generator: np.random.Generator) -> tuple[T, T]:
        """Two items, the first longer."""

    @abstractmethod
    def _bytes_of(self, length: int) -> int:
        """Bytes of the widest layer for an item of that length."""

    @abstractmethod
    def _forward(self, items: Sequence[T]) -> tuple[Any, Sequence[int]]:
        """What the model gives for a batch, and the frames of each item that are not padding."""

    def states(self, items: Sequence[T]) -> list[NDArray[np.float32]]:
        """Hidden states of every item.

        Parameters
        ----------
        items : sequence
            What the model reads.

        Returns
        -------
        list of ndarray, shape (frames, layers, hidden), float32
            In the order of ``items``.

        Raises
        ------
        WorkerError
            The memory of the GPU does not hold a batch.
        """
        found: list[NDArray[np.float32]] = [np.empty((0, 0, 0), dtype=np.float32)] * len(items)
        for batch in self._batches(items):
            made = self._run([items[number] for number in batch])
            for number, states in zip(batch, made, strict=True):
                found[number] = states
        return found

    def _batches(self, items: Sequence[T]) -> Iterator[list[int]]:
        """Numbers of the items, shortest first, as many at a time as fit."""
        lengths = [self._length_of(item) for item in items]
        budget = _HOST_BYTES if self.device.type == "cpu" else _DEVICE_BYTES
        batch: list[int] = []
        for number in sorted(range(len(items)), key=lengths.__getitem__):
            full = len(batch) >= _MOST_ROWS or (len(batch) + 1) * self._bytes_of(lengths[number]) > budget
            apart = bool(batch) and lengths[batch[-1]] != lengths[number] and not self._pads
            if batch and (full or apart):
                yield batch
                batch = []
            batch.append(number)
        if batch:
            yield batch

    @cached_property
    def _pads(self) -> bool:
        """Whether items of different lengths may share a batch."""
        items = self._noise(np.random.default_rng(0))
        together = self._run(items)
        alone = [self._run([item])[0] for item in items]
        return all(
            one.shape == other.shape and float(np.abs(one - other).max()) <= _AGREES * float(np.abs(other).max())
            for one, other in zip(together, alone, strict=True)
        )

    def _run(self, items: Sequence[T]) -> list[NDArray[np.float32]]:
        try:
            with torch.inference_mode(), _exact(), warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask")  # of WavLM's own
                output, frames = self._forward(items)
                states = self._selected(output).float().cpu().numpy()
        except torch.OutOfMemoryError:
            raise WorkerError(
                f"the memory of {self.device} does not hold a batch of an encoder; what is finished is kept: run the "
                "same command again with --workers 1, or with device=cpu among the settings of the feature"
            ) from None
        return [row[:count] for row, count in zip(states, frames, strict=True)]

    def _selected(self, output: Any) -> Tensor:
        """The layers that are asked for, (B, T, L, H)."""
        if not self.all_layers:
            return output.last_hidden_state.unsqueeze(2)  # type: ignore[no-any-return]
        taken = torch.stack([output.hidden_states[number] for number in self._readout.layers], dim=2)
        return taken.mean(dim=2, keepdim=True) if self._readout.mean else taken

    @property
    def all_layers(self) -> bool:
        """Whether the model must give the states between its layers."""
        return bool(self._readout.layers)


@contextmanager
def _exact() -> Iterator[None]:
    """One thread, so that the number of cores changes no byte; on a GPU no shortened numbers."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_num_threads(threads)


MOST_ON_A_GPU = 4
"""Processes that share a GPU: two to four keep it busy, and each has its own copy of the model."""


def most_workers(device: str, *, gpu: bool | None = None) -> int | None:
    """How many processes may have a model on a device.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu`` or ``cuda``, as in the settings.
    gpu : bool or None
        Whether this machine has a GPU; None asks PyTorch.

    Returns
    -------
    int or None
        None on a processor, where only memory limits them.

    Examples
    --------
    >>> most_workers("cuda:1"), most_workers("auto", gpu=True), most_workers("cpu", gpu=True)
    (4, 4, None)
    """
    has_gpu = torch.cuda.is_available() if gpu is None else gpu
    return MOST_ON_A_GPU if device.startswith("cuda") or (device == "auto" and has_gpu) else None


def _device(name: str, wanted: Wanted) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ConfigError(
            f"{wanted.setting.rpartition('.')[0]}.device: found {name!r}, which cannot be used here ({reason}); "
            "expected auto, cpu, or cuda where there is a GPU"
        ) from None
    return device
