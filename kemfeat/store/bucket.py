"""Objects of an object store or web server; nothing else imports obstore."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from kemfeat.errors import ConfigError
from kemfeat.store.address import Address
from kemfeat.store.objects import ConflictError, NoRangesError, Span, answered, require_size
from kemfeat.store.schema import FileReceipt

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutResult
    from obstore.store import ObjectStore

_RETRY = {
    "max_retries": 6,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=8), "base": 2},
}
_READING = timedelta(seconds=30)
"""Time that a request may take; one that reads goes on from where it was broken off."""
_SENDING = timedelta(minutes=5)
"""Time that a put of more than :data:`_SMALL` may take, as it begins anew: 16 at once of 20 MB, at 10 Mbit/s."""
_SMALL = 2**20
"""Bytes."""
_GAP = 64 * 1024
"""Parts of an object with less than this between them are asked for at once: 20 ms of latency are worth more."""
_ENDPOINTS = {
    "s3": ("endpoint", ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")),
    "az": ("endpoint", ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")),
    "gs": ("base_url", ("GOOGLE_BASE_URL",)),
}
"""Option and variables with the address of a server that speaks a provider's protocol."""
_PIECE = 8 * 2**20
"""Bytes of a piece of a large object."""
_TRIES = 3
"""Times that an object is sent which arrives as something else."""
_NO_EXTRA = "addresses need the extra `cloud`: pip install 'kemfeat[cloud]'"


class Put(NamedTuple):
    """An object that was put: the tag that its server gives to this content, and the mark by which conditions name it.

    The mark is the tag, but with Google the number of its generation.
    """

    tag: str
    mark: str


class Found(NamedTuple):
    """An object that exists: its bytes, its tag and mark as of :class:`Put`, and since when it is there.

    The time is that of the server, in seconds since 1970. Of an object that was listed the mark may be empty.
    """

    size: int
    tag: str
    mark: str
    changed: float


