"""Finds the sessions below a root: folders, or zip archives, with the files of an E4 or an EmbracePlus."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kemfeat.corpora.cells import LABEL_GRAMMAR, is_label
from kemfeat.corpora.e4._archives import members_of, read_member, refuse_large
from kemfeat.corpora.layout import list_files, list_folders, read_file, report_strays
from kemfeat.errors import CorpusError, CorpusLayoutError
from kemfeat.findings import MALFORMED_NAME, SECOND_SESSION, STRAY_FILE, UNREADABLE_RECORDING, Findings

RECORDINGS = {"eda": "EDA.csv", "temp": "TEMP.csv", "ibi": "IBI.csv"}
"""Per medium the file of a session."""

TAGS = "tags.csv"
AVRO = ".avro"
"""Suffix of the files of an EmbracePlus."""
_READ = (*RECORDINGS.values(), TAGS)
_UNREAD = ("ACC.csv", "BVP.csv", "HR.csv", "info.txt")
_FILE = re.compile("|".join(map(re.escape, (*_READ, *_UNREAD))) + r"|[^.].*\.(?:[zZ][iI][pP]|avro)", re.DOTALL)
_FOLDER = re.compile(r"(?!__MACOSX$)[^.].*", re.DOTALL)
_RAW = re.compile(r"v[0-9]+")
"""Folders below ``raw_data``, one per version of the Avro files."""
_DEEPEST = 6
"""Folders below the root in which sessions may be."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session on disk.

    Parameters
    ----------
    name : str
        Its path below the root without ``.zip`` or ``raw_data/v6``, and with ``_`` between folders.
    path : str
        Its folder or archive, relative to the root.
    files : mapping of str to str
        Per file that is read, such as ``EDA.csv`` or ``1-1-100_1707311064.avro``, its path: relative to the root, or in
        the archive.
    zipped : bool
        Whether it is an archive.
    """

    name: str
    path: str
    files: Mapping[str, str]
    zipped: bool

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the folders on the way to it, and its own."""
        return _bare(self.path).parts

    @property
    def avros(self) -> tuple[str, ...]:
        """The files of an EmbracePlus, sorted; empty for an E4."""
        return tuple(sorted(name for name in self.files if name.endswith(AVRO)))

    def sources(self, names: Collection[str]) -> tuple[str, ...]:
        """The files on disk that some of its files are in, sorted.

        Parameters
        ----------
        names : collection of str
            Such as ``EDA.csv``; those of an EmbracePlus always count.

        Returns
        -------
        tuple of str
            Paths relative to the root.
        """
        there = [path for name, path in self.files.items() if name in names or name.endswith(AVRO)]
        return ((self.path,) if there else ()) if self.zipped else tuple(sorted(there))

    def where(self, name: str) -> str:
        """A file of the session, for messages."""
        return f"{self.path}/{name}"

    def read(self, root: Path, name: str) -> bytes | None:
        """The content of a file of the session.

        Parameters
        ----------
        root : Path
            Folder of the sessions.
        name : str
            Such as ``EDA.csv``.

        Returns
        -------
        bytes or None
            All of it; None where the session has no such file.

        Raises
        ------
        CorpusError
            It cannot be read, or is too large.
        """
        path = self.files.get(name)
        if path is None:
            return None
        if self.zipped:
            return read_member(root / self.path, path, where=self.where(name))
        try:
            refuse_large((root / path).stat().st_size, where=path)
        except OSError as error:
            raise CorpusError(f"{root / path}: cannot be read ({error.strerror}); check its permissions") from None
        return read_file(root / path)


