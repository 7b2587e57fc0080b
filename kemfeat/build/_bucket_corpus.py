"""A corpus in a bucket: copied whole to the machine of the command, and file by file to those of workers.

A file that is copied is compared with the MD5 that most servers give as its tag. Where a tag is none, as for objects
that were put in parts, a file of the corpus is believed as the connection delivers it; audio and signals are compared
once more with the SHA-256 of the copy by whoever extracts from them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path

from kemfeat import config
from kemfeat.errors import ConfigError, CorpusError, KemfeatError, StoreWriteError
from kemfeat.parallel import Progress, run_threads, share_among_threads
from kemfeat.store import disk
from kemfeat.store.address import Address
from kemfeat.store.bucket import Bucket, Found
from kemfeat.store.copied import AT_ONCE
from kemfeat.store.remote_target import writable

_MD5 = re.compile("[0-9a-f]{32}")
_TRIES = 3
_KEPT = "what is finished is kept: run the same command again"


@dataclass(frozen=True, slots=True)
class BucketCorpus:
    """The files of a corpus behind an address; can be sent to other processes.

    Parameters
    ----------
    address : Address
        Where they are.
    """

    address: Address

    def copy(self, folder: Path, progress: Callable[[int, int], None], *, anew: bool) -> None:
        """Copy all files, with the times that they have in the bucket; those that are there already stay.

        Parameters
        ----------
        folder : Path
            Where to.
        progress : callable
            Called with the number of files done and of all.
        anew : bool
            Whether to copy also what is there.

        Raises
        ------
        CorpusError
            There are none, a name leads out of the folder, or the server refuses or does not answer.
        StoreWriteError
            The disk refuses.
        """
        bucket = Bucket(self.address)
        found = self._listed(bucket)
        targets = {name: self._inside(folder, name) for name in found}
        with _locked(folder):
            known = {} if anew else _read_tags(folder)
            _remove_others(folder, {*targets.values()})
            stale = [name for name, told in found.items() if not _is_copy(targets[name], told, known.get(name))]
            progress(0, len(stale))

            def one(name: str) -> None:
                self._copy(bucket, name, targets[name], found[name])

            for done, _ in enumerate(run_threads(one, stale, workers=AT_ONCE), start=1):
                progress(done, len(stale))
            with disk.writing(folder):
                disk.write_json(_tags(folder), {name: told.tag for name, told in found.items()})

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

        share_among_threads(one, sorted(names), workers=AT_ONCE)

    def _listed(self, bucket: Bucket) -> dict[str, Found]:
        """All files; empty objects that stand for folders, as consoles make them, are left out."""
        try:
            found = bucket.listed("")
        except OSError as error:
            raise CorpusError(f"{self.address}: cannot be listed ({error.strerror})") from None
        folders = {"", *(str(parent) for name in found for parent in list(Path(name).parents)[:-1])}
        files = {name: told for name, told in found.items() if told.size or name not in folders}
        if not files:
            raise CorpusError(f"{self.address}: there is nothing; pass --root the folder of the corpus in its bucket")
        return files

    def _copy(self, bucket: Bucket, name: str, target: Path, told: Found | None) -> None:
        def write(path: Path) -> None:
            for _ in range(_TRIES):
                digest = hashlib.md5(usedforsecurity=False)
                with path.open("wb") as file:
                    for piece in self._pieces(bucket, name):
                        file.write(piece)
                        digest.update(piece)
                if told is None or digest.hexdigest() == (_md5_in(told) or digest.hexdigest()):
                    break
            else:
                raise CorpusError(f"{self.address / name}: does not arrive as it is there; {_KEPT}")
            if told is not None:
                os.utime(path, (told.changed, told.changed))

        with disk.writing(target.parent):
            disk.atomic_write(target, write, durable=False)

    def _pieces(self, bucket: Bucket, name: str) -> Iterator[bytes]:
        try:
            yield from bucket.pieces(name)
        except OSError as error:
            raise CorpusError(f"{self.address / name}: cannot be read ({error.strerror}); {_KEPT}") from None

    def _inside(self, folder: Path, name: str) -> Path:
        parts = name.split("/")
        if {"", ".", ".."} & set(parts) or "\\" in name or "\0" in name:
            raise CorpusError(f"{self.address}: has an object {name!r}, whose name is not that of a file; remove it")
        return folder.joinpath(*parts)


@contextmanager
def at_hand(
    root: Path | Address, cache: Path | None, progress: Progress, *, anew: bool
) -> Iterator[tuple[Path, BucketCorpus | None]]:
    """A corpus in a folder of this machine: its own, or a copy of what is in a bucket.

    Parameters
    ----------
    root : Path or Address
        Where the corpus is.
    cache : Path or None
        Folder in which copies are kept for the next time; None for a copy that goes with the context.
    progress : callable
        Called with the stage, the number of files done and of all.
    anew : bool
        Whether to copy also what is there already.

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
                above = Path(left.enter_context(tempfile.TemporaryDirectory(prefix="kemfeat-corpus-")))
        else:
            above = cache.absolute() / "kemfeat-cache"
        folder = above / f"corpus-{config.digest(str(root))[:16]}"
        try:
            corpus.copy(folder, lambda done, total: progress("pull", done, total), anew=anew)
            yield folder, corpus
        except StoreWriteError:
            raise
        except KemfeatError as error:
            raise type(error)(str(error).replace(str(folder), str(root))) from None


def table_at_hand(table: Path | None, folder: Path, bucket: BucketCorpus | None) -> Path | None:
    """The user's table of utterances; of a corpus in a bucket, one that is in it.

    Parameters
    ----------
    table : Path or None
        What the user gave.
    folder : Path
        Folder of the corpus on this machine.
    bucket : BucketCorpus or None
        The corpus in its bucket.

    Returns
    -------
    Path or None
        Its path on this machine.

    Raises
    ------
    ConfigError
        It is not a path in the corpus.
    """
    if table is None or bucket is None:
        return table
    if table.is_absolute() or ".." in table.parts or any(part.endswith(":") for part in table.parts):
        raise ConfigError(f"--table {table}: expected a path in the corpus, such as utterances.csv; put it there")
    return folder / table


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Wait until no other command copies into the same folder."""
    with disk.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(f"{folder.name}.lock").open("ab")
    with lock:
        with disk.writing(folder):
            flock(lock, LOCK_EX)
        yield


def _remove_others(folder: Path, named: set[Path]) -> None:
    """Remove what an earlier copy has and the bucket no longer does."""
    with disk.writing(folder):
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                with suppress(OSError):
                    path.rmdir()
            elif path not in named:
                path.unlink()


def _tags(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _read_tags(folder: Path) -> Mapping[str, str]:
    """The tag that each object had when it was copied."""
    try:
        told = json.loads(_tags(folder).read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _is_copy(path: Path, told: Found, tag: str | None) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return tag == told.tag and status.st_size == told.size and abs(status.st_mtime - told.changed) < 1e-3


def _md5_in(told: Found) -> str | None:
    """The MD5 that a tag is; None where it is something else."""
    tag = told.tag.strip('"')
    return tag if _MD5.fullmatch(tag) else None
