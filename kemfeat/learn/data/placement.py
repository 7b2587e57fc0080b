"""Where a loader keeps the features: on the device, in host memory, or on disk until shortly before their batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

import torch
from torch import Tensor

from kemfeat.arrays import Indices
from kemfeat.config import suggest
from kemfeat.errors import ConfigError
from kemfeat.learn.data.collate import HostCollator
from kemfeat.learn.data.device import GatherCollator, SendCollator
from kemfeat.learn.data.packed import Packed, on_host, readers
from kemfeat.learn.data.stream import read_ahead, read_all

if TYPE_CHECKING:
    from kemfeat.learn.data.dataset import StoreDataset
    from kemfeat.learn.data.row_metadata import RowMetadata

Placement = Literal["device", "host", "stream"]
Wanted = Literal["auto", "device", "host", "stream"]

Packs: TypeAlias = Callable[[Sequence[Indices]], Iterable[Packed]]
"""For every batch, packed rows that include its own."""

Collator: TypeAlias = HostCollator | GatherCollator | SendCollator

_CGROUP = Path("/sys/fs/cgroup/memory.max")
"""Memory limit of the container; the file says ``max`` where there is none."""


def choose(wanted: str, *, device: torch.device, needed: int) -> Placement:
    """Choose the mode of a loader.

    ``auto`` takes the device where the features fit into its free memory less half of its total memory, which is left
    for the model; else the host where they fit into half of its memory; else they are streamed. On the CPU, nothing is
    kept on a device.

    Parameters
    ----------
    wanted : {"auto", "device", "host", "stream"}
        ``auto`` or a mode.
    device : torch.device
        Where batches go.
    needed : int [bytes]
        Size of the features without their padding.

    Returns
    -------
    {"device", "host", "stream"}
        The mode.

    Raises
    ------
    ConfigError
        There is no such mode, or the features do not fit on the device.
    """
    if wanted not in get_args(Wanted):
        raise ConfigError(f"resident is {wanted!r}{suggest(wanted, get_args(Wanted))}")
    if wanted == "device" and device.type == "cuda" and needed > device_memory(device)[0]:
        raise ConfigError(
            f"resident='device' needs {needed / 1e9:.1f} GB, and {device} has {device_memory(device)[0] / 1e9:.1f} GB "
            "free; take 'auto', 'host' or 'stream', or fewer rows or media"
        )
    if wanted != "auto":
        return cast(Placement, wanted)
    if device.type == "cuda":
        free, total = device_memory(device)
        if needed <= free - total // 2:
            return "device"
    return "host" if needed <= host_memory() // 2 else "stream"


def device_memory(device: torch.device) -> tuple[int, int]:
    """Memory of a CUDA device.

    Parameters
    ----------
    device : torch.device
        The device.

    Returns
    -------
    free, total : int [bytes]
        Free and total memory.
    """
    free, total = torch.cuda.mem_get_info(device)
    return int(free), int(total)


def host_memory() -> int:
    """Memory of this machine or its container.

    Returns
    -------
    int [bytes]
        Total memory; 0 where it cannot be found out.
    """
    try:
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        return 0
    try:
        limit = int(_CGROUP.read_text())
    except (OSError, ValueError):
        return physical
    return min(physical, limit)


def device_of(name: torch.device | str) -> torch.device:
    """Check a device.

    Parameters
    ----------
    name : torch.device or str
        Its name.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ConfigError
        This machine does not have that device.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"device {str(name)!r} cannot be used on this machine ({reason}); use 'cpu'") from None
    return device


def open_(dataset: StoreDataset, facts: RowMetadata, *, resident: Placement, batch_size: int) -> tuple[Packs, Collator]:
    """Open the source of packed rows of a mode, and the collator that makes batches of them.

    Parameters
    ----------
    dataset : StoreDataset
        The rows.
    facts : RowMetadata
        Their labels and lengths, on the device of the batches.
    resident : {"device", "host", "stream"}
        The mode.
    batch_size : int, >= 1
        Largest number of rows in a batch.

    Returns
    -------
    packs : callable
        Gives for every batch packed rows that include its own.
    collator : HostCollator, GatherCollator or SendCollator
        Makes batches.

    Raises
    ------
    StoreCorruptError
        The store is damaged.
    """
    device, columns, rows = facts.rows.device, dataset.columns, dataset.rows
    pinned = device.type == "cuda" and resident != "device"
    collator: Collator = HostCollator(columns, rows, frames=dataset.frames, batch_size=batch_size)
    if device.type != "cpu":
        collator = SendCollator(facts, frames=dataset.frames)
    shards = dataset.rows_per_shard
    if resident == "stream":
        ahead = partial(
            read_ahead, columns=columns, rows=rows, rows_per_shard=shards, pinned=pinned, settle=collator.settle
        )
        return ahead, collator
    place = device if resident == "device" else None

    def allocate(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:  # noqa: ARG001 - as Allocate has it
        return on_host(shape, dtype, pinned=pinned) if place is None else torch.empty(shape, dtype=dtype, device=place)

    packed = read_all(columns, rows, rows_per_shard=shards, allocate=allocate, threads=readers(columns))
    if resident == "device":
        collator = GatherCollator(packed, facts, frames=dataset.frames)
    return partial(_always, packed), collator


def _always(packed: Packed, batches: Sequence[Indices]) -> Iterable[Packed]:
    return repeat(packed, len(batches))
