"""Where KEMDy20 keeps its files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from kemfeat.corpora._kemdy.e4 import MEDIA, Medium
from kemfeat.corpora._kemdy.tree import SESSION_FOLDER, Layout, Tree, session_of

CONVERSATION = re.compile(r"(Sess[0-9]{2})_(script[0-9]{2})_(User[0-9]{3}([FM]))")
UTTERANCE = re.compile(CONVERSATION.pattern + r"_[0-9]{3}")
_RECORDING = re.compile(CONVERSATION.pattern + r"\.csv")
_LAYOUT = Layout(
    corpus="KEMDy20",
    table=re.compile(r"(Sess[0-9]{2})_eval\.csv"),
    clip=(SESSION_FOLDER, re.compile(UTTERANCE.pattern + r"\.(?:wav|txt)")),
    recording=(SESSION_FOLDER, _RECORDING),
    media=MEDIA,
    tables="SessNN_eval.csv",
    clips="SessionNN/<utterance>.wav",
)


def scan(root: Path) -> Tree:
    """List the corpus; see :meth:`kemfeat.corpora._kemdy.tree.Layout.scan`."""
    return _LAYOUT.scan(root)


def session_recordings(root: Path, session: str) -> Iterator[tuple[str, Medium]]:
    """List one session's physiology; see :meth:`kemfeat.corpora._kemdy.tree.Layout.recordings`."""
    return _LAYOUT.recordings(root, session)


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
