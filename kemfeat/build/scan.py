"""Surveys a corpus without decoding it: annotation, headers of the audio, sizes of everything else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kemfeat import media, parallel
from kemfeat.build import _settings, _sources
from kemfeat.build._memory import own_peak
from kemfeat.build._settings import Resolved
from kemfeat.corpora import CorpusReader
from kemfeat.errors import CorpusError, MediaError
from kemfeat.manifest import Manifest

if TYPE_CHECKING:
    import pandas as pd

_NO_AUDIO = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What a build reads before its work.

    Parameters
    ----------
    reader : CorpusReader
        Reader of the corpus.
    root : Path
        Folder of the corpus.
    groups : mapping of str to tuple of str
        Its files by group.
    resolved : Resolved
        What is to be made from it.
    manifest : Manifest
        Its utterances, labelled.
    seconds : float [s]
        Time that listing and reading took; a build needs it too.
    memory : int [bytes]
        Growth of this process; a build needs it too.
    """

    reader: CorpusReader
    root: Path
    groups: Mapping[str, tuple[str, ...]]
    resolved: Resolved
    manifest: Manifest
    seconds: float
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the headers of the files say.

    Parameters
    ----------
    files : DataFrame
        Path, group, size [bytes] and mtime_ns of every file.
    seconds : ndarray, shape (n,), float64 [s]
        Length of the audio of every utterance; NaN where there is none that can be read.
    missing_audio, broken_audio : int
        Utterances without an audio file, and with one that cannot be read; 0 where no feature reads audio.
    """

    files: pd.DataFrame
    seconds: NDArray[np.float64]
    missing_audio: int
    broken_audio: int

    def bytes_of(self, groups: Mapping[str, tuple[str, ...]]) -> int:
        """Size of the files of some groups.

        Parameters
        ----------
        groups : mapping of str to tuple of str
            Files by group.

        Returns
        -------
        int
            Bytes.
        """
        return int(self.files.loc[self.files["path"].isin({p for some in groups.values() for p in some}), "size"].sum())


def listing(reader: CorpusReader, root: Path, settings: Mapping[str, Any]) -> Inventory:
    """Read the annotation and transcripts as a build does; rows that cannot be read are left out.

    Parameters
    ----------
    reader : CorpusReader
        Reader of the corpus.
    root : Path
        Folder of the corpus.
    settings : mapping
        What is to be made.

    Returns
    -------
    Inventory
        What was read.

    Raises
    ------
    KemfeatError
        There is no such corpus, it has no utterances, or a setting is invalid.
    """
    import pandas as pd  # noqa: F401 - so that the time below does not include this import

    began, held = time.monotonic(), own_peak()
    groups = reader.sources(root)
    listed = time.monotonic()
    resolved = _settings.resolve(settings, reader=reader, root=root)
    groups = _sources.needed(groups, resolved.media)
    resolved_at = time.monotonic()
    manifest = reader.read_manifest(root, on_error="skip")
    if not len(manifest):
        raise CorpusError(f"{root}: the annotation lists no utterances; copy the corpus again")
    labelled = manifest.renamed(resolved.config.label_map).labelled(resolved.config.labels)
    return Inventory(
        reader=reader,
        root=root,
        groups=groups,
        resolved=resolved,
        manifest=labelled,
        seconds=time.monotonic() - resolved_at + listed - began,
        memory=own_peak() - held,
    )


def survey(found: Inventory, *, workers: int, progress: Callable[[int, int], None]) -> Survey:
    """Size every file and read the header of every utterance's audio.

    Parameters
    ----------
    found : Inventory
        The corpus.
    workers : int
        Threads that read.
    progress : callable
        Called with the number of headers read and of all to read.

    Returns
    -------
    Survey
        Sizes and lengths.
    """
    audio = found.manifest.utterances["audio"]
    paths = audio.dropna().tolist()
    known: dict[str, float] = {}
    progress(0, len(paths))
    for done, seconds in enumerate(parallel.run_threads(partial(_seconds, found.root), paths, workers=workers)):
        known[paths[done]] = seconds
        progress(done + 1, len(paths))
    return Survey(
        files=_sources.stat_all(found.root, found.groups),
        seconds=np.array([known.get(path, _NO_AUDIO) for path in audio], dtype=np.float64),
        missing_audio=int(audio.isna().sum()) if "audio" in found.resolved.media else 0,
        broken_audio=sum(np.isnan(list(known.values()))),
    )


def _seconds(root: Path, path: str) -> float:
    try:
        header = media.scan_header(root / path)
    except MediaError:
        return _NO_AUDIO
    return header.frames / header.sampling_rate
