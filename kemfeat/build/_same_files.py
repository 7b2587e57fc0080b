"""Refuses files that are not those which the build began with: changed meanwhile, or not seen by a worker."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from kemfeat import cluster
from kemfeat.errors import CorpusError, StoreCorruptError, WorkerError
from kemfeat.stale_reads import asked_again
from kemfeat.store import disk
from kemfeat.store.schema import FileReceipt

_KEPT = "what is finished is kept: run the same command again"


def require_source(root: Path, path: str, sha256: str) -> None:
    """Check that a file of the corpus is the one that was hashed when the build began.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    path : str
        Path below it.
    sha256 : str
        Hash of the file, 64 hexadecimal digits.

    Raises
    ------
    CorpusError
        The file has changed since.
    WorkerError
        A worker of a scheduler does not see the same file.
    """
    _refuse_source(root / path, _difference(root / path, sha256, disk.sha256))


def read_source(root: Path, path: str, sha256: str) -> bytes:
    """Read a file of the corpus once, to check and to use it.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    path : str
        Path below it.
    sha256 : str
        Hash of the file, 64 hexadecimal digits.

    Returns
    -------
    bytes
        Content of the file.

    Raises
    ------
    CorpusError, WorkerError
        As for :func:`require_source`.
    """
    content = b""

    def hashed(where: Path) -> str:
        nonlocal content
        content = asked_again(where, Path.read_bytes)
        return hashlib.sha256(content).hexdigest()

    _refuse_source(root / path, _difference(root / path, sha256, hashed))
    return content


def require_staged(path: Path, receipt: FileReceipt) -> None:
    """Check that a file is the one that this build wrote for its own tasks.

    Parameters
    ----------
    path : Path
        The file.
    receipt : FileReceipt
        What was written.

    Raises
    ------
    StoreCorruptError
        The file is missing or has changed since.
    WorkerError
        A worker of a scheduler does not see the same file.
    """
    what = _difference(path, receipt.sha256, disk.sha256)
    if what:
        _refuse_worker(path, what)
        raise StoreCorruptError(f"{path}: {what}; run the same command again")


def _refuse_source(path: Path, what: str) -> None:
    if what:
        _refuse_worker(path, what)
        raise CorpusError(f"{path}: {what}; do not change the corpus during a build; {_KEPT}")


def _difference(path: Path, sha256: str, hashed: Callable[[Path], str]) -> str:
    """How a file differs from what was expected; empty where it does not."""
    try:
        found = hashed(path)
    except OSError as error:
        return f"cannot be read ({error.strerror}), but could be when this build began"
    return "" if found == sha256 else "is not the file that it was when this build began (SHA-256 differs)"


def _refuse_worker(path: Path, what: str) -> None:
    worker = cluster.worker_address()
    if worker:
        raise WorkerError(
            f"{path}: {what}, as the worker {worker} sees it; share the same folders with that worker under the same "
            f"names, or stop it; {_KEPT}"
        )
