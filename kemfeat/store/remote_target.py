"""Addresses that may be written to: whether their server minds conditions, and who can read what is there."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kemfeat.errors import ConfigError
from kemfeat.store import schema
from kemfeat.store.address import Address, place
from kemfeat.store.bucket import Bucket
from kemfeat.store.objects import ConflictError

_SCHEMES = ("s3", "gs", "az", "memory")
_TRIED = b"kemfeat tries out this server"


def writable(to: str | Path | Address) -> Address:
    """The address of a bucket, whose objects can be listed and put.

    Parameters
    ----------
    to : str, Path or Address
        What the user gave.

    Returns
    -------
    Address
        As of :func:`kemfeat.store.address.place`.

    Raises
    ------
    ConfigError
        It is a folder, or nothing can be written there.
    """
    address = place(to)
    if not isinstance(address, Address) or address.scheme not in _SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in _SCHEMES if scheme != "memory")
        raise ConfigError(f"{to}: is not a bucket; expected an address that begins with {known}")
    return address


def refuse_unlicensed(address: Address, licence: str, *, may_pass_on: bool, private: Sequence[str]) -> None:
    """Refuse to put a restricted corpus where others may read it, unless the user has said that they may.

    Parameters
    ----------
    address : Address
        Where it is to be put.
    licence : str
        Why the corpus may not be passed on; empty where it may.
    may_pass_on : bool
        Whether the user says that all who can read the address may have it.
    private : sequence of str
        Addresses that the user's settings call private.

    Raises
    ------
    ConfigError
        The corpus is restricted, and the user has said neither.
    """
    if not licence or may_pass_on or any(_is_below(address, each) for each in private):
        return
    raise ConfigError(
        f"{address}: {licence} If all who can read this address have the licence too, say so with "
        "--i-may-pass-this-on, or once and for all in kemfeat.toml: [cloud] private = "
        f'["{address.scheme}://{address.rest.partition("/")[0]}"]'
    )


def refuse_nested(address: Address, root: Path | Address) -> None:
    """Refuse to build a store into its corpus, a corpus into its store, or into a version of a store.

    Parameters
    ----------
    address : Address
        Where the store is to be.
    root : Path or Address
        Where the corpus is.

    Raises
    ------
    ConfigError
        One is in the other.
    """
    if isinstance(root, Address) and (_is_below(address, root) or _is_below(root, address)):
        raise ConfigError(f"{address}: is in the corpus, or the corpus in it; choose another --out")
    if schema.VERSIONS in address.rest.split("/")[1:-1]:
        raise ConfigError(f"{address}: is a version of a store; pass the address of the store")


def _is_below(address: str, other: str) -> bool:
    return f"{address}/".startswith(f"{other.rstrip('/')}/")


def try_out(bucket: Bucket, *, licence: str) -> None:
    """Put a small object, to see whether the server minds conditions, and who can read what is under a licence.

    Parameters
    ----------
    bucket : Bucket
        Objects below an address.
    licence : str
        Why the corpus may not be passed on; empty where it may.

    Raises
    ------
    ConfigError
        The server puts an object although its condition is not met, or everybody can read what is restricted.
    OSError
        The server refuses or does not answer, or does not say who can read.
    """
    own = f".tried-{uuid.uuid4().hex}"
    names = [own, f"{schema.VERSIONS}/{own}", f"{schema.BUILDING}/{own}"]
    try:
        former = bucket.write(own, b"something else").mark
        for name in names if licence else names[:1]:
            bucket.write(name, _TRIED)
        if not all(_minds(bucket, own, instead_of) for instead_of in ("", former)):
            raise ConfigError(
                f"{bucket.address}: this server puts an object although its condition is not met, so two commands at "
                "once could undo each other; use one that minds them, as Amazon's, Google's and Azure's do"
            )
        if licence and bucket.address.scheme != "memory" and any(_is_public(bucket, name) for name in names):
            raise ConfigError(
                f"{bucket.address}: everybody can read what is there, without credentials; {licence} Choose a bucket "
                "that is not public"
            )
    finally:
        with suppress(OSError):
            bucket.remove(names if licence else names[:1])


def _minds(bucket: Bucket, name: str, instead_of: str) -> bool:
    """Whether a server refuses to put an object under a condition that is not met."""
    try:
        bucket.write(name, _TRIED, instead_of=instead_of)
    except ConflictError:
        return True
    return False


def _is_public(bucket: Bucket, name: str) -> bool:
    """Whether an object can be read without credentials; an error that says neither is raised."""
    try:
        Bucket(bucket.address, anonymous=True).read(name, 1 << 10)
    except (PermissionError, FileNotFoundError):  # Azure denies the existence of what may not be read
        return False
    return True
