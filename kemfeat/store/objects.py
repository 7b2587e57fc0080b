"""What stores behind addresses have in common: objects by name, and errors of servers and zip files as an OSError.

Its text contains no header, no query and no credential.
"""

from __future__ import annotations

import errno
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from kemfeat.store.address import Address

Span = tuple[int, int]
"""A part of an object: its offset and its size."""

_STATUS = re.compile(r"status code: (\d{3})")


class ConflictError(Exception):
    """An object is no longer the one that it had to be."""


class NoRangesError(OSError):
    """A server gives whole objects only."""


class Objects(Protocol):
    """What can be read below an address, by names with ``/``."""

    def read(self, name: str, most: int) -> bytes:
        """All of an object, as of :meth:`Bucket.read`.

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
        """
        ...

    def parts(self, name: str, spans: Sequence[Span]) -> Sequence[bytes | memoryview]:
        """Parts of an object, as of :meth:`Bucket.parts`.

        Parameters
        ----------
        name : str
            Name below the address.
        spans : sequence of tuple
            Offset and size of each, at least 1 byte.

        Returns
        -------
        sequence of bytes or memoryview
            In the order of ``spans``.
        """
        ...


@contextmanager
def answered(where: Address, *, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn errors of a server, and of a zip file, into an OSError.

    Parameters
    ----------
    where : Address
        What is read or written, for messages.
    but : tuple of type
        Errors that are left as they are.

    Yields
    ------
    None
        While the server is asked, or the file is read.

    Raises
    ------
    OSError
        An object is missing (``FileNotFoundError``), access is denied (``PermissionError``), or anything else.
    """
    try:
        yield
    except but:
        raise
    except (FileNotFoundError, KeyError):
        raise FileNotFoundError(errno.ENOENT, "there is no such object", str(where)) from None
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError) as error:
        raise OSError(errno.EIO, f"it cannot be decoded: {error}", str(where)) from None
    except (OSError, EOFError) as error:
        raise OSError(errno.EIO, getattr(error, "strerror", None) or _brief(error), str(where)) from None
    except Exception as error:
        if type(error).__module__.split(".")[0] != "obstore" and not isinstance(error, ValueError):
            raise
        kind, number = (PermissionError, errno.EACCES) if _is_denied(error) else (OSError, errno.EIO)
        raise kind(number, _brief(error), str(where)) from None


def require_size(size: int, most: int) -> None:
    """Refuse an object of more bytes than it may have.

    Parameters
    ----------
    size, most : int
        Its bytes, and those that it may have.

    Raises
    ------
    OSError
        It has more.
    """
    if size > most:
        raise OSError(errno.EFBIG, f"has more than the {most:,} bytes that it may have")


def _is_denied(error: Exception) -> bool:
    status = _STATUS.search(str(error))
    denied = type(error).__name__ in ("PermissionDeniedError", "UnauthenticatedError")
    return denied or (status is not None and status[1] in ("401", "403")) or "PublicAccessNotPermitted" in str(error)


def _brief(error: Exception) -> str:
    """What went wrong, in a few words of our own: the message has addresses with signatures, headers and internals."""
    status = _STATUS.search(str(error))
    kind = type(error).__name__
    if kind == "InvalidPathError":
        return "a name there is no path, as it has an empty part, '.' or '..'; remove that object"
    if _is_denied(error):
        return (
            "access is denied; give credentials where the provider's own programs look for them, and check that they "
            "have not expired"
        )
    if status:
        return f"the server answers {status[1]}"
    return "the server does not answer as expected" if kind == "GenericError" else kind
