"""Calls of the file system, of Python and of native libraries alike, that are counted, fail or kill: ``_calls.c``."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

_PATH = ("EACCES", "ELOOP", "ENAMETOOLONG", "ENOTDIR")
_CHANGE = (*_PATH, "EROFS", "EIO")
_HANDLE = ("EBADF", "EINTR", "EINVAL", "EIO")

CALLS: dict[str, tuple[str, ...]] = {
    "open": (
        *(*_CHANGE, "EINTR", "EINVAL", "EISDIR", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC", "ENXIO", "EOPNOTSUPP"),
        *("EOVERFLOW", "EPERM", "ESTALE", "ETXTBSY"),
    ),
    "read": (*_HANDLE, "EISDIR", "ENOBUFS", "ENOMEM", "ENXIO", "EOVERFLOW", "ESTALE"),
    "write": (*_HANDLE, "EDQUOT", "EFBIG", "ENOBUFS", "ENOSPC", "ENXIO", "EPERM", "EPIPE", "ERANGE", "ESTALE"),
    "fsync": (*_HANDLE, "EDQUOT", "ENOSPC", "EROFS", "ESTALE"),
    "rename": (
        *_CHANGE,
        "EBUSY",
        "EILSEQ",
        "EINVAL",
        "EISDIR",
        "EMLINK",
        "ENOSPC",
        "EPERM",
        "ETXTBSY",
        "EXDEV",
        "ESTALE",
    ),
    "link": (*_CHANGE, "EILSEQ", "EMLINK", "ENOSPC", "EOPNOTSUPP", "EPERM", "EXDEV"),
    "symlink": (*_CHANGE, "EDQUOT", "EILSEQ", "ENOSPC", "EPERM"),
    "unlink": (*_CHANGE, "EBUSY", "EPERM", "ETXTBSY", "ESTALE"),
    "mkdir": (*_CHANGE, "EDQUOT", "EILSEQ", "EMLINK", "ENOSPC", "EPERM"),
    "rmdir": (*_CHANGE, "EBUSY", "EINVAL", "ENOTEMPTY", "EPERM", "ESTALE"),
    "flock": (*_HANDLE, "EACCES", "EAGAIN", "EDEADLK", "ENOLCK", "EOPNOTSUPP", "EOVERFLOW"),
}
"""Each call, in the order of ``_calls.c``, and the errors that POSIX names for it (beside them EDQUOT and ESTALE).

ENOENT and EEXIST are left out: they are answers about names, and a disk that gives a wrong one has no fault but lies.
So is EAGAIN where only a handle opened with O_NONBLOCK gives it.
"""

SECONDS = 60
"""A command that takes longer hangs."""


def preload() -> None:
    """Start the script anew with ``_calls.c`` compiled and loaded before the C library, unless it is there."""
    if hasattr(ctypes.CDLL(None), "calls_arm"):
        return
    with tempfile.TemporaryDirectory(prefix="kemfeat-calls-") as folder:
        library = Path(folder) / "calls.so"
        source = Path(__file__).with_name("_calls.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        line = [sys.executable, "-m", f"{__package__}.{Path(sys.argv[0]).stem}", *sys.argv[1:]]
        raise SystemExit(subprocess.call(line, env={**os.environ, "LD_PRELOAD": str(library), "OMP_NUM_THREADS": "1"}))


def disturbed(
    run: Callable[[], str], folder: Path, *, call: str = "open", at: int = 0, code: int = 0
) -> tuple[str, list[int]]:
    """Run in a child of which one call concerning a folder fails; what it says in the end, and how many calls it made.

    The call number ``at`` (from 1) of its kind fails with ``code``, or kills where that is 0; with ``at=0`` all work.
    A child that is killed says ``killed``.
    """
    counted = ctypes.CDLL(None)
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(SECONDS)
        counted.calls_arm(str(folder).encode(), list(CALLS).index(call), at, code)
        said = run()
        counted.calls_disarm()
        numbers = [counted.calls_seen(number) for number in range(len(CALLS))]
        os.write(theirs, "\n".join([*map(str, numbers), said]).encode()[:60_000])
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        told = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {signal.SIGKILL: "killed", signal.SIGALRM: f"no end in {SECONDS} s"}[
            signal.Signals(os.WTERMSIG(status))
        ], []
    numbers, said = told.split("\n")[: len(CALLS)], told.split("\n", len(CALLS))[-1]
    return said, list(map(int, numbers))


def codes(call: str, at: int, errors: int) -> list[int]:
    """As many errors of a call, others at each of its places in turn; all where there are no more."""
    names = CALLS[call]
    chosen = ((at * errors + step) % len(names) for step in range(min(errors, len(names))))
    return [getattr(errno, names[number]) for number in chosen]
