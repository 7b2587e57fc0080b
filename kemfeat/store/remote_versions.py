"""Which versions are behind an address."""

from __future__ import annotations

from kemfeat.errors import StoreError
from kemfeat.store import schema
from kemfeat.store.address import Address
from kemfeat.store.bucket import Bucket
from kemfeat.store.header import parse_header
from kemfeat.store.objects import Objects
from kemfeat.store.zipped import ZipObjects

MOST_HEADER_BYTES = 1 << 30
"""Three times the header of ten million utterances."""


def objects_at(address: Address) -> Objects:
    """The objects below an address.

    Parameters
    ----------
    address : Address
        Where a store is.

    Returns
    -------
    Objects
        Nothing is read yet.

    Raises
    ------
    ConfigError
        The extra ``cloud`` is not installed, or the address is not one of its scheme.
    """
    return ZipObjects(address) if address.scheme == "zip" else Bucket(address)


def read_remote_header(address: Address, objects: Objects, name: str = schema.HEADER) -> schema.Header:
    """Read the header of a store behind an address, in one request.

    Parameters
    ----------
    address : Address
        Where the store is.
    objects : Objects
        What is there.
    name : str
        Name of the header.

    Returns
    -------
    Header
        Checked, but not compared with the files.

    Raises
    ------
    StoreError
        There is none, the server refuses or does not answer, or it is not a header.
    """
    try:
        content = objects.read(name, MOST_HEADER_BYTES)
    except FileNotFoundError:
        raise StoreError(
            f"{address}: is not a store ({name} is missing); expected the address that `kemfeat push` was given"
        ) from None
    except OSError as error:
        raise StoreError(f"{address / name}: cannot be read ({error.strerror})") from None
    return parse_header(content, address)


def header_at(address: Address) -> tuple[schema.Header, Objects]:
    """The header of a store behind an address, and what is there.

    Parameters
    ----------
    address : Address
        Where the store is.

    Returns
    -------
    tuple of Header and Objects
        That of the current version; the objects are named below the address.

    Raises
    ------
    StoreError
        As for :func:`read_remote_header`.
    """
    objects = objects_at(address)
    return read_remote_header(address, objects), objects


def kept_at(address: Address, header: schema.Header, objects: Objects) -> dict[str, Address]:
    """Where earlier versions of a store behind an address are, as far as they are still there.

    Parameters
    ----------
    address : Address
        Where the store is.
    header : Header
        Its header.
    objects : Objects
        What is there.

    Returns
    -------
    dict of str to Address
        By digest.

    Raises
    ------
    StoreError
        The server refuses or does not answer.
    """
    kept = {}
    for record in header.history:
        folder = f"{schema.VERSIONS}/{record.digest[:16]}"
        try:
            content = objects.read(f"{folder}/{schema.HEADER}", MOST_HEADER_BYTES)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(f"{address / folder}: cannot be read ({error.strerror})") from None
        if parse_header(content, address / folder).digest == record.digest:
            kept[record.digest] = address / folder
    return kept
