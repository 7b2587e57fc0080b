"""What the files of K-EmoCon mention; see :mod:`kemfeat.corpora.census`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kemfeat.balance import Mention
from kemfeat.corpora.census import lines_of, media_mentions, table_files

_PERSON = re.compile(r"P([0-9]+)\.")
_SECONDS = re.compile(r"([0-9]+)(?:\.0*)?,")


def k_emocon_mentions(root: Path, *, follow_links: bool = False) -> Iterator[Mention]:
    """Lines of the ratings, and sound.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    follow_links : bool
        Whether links may lead out of it.

    Yields
    ------
    Mention
        One per line or file.
    """
    for kind in ("self", "partner", "external", "aggregated_external"):
        for path in table_files(root, f"emotion_annotations/{kind}_annotations", suffix=".csv"):
            yield from _lines(root, path)
    yield from media_mentions(
        root, "debate_audios", suffixes=(".wav",), name=None, deepest=0, follow_links=follow_links
    )


def _lines(root: Path, path: str) -> Iterator[Mention]:
    person = _PERSON.match(path.rpartition("/")[2])
    for number, text in (lines_of(root, path, encoding="utf-8-sig") or [])[1:]:
        seconds = _SECONDS.match(text)
        if text.strip():
            named = person is not None and seconds is not None
            yield Mention(f"{path}:{number}", f"P{person[1]}_{int(seconds[1]):04}" if named else None)  # type: ignore[index]
