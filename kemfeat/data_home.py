"""Find the folder of a corpus where the user does not name it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kemfeat.errors import CorpusLayoutError

VARIABLE = "KEMFEAT_DATA"


def find_root(dataset: str, *, root: Path | None = None) -> Path:
    """The folder of a corpus: ``root``, else the first of ``$KEMFEAT_DATA/NAME*``, ``./data/NAME*`` and ``./NAME*``.

    ``*`` is nothing, or a release: what follows a name does not begin with a letter or digit, but for ``v`` and a
    number. ``KEMDy20_v1_2`` and ``KEMDy20v1.2`` are found for ``KEMDy20``, ``KEMDy2019`` is not.

    Parameters
    ----------
    dataset : str
        Name of the corpus in its own spelling; the case of the folder's name does not matter.
    root : Path, optional
        Folder that the user named; it is used as it is.

    Returns
    -------
    Path
        An existing folder.

    Raises
    ------
    CorpusLayoutError
        Nothing was found; the message lists every place that was searched.
    """
    if root is not None:
        return _existing(root)
    places = [Path("data"), Path()]
    if os.environ.get(VARIABLE):
        places.insert(0, Path(os.environ[VARIABLE]))
    for place in places:
        found = _matching(place, dataset)
        if found:
            return found[0]
    if dataset.casefold() == "folder":
        raise CorpusLayoutError("--dataset folder needs --root, the folder with the recordings, and --table")
    looked = ", ".join(str(place / f"{dataset}*") for place in places)
    unset = "" if os.environ.get(VARIABLE) else f" (${VARIABLE} is not set)"
    raise CorpusLayoutError(
        f"no folder of {dataset} found: looked at {looked}{unset}; pass --root the folder of the corpus"
    )


def _existing(root: Path) -> Path:
    with _listable(root):
        if root.is_dir():
            return root
        what = "is a file" if root.exists() else "does not exist"
    raise CorpusLayoutError(f"{root}: {what}; pass --root the folder of the corpus")


def _matching(place: Path, dataset: str) -> list[Path]:
    """Folders called like the corpus, or like a release of it, in descending order: the newest release comes first."""
    wanted = re.compile(rf"{re.escape(dataset)}(?:[^a-z0-9].*|v\d.*)?", re.IGNORECASE)
    with _listable(place):
        names = place.iterdir() if place.is_dir() else ()
        return sorted((path for path in names if wanted.fullmatch(path.name) and path.is_dir()), reverse=True)


@contextmanager
def _listable(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CorpusLayoutError(
            f"{place}: cannot be listed ({error.strerror}); make it readable, or pass another folder with --root"
        ) from None
