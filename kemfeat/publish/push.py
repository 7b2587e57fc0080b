"""Copy a version of a store to an address."""

from __future__ import annotations

from functools import partial

from kemfeat.corpora import terms_of
from kemfeat.errors import ConfigError, StoreCorruptError, StoreError, StoreWriteError
from kemfeat.publish.refusals import refuse_format_1, refuse_unknown_files
from kemfeat.store import disk, schema
from kemfeat.store.address import Address
from kemfeat.store.bucket import Bucket
from kemfeat.store.copied import Copied, Progress
from kemfeat.store.outside import refuse_other_corpus
from kemfeat.store.reader import Store
from kemfeat.store.remote_commit import HeaderBefore, RemoteCommit
from kemfeat.store.remote_target import refuse_unlicensed, try_out, writable
from kemfeat.user_settings import read_user_settings


def push_store(
    store: Store,
    to: str,
    *,
    may_pass_on: bool = False,
    progress: Progress = lambda done, total: None,
) -> Copied:
    """Copy a version of a store to an address.

    What is missing there is sent, what an earlier version there has is copied on the server, and the header is put
    last, on the condition that nobody else has put one meanwhile. What a push that was interrupted has sent is kept.

    Parameters
    ----------
    store : Store
        A store in a folder of this machine.
    to : str
        Address of a bucket and a name in it, such as ``s3://bucket/store``.
    may_pass_on : bool
        Whether the user says that they may pass on a store of a restricted corpus to all who can read the address.
    progress : callable, optional
        Called with the number of files done and of all.

    Returns
    -------
    Copied
        What was sent.

    Raises
    ------
    ConfigError
        The address cannot be written to, or the corpus may not be passed on.
    StoreError
        Somebody else put another version there meanwhile; the server refuses or does not answer.
    StoreCorruptError
        A file of the store does not match its receipt.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.publish import push_store
    >>> push_store(kemfeat.open_store("stores/KEMDy20"), "memory://examples/push").there
    0
    """
    address = writable(to)
    if isinstance(store.path, Address):
        raise ConfigError(f"{store.path}: only a store in a folder of this machine is pushed; pull it first")
    refuse_format_1(store, "build it again, which makes it format 2 and extracts nothing, then push it")
    refuse_unknown_files(store)
    terms = terms_of(store.dataset)
    licence = terms.licence if terms.restricted and not store.synthetic else ""
    refuse_unlicensed(address, licence, may_pass_on=may_pass_on, private=read_user_settings().private)
    bucket = Bucket(address)
    try:
        before = HeaderBefore(bucket)
        refuse_other_corpus(before.header, store.dataset, where=address)
        is_new = before.header is None or before.header.digest != store.digest
        if is_new or licence:
            try_out(bucket, licence=licence)
        commit = RemoteCommit(bucket, before, store.digest, content=partial(_content, store), staged={})
        done = commit.send(schema.files(store.header), progress)
        if is_new:
            commit.commit(store.header)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreWriteError(
            f"{address}: {error.strerror}; run the same command again: what has been sent is kept"
        ) from None
    return done


def _content(store: Store, name: str, receipt: schema.FileReceipt) -> bytes:
    path = disk.inside(store.folder, name)
    try:
        content = disk.read_bytes(path)
    except OSError as error:
        raise StoreCorruptError(f"{path}: cannot be read ({error.strerror}); run `kemfeat verify`") from None
    if not receipt.fits(content):
        raise StoreCorruptError(f"{path}: is not what was written (it differs from its receipt); run `kemfeat verify`")
    return content
