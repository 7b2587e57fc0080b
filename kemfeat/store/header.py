"""Read ``kemfeat.json``, and tell whether it is still that of the version that was opened."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from kemfeat.config import expectation
from kemfeat.errors import StoreCorruptError, StoreError, StoreIncompleteError, StoreVersionError
from kemfeat.store import disk, schema
from kemfeat.store.address import Address

_OF_FORMAT_2 = ("folder", "changes", "history")
"""Members of the header that format 1 does not have."""


class OpenedVersion:
    """The version of a store that was opened.

    Parameters
    ----------
    folder : Path
        Folder of that version.
    digest : str
        Its digest.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self._folder = folder
        self._digest = digest
        self._seen: tuple[int, int, int] | None = None

    def check(self) -> None:
        """Raise unless the header on disk is that of the version that was opened.

        Raises
        ------
        StoreIncompleteError
            A build is putting another version in place, or the store has been removed.
        StoreError
            Another version is in place.
        """
        try:
            found = (self._folder / schema.HEADER).stat()
        except OSError:
            if _is_between_versions(self._folder):
                raise _not_open(self._folder) from None
            if self._folder.parent.name == schema.VERSIONS:
                raise StoreIncompleteError(
                    f"{self._folder.parent.parent}: version {self._digest[:12]} is not there any more: the store was "
                    "built again since it was opened, or its folder is not mounted; open it again"
                ) from None
            raise StoreIncompleteError(
                f"{self._folder}: {schema.HEADER} is missing since the store was opened; mount or restore the folder, "
                "or wait for the build that is running on it, and open the store again"
            ) from None
        seen = (found.st_ino, found.st_size, found.st_mtime_ns)
        if seen != self._seen:
            now = read_header(self._folder).digest
            if now != self._digest:
                raise StoreError(
                    f"{self._folder}: was built again since it was opened (version {self._digest[:12]} then, "
                    f"{now[:12]} now); open it again"
                )
            self._seen = seen


def read_header(folder: Path) -> schema.Header:
    """Read ``kemfeat.json``.

    Parameters
    ----------
    folder : Path
        Folder of the store.

    Returns
    -------
    Header
        Checked, but not compared with the files.

    Raises
    ------
    StoreIncompleteError, StoreVersionError, StoreCorruptError
        As for :func:`open_store`.
    """
    try:
        content = (folder / schema.HEADER).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise _not_open(folder) from None
    except OSError as error:
        raise StoreError(f"{folder / schema.HEADER}: cannot be read ({error.strerror})") from None
    return parse_header(content, folder)


def parse_header(text: bytes, where: Path | Address) -> schema.Header:
    """The header in the content of ``kemfeat.json``.

    Parameters
    ----------
    text : bytes
        Content of the file.
    where : Path or Address
        Where the store is, for messages.

    Returns
    -------
    Header
        Checked, but not compared with the files.

    Raises
    ------
    StoreVersionError, StoreCorruptError
        As for :func:`open_store`.
    """
    name = where / schema.HEADER
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise StoreCorruptError(f"{name}: is not JSON; restore it or build the store again") from None
    version = content.get("format_version") if isinstance(content, dict) else None
    if type(version) is not int or version not in schema.READABLE_VERSIONS:
        read = " and ".join(map(str, schema.READABLE_VERSIONS))
        raise StoreVersionError(
            f"{where}: format_version {version!r}; this kemfeat reads {read}; "
            "open it with the kemfeat that wrote it, or build it again with this one into another folder"
        )
    if version == 1:  # in which members of format 2 mean nothing
        text = json.dumps({member: value for member, value in content.items() if member not in _OF_FORMAT_2}).encode()
    try:
        return schema.Header.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        said = ": ".join([str(name), *filter(None, [".".join(map(str, problem["loc"]))])])
        raise StoreCorruptError(f"{said}: {expectation(problem)}; restore it or build the store again") from None


def header_in(folder: Path) -> schema.Header | None:
    """The header in a folder.

    Parameters
    ----------
    folder : Path
        Folder that may be a store.

    Returns
    -------
    Header or None
        None where :func:`read_header` raises an error.
    """
    try:
        return read_header(folder)
    except StoreError:
        return None


def folder_of(store: Path, header: schema.Header) -> Path:
    """The folder of the files that a header lists.

    Parameters
    ----------
    store : Path
        Folder of the header.
    header : Header
        The header.

    Returns
    -------
    Path
        The version's own folder, or that of the header, as in format 1.
    """
    return store if header.folder is None else disk.inside(store, header.folder)


def store_of(folder: Path) -> Path:
    """The store that a folder is a version of.

    Parameters
    ----------
    folder : Path
        A folder with a header.

    Returns
    -------
    Path
        The folder itself where it is not a version in a store.
    """
    store = folder.parent.parent
    return store if folder.parent.name == schema.VERSIONS and (store / schema.HEADER).is_file() else folder


def current_folder(store: Path) -> Path:
    """The folder of the current version of a store.

    Parameters
    ----------
    store : Path
        A folder.

    Returns
    -------
    Path
        The folder itself where it is not a store that can be opened.
    """
    header = header_in(store)
    return store if header is None else folder_of(store, header)


def _not_open(folder: Path) -> StoreIncompleteError:
    if not folder.exists():
        return StoreIncompleteError(f"{folder}: does not exist; expected a store, as `kemfeat build` makes it")
    if _is_between_versions(folder):
        return StoreIncompleteError(
            f"{folder}: a new version of this store is complete but not all in place ({schema.HEADER} is still in "
            f"{schema.BUILDING}); either a build is moving it there now: open the store again in a moment; or "
            f"that build was interrupted: run the same {_command(folder)} again: it moves the rest "
            "first, and nothing is lost"
        )
    if (folder / schema.BUILDING).is_dir() or (folder / schema.FEATURES).is_dir():
        return StoreIncompleteError(
            f"{folder}: this store was never finished ({schema.HEADER} is missing); "
            f"run the same {_command(folder)} again: it resumes where it stopped"
        )
    return StoreIncompleteError(
        f"{folder}: is not a store ({schema.HEADER} is missing); expected a folder that `kemfeat build` made"
    )


def _command(folder: Path) -> str:
    """What makes the store that is staged in a folder."""
    is_join = (folder / schema.BUILDING / schema.JOINING).is_file()
    return f"`kemfeat {'join' if is_join else 'build'} ... --out {folder}`"


def _is_between_versions(folder: Path) -> bool:
    """Whether a swap has begun and has not ended: the header of the new version is staged, and none is in place."""
    return (folder / schema.BUILDING / schema.HEADER).is_file() and not (folder / schema.HEADER).exists()
