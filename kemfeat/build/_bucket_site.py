"""Build in a bucket: parts are objects that never change, and one conditional put of the header commits them.

Only what is small is on the machine of the command, in a folder that goes with it. Everything else is in the bucket, so
that the same command resumes on any machine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kemfeat.build import _folder
from kemfeat.build._bucket_corpus import BucketCorpus
from kemfeat.build._errand import Errand, fetch
from kemfeat.errors import KemfeatError, StoreCorruptError, StoreError, StoreVersionError, StoreWriteError
from kemfeat.parallel import Pool, Progress, run_threads, share_among_threads
from kemfeat.store import disk, schema, swap, writer
from kemfeat.store.address import Address
from kemfeat.store.bucket import Bucket, md5_of
from kemfeat.store.copied import AT_ONCE
from kemfeat.store.depot import Depot, Record, object_name
from kemfeat.store.outside import refuse_other_corpus
from kemfeat.store.reader import Store, open_store
from kemfeat.store.remote_claim import RemoteClaim, kept_alive
from kemfeat.store.remote_commit import HeaderBefore, RemoteCommit
from kemfeat.store.remote_target import try_out
from kemfeat.store.schema import FileReceipt


@dataclass(slots=True)
class BucketSite:
    """A bucket; see :class:`kemfeat.build._site.Site`.

    Parameters
    ----------
    folder : Path
        Folder of the small files, which goes with the command.
    corpus : BucketCorpus or None
        The corpus, where it is in a bucket, too.
    bucket : Bucket
        Objects below the address of the store.
    claim : RemoteClaim
        The right to build there.
    force : bool
        Whether to begin anew, whatever is there.
    """

    folder: Path
    corpus: BucketCorpus | None
    bucket: Bucket
    claim: RemoteClaim
    force: bool
    moved: Path | None = None
    elsewhere: set[FileReceipt] = field(default_factory=set)
    _before: HeaderBefore = field(init=False)
    _shared: dict[str, FileReceipt] = field(default_factory=dict)
    _md5: dict[FileReceipt, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._before = HeaderBefore(self.bucket, force=self.force)

    @property
    def where(self) -> Path | Address:
        """The address."""
        return self.bucket.address

    @property
    def _depot(self) -> Depot:
        return Depot(self.bucket)

    @property
    def _staging(self) -> Path:
        return writer.staging(self.folder)

    def finished(self, *, rehash: bool) -> Store | None:
        """See :class:`kemfeat.build._site.Site`."""
        if self._before.header is None or self.force:
            return None
        try:
            store = open_store(str(self.where))
            if not set(_folder.COPIED_WITH) <= set(store.header.tables):
                return None
            for name in _folder.COPIED_WITH:
                store.local(name)
        except (StoreCorruptError, StoreVersionError) as error:
            raise type(error)(f"{error}; --force begins anew, and leaves this version where it is") from None
        with _answered(self.bucket):
            self.elsewhere.update(self._whole(store, rehash=rehash))
        return store

    def refuse_other(self, dataset: str) -> None:
        """Refuse to put a store in the place of one of another corpus, also where all begins anew.

        Parameters
        ----------
        dataset : str
            The corpus.

        Raises
        ------
        ConfigError
            A store of another one is there.
        """
        refuse_other_corpus(self._before.header, dataset, where=self.where, advice="choose another --out")

    def _whole(self, store: Store, *, rehash: bool) -> Iterable[FileReceipt]:
        """The files of the finished version that are in the bucket in full."""
        there = self.bucket.listed(self._before.folder.rstrip("/"))
        files = schema.files(store.header)
        sized = {
            name: receipt
            for name, receipt in files.items()
            if (found := there.get(f"{self._before.folder}{name}")) is not None and found.size == receipt.bytes
        }
        if not rehash:
            return sized.values()

        def is_sound(file: tuple[str, FileReceipt]) -> bool:
            return file[1].fits(self.bucket.read(f"{self._before.folder}{file[0]}", file[1].bytes))

        sound = run_threads(is_sound, sized.items(), workers=AT_ONCE)
        return [receipt for receipt, each in zip(sized.values(), sound, strict=True) if each]

    def begin(self, pool: Pool) -> None:  # noqa: ARG002 - workers reach the bucket, and no folder of this process
        """See :class:`kemfeat.build._site.Site`."""
        with disk.writing(self.folder):
            self._staging.mkdir(exist_ok=True)
        with _answered(self.bucket):
            if self.force:
                self.claim.require()
                self._depot.clear()
            self._take(self._depot.noted())

    def share(self, sessions: Mapping[str, FileReceipt]) -> None:
        """See :class:`kemfeat.build._site.Site`."""
        paths = (path for top in (writer.TEMPLATE, schema.RESOURCES) for path in (self._staging / top).rglob("*"))
        self._shared = {
            path.relative_to(self._staging).as_posix(): disk.receipt(path) for path in paths if path.is_file()
        }
        with _answered(self.bucket):
            there = self._depot.there()
            names = {receipt: name for name, receipt in {**self._shared, **sessions}.items()}

            def put(file: tuple[FileReceipt, str]) -> None:
                content = disk.read_bytes(disk.inside(self._staging, file[1]))
                if not self._depot.is_whole(file[0], md5_of(content), there):
                    self._depot.put(content)

            share_among_threads(put, names.items(), workers=AT_ONCE)

    def run(
        self, pool: Pool, function: Callable[[Any], Any], tasks: Sequence[Any], *, name: Callable[[Any], str]
    ) -> Iterator[Any]:
        """See :class:`kemfeat.build._site.Site`."""
        errand = Errand(function, self.corpus, self._depot, self._shared)
        for result, records in pool.run(errand, tasks, name=name):
            with _answered(self.bucket):
                self._take(records)
            yield result

    def _take(self, records: Iterable[Record]) -> None:
        """Stage the small files of records, and fetch those large ones that are read here."""
        for record in records:
            self._refuse_outside(record)
            with disk.writing(self.folder):
                for name, content in record.contents.items():
                    disk.write_bytes(disk.inside(self._staging, name), content, durable=False)
            shards = {name for name in record.objects if name.startswith(f"{schema.FEATURES}/")}
            fetch(self._depot, {name: record.objects[name] for name in {*record.objects} - shards}, self._staging)
            self.elsewhere |= {record.objects[name] for name in shards}
            self._md5 |= {one: record.md5[one.sha256] for one in record.objects.values()}

    def _refuse_outside(self, record: Record) -> None:
        try:
            for name in (*record.contents, *record.objects):
                disk.inside(self._staging, name)
        except StoreError:
            raise StoreCorruptError(
                f"{self.where}: a record of the unfinished build names a file outside of it; do not trust whoever can "
                "write there; --force begins anew"
            ) from None

    def commit(self, header: schema.Header, progress: Progress) -> Store:
        """See :class:`kemfeat.build._site.Site`."""
        with disk.writing(self.folder):
            whole = swap.completed(self.folder, header, before=self._before.header)
        with _answered(self.bucket):
            self.claim.require()
            staged = {one.sha256: (object_name(one), md5) for one, md5 in self._md5.items()}
            commit = RemoteCommit(self.bucket, self._before, whole.digest, content=self._content, staged=staged)
            commit.send(schema.files(whole), lambda done, total: progress("push", done, total))
            self.claim.require()
            commit.commit(whole)
        return open_store(str(self.where))

    def _content(self, name: str, receipt: FileReceipt) -> bytes | None:
        path = disk.inside(self._staging, name)
        if not path.is_file() and receipt in self.elsewhere:
            return None
        content = disk.read_bytes(path)
        if not receipt.fits(content):
            raise StoreCorruptError(f"{path}: is not what was written; run the same command again")
        return content

    def tidy(self, *, keep: int) -> None:  # noqa: ARG002 - versions in a bucket are never removed
        """Remove what this build, or an earlier one, has staged; see :class:`kemfeat.build._site.Site`.

        The version is committed by then, so whoever may not remove anything, or whose claim was taken over, leaves it.
        """
        with suppress(OSError):
            self.claim.require()
            self._depot.clear()


@contextmanager
def in_bucket(
    address: Address, corpus: BucketCorpus | None, dataset: str, *, licence: str, force: bool
) -> Iterator[BucketSite]:
    """Build in a bucket, which nobody else does until the context ends."""
    bucket = Bucket(address)
    with disk.writing(Path(tempfile.gettempdir())):
        folder = tempfile.TemporaryDirectory(prefix="kemfeat-build-")
    with folder as name:
        with _answered(bucket):
            try_out(bucket, licence=licence)
            claim = RemoteClaim(bucket)
            claim.take()
        with kept_alive(claim):
            with _answered(bucket):
                site = BucketSite(Path(name), corpus, bucket, claim, force)
            site.refuse_other(dataset)
            yield site


@contextmanager
def _answered(bucket: Bucket) -> Iterator[None]:
    """Turn an error of the server into a sentence."""
    try:
        yield
    except FileNotFoundError:
        raise StoreWriteError(
            f"{bucket.address}: the server has no such bucket or container, or no longer has what this build staged; "
            "correct the address, or run the same command again"
        ) from None
    except OSError as error:
        if isinstance(error, KemfeatError):
            raise
        raise StoreWriteError(
            f"{bucket.address}: {error.strerror}; what is finished is kept: run the same command again"
        ) from None
