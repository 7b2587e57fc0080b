"""What pushing and pulling have in common: their result, and what both refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kemfeat.errors import ConfigError, StoreCorruptError, StoreVersionError
from kemfeat.parallel import run_threads
from kemfeat.store import disk, schema
from kemfeat.store.reader import Store

Progress = Callable[[int, int], None]
"""Called with the number of files that are done, and of all."""


_AT_ONCE = 16
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
    for done, (how, size) in enumerate(run_threads(copy, files.items(), workers=_AT_ONCE), start=1):
        counts[how] += 1
        counts["bytes"] += size
        progress(done, len(files))
    return Copied(digest, **counts)


def refuse_format_1(store: Store, advice: str) -> None:
    """Refuse a store whose header cannot name the folder of a version.

    Parameters
    ----------
    store : Store
        The store.
    advice : str
        What to do.

    Raises
    ------
    StoreVersionError
        It has format 1.
    """
    if store.header.format_version == 1:
        raise StoreVersionError(f"{store.path}: has format 1, which has no versions; {advice}")


def refuse_unknown_files(store: Store) -> None:
    """Refuse a store with files where a version has none, such as a header that would take the place of its own.

    Parameters
    ----------
    store : Store
        The store.

    Raises
    ------
    StoreCorruptError
        Its header lists such a file.
    """
    for name in schema.files(store.header):
        disk.inside(Path(), name)
        if name.split("/")[0] not in schema.ENTRIES:
            raise StoreCorruptError(f"{store.path}: lists {name!r}, which is not part of a store; do not trust it")


def refuse_other_corpus(before: schema.Header | None, dataset: str, where: str) -> None:
    """Refuse to put a store in the place of one of another corpus.

    Parameters
    ----------
    before : Header or None
        Header of what is there.
    dataset : str
        Corpus of the store.
    where : str
        Folder or address, for messages.

    Raises
    ------
    ConfigError
        Another corpus is there.
    """
    if before is not None and before.dataset != dataset:
        raise ConfigError(
            f"{where}: has a store of {before.dataset}, and this one is of {dataset}; choose another place"
        )
