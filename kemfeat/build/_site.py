"""Where a store is built: in a folder that all workers see, or in a bucket that all workers reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kemfeat.build import _folder
from kemfeat.build._bucket_corpus import BucketCorpus
from kemfeat.build._errand import Errand
from kemfeat.parallel import Pool, Progress
from kemfeat.store import disk, locking, schema, swap, versions, writer
from kemfeat.store.address import Address
from kemfeat.store.reader import Store, open_store
from kemfeat.store.schema import FileReceipt


class Site(Protocol):
    """Where a store is built, while nobody else builds it."""

    @property
    def folder(self) -> Path:
        """Folder on this machine in which it is built, as far as it is here."""
        ...

    @property
    def where(self) -> Path | Address:
        """Where it will be."""
        ...

    @property
    def moved(self) -> Path | None:
        """Where ``--force`` moved what had been there."""
        ...

    @property
    def elsewhere(self) -> Set[FileReceipt]:
        """Shards of the build that are not on this machine."""
        ...

    def finished(self, *, rehash: bool) -> Store | None:
        """The finished store to update, where there is one that can be."""
        ...

    def begin(self, pool: Pool) -> None:
        """Take up what an interrupted build left, and let workers write."""
        ...

    def share(self, sessions: Mapping[str, FileReceipt]) -> None:
        """Let workers have what is staged for all of them, and the signals of sessions, by path."""
        ...

    def run(
        self, pool: Pool, function: Callable[[Any], Any], tasks: Sequence[Any], *, name: Callable[[Any], str]
    ) -> Iterator[Any]:
        """Results of a function on tasks, as they come; what they have made is staged."""
        ...

    def commit(self, header: schema.Header, progress: Progress) -> Store:
        """Make what is staged the current version."""
        ...

    def tidy(self, *, keep: int) -> None:
        """Remove what an earlier build left, and versions but the newest."""
        ...


@dataclass(slots=True)
class FolderSite:
    """A folder; see :class:`Site`."""

    folder: Path
    corpus: BucketCorpus | None
    moved: Path | None = None
    elsewhere: Set[FileReceipt] = frozenset()

    @property
    def where(self) -> Path | Address:
        """The folder."""
        return self.folder

    def finished(self, *, rehash: bool) -> Store | None:
        """See :class:`Site`."""
        return _folder.finished(self.folder, rehash=rehash)

    def begin(self, pool: Pool) -> None:
        """See :class:`Site`."""
        with disk.writing(self.folder):
            writer.staging(self.folder).mkdir(exist_ok=True)
        pool.writes(writer.staging(self.folder))

    def share(self, sessions: Mapping[str, FileReceipt]) -> None:
        """Do nothing: all workers see the folder."""

    def run(
        self, pool: Pool, function: Callable[[Any], Any], tasks: Sequence[Any], *, name: Callable[[Any], str]
    ) -> Iterator[Any]:
        """See :class:`Site`."""
        if self.corpus is None:
            return pool.run(function, tasks, name=name)
        return (result for result, _ in pool.run(Errand(function, self.corpus, None, {}), tasks, name=name))

    def commit(self, header: schema.Header, progress: Progress) -> Store:  # noqa: ARG002 - renaming takes no time
        """See :class:`Site`."""
        swap.finalise(self.folder, header)
        return open_store(self.folder)

    def tidy(self, *, keep: int) -> None:
        """See :class:`Site`."""
        with disk.writing(self.folder):
            versions.prune(self.folder, keep=keep)


@contextmanager
def in_folder(out: Path, pool: Pool, corpus: BucketCorpus | None, *, force: bool) -> Iterator[FolderSite]:
    """Build in a folder, which is locked until the context ends."""
    moved = _folder.take_over(out, force=force)
    with locking.locked(out):
        with disk.writing(out):
            swap.complete_swap(out)
        yield FolderSite(pool.reads(out), corpus, moved)
