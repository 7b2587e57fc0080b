"""Where KEMDy20 keeps its files, and what to say when it does not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kemfeat.corpora._e4 import MEDIA, Medium
from kemfeat.corpora._layout import entries, is_folder, list_files, list_folders
from kemfeat.errors import CorpusError, CorpusLayoutError

ANNOTATION, WAV = "annotation", "wav"
FOLDERS = (ANNOTATION, WAV, *(medium.folder for medium in MEDIA))

CONVERSATION = re.compile(r"(Sess[0-9]{2})_(script[0-9]{2})_(User[0-9]{3}([FM]))")
UTTERANCE = re.compile(CONVERSATION.pattern + r"_[0-9]{3}")
_TABLE = re.compile(r"(Sess[0-9]{2})_eval\.csv")
_SESSION_FOLDER = re.compile(r"Session[0-9]{2}")
_CLIP_OR_TRANSCRIPT = re.compile(UTTERANCE.pattern + r"\.(?:wav|txt)")
_RECORDING = re.compile(CONVERSATION.pattern + r"\.csv")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a corpus, as sorted paths relative to its root.

    Parameters
    ----------
    annotation : ``annotation/Sess01_eval.csv`` ...
    audio, transcript : ``wav/Session01/<id>.wav`` and ``.txt``.
    signals : per session name (``Sess01``) the files of its physiology, in the order of :data:`MEDIA`.
    strays : what is no part of the corpus.
    """

    annotation: tuple[str, ...]
    audio: tuple[str, ...]
    transcript: tuple[str, ...]
    signals: Mapping[str, tuple[str, ...]]
    strays: tuple[str, ...]


def scan(root: Path) -> Tree:
    """List the corpus.

    Raises
    ------
    CorpusLayoutError
        ``root`` does not hold it, or only half of it.
    CorpusError
        A file is a link that leads out of ``root``.
    """
    _require_folder(root)
    tables = list_files(root / ANNOTATION, _TABLE, root=root)
    if not tables.fitting:
        raise CorpusLayoutError(_absent(root, ANNOTATION, "SessNN_eval.csv"))
    media, strays = _walk(root, WAV, _CLIP_OR_TRANSCRIPT)
    audio = tuple(path for path in media if path.endswith(".wav"))
    if not audio:
        raise CorpusLayoutError(_absent(root, WAV, "SessionNN/<utterance>.wav"))
    recordings: dict[str, list[str]] = {}
    for medium in MEDIA:
        paths, others = _walk(root, medium.folder, _RECORDING)
        strays += others
        for path in paths:
            recordings.setdefault(session_of(path), []).append(path)
    return Tree(
        annotation=tuple(f"{ANNOTATION}/{name}" for name in tables.fitting),
        audio=audio,
        transcript=tuple(path for path in media if path.endswith(".txt")),
        signals={session: tuple(recordings[session]) for session in sorted(recordings)},
        strays=(*(f"{ANNOTATION}/{name}" for name in tables.others), *strays),
    )


def session_recordings(root: Path, session: str) -> Iterator[tuple[str, Medium]]:
    """Paths of one session's physiology, each with its medium, in the order of :data:`MEDIA`.

    Raises
    ------
    CorpusError
        ``session`` is no session's name, or a file is a link that leads out of ``root``.
    """
    if not re.fullmatch(r"Sess[0-9]{2}", session):
        raise CorpusError(f"session {session!r}: expected a name such as 'Sess01'")
    for medium in MEDIA:
        folder = f"{medium.folder}/Session{session[4:]}"
        for name in list_files(root / folder, _RECORDING, root=root).fitting:
            yield f"{folder}/{name}", medium


def session_of(path: str) -> str:
    """``Sess01`` for ``wav/Session01/...`` and ``annotation/Sess01_eval.csv``, whatever the file's name says."""
    folder, inside = path.split("/")[:2]
    return inside[:6] if folder == ANNOTATION else f"Sess{inside[7:9]}"


def script_and_speaker(path: str) -> tuple[str, str]:
    """``("script01", "User001F")`` of a physiology file."""
    _, script, speaker = in_session(PurePosixPath(path).stem, session_of(path)).split("_")
    return script, speaker


def in_session(name: str, session: str) -> str:
    """The id or file name as its folder's session has it: names may carry a wrong session, the folder's is right.

    A user number that belongs to the wrong session (session NN has the users 2NN - 1 and 2NN) moves along:
    ``Sess42_script06_User084F_038`` in session 17 is ``Sess17_script06_User034F_038``. A user number that is not one
    of the wrong session's two stays.
    """
    written, right = int(name[4:6]), int(session[4:6])
    user = int(name[20:23])
    moved = user - 2 * (written - right) if (user + 1) // 2 == written else user
    return f"{session}{name[6:20]}{moved:03d}{name[23:]}"


def _walk(root: Path, folder: str, pattern: re.Pattern[str]) -> tuple[list[str], list[str]]:
    """Files that fit ``pattern`` in the session folders of ``folder``, and everything else met."""
    sessions = list_folders(root / folder, _SESSION_FOLDER, root=root)
    paths: list[str] = []
    strays = [f"{folder}/{name}" for name in sessions.others]
    for session in sessions.fitting:
        files = list_files(root / folder / session, pattern, root=root)
        paths += [f"{folder}/{session}/{name}" for name in files.fitting]
        strays += [f"{folder}/{session}/{name}" for name in files.others]
    return paths, strays


def _require_folder(root: Path) -> None:
    if not is_folder(root):
        found = "a file" if root.exists() else "nothing"
        raise CorpusLayoutError(
            f"{root}: found {found}, expected the folder of KEMDy20, which holds annotation/ and wav/; "
            "pass it with --root"
        )


def _absent(root: Path, folder: str, files: str) -> str:
    """Found, expected and what now, for a root without ``folder/files``."""
    inside = root / folder
    where = inside if is_folder(inside) else root
    return f"{root}: KEMDy20 keeps {folder}/{files}; found {_contents(where)} in {where}; {_remedy(root, folder)}"


def _contents(folder: Path) -> str:
    names = sorted(entry.name for entry in entries(folder))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more if names else "nothing"


def _remedy(root: Path, folder: str) -> str:
    """Guess the usual mistakes: a folder too deep, a folder too high, a copy that stopped half-way."""
    if any(is_folder(root / other) for other in FOLDERS):
        return f"the copy seems incomplete: copy {folder}/ from the corpus again"
    above = root.resolve().parents[:2]
    below = sorted(root / entry.name for entry in entries(root))
    for corpus in (*above, *below):
        if is_folder(corpus / ANNOTATION):
            return f"pass --root {corpus}, which holds {ANNOTATION}/"
    return "pass --root the folder that contains annotation/ and wav/"
