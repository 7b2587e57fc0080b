"""A corpus in a bucket: copied whole to the machine of the command, and file by file to those of workers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kemfeat import config
from kemfeat.errors import CorpusError, KemfeatError
from kemfeat.parallel import Progress, run_threads
from kemfeat.store import disk
from kemfeat.store.address import Address
from kemfeat.store.bucket import Bucket, Found
from kemfeat.store.copied import AT_ONCE
from kemfeat.store.remote_target import writable


@dataclass(frozen=True, slots=True)
class BucketCorpus:
    """The files of a corpus behind an address; can be sent to other processes.

    Parameters
    ----------
    address : Address
        Where they are.
    """

    address: Address

    def copy(self, folder: Path, progress: Callable[[int, int], None]) -> None:
        """Copy all files, with the times that they have in the bucket; those that are there already stay.

        Parameters
        ----------
        folder : Path
            Where to.
        progress : callable
            Called with the number of files done and of all.

        Raises
        ------
        CorpusError
            There are none, a name leads out of the folder, or the server refuses or does not answer.
        StoreWriteError
            The disk refuses.
        """
        bucket = Bucket(self.address)
        try:
            found = {name: told for name, told in bucket.listed("").items() if not name.endswith("/")}
        except OSError as error:
            raise CorpusError(f"{self.address}: cannot be listed ({error.strerror})") from None
        if not found:
            raise CorpusError(f"{self.address}: there is nothing; pass --root the folder of the corpus in its bucket")
        targets = {name: self._inside(folder, name) for name in found}
        self._remove_others(folder, {*targets.values()})
        stale = [name for name, told in found.items() if not _is_copy(targets[name], told)]
        progress(0, len(stale))

        def one(name: str) -> None:
            self._copy(bucket, name, targets[name], found[name])

        for done, _ in enumerate(run_threads(one, stale, workers=AT_ONCE), start=1):
            progress(done, len(stale))

    def fetch(self, names: Iterable[str], folder: Path) -> None:
        """Copy some files.

        Parameters
        ----------
        names : iterable of str
            Paths below the corpus.
        folder : Path
            Where to.

        Raises
        ------
        CorpusError, StoreWriteError
            As for :meth:`copy`.
        """
        bucket = Bucket(self.address)

        def one(name: str) -> None:
            self._copy(bucket, name, self._inside(folder, name), None)

        for _ in run_threads(one, sorted(names), workers=AT_ONCE):
            pass

    def _copy(self, bucket: Bucket, name: str, target: Path, told: Found | None) -> None:
        def write(path: Path) -> None:
            with path.open("wb") as file:
                file.writelines(self._pieces(bucket, name))
            if told is not None:
                os.utime(path, (told.changed, told.changed))

        with disk.writing(target.parent):
            disk.atomic_write(target, write, durable=False)

    def _pieces(self, bucket: Bucket, name: str) -> Iterator[bytes]:
        try:
            yield from bucket.pieces(name)
        except OSError as error:
            raise CorpusError(
                f"{self.address / name}: cannot be read ({error.strerror}); what is finished is kept: run the same "
                "command again"
            ) from None

    def _inside(self, folder: Path, name: str) -> Path:
        parts = name.split("/")
        if {"", ".", ".."} & set(parts) or "\\" in name or "\0" in name:
            raise CorpusError(f"{self.address}: has an object {name!r}, whose name is not that of a file; remove it")
        return folder.joinpath(*parts)

    def _remove_others(self, folder: Path, named: set[Path]) -> None:
        """Remove what an earlier copy has and the bucket no longer does."""
        for path in folder.rglob("*"):
            if not path.is_dir() and path not in named:
                path.unlink()


def _is_copy(path: Path, told: Found) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return status.st_size == told.size and abs(status.st_mtime - told.changed) < 1e-3


@contextmanager
def at_hand(root: Path | Address, cache: Path | None, progress: Progress) -> Iterator[tuple[Path, BucketCorpus | None]]:
    """A corpus in a folder of this machine: its own, or a copy of what is in a bucket.

    Parameters
    ----------
    root : Path or Address
        Where the corpus is.
    cache : Path or None
        Folder in which copies are kept for the next time; None for a copy that goes with the context.
    progress : callable
        Called with the stage, the number of files done and of all.

    Yields
    ------
    tuple of Path and BucketCorpus
        The folder, and the corpus in its bucket; None where it is in a folder.

    Raises
    ------
    CorpusError, StoreWriteError
        As for :meth:`BucketCorpus.copy`.
    """
    if not isinstance(root, Address):
        yield root, None
        return
    corpus = BucketCorpus(writable(root))
    with ExitStack() as left:
        if cache is None:
            with disk.writing(Path(tempfile.gettempdir())):
                folder = Path(left.enter_context(tempfile.TemporaryDirectory(prefix="kemfeat-corpus-")))
        else:
            folder = cache.absolute() / "kemfeat-cache" / f"corpus-{config.digest(str(root))[:16]}"
        try:
            corpus.copy(folder, lambda done, total: progress("pull", done, total))
            yield folder, corpus
        except KemfeatError as error:
            raise type(error)(str(error).replace(str(folder), str(root))) from None
