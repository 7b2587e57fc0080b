"""The ratings of K-EmoCon: one line for every five seconds of a person."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kemfeat.corpora.csv_rows import csv_rows, table_text
from kemfeat.corpora.k_emocon._tree import Annotation, window_id
from kemfeat.corpora.text import is_missing, number
from kemfeat.findings import BAD_TIME, DUPLICATE_RATING, RATING_OFF_SCALE, UNKNOWN_LABEL, Findings
from kemfeat.labels import EMOTIONS, join_emotions

WINDOW = 5
"""Seconds of a window."""
INTENSITIES = ("cheerful", "happy", "angry", "nervous", "sad")
_LISTS = (
    ("boredom", "confusion", "delight", "concentration", "frustration", "surprise", "none_1"),
    ("confrustion", "contempt", "dejection", "disgust", "eureka", "pride", "sorrow", "none_2"),
)
_MARKED = tuple(name for names in _LISTS for name in names)
NONE = "none"
CATEGORIES = (*(name for name in _MARKED if not name.startswith(NONE)), NONE)
"""What a rater may call a window."""
VOCABULARY = (*EMOTIONS, *sorted({*CATEGORIES} - {*EMOTIONS}))
_COLUMNS = ("seconds", "arousal", "valence", *INTENSITIES, *_MARKED)
_LATEST = 24 * 3600


class Window(NamedTuple):
    """What one rater said of a window.

    Parameters
    ----------
    arousal, valence : float
        1 to 5; NaN where there is none.
    intensities : tuple of float
        1 to 4, in the order of :data:`INTENSITIES`; NaN where there is none.
    emotion : str or None
        Categories in the order of :data:`VOCABULARY`, joined by ``;``; None where none is marked.
    """

    arousal: float
    valence: float
    intensities: tuple[float, ...]
    emotion: str | None


def read_windows(root: Path, annotation: Annotation, findings: Findings) -> dict[int, Window]:
    """Read a file of ratings.

    Parameters
    ----------
    root : Path
        Folder of the corpus.
    annotation : Annotation
        The file.
    findings : Findings
        Receives rows and cells that cannot be read; they are dropped or missing unless it is strict.

    Returns
    -------
    dict of int to Window
        By the second at which each window ends, in the order of the file.

    Raises
    ------
    CorpusError
        The file is not text or has other columns; or a cell cannot be read and ``findings`` is strict.
    """
    path = annotation.path
    text, _ = table_text(root, path, findings=findings)
    windows: dict[int, Window] = {}
    for where, cells in csv_rows(text, columns=_COLUMNS, where=path, findings=findings):
        seconds = number(cells["seconds"])
        if not (WINDOW <= seconds <= _LATEST and seconds % WINDOW == 0):
            found = f"{where} column seconds: found {cells['seconds']!r}, expected 5, 10, 15 ..."
            findings.fault(BAD_TIME, found, left_out=[where])
        elif int(seconds) in windows:
            found = f"{where}: {cells['seconds']} s are rated before"
            findings.fault(DUPLICATE_RATING, found, left_out=[where])
        else:
            windows[int(seconds)] = _window(where, cells, findings)
            findings.ledger.used[where] = window_id(annotation.pid, int(seconds))
    return windows


def _window(where: str, cells: dict[str, str], findings: Findings) -> Window:
    arousal, valence = (_rating(where, name, cells[name], 5, findings) for name in ("arousal", "valence"))
    intensities = tuple(_rating(where, name, cells[name], 4, findings) for name in INTENSITIES)
    return Window(arousal, valence, intensities, _emotion(where, cells, findings))


def _rating(where: str, name: str, cell: str, most: int, findings: Findings) -> float:
    if is_missing(cell):
        return math.nan
    value = number(cell)
    if 1 <= value <= most and value == int(value):
        return value
    findings.fault(RATING_OFF_SCALE, f"{where} column {name}: found {cell!r}, expected a whole number of 1 to {most}")
    return math.nan


def _emotion(where: str, cells: dict[str, str], findings: Findings) -> str | None:
    marked = list(_marked(where, cells, findings))
    categories = [name for name in marked if not name.startswith(NONE)]
    return join_emotions(categories or [NONE], vocabulary=VOCABULARY) if marked else None


def _marked(where: str, cells: dict[str, str], findings: Findings) -> Iterator[str]:
    for name in _MARKED:
        if cells[name].strip().casefold() == "x":
            yield name
        elif not is_missing(cells[name]):
            findings.fault(UNKNOWN_LABEL, f"{where} column {name}: found {cells[name]!r}, expected 'x' or nothing")
