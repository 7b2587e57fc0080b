"""Checks of a file of weights before torch unpacks it: what looks small on disk must not grow in memory."""

from __future__ import annotations

import zipfile
from pathlib import Path


def archive_problem(path: Path) -> str:
    """Say why a file that torch would unpack may take more memory than it has bytes.

    ``torch.save`` stores its records uncompressed, one after another; a compressed record or one whose size is not that
    of the file is no work of torch.

    Parameters
    ----------
    path : Path
        File to check.

    Returns
    -------
    str
        What is wrong; empty where nothing is, and for files that are not ZIP archives.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    if not zipfile.is_zipfile(path):
        return ""
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        return f"is not an archive of torch ({error})"
    compressed = [record.filename for record in records if record.compress_type != zipfile.ZIP_STORED]
    if compressed:
        return f"has the compressed record {compressed[0]!r}, and torch writes none"
    if sum(record.file_size for record in records) > path.stat().st_size:
        return "its records are larger than the file"
    return ""
