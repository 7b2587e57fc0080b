"""One build of a store at a time, and nothing left of one that was killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO

from kemfeat.errors import StoreLockedError
from kemfeat.store import disk, schema

_LEFT = re.compile(r"\..+\.[0-9a-f]{32}\.aside")
"""Names of what :func:`kemfeat.store.disk.atomic_write` and :func:`remove` leave in a folder where they are killed."""


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Lock a store against a second build; the lock ends with this process, however that ends.

    Parameters
    ----------
    store : Path
        Folder of the store.

    Yields
    ------
    None
        While the store is locked.

    Raises
    ------
    StoreLockedError
        Another process is building this store; the message says which, and for how long.
    """
    owner = store / schema.LOCK_OWNER
    with disk.writing(store):
        file = (store / schema.LOCK).open("a+b")
    with file:
        with disk.writing(store):
            is_ours = _lock(file)
        if not is_ours:
            raise StoreLockedError(_lock_message(store, owner))
        try:
            with disk.writing(store):
                _clear(store)
                disk.write_json(owner, {"pid": os.getpid(), "host": os.uname().nodename, "since": time.time()})
            yield
        finally:
            with suppress(OSError):  # the lock itself ends with the file
                owner.unlink(missing_ok=True)


def _lock(file: IO[bytes]) -> bool:
    """Whether nobody else has the lock, which this process has from now on."""
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def remove(folder: Path) -> None:
    """Delete a folder; one that is killed meanwhile is no longer seen, and the next build deletes the rest.

    Parameters
    ----------
    folder : Path
        A folder directly in a store that is locked.
    """
    aside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.aside")
    folder.rename(aside)
    shutil.rmtree(aside)


def _clear(store: Path) -> None:
    """Delete what writing left beside its place when it was killed."""
    for entry in store.iterdir():
        if _LEFT.fullmatch(entry.name):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _lock_message(store: Path, owner: Path) -> str:
    try:
        held = json.loads(owner.read_text(encoding="utf-8"))
        who = f"process {held['pid']} on {held['host']}, for {time.time() - held['since']:.0f} s"
    except (OSError, ValueError, KeyError):
        who = "another process, just now"
    return f"{store}: is being built by {who}; wait for it to end, or end it, then run the same command again"
