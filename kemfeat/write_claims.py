"""Which tasks may write to a folder: those of one command at a time, on any machine.

A command puts a file, its **claim**, into the folder that its tasks write to. A task runs only while it has a shared
lock on that file. A command that takes the folder over locks the claims of earlier commands exclusively and deletes
them: it waits for tasks that still run for a command that was killed, and those that are still queued for it are
refused. A lock ends with its process, however that ends.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from typing import IO

from kemfeat.errors import KemfeatError, StoreWriteError, WorkerError

_PREFIX = ".kemfeat-lease-"
_PATIENCE = 60.0
"""Seconds within which the tasks of a command that has ended must end."""


def begin(folder: Path) -> Path:
    """Put a claim into a folder, after those of earlier commands have ended.

    Parameters
    ----------
    folder : Path
        An existing folder.

    Returns
    -------
    Path
        The file of the claim.

    Raises
    ------
    StoreWriteError
        The disk refuses.
    WorkerError
        Tasks of an earlier command have not ended after a minute.
    """
    end_all(folder)
    lease = folder / f"{_PREFIX}{uuid.uuid4().hex}"
    with _writing(folder):
        lease.touch()
    return lease


def end_all(folder: Path) -> None:
    """Wait for tasks that run for earlier commands, and let no more of them begin.

    Parameters
    ----------
    folder : Path
        An existing folder.

    Raises
    ------
    StoreWriteError
        The disk refuses.
    WorkerError
        Tasks of an earlier command have not ended after a minute.
    """
    deadline = time.monotonic() + _PATIENCE
    with _writing(folder):
        for lease in folder.glob(f"{_PREFIX}*"):
            while not end(lease):
                if time.monotonic() > deadline:
                    raise WorkerError(
                        f"{folder}: a worker still writes here for a command that has ended; wait for the worker, or "
                        "stop it, and run the same command again"
                    )
                time.sleep(0.05)


def end(lease: Path) -> bool:
    """Delete a claim unless a task has locked it.

    Parameters
    ----------
    lease : Path
        File of a claim.

    Returns
    -------
    bool
        Whether it no longer exists.
    """
    with suppress(FileNotFoundError), lease.open("r+b") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return False
        lease.unlink(missing_ok=True)
    return True


@contextmanager
def held(lease: Path) -> Iterator[None]:
    """Do a task under a claim.

    Parameters
    ----------
    lease : Path
        File of a claim.

    Yields
    ------
    None
        While the claim is locked.

    Raises
    ------
    WorkerError
        The claim has ended, or this machine does not see its folder.
    """
    try:
        file = _locked(lease)
    except OSError as error:
        raise WorkerError(_refusal(lease, error.strerror)) from None
    with file:
        if not os.path.lexists(lease):
            raise WorkerError(_refusal(lease, "it has ended"))
        yield


def _locked(lease: Path) -> IO[bytes]:
    file = lease.open("r+b")
    try:
        flock(file, LOCK_SH)
    except OSError:
        file.close()
        raise
    return file


def _refusal(lease: Path, why: str | None) -> str:
    return (
        f"{lease}: cannot be locked by a task on {os.uname().nodename} ({why}); either another command has taken the "
        "folder over, or that machine does not share it: stop its worker, and run the same command again"
    )


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except KemfeatError:
        raise
    except OSError as error:
        raise StoreWriteError(
            f"{folder}: cannot be written to ({error.strerror}); make it writable and run the same command again"
        ) from None
