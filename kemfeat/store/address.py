"""Addresses: where a store is, if it is not in a folder of this machine."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from kemfeat.errors import ConfigError
from kemfeat.paths import StrPath, to_path

SCHEMES = ("s3", "gs", "az", "https", "http", "zip", "memory")
"""Amazon S3 and servers like it, Google Cloud Storage, Azure, web servers, a zip file, the memory of this process."""

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)


class Address(str):
    """The address of a store or of something below it, such as ``s3://bucket/store``; made by :func:`place`.

    Examples
    --------
    >>> Address("s3://bucket/store") / "kemfeat.json"
    's3://bucket/store/kemfeat.json'
    """

    __slots__ = ()

    def __truediv__(self, name: str) -> Address:
        return Address(f"{self}/{name}")

    @property
    def scheme(self) -> str:
        """What comes before ``://``."""
        return self.partition("://")[0]

    @property
    def rest(self) -> str:
        """What comes after ``://``."""
        return self.partition("://")[2]


def place(text: StrPath) -> Path | Address:
    """Where a store is.

    Parameters
    ----------
    text : str or PathLike
        A folder, or an address.

    Returns
    -------
    Path or Address
        An absolute path, or an address without a ``/`` at its end.

    Raises
    ------
    ConfigError
        It is an address of a kind that is not read, or contains what an address may not: credentials, a query, ``..``.

    Examples
    --------
    >>> place("s3://bucket/store/")
    's3://bucket/store'
    """
    found = _ADDRESS.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        path = to_path(text)
        refuse_address(path, "pass a folder, or in Python the address as text")
        return path.absolute()
    scheme, rest = found[1].lower(), found[2].rstrip("/")
    if scheme not in SCHEMES:
        known = ", ".join(f"{each}://" for each in SCHEMES)
        raise ConfigError(f"{scheme}://: stores are not read from there; expected a folder or one of {known}")
    if "@" in rest.partition("/")[0]:
        raise ConfigError(
            f"{scheme}://: the address contains credentials; leave them out and give them where the provider's own "
            "programs look for them, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if scheme in ("http", "https"):  # as browsers show it; requests are encoded again
        rest = unquote(rest)
    if not _is_path(rest) or (scheme != "zip" and not _is_name(rest)):
        raise ConfigError(
            f"{scheme}://: is not the address of a store; expected a bucket or host and a path, such as "
            "s3://bucket/store, without a query and without empty parts, '.' or '..'"
        )
    return Address(f"{scheme}://{rest}")


def _is_path(rest: str) -> bool:
    """Whether a text can be sent to a server or be the name of a file."""
    try:
        rest.encode()
    except UnicodeEncodeError:
        return False
    return bool(rest.strip("/")) and all(ord(letter) >= ord(" ") for letter in rest)


def _is_name(rest: str) -> bool:
    return not {"", ".", ".."} & set(rest.split("/")) and "?" not in rest and "#" not in rest


def refuse_address(path: Path, advice: str) -> None:
    """Refuse a path that was meant as an address, before a folder of that name is made.

    Parameters
    ----------
    path : Path
        A path.
    advice : str
        What to do.

    Raises
    ------
    ConfigError
        It contains the beginning of an address, such as ``s3:/``.
    """
    for part in path.parts:
        if part.endswith(":") and part[:-1] in SCHEMES:  # what comes after it may be secret
            raise ConfigError(f"{part}//: an address is not used here; {advice}")
