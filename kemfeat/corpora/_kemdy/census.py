"""What the files of KEMDy19 and KEMDy20 mention; see :mod:`kemfeat.corpora.census`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kemfeat.balance import Mention
from kemfeat.corpora._kemdy.formats import ENCODING
from kemfeat.corpora._kemdy.tree import ANNOTATION, WAV
from kemfeat.corpora.census import lines_of, media_mentions, table_files

_HEADER_LINES = 2
_CELL = re.compile(r'[^\s,"]')


def kemdy_mentions(
    root: Path, *, table: re.Pattern[str], name: re.Pattern[str], follow_links: bool = False
) -> Iterator[Mention]:
    """Lines of the annotation with a cell that is not blank, and clips and transcripts.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    table : re.Pattern
        Name of an annotation file; of other tables beside it, only lines with an id are mentions.
    name : re.Pattern
        Form of an id.
    follow_links : bool
        Whether links may lead out of the root.

    Yields
    ------
    Mention
        One per line or file.
    """
    for path in table_files(root, ANNOTATION, suffix=".csv"):
        lines = lines_of(root, path, encoding=ENCODING)
        if lines is None:
            yield Mention(path)
            continue
        own = table.fullmatch(path.rpartition("/")[2]) is not None
        for line, text in lines[_HEADER_LINES:]:
            found = name.search(text)
            if found or (own and _CELL.search(text)):
                yield Mention(f"{path}:{line}", found[0] if found else None)
    yield from media_mentions(root, WAV, suffixes=(".wav", ".txt"), name=name, follow_links=follow_links)
