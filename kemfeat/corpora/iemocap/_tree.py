"""The folders and files of IEMOCAP, and the messages for a wrong folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from kemfeat.corpora.layout import is_folder, list_files, list_folders, nearby, require_folder, show_contents
from kemfeat.errors import CorpusLayoutError

CORPUS = "IEMOCAP"
EVALUATION = "dialog/EmoEvaluation"
TRANSCRIPTION = "dialog/transcriptions"
DIALOG_AUDIO = "dialog/wav"
VIDEO = "dialog/avi/DivX"
SENTENCES = "sentences/wav"

_SCENE = r"[FM]_(?:impro[0-9]{2}|script[0-9]{2}_[0-9])[ab]?"
DIALOG = re.compile(rf"Ses0[1-5]{_SCENE}")
UTTERANCE = re.compile(rf"({DIALOG.pattern})_([FM])[0-9]{{3}}")
_SESSION = re.compile("Session[1-5]")
_EVALUATION_FOLDERS = frozenset({"Attribute", "Categorical", "Self-evaluation"})
_DEEPEST = 4
"""Folders between the root and ``SessionN/sentences/wav/<dialog>``."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a corpus, as paths relative to its root, sessions by number, then by name.

    Parameters
    ----------
    evaluations : list of str
        ``Session1/dialog/EmoEvaluation/Ses01F_impro01.txt`` ...
    transcriptions : list of str
        ``Session1/dialog/transcriptions/Ses01F_impro01.txt`` ...
    audio : list of str
        ``Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav`` ...
    dialog_audio : list of str
        ``Session1/dialog/wav/Ses01F_impro01.wav`` ...
    videos : list of str
        ``Session1/dialog/avi/DivX/Ses01F_impro01.avi`` ...
    strays : list of str
        Files and folders beside the above that are not part of the corpus.
    """

    evaluations: list[str] = field(default_factory=list)
    transcriptions: list[str] = field(default_factory=list)
    audio: list[str] = field(default_factory=list)
    dialog_audio: list[str] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)


def scan(root: Path, *, follow_links: bool = False) -> Tree:
    """List the corpus; any of its five sessions may be absent.

    Parameters
    ----------
    root : Path
        Its folder.
    follow_links : bool
        Whether links may lead out of it.

    Returns
    -------
    Tree
        Its files.

    Raises
    ------
    CorpusLayoutError
        ``root`` is not the corpus, or annotation or audio are missing.
    CorpusError
        A file is a link that leads out of ``root``.
    """
    require_folder(root, corpus=CORPUS, holds="Session1/ to Session5/")
    tree = Tree()
    sessions = list_folders(root, _SESSION, root=root, follow_links=follow_links)
    tree.strays.extend(name for name in sessions.others if name.lower().startswith("session"))
    for session in sessions.fitting:
        _add_session(tree, root, session, follow_links=follow_links)
    if not tree.evaluations:
        raise CorpusLayoutError(_absent(root, f"SessionN/{EVALUATION}", "<dialog>.txt"))
    if not tree.audio:
        raise CorpusLayoutError(_absent(root, f"SessionN/{SENTENCES}", "<dialog>/<utterance>.wav"))
    return tree


def _add_session(tree: Tree, root: Path, session: str, *, follow_links: bool) -> None:
    dialog = rf"Ses0{session[-1]}{_SCENE}"
    for folder, suffix, paths in (
        (EVALUATION, "txt", tree.evaluations),
        (TRANSCRIPTION, "txt", tree.transcriptions),
        (DIALOG_AUDIO, "wav", tree.dialog_audio),
        (VIDEO, "avi", tree.videos),
    ):
        paths += _files(tree, root, f"{session}/{folder}", rf"{dialog}\.{suffix}", follow_links=follow_links)
    folder = f"{session}/{SENTENCES}"
    dialogs = list_folders(root / folder, re.compile(dialog), root=root, follow_links=follow_links)
    tree.strays.extend(f"{folder}/{name}" for name in dialogs.others)
    for name in dialogs.fitting:
        clips = rf"{name}_[FM][0-9]{{3}}\.wav"
        tree.audio.extend(_files(tree, root, f"{folder}/{name}", clips, follow_links=follow_links))


def _files(tree: Tree, root: Path, folder: str, pattern: str, *, follow_links: bool) -> list[str]:
    listing = list_files(root / folder, re.compile(pattern), root=root, follow_links=follow_links)
    own = _EVALUATION_FOLDERS if folder.endswith(EVALUATION) else frozenset()
    tree.strays.extend(f"{folder}/{name}" for name in listing.others if name not in own)
    return [f"{folder}/{name}" for name in listing.fitting]


def _absent(root: Path, folder: str, files: str) -> str:
    """The message for a root without ``folder/files``: found, expected, what to do."""
    return f"{root}: {CORPUS} keeps {folder}/{files}; found {show_contents(root)} in {root}; {_remedy(root, folder)}"


def _remedy(root: Path, folder: str) -> str:
    """Advice for the usual mistakes: an incomplete copy, or a folder too deep or too high."""
    if list_folders(root, _SESSION, root=root, follow_links=True).fitting:
        return f"the copy seems to be incomplete: copy {folder}/ from the corpus again"
    corpus = nearby(root, is_corpus=_holds_sessions, above=_DEEPEST)
    if corpus is not None:
        return f"pass --root {corpus}, which contains the sessions"
    return "pass --root the folder that contains Session1/ to Session5/"


def _holds_sessions(folder: Path) -> bool:
    return any(is_folder(folder / f"Session{number}" / EVALUATION) for number in range(1, 6))
