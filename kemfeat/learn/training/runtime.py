"""What a run trains in: a device and its memory, random generators, and a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from kemfeat.errors import ConfigError, RunError
from kemfeat.learn.data.placement import device_of
from kemfeat.learn.settings import TrainConfig
from kemfeat.store import disk
from kemfeat.store.outside import refuse_in_store

LOCK = ".lock"

_CPU_IS_FULL = "can't allocate memory"


def device(name: str) -> torch.device:
    """Resolve the name of a device.

    Parameters
    ----------
    name : str
        ``cpu``, ``cuda``, or ``auto`` for the GPU where there is one.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ConfigError
        This machine does not have that device.
    """
    return device_of(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


@contextmanager
def seeded(device: torch.device, seed: int) -> Iterator[None]:
    """Seed torch's global generators, from which dropout draws, and restore them afterwards.

    Parameters
    ----------
    device : torch.device
        Device whose generator is seeded as well as the CPU's.
    seed : int, >= 0
        Seed of the generators.

    Yields
    ------
    None
        The generators are seeded.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def generator_states(device: torch.device) -> dict[str, Tensor]:
    """The states of every generator that training draws from.

    Parameters
    ----------
    device : torch.device
        Device of the training.

    Returns
    -------
    dict of str to Tensor
        States by type of device.
    """
    states = {"cpu": torch.get_rng_state()}
    return {**states, "cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else states


def set_generators(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Continue drawing from where :func:`generator_states` were taken.

    Parameters
    ----------
    states : mapping of str to Tensor
        States by type of device.
    device : torch.device
        Device of the training.
    """
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)


@contextmanager
def memory(config: TrainConfig) -> Iterator[None]:
    """Turn a device that runs out of memory into a sentence.

    Parameters
    ----------
    config : TrainConfig
        Settings, whose batch size the sentence gives.

    Yields
    ------
    None
        Errors inside are translated.

    Raises
    ------
    RunError
        Memory ran out.
    """
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and _CPU_IS_FULL not in str(error):
            raise
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise RunError(
            f"memory ran out with batches of {config.batch_size} ({reason}); the last checkpoint is kept; try --set "
            f"train.batch_size={max(1, config.batch_size // 2)}, with another --out as that is another run"
        ) from None


@contextmanager
def owned(out: Path) -> Iterator[None]:
    """Lock the folder of a run against a second training, and remove what a killed one left behind.

    Parameters
    ----------
    out : Path
        Folder of the run; created if missing.

    Yields
    ------
    None
        The folder is locked.

    Raises
    ------
    ConfigError
        The path is a file.
    RunError
        Another process trains there.
    StoreWriteError
        The folder cannot be written.
    """
    from filelock import FileLock, Timeout

    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: is a file; choose a folder with --out")
    refuse_in_store(out)
    with disk.writing(out):
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise RunError(
                f"{out}: another process is training there; wait for it, end it, or choose another --out"
            ) from None
    try:
        for leftover in out.glob(".*.aside"):
            leftover.unlink()
        yield
    finally:
        lock.release()
