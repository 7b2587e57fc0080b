"""Calls of the file system that fail where they concern a folder, within one process."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from kemfeat.store import locking

CALLS: dict[str, tuple[ModuleType, str, tuple[int, ...]]] = {
    "open": (io, "open", (errno.EIO, errno.EMFILE)),
    "os_open": (os, "open", (errno.EIO, errno.ENFILE)),
    "fsync": (os, "fsync", (errno.EIO, errno.EINVAL)),
    "rename": (os, "replace", (errno.EIO, errno.EXDEV)),
    "move": (os, "rename", (errno.EBUSY, errno.EIO)),
    "link": (os, "link", (errno.EMLINK, errno.EOPNOTSUPP, errno.EPERM)),
    "unlink": (os, "unlink", (errno.EIO, errno.EBUSY)),
    "mkdir": (os, "mkdir", (errno.EMLINK, errno.EIO)),
    "rmdir": (os, "rmdir", (errno.EIO, errno.ENOTEMPTY)),
    "flock": (locking, "flock", (errno.ENOLCK, errno.EOPNOTSUPP)),
}
"""Where each call is found, and errors that it may give."""


class Fault:
    """A call that counts what concerns a folder and fails at one of its calls."""

    def __init__(self, real: Callable[..., object], folder: Path, *, at: int | None = None, code: int = 0) -> None:
        self.calls = 0
        self._real, self._folder, self._at, self._code = real, folder, at, code

    def __call__(self, *arguments: object, **options: object) -> object:
        if self._concerns(arguments[0]):
            self.calls += 1
            if self.calls == self._at:
                raise OSError(self._code, os.strerror(self._code), str(self._folder / "x"))
        return self._real(*arguments, **options)

    def _concerns(self, first: object) -> bool:
        """Paths below the folder; handles, and names below an open folder, belong to it in these commands."""
        is_path = isinstance(first, str | os.PathLike) and Path(first).is_absolute()
        return not is_path or Path(first).is_relative_to(self._folder)  # type: ignore[arg-type]


@contextmanager
def failing(name: str, folder: Path, *, at: int | None = None, code: int = 0) -> Iterator[Fault]:
    """One of :data:`CALLS` counts, and fails at the call ``at``, counted from 1."""
    module, function, _ = CALLS[name]
    real = getattr(module, function)
    fault = Fault(real, folder, at=at, code=code)
    setattr(module, function, fault)
    try:
        yield fault
    finally:
        setattr(module, function, real)
