"""Does the tasks of a build on a machine that may share no folder with the command: fetches, works, sends.

A worker has a folder of its own per build, for what it fetches of the build, and keeps those of the latest builds. Of
the corpus it fetches what a task reads, and removes it after the task.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kemfeat.build._bucket_corpus import BucketCorpus
from kemfeat.errors import KemfeatError, StoreWriteError
from kemfeat.parallel import share_among_threads
from kemfeat.store import disk, writer
from kemfeat.store.copied import AT_ONCE
from kemfeat.store.depot import Depot, Record
from kemfeat.store.schema import FileReceipt


@dataclass(frozen=True, slots=True)
class Errand:
    """Calls a function on a task, with what is behind addresses fetched before and sent after it.

    A task is a dataclass with the folders ``root`` of the corpus and ``store`` of the build. It says which
    ``sources()`` of the corpus and which ``staged()`` files of the build it reads, and of a result what it has
    ``made()``: units that are finished together, each its large files, and its small ones, the receipt first.

    Parameters
    ----------
    function : callable
        What does a task.
    corpus : BucketCorpus or None
        The corpus, where it is in a bucket.
    depot : Depot or None
        Where the build is, if it is in a bucket.
    shared : mapping of str to FileReceipt
        Files of the build that all tasks read.
    """

    function: Callable[[Any], Any]
    corpus: BucketCorpus | None
    depot: Depot | None
    shared: Mapping[str, FileReceipt]

    @property
    def __name__(self) -> str:
        """Name of the function."""
        return self.function.__name__

    def __call__(self, task: Any) -> tuple[Any, list[Record]]:
        """Do a task; returns the result of the function, and what has been sent."""
        if self.corpus is None:
            return self._in_place(task)
        with tempfile.TemporaryDirectory(prefix="kemfeat-corpus-") as folder:
            try:
                self.corpus.fetch(task.sources(), Path(folder))
                return self._in_place(replace(task, root=Path(folder)))
            except KemfeatError as error:
                raise type(error)(str(error).replace(folder, str(self.corpus.address))) from None

    def _in_place(self, task: Any) -> tuple[Any, list[Record]]:
        if self.depot is None:
            return self.function(task), []
        address = self.depot.bucket.address
        with _workplace(str(address)) as place:
            here = replace(task, store=place)
            try:
                fetch(self.depot, {**self.shared, **task.staged()}, writer.staging(place))
                result = self.function(here)
                return result, [self._sent(writer.staging(place), *unit) for unit in here.made(result)]
            except OSError as error:
                if isinstance(error, KemfeatError):
                    raise
                raise StoreWriteError(
                    f"{address}: {error.strerror}; what is finished is kept: run the same command again"
                ) from None

    def _sent(self, folder: Path, large: tuple[str, ...], small: tuple[str, ...]) -> Record:
        """Send a unit, its record last, and remove it from this machine."""
        assert self.depot is not None  # noqa: S101 - for the type checker
        read = {name: disk.inside(folder, name).read_bytes() for name in (*large, *small)}
        record = self.depot.put_all(
            small[0], {name: read[name] for name in large}, {name: read[name] for name in small}
        )
        for name in (*large, *small):
            disk.inside(folder, name).unlink(missing_ok=True)
        return record


def fetch(depot: Depot, files: Mapping[str, FileReceipt], folder: Path) -> None:
    """Fetch files of a build which are not there yet.

    Parameters
    ----------
    depot : Depot
        Where they are.
    files : mapping of str to FileReceipt
        The files, by path.
    folder : Path
        Where they are to be.
    """
    missing = [(name, receipt) for name, receipt in files.items() if not _is_whole(disk.inside(folder, name), receipt)]

    def one(file: tuple[str, FileReceipt]) -> None:
        content = depot.get(file[1])
        with disk.writing(folder):
            disk.write_bytes(disk.inside(folder, file[0]), content, durable=False)

    share_among_threads(one, missing, workers=AT_ONCE)


def _is_whole(path: Path, receipt: FileReceipt) -> bool:
    return path.is_file() and disk.receipt(path) == receipt


@dataclass(slots=True)
class _Workplace:
    """The folder of this process for what is built at an address, and how many threads work in it."""

    folder: tempfile.TemporaryDirectory[str]
    threads: int = 0


_PLACES: dict[str, _Workplace] = {}
"""By address; the one that was used last comes last."""
_MOST_PLACES = 4
"""Folders that a process keeps: workers may run for months, and for many builds."""
_MAKING = threading.Lock()


@contextmanager
def _workplace(address: str) -> Iterator[Path]:
    """A folder to work in, the same one each time as long as it is kept."""
    with _MAKING, disk.writing(Path(tempfile.gettempdir())):
        place = _PLACES.pop(address, None) or _Workplace(
            tempfile.TemporaryDirectory(prefix="kemfeat-build-", ignore_cleanup_errors=True)
        )
        idle = [each for each, other in _PLACES.items() if not other.threads]
        for each in idle[: max(len(_PLACES) + 1 - _MOST_PLACES, 0)]:
            _PLACES.pop(each).folder.cleanup()
        _PLACES[address] = place
        place.threads += 1
    try:
        yield Path(place.folder.name)
    finally:
        with _MAKING:
            place.threads -= 1
