"""What the files of MELD mention; see :mod:`kemfeat.corpora.census`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kemfeat.balance import Mention
from kemfeat.corpora.census import lines_of, media_mentions

_FOLDERS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
_ID = re.compile("dia[0-9]+_utt[0-9]+")
_NUMBERS = re.compile(r',([0-9]+),([0-9]+),[0-9]+,[0-9]+,"?[0-9]+:')


def meld_mentions(root: Path, *, follow_links: bool = False) -> Iterator[Mention]:
    """Lines of the tables, and films.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    follow_links : bool
        Whether links may lead out of it.

    Yields
    ------
    Mention
        One per line or film.
    """
    for part, folder in _FOLDERS.items():
        for above in ("", f"{part}/"):
            yield from _lines(root, f"{above}{part}_sent_emo.csv", part)
            for film in media_mentions(
                root, f"{above}{folder}", suffixes=(".mp4",), name=_ID, deepest=0, follow_links=follow_links
            ):
                yield film if film.id is None else Mention(film.place, f"{part}_{film.id}")


def _lines(root: Path, path: str, part: str) -> Iterator[Mention]:
    for number, text in (lines_of(root, path, encoding="utf-8-sig") or [])[1:]:
        numbers = _NUMBERS.search(text)
        if text.strip():
            name = None if numbers is None else f"{part}_dia{numbers[1]}_utt{numbers[2]}"
            yield Mention(f"{path}:{number}", name)