def find_sessions(
    root: Path, *, known: Collection[str], findings: Findings, follow_links: bool = False
) -> dict[str, Session]:
    """The sessions below a root.

    Parameters
    ----------
    root : Path
        Folder of the sessions.
    known : collection of str
        Files in it that are no strays, such as the table of windows.
    findings : Findings
        Receives archives that cannot be read, names that cannot be used, sessions of one name, and strays.
    follow_links : bool
        Whether links may lead out of the root.

    Returns
    -------
    dict of str to Session
        By name, in the order of their paths.

    Raises
    ------
    CorpusLayoutError
        The root is itself a session.
    CorpusError
        A link leads out of the root; or something is wrong, and ``findings`` is strict.
    """
    found: dict[str, Session] = {}
    for session in sorted(_walk(root, "", known, findings, follow_links), key=lambda each: each.path):
        if not session.path:
            raise CorpusLayoutError(
                f"{root}: found the files of one session, expected the folder that contains sessions; pass --root the "
                "folder above it"
            )
        if not is_label(session.name):
            example = f"{session.path}: found the name {session.name[:60]!r}, expected {LABEL_GRAMMAR}; rename it"
            findings.fault(MALFORMED_NAME, example, left_out=[session.path])
        elif session.name in found:
            example = f"{session.path}: the session is there already, as {found[session.name].path}"
            findings.fault(SECOND_SESSION, example, left_out=[session.path])
        else:
            found[session.name] = session
    return found


def _walk(
    root: Path, below: str, known: Collection[str], findings: Findings, follow_links: bool, depth: int = 0
) -> Iterator[Session]:
    listed = list_files(root / below, _FILE, root=root, follow_links=follow_links)
    inside = list_folders(root / below, _FOLDER, root=root, follow_links=follow_links).fitting
    folders = inside if depth < _DEEPEST else ()
    strays = [f"{below}{name}" for name in listed.others if name not in folders]
    strays = [path for path in strays if path not in known]
    report_strays(strays, root=root, suffixes=(".csv", ".zip", AVRO), findings=findings)
    files = {name: f"{below}{name}" for name in listed.fitting if _is_read(name)}
    if _is_session(files):
        yield Session(_name(below), below.rstrip("/"), files, zipped=False)
    for name in listed.fitting:
        if name.lower().endswith(".zip"):
            yield from _zipped(root, f"{below}{name}", findings)
    for name in folders:
        yield from _walk(root, f"{below}{name}/", known, findings, follow_links, depth + 1)


def _zipped(root: Path, path: str, findings: Findings) -> Iterator[Session]:
    try:
        files = _files_of(members_of(root / path, where=path), where=path)
    except CorpusError as error:
        findings.fault(UNREADABLE_RECORDING, str(error), left_out=[path])
        return
    if files:
        yield Session(_name(path), path, files, zipped=True)
    else:
        findings.add(STRAY_FILE, path, left_out=[path])


def _files_of(members: Iterable[str], *, where: str) -> dict[str, str]:
    """The files of the session in an archive, at its top or in one folder."""
    folders: dict[str, dict[str, str]] = {}
    for member in members:
        path = PurePosixPath(member)
        files = folders.setdefault(path.parent.as_posix(), {})
        if path.name in files:
            raise CorpusError(f"{where}: has {member[:60]} twice, expected each file once; download it again")
        if _is_read(path.name):
            files[path.name] = member
    sessions = [files for files in folders.values() if _is_session(files)]
    if len(sessions) > 1:
        raise CorpusError(f"{where}: found {len(sessions)} sessions, expected one; unpack it")
    return sessions[0] if sessions else {}


def _is_read(name: str) -> bool:
    return name in _READ or name.endswith(AVRO)


def _is_session(names: Iterable[str]) -> bool:
    return any(name in RECORDINGS.values() or name.endswith(AVRO) for name in names)


def _bare(path: str) -> PurePosixPath:
    """A path without the suffix of an archive, and without the folders that every participant of EmbracePlus has."""
    bare = PurePosixPath(path[:-4] if path.lower().endswith(".zip") else path)
    parts = bare.parts
    return bare.parent.parent if len(parts) > 2 and parts[-2] == "raw_data" and _RAW.fullmatch(parts[-1]) else bare


def _name(path: str) -> str:
    return unicodedata.normalize("NFC", "_".join(_bare(path).parts))
