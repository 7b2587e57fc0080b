"""What the files of IEMOCAP mention; see :mod:`kemfeat.corpora.census`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kemfeat.balance import Mention
from kemfeat.corpora.census import lines_of, media_mentions, table_files

_SESSION = re.compile(r"session.*", re.IGNORECASE)
_ID = re.compile(r"Ses0[0-9][FM]_\w+?_[FM][0-9]{3}(?![0-9])")
_SPOKEN = re.compile(rf"({_ID.pattern})\s+\[")


def iemocap_mentions(root: Path, *, follow_links: bool = False) -> Iterator[Mention]:
    """Turns of the evaluations and the transcriptions, and clips; a line with several ids mentions each.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    follow_links : bool
        Whether links may lead out of it.

    Yields
    ------
    Mention
        One per turn or clip.
    """
    for folder in sorted(entry.name for entry in root.iterdir() if _SESSION.fullmatch(entry.name)):
        for path in table_files(root, f"{folder}/dialog/EmoEvaluation", suffix=".txt"):
            yield from _turns(root, path, _ID, also="[")
        for path in table_files(root, f"{folder}/dialog/transcriptions", suffix=".txt"):
            yield from _turns(root, path, _SPOKEN, also=None)
        clips = f"{folder}/sentences/wav"
        yield from media_mentions(root, clips, suffixes=(".wav",), name=_ID, follow_links=follow_links)


def _turns(root: Path, path: str, name: re.Pattern[str], *, also: str | None) -> Iterator[Mention]:
    """The ids in a file, and the lines without one that begin with ``also``."""
    lines = lines_of(root, path, encoding="latin-1")
    if lines is None:
        yield Mention(path)
        return
    for line, text in lines:
        if text.lstrip().startswith("%"):
            continue
        ids = list(dict.fromkeys(found[name.groups] for found in name.finditer(text)))
        if not ids and also is not None and text.lstrip().startswith(also):
            yield Mention(f"{path}:{line}")
        for found in ids:
            yield Mention(f"{path}:{line}", found)