class Bucket:
    """Objects of an object store or web server; may be used by several threads, and sent to other processes.

    Parameters
    ----------
    address : Address
        Where they are.
    anonymous : bool
        Whether to ask without credentials.
    """

    def __init__(self, address: Address, *, anonymous: bool = False) -> None:
        self.address = address
        self._anonymous = anonymous
        self._root, _, self._prefix = address.rest.partition("/")
        self._held: dict[timedelta, ObjectStore] = {}
        self._process = os.getpid()
        with _refused(address):
            self._store  # noqa: B018 - refused now rather than when something is read

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_held": {}}

    @property
    def _store(self) -> ObjectStore:
        return self._within(_READING)

    def _within(self, time: timedelta) -> ObjectStore:
        """The store for requests that may take some time."""
        if not self._held:
            self._process = os.getpid()
        if self._process != os.getpid():  # threads of obstore did not come along, and it would wait for them for ever
            what = "this process was forked after the store was opened; start it by spawn, or open the store in it"
            raise OSError(errno.ENOTSUP, what, str(self.address))
        if time not in self._held:
            self._held[time] = _opened(self.address.scheme, self._root, time, anonymous=self._anonymous)
        return self._held[time]

    def read(self, name: str, most: int) -> bytes:
        """All of an object.

        Parameters
        ----------
        name : str
            Name below the address.
        most : int
            Bytes that it may have.

        Returns
        -------
        bytes
            Its content.

        Raises
        ------
        OSError
            It is missing (``FileNotFoundError``) or too large, or the server denies access (``PermissionError``),
            refuses or does not answer.
        """
        import obstore

        with answered(self.address / name):
            found = obstore.get(self._store, self._key(name))
            require_size(found.meta["size"], most)
            return bytes(found.bytes())

    def pieces(self, name: str) -> Iterator[bytes]:
        """All of an object, piece by piece: it may be larger than the memory.

        Parameters
        ----------
        name : str
            Name below the address.

        Yields
        ------
        bytes
            The next piece.

        Raises
        ------
        OSError
            As for :meth:`read`.
        """
        import obstore

        with answered(self.address / name):
            for piece in obstore.get(self._store, self._key(name)).stream(min_chunk_size=_PIECE):
                yield bytes(piece)

    def parts(self, name: str, spans: Sequence[Span]) -> Sequence[bytes | memoryview]:
        """Parts of an object, those near to each other in one request.

        Parameters
        ----------
        name : str
            Name below the address.
        spans : sequence of tuple
            Offset and size of each, at least 1 byte.

        Returns
        -------
        sequence of bytes or memoryview
            In the order of ``spans``; shorter where the object ends before.

        Raises
        ------
        NoRangesError
            The server gives whole objects only.
        OSError
            As for :meth:`read`.
        """
        import obstore
        from obstore.exceptions import NotSupportedError

        starts, lengths = [list(each) for each in zip(*spans, strict=True)]
        try:
            with answered(self.address / name, but=(NotSupportedError,)):
                found = obstore.get_ranges(self._store, self._key(name), starts=starts, lengths=lengths, coalesce=_GAP)
        except NotSupportedError:
            raise NoRangesError(errno.ENOTSUP, "the server gives whole files only", str(self.address / name)) from None
        return [memoryview(each) for each in found]

    def find(self, name: str) -> Found | None:
        """What a server says of an object.

        Parameters
        ----------
        name : str
            Name below the address.

        Returns
        -------
        Found or None
            None where there is no such object.

        Raises
        ------
        OSError
            As for :meth:`read`.
        """
        import obstore

        with suppress(FileNotFoundError), answered(self.address / name):
            return self._found(obstore.head(self._store, self._key(name)))
        return None

    def listed(self, name: str) -> dict[str, Found]:
        """All objects below a name.

        Parameters
        ----------
        name : str
            Name below the address, as of a folder.

        Returns
        -------
        dict of str to Found
            By name below the address.

        Raises
        ------
        OSError
            As for :meth:`read`; a web server cannot be asked.
        """
        import obstore

        above = len(self._key(""))
        with answered(self.address / name):
            found = [each for page in obstore.list(self._store, self._key(name)) for each in page]
        return {each["path"][above:]: self._found(each) for each in found}

    def write(self, name: str, content: bytes, *, instead_of: str | None = None) -> Put:
        """Put an object in one step.

        Parameters
        ----------
        name : str
            Name below the address.
        content : bytes
            All of it.
        instead_of : str or None
            Mark of the object that it replaces: any where None, no object where empty.

        Returns
        -------
        Put
            What the server says of the new object.

        Raises
        ------
        ConflictError
            Another object is there than ``instead_of`` says.
        OSError
            As for :meth:`read`.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        mode: Any = "overwrite"
        if instead_of is not None:
            mode = {"version" if self._has_generations else "e_tag": instead_of} if instead_of else "create"
        try:
            with answered(self.address / name, but=(AlreadyExistsError, PreconditionError)):
                to = self._within(_SENDING if len(content) > _SMALL else _READING)
                put = obstore.put(to, self._key(name), content, mode=mode, use_multipart=False)
                return Put(put["e_tag"] or "", self._mark(put))
        except (AlreadyExistsError, PreconditionError):
            raise ConflictError from None

    def copy(self, source: str, target: str) -> None:
        """Copy an object on its server.

        Parameters
        ----------
        source, target : str
            Names below the address.

        Raises
        ------
        OSError
            As for :meth:`read`.
        """
        import obstore

        with answered(self.address / source):
            obstore.copy(self._store, self._key(source), self._key(target))

    def send(self, name: str, content: bytes) -> str:
        """Put an object, and make sure that it arrived as it was sent.

        Parameters
        ----------
        name : str
            Name below the address.
        content : bytes
            All of it.

        Returns
        -------
        str
            The tag that its server gives to it.

        Raises
        ------
        OSError
            It did not arrive as it was sent, also when it was sent again; or as for :meth:`read`.
        """
        for _ in range(_TRIES):
            tag = self.write(name, content).tag
            if tag.strip('"') == md5_of(content) or self.read(name, len(content)) == content:
                return tag
        raise OSError(errno.EIO, "it does not arrive as it was sent", str(self.address / name))

    def holds(self, name: str, found: Found, receipt: FileReceipt, md5: str | None) -> bool:
        """Whether an object is a file: by the MD5 that most servers give as its tag, else by reading it.

        Parameters
        ----------
        name : str
            Name below the address.
        found : Found
            What the server says of the object.
        receipt : FileReceipt
            The file.
        md5 : str or None
            The MD5 of the file; None where it is not known.

        Returns
        -------
        bool
            False where its size or its content differs.

        Raises
        ------
        OSError
            As for :meth:`read`.
        """
        if found.size != receipt.bytes:
            return False
        return found.tag.strip('"') == md5 or receipt.fits(self.read(name, receipt.bytes))

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects.

        Parameters
        ----------
        names : sequence of str
            Names below the address.

        Raises
        ------
        OSError
            As for :meth:`read`.
        """
        import obstore

        if names:
            with answered(self.address):
                obstore.delete(self._store, [*map(self._key, names)])

    @property
    def _has_generations(self) -> bool:
        return self.address.scheme == "gs"

    def _mark(self, told: PutResult | ObjectMeta) -> str:
        return told["version" if self._has_generations else "e_tag"] or ""

    def _found(self, told: ObjectMeta) -> Found:
        return Found(told["size"], told["e_tag"] or "", self._mark(told), told["last_modified"].timestamp())

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name


def md5_of(content: bytes) -> str:
    """The MD5 of a content, which most servers give as the tag of an object that was put in one step.

    Parameters
    ----------
    content : bytes
        The content.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


_MEMORY: dict[str, ObjectStore] = {}
_OPENING = threading.Lock()


def _opened(scheme: str, root: str, time: timedelta, *, anonymous: bool) -> ObjectStore:
    from obstore.store import HTTPStore, MemoryStore, from_url

    if scheme == "memory":
        with _OPENING:
            return _MEMORY.setdefault(root, MemoryStore())
    client: dict[str, Any] = {"timeout": time}
    options: dict[str, Any] = {"retry_config": _RETRY, "client_options": client}
    if scheme in ("http", "https"):
        client["allow_http"] = scheme == "http"
        return HTTPStore.from_url(f"{scheme}://{root}", **options)
    option, variables = _ENDPOINTS[scheme]
    endpoint = next(filter(None, map(os.environ.get, variables)), "")
    if endpoint:
        options[option] = endpoint
        client["allow_http"] = endpoint.startswith("http://")
    if anonymous:
        options["skip_signature"] = True
    return from_url(f"{scheme}://{root}", **options)


@contextmanager
def _refused(address: Address) -> Iterator[None]:
    """Turn what obstore says of an address into a sentence."""
    try:
        yield
    except ImportError:
        raise ConfigError(f"{address}: {_NO_EXTRA}") from None
    except Exception as error:
        if type(error).__module__.split(".")[0] not in ("obstore", "builtins"):
            raise
        raise ConfigError(
            f"{address}: is not the address of an object store that can be opened; check that what its provider needs "
            "is set, such as AZURE_STORAGE_ACCOUNT_NAME"
        ) from None
