"""Whether files are what their receipts say."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from kemfeat.store import disk
from kemfeat.store.schema import FileReceipt


def are_whole(folder: Path, files: Mapping[str, FileReceipt], *, read: bool) -> bool:
    """Whether every file exists in its full size and, where ``read``, has the bytes that were written.

    Parameters
    ----------
    folder : Path
        Folder that the paths start from.
    files : mapping of str to FileReceipt
        Receipts by path.
    read : bool
        Whether to read and hash the files.

    Returns
    -------
    bool
        True where there are no files.
    """
    if not files_present(folder, files):
        return False
    return not read or all(disk.sha256(disk.inside(folder, name)) == file.sha256 for name, file in files.items())


def files_present(folder: Path, files: Mapping[str, FileReceipt]) -> bool:
    """Whether every file exists in its full size; ``verify`` checks its content.

    Parameters
    ----------
    folder : Path
        Folder that the paths start from.
    files : mapping of str to FileReceipt
        Receipts by path.

    Returns
    -------
    bool
        True where there are no files.
    """
    with contextlib.suppress(OSError):
        return all(disk.inside(folder, name).stat().st_size == receipt.bytes for name, receipt in files.items())
    return False
