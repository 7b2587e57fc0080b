"""Copy the files of a version, several at once, and count what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kemfeat.parallel import run_threads
from kemfeat.store import schema

Progress = Callable[[int, int], None]
"""Called with the number of files that are done, and of all."""

AT_ONCE = 16
"""Files that are sent or fetched at once: most of the time they wait for an answer."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of the files of a version.

    Parameters
    ----------
    digest : str
        The version.
    sent : int
        Files that were sent or fetched.
    copied : int
        Files that an earlier version had: copied on the server, or linked here.
    there : int
        Files that were there already.
    bytes : int
        Size of what was sent or fetched.
    """

    digest: str
    sent: int = 0
    copied: int = 0
    there: int = 0
    bytes: int = 0


def copied(
    digest: str,
    copy: Callable[[tuple[str, schema.FileReceipt]], tuple[str, int]],
    files: Mapping[str, schema.FileReceipt],
    progress: Progress,
) -> Copied:
    """Copy files, several at once.

    Parameters
    ----------
    digest : str
        The version that they are of.
    copy : callable
        Takes the name and the receipt of a file; returns ``sent``, ``copied`` or ``there``, and the bytes that it sent.
    files : mapping of str to FileReceipt
        The files.
    progress : callable
        Called with the number of files done and of all.

    Returns
    -------
    Copied
        What became of them.
    """
    progress(0, len(files))
    counts = {"sent": 0, "copied": 0, "there": 0, "bytes": 0}
    for done, (how, size) in enumerate(run_threads(copy, files.items(), workers=AT_ONCE), start=1):
        counts[how] += 1
        counts["bytes"] += size
        progress(done, len(files))
    return Copied(digest, **counts)
