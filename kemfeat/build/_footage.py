"""The pictures of utterances: each film is decoded once for all utterances of a partition that are seen in it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from kemfeat.build._same_files import require_source
from kemfeat.build._settings import Resolved
from kemfeat.config import suggest
from kemfeat.errors import ConfigError, ExtractionError, MediaError
from kemfeat.features import Scene
from kemfeat.manifest import FILM
from kemfeat.records import Footage, Shots
from kemfeat.video import Film, open_film, shoot

if TYPE_CHECKING:
    import pandas as pd

Shooting = Callable[[Scene], Shots]
"""Gives the pictures that a feature takes of a scene."""

_COLUMNS = (*FILM, "video_sha256", "sex", "start", "duration")


def scenes(utterances: pd.DataFrame, *, hashes: Mapping[str, str]) -> pd.DataFrame:
    """What of the table of utterances says where each is in which film.

    Parameters
    ----------
    utterances : DataFrame
        Table of the manifest with the column ``duration``.
    hashes : mapping of str to str
        SHA-256 of each film, by path.

    Returns
    -------
    DataFrame
        The columns of :data:`kemfeat.manifest.FILM`, video_sha256, sex, start and duration, for the same rows.
    """
    return utterances.assign(video_sha256=utterances["video"].map(hashes))[list(_COLUMNS)]


def refuse_unknown_films(resolved: Resolved, utterances: pd.DataFrame) -> None:
    """Stop where the settings of a feature mention a film that the corpus does not have: most likely a typing error."""
    for name, extractor in resolved.extractors.items():
        if extractor.filming is not None:
            known = {PurePosixPath(path).stem for path in utterances["video"].dropna()}
            for film in extractor.filming.films(resolved.settings(name)):
                if film not in known:
                    near = suggest(film, known).partition(" (known")[0]
                    raise ConfigError(
                        f"{name}.left: {film!r} is not the name of a film of this corpus, which has "
                        f"{len(known)}{near}; correct the name, or leave it out"
                    )


class Films:
    """The footage of some utterances; only that of one film is in memory.

    Parameters
    ----------
    rows : DataFrame
        Utterances: their ids and, as far as films are asked for, the columns of :func:`scenes`.
    root : Path
        Folder of the corpus.
    """

    def __init__(self, rows: pd.DataFrame, *, root: Path) -> None:
        self._rows = rows
        self._root = root
        self._shot: tuple[str, Shooting] | None = None
        self._footage: dict[str, Footage] = {}

    def footage(self, row: Any, shots: Shooting) -> Footage | None:
        """The pictures of one of the utterances; None where it has no film.

        Parameters
        ----------
        row : named tuple
            The utterance, with ``id`` and ``video``.
        shots : callable
            What the feature takes of a scene.

        Returns
        -------
        Footage or None
            Why pictures are missing is part of it.

        Raises
        ------
        CorpusError
            The film has changed since the build began.
        """
        if not isinstance(row.video, str):
            return None
        if self._shot != (row.video, shots):
            seen = [other for other in self._rows.itertuples(index=False) if other.video == row.video]
            made = self._decoded(row.video, seen, shots)
            self._footage = {str(one.id): footage for one, footage in zip(seen, made, strict=True)}
            self._shot = (row.video, shots)
        return self._footage[row.id]

    def _decoded(self, path: str, seen: Sequence[Any], shots: Shooting) -> list[Footage]:
        sha256 = seen[0].video_sha256
        if isinstance(sha256, str):
            require_source(self._root, path, sha256)
        try:
            with open_film(self._root / path, name=path) as film:
                return _shot(film, path, seen, shots)
        except (MediaError, ExtractionError) as error:
            why = str(error).replace(f"{self._root}{os.sep}", "")
            return [_without(shots(_scene(one, path, 1.0)), why) for one in seen]


def _shot(film: Film, path: str, seen: Sequence[Any], shots: Shooting) -> list[Footage]:
    wanted = [shots(_scene(one, path, film.frame_rate)) for one in seen]
    taken = shoot(film.frames(), wanted, frame_rate=film.frame_rate)
    made = []
    for one, asked, (pictures, times) in zip(seen, wanted, taken, strict=True):
        ends = film.damage or f"ends at {film.end:.2f} s"
        why = f"{path}: {ends}; the utterance is at {one.start:.2f} to {one.start + one.duration:.2f} s"
        if pictures is None:
            made.append(_without(asked, "the start is not known" if math.isnan(one.start) else why))
        else:
            missing = "" if np.isfinite(times).all() else why
            made.append(Footage(pictures=pictures, times=times, side=asked.side, missing=missing))
    return made


def _without(asked: Shots, missing: str) -> Footage:
    """Footage of which every frame is missing."""
    nothing = np.zeros((len(asked.times), 1, 1, 3), dtype=np.uint8)
    times = np.full(len(asked.times), np.nan)
    return Footage(pictures=nothing, times=times, side=asked.side, missing=missing)


def _scene(one: Any, path: str, frame_rate: float) -> Scene:
    side = one.video_side if isinstance(one.video_side, str) else "whole"
    return Scene(
        film=PurePosixPath(path).stem,
        side=side,
        sex=one.sex if isinstance(one.sex, str) else "",
        start=float(one.start),
        duration=float(one.duration),
        frame_rate=frame_rate,
    )
