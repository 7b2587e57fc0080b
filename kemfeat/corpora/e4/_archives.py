"""Zip archives of wristband sessions: read in place, never extracted, and never more of a file than is sensible."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from kemfeat.errors import CorpusError

LARGEST = 64 * 2**20
"""Bytes of a file that are read at most: three weeks of samples at 4 Hz."""

_MOST_MEMBERS = 10_000
_ENCRYPTED = 0x1
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError),
    *(ValueError, RuntimeError, NotImplementedError, OverflowError, MemoryError, LookupError),
)
"""What :mod:`zipfile` raises for damaged archives."""


def members_of(path: Path, *, where: str) -> list[str]:
    """Names of the files in an archive, without those that macOS adds.

    Parameters
    ----------
    path : Path
        The archive.
    where : str
        The archive, for messages.

    Returns
    -------
    list of str
        In the order of the archive.

    Raises
    ------
    CorpusError
        It is damaged, encrypted, or has a member that would lead out of a folder.
    """
    with _opened(path, where=where) as archive:
        members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        raise CorpusError(f"{where}: found {len(members):,} files, expected one session; unpack it")
    for member in members:
        if _leads_out(member.filename):
            raise CorpusError(
                f"{where}: found the member {member.filename[:60]!r}, which leads out of the archive; expected names "
                "such as EDA.csv; download it again"
            )
    found = [member for member in members if not member.is_dir() and not _is_dropping(member.filename)]
    if any(member.flag_bits & _ENCRYPTED for member in found):
        raise CorpusError(f"{where}: is encrypted; expected an archive without a password; unpack it")
    return [member.filename for member in found]


def read_member(path: Path, member: str, *, where: str) -> bytes:
    """The content of one file of an archive.

    Parameters
    ----------
    path : Path
        The archive.
    member : str
        Its name in the archive.
    where : str
        The file, for messages.

    Returns
    -------
    bytes
        All of it.

    Raises
    ------
    CorpusError
        The archive is damaged, or the file is larger than :data:`LARGEST`.
    """
    with _opened(path, where=where) as archive, archive.open(member) as file:
        content = file.read(LARGEST + 1)
    refuse_large(len(content), where=where)
    return content


def refuse_large(size: int, *, where: str) -> None:
    """Refuse a file that is larger than any of a session.

    Parameters
    ----------
    size : int
        Its bytes.
    where : str
        The file, for the message.

    Raises
    ------
    CorpusError
        It is larger than :data:`LARGEST`.
    """
    if size > LARGEST:
        raise CorpusError(
            f"{where}: found more than {LARGEST >> 20} MiB, expected a recording of some days; remove it, or cut it"
        )


@contextmanager
def _opened(path: Path, *, where: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _BROKEN as error:
        raise CorpusError(
            f"{where}: cannot be read as a zip archive ({str(error) or type(error).__name__}); expected a session as "
            "E4 connect gives it; download it again"
        ) from None


def _is_dropping(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or bool(parts and parts[-1].startswith("."))


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or bool(PureWindowsPath(name).drive)
